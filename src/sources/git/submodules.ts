import { isEngineError, joinPath, safeEntryPath } from '../../base/index.ts'
import type { FileTree } from '../../ports/index.ts'
import { PendingFilesError, overlayTree, retryPending } from '../../files/index.ts'
import { CommitObjects } from './commit-objects.ts'
import type { GitCredentials } from './credentials.ts'
import { credentialsForUrl } from './credentials.ts'
import { gitError, gitTooLarge } from './errors.ts'
import { GitTree } from './git-tree.ts'
import type { GitDeps } from './remote.ts'

/** One repository that an artifact is made of: the one of `spec.url`, or a submodule. */
export interface RepositoryPart {
  /** Where it lies; '' for the first. */
  readonly path: string
  /** URL that relative URLs of its submodules start from. */
  readonly url: string
  readonly objects: CommitObjects
  /** Id of its root tree. */
  readonly root: string
  readonly tree: FileTree
}

/** Submodules inside submodules are followed this deep, as in go-git (DefaultSubmoduleRecursionDepth). */
const maxDepth = 10

/** A repository with more submodules than this, at all depths, grows by repeating itself. */
const maxSubmodules = 200

/** Largest `.gitmodules` that is read. */
const maxConfigBytes = 1 << 20

/** How a part's tree asks for files that are not at hand. */
export type LoadFile = (part: RepositoryPart, path: string, id: string, signal?: AbortSignal) => Promise<void>

/** The part for a commit whose trees are loaded. */
export function repositoryPart(
  at: { readonly path: string; readonly url: string; readonly objects: CommitObjects; readonly root: string },
  loadFile: LoadFile,
): RepositoryPart {
  const { objects, root } = at
  const tree = new GitTree(root, {
    get: (id) => objects.get(id),
    pending: (path, id, kind) =>
      new PendingFilesError([path], (abort) =>
        kind === 'tree' ? objects.loadTrees([id], abort) : loadFile(part, path, id, abort),
      ),
  })
  const part: RepositoryPart = { ...at, tree }
  return part
}

/**
 * The submodules of a repository, each at the commit that the tree above it names, and theirs, ten deep. Credentials go along only to the host that they are for. What `.gitmodules` does not name stays an empty directory, as in
 * go-git.
 *
 * Throws EngineError with reason `GitOperationFailed`: `git-submodule` for a path or URL that cannot be used, and what fetching throws, with the submodule's path in the message.
 */
export async function loadSubmodules(
  deps: GitDeps,
  top: RepositoryPart,
  options: { readonly credentials?: GitCredentials; readonly signal?: AbortSignal; readonly loadFile: LoadFile },
): Promise<readonly RepositoryPart[]> {
  const found: RepositoryPart[] = []
  let level: readonly RepositoryPart[] = [top]
  for (let depth = 0; depth < maxDepth && level.length > 0; depth++) {
    const next: RepositoryPart[] = []
    for (const parent of level) {
      for (const { path, url } of await readModules(parent, options.signal)) {
        const entry = await retryPending(() => parent.tree.stat(path), options.signal)
        if (entry?.kind !== 'submodule' || entry.id === undefined) continue
        if (found.length + next.length >= maxSubmodules) {
          throw gitTooLarge(`the repository has more than ${maxSubmodules} submodules`)
        }
        next.push(await loadSubmodule(deps, { parent, top, path, url, commit: entry.id }, options))
      }
    }
    found.push(...next)
    level = next
  }
  return found
}

/** The tree of a repository with those of its submodules in their places. */
export function withSubmodules(top: FileTree, submodules: readonly RepositoryPart[]): FileTree {
  return submodules.reduce((tree, part) => overlayTree(tree, { [part.path]: { tree: part.tree } }), top)
}

interface Submodule {
  readonly parent: RepositoryPart
  readonly top: RepositoryPart
  /** Relative to the parent. */
  readonly path: string
  readonly url: string
  readonly commit: string
}

async function loadSubmodule(
  deps: GitDeps,
  { parent, top, path, url: text, commit }: Submodule,
  options: { readonly credentials?: GitCredentials; readonly signal?: AbortSignal; readonly loadFile: LoadFile },
): Promise<RepositoryPart> {
  const at = joinPath(parent.path, path)
  const url = submoduleUrl(text, parent.url, at)
  const credentials = credentialsForUrl(options.credentials ?? {}, new URL(top.url), new URL(url))
  const objects = new CommitObjects(deps, { url, credentials, commit })
  const { tree: root } = await objects.load(undefined, options.signal)
  return repositoryPart({ path: at, url, objects, root }, options.loadFile)
}

/** An absolute URL of a submodule; `./` and `../` start from the URL of the repository above (gitmodules(5)). */
function submoduleUrl(text: string, parent: string, at: string): string {
  const scp = /^([^@/\s:]+)@([^/\s:]+):(?!\/\/)(.+)$/.exec(text)
  const absolute = scp === null ? text : `ssh://${scp[1]}@${scp[2]}/${(scp[3] ?? '').replace(/^\/+/, '')}`
  if (/^\.\.?(\/|$)/.test(text)) {
    const base = new URL(parent)
    const segments = base.pathname.split('/').filter((segment) => segment !== '')
    for (const segment of text.split('/')) {
      if (segment === '..') segments.pop()
      else if (segment !== '.' && segment !== '') segments.push(segment)
    }
    base.pathname = `/${segments.join('/')}`
    return base.href
  }
  if (URL.canParse(absolute) && /^(https?|ssh):$/.test(new URL(absolute).protocol)) return absolute
  throw gitError(`the submodule at ${JSON.stringify(at)} has a URL that is not https, http or ssh`, {
    code: 'git-submodule',
  })
}

async function readModules(
  parent: RepositoryPart,
  signal: AbortSignal | undefined,
): Promise<readonly { readonly path: string; readonly url: string }[]> {
  const entry = await retryPending(() => parent.tree.stat('.gitmodules'), signal)
  // A link could make it another file than the one that was reviewed (CVE-2018-17456 and its kin).
  if (entry?.kind !== 'file') return []
  const data = await retryPending(() => parent.tree.read('.gitmodules'), signal)
  if (data.length > maxConfigBytes) throw gitTooLarge(`.gitmodules has more than ${maxConfigBytes} bytes`)
  return parseModules(new TextDecoder().decode(data))
}

/** Path and URL of every submodule in a `.gitmodules` file (gitmodules(5), git-config(1) SYNTAX). Throws EngineError `git-submodule` for a path outside the repository. */
export function parseModules(text: string): { path: string; url: string }[] {
  const modules = new Map<string, { path?: string; url?: string }>()
  let current: { path?: string; url?: string } | undefined
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[\s*submodule\s+"((?:[^"\\]|\\.)*)"\s*\]\s*(?:[#;].*)?$/i.exec(line)
    if (section !== null) {
      const name = section[1] ?? ''
      current = modules.get(name) ?? {}
      modules.set(name, current)
    } else if (/^\s*\[/.test(line)) current = undefined
    const pair = /^\s*(path|url)\s*=\s*(.*)$/i.exec(line)
    if (pair === null || current === undefined) continue
    current[(pair[1] ?? '').toLowerCase() as 'path' | 'url'] = configValue(pair[2] ?? '')
  }
  return [...modules.values()].flatMap(({ path, url }) => {
    if (path === undefined || url === undefined || url === '') return []
    return [{ path: modulePath(path), url }]
  })
}

function modulePath(path: string): string {
  try {
    return safeEntryPath(path)
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw gitError(`.gitmodules names a path that no submodule can have: ${error.message}`, { code: 'git-submodule' })
  }
}

/** A value without its quotes, escapes and comment. */
function configValue(text: string): string {
  let value = ''
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string
    if (char === '\\') value += text[++i] ?? ''
    else if (char === '"') isQuoted = !isQuoted
    else if (!isQuoted && (char === '#' || char === ';')) break
    else value += char
  }
  return value.trim()
}
