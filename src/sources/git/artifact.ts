import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { isEngineError, isWithin, joinPath, parentPath } from '../../base/index.ts'
import type { FileTree } from '../../ports/index.ts'
import { directoryId, filterTree, overlayTree, retryPending, subtree, walkFiles } from '../../files/index.ts'
import { packTree } from '../archive/pack-tree.ts'
import { ignoreFileName, ignoreFilter } from '../ignore/ignore-filter.ts'
import type { SourceArtifact } from '../artifact.ts'
import { CommitObjects } from './commit-objects.ts'
import type { GitCredentials } from './credentials.ts'
import { gitError, gitTooLarge } from './errors.ts'
import { findIgnoreFiles } from './ignore-files.ts'
import { isLfsPointer } from './lfs.ts'
import type { GitCommit } from './objects.ts'
import type { GitDeps } from './remote.ts'
import type { GitReference, ResolvedRevision } from './revision.ts'
import { resolveRevision } from './revision.ts'
import { sparseTree } from './sparse.ts'
import type { LoadFile, RepositoryPart } from './submodules.ts'
import { loadSubmodules, repositoryPart, withSubmodules } from './submodules.ts'
import type { GitVerification } from './verify/verify.ts'
import { verifyRevision } from './verify/verify.ts'

/** One entry of `spec.include`, with the artifact of the repository that it names. */
export interface GitInclude {
  readonly name: string
  readonly files: FileTree
  readonly revision: string
  readonly fromPath?: string
  /** Default: `name`. */
  readonly toPath?: string
}

/** What a GitRepository's spec asks for. */
export interface FetchArtifactOptions {
  readonly url: string
  readonly ref?: GitReference
  readonly credentials?: GitCredentials
  /** What {@link resolveRevision} said a moment ago with the same credentials; resolved again where it is missing. */
  readonly resolved?: ResolvedRevision
  /** Commit of the artifact before (from `status.artifact.revision`): only the difference to it is downloaded. */
  readonly previous?: string
  /** `spec.ignore`. */
  readonly ignore?: string
  readonly sparseCheckout?: readonly string[]
  readonly include?: readonly GitInclude[]
  readonly recurseSubmodules?: boolean
  /** Where relative URLs of submodules start, if not at `url`. */
  readonly relativeTo?: string
  /** `spec.verify` with the keys of its Secret. */
  readonly verify?: GitVerification
  readonly signal?: AbortSignal
  /** Also packs the artifact into a file, for which all of it is fetched. */
  readonly archive?: boolean
  /** Called with the first file that is read and turns out to be a pointer of Git LFS. */
  readonly onLfsPointer?: (path: string) => void
}

/** The artifact of a GitRepository. */
export interface GitArtifact extends SourceArtifact {
  readonly commit: GitCommit & { readonly id: string }
  /** Which signatures were verified, and with which keys, where that was asked for. */
  readonly verified?: string
  /** The artifact as a tar.gz, where that was asked for; `digest` and `size` are then the file's, as Flux's are. */
  readonly packed?: Uint8Array
  /** Files that were read and turned out to be Git LFS pointers: their real content is not in the repository. */
  lfsPointers(): readonly string[]
}

/** How many neighbours of a file that was not prefetched come along with it, so that a render does not ask file by file. */
const maxNeighbours = 100

/**
 * Fetches the artifact of a GitRepository: commit and directories now, files when they are prefetched or asked for (where the server offers partial clones; all at
 * once elsewhere). The tree shows what Flux's archive would hold: without ignored files and symbolic links, with includes, sparse where asked for. Its directories carry ids
 * that change with their shown content.
 *
 * Throws EngineError with reason `GitOperationFailed`, `SourceIgnoreError`, `CopyFailure`, `IllegalPath`, and those of
 * {@link verifyRevision} where a signature is missing or wrong.
 */
export async function fetchArtifact(deps: GitDeps, options: FetchArtifactOptions): Promise<GitArtifact> {
  const { signal } = options
  const resolved = options.resolved ?? (await resolveRevision(deps, options))
  const objects = new CommitObjects(deps, { ...options, ...resolved })
  const commit = await objects.load(options.previous, signal)
  const verified =
    options.verify === undefined ? {} : { verified: await verify(deps, objects, options.verify, { resolved, signal }) }

  const lfsPointers = new Set<string>()
  /** What the artifact shows; not known yet while its parts are read. */
  let view: FileTree | undefined
  const loadFile: LoadFile = async (part, path, id, abort) => {
    const more = view === undefined ? [] : neighbours(view, part, path, id)
    await part.objects.loadBlobs([id, ...more], abort)
  }
  const top = repositoryPart({ path: '', url: options.relativeTo ?? options.url, objects, root: commit.tree }, loadFile)
  const submodules = options.recurseSubmodules === true ? await loadSubmodules(deps, top, { ...options, loadFile }) : []
  const parts = [top, ...submodules]
  const repository = withSubmodules(top.tree, submodules)
  const sparse = options.sparseCheckout ?? []
  let files = repository
  if (sparse.length > 0) files = await retryPending(() => sparseTree(repository, sparse), signal)
  files = withIncludes(files, options.include ?? [])
  const shown = await ignored(deps, { parts, files, options })
  view = shown

  const prefetch = async (paths: readonly string[], abort?: AbortSignal): Promise<void> => {
    const wanted = await retryPending(() => wantedFiles(shown, parts, paths, deps.limits.maxObjects), abort)
    const name = [...paths].sort().join('\n')
    await Promise.all([...wanted].map(([part, ids]) => part.objects.loadBlobs([...ids], abort, name)))
  }

  const reported = reportPointers(shown, lfsPointers, options.onLfsPointer)
  const packed = options.archive === true ? await pack(reported, prefetch, signal) : undefined
  return {
    revision: resolved.revision,
    ...(packed ?? { digest: await retryPending(() => artifactDigest(shown), signal) }),
    files: reported,
    lastUpdateTime: new Date(deps.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
    commit: { ...commit, id: resolved.commit },
    ...verified,
    prefetch,
    lfsPointers: () => [...lfsPointers],
  }
}

/** The whole artifact as a file. */
async function pack(
  files: FileTree,
  prefetch: SourceArtifact['prefetch'],
  signal: AbortSignal | undefined,
): Promise<{ readonly packed: Uint8Array; readonly digest: string; readonly size: number }> {
  await prefetch([''], signal)
  const packed = await retryPending(() => packTree(files), signal)
  return { packed, digest: `sha256:${bytesToHex(sha256(packed))}`, size: packed.length }
}

/** Verifies before anything of the commit is used; its trees are here already, because they come with it. */
async function verify(
  deps: GitDeps,
  objects: CommitObjects,
  verification: GitVerification,
  at: { readonly resolved: ResolvedRevision; readonly signal: AbortSignal | undefined },
): Promise<string> {
  const { tag, commit: commitId } = at.resolved
  const commit = objects.get(commitId)
  if (commit === undefined) throw gitError(`the commit ${commitId} is not at hand`, { code: 'git-not-a-commit' })
  const object =
    tag === undefined || tag.id === commitId || verification.mode?.startsWith('Tag') !== true
      ? undefined
      : await objects.loadTag(tag.id, at.signal)
  const shownTag = tag === undefined ? {} : { tag: { ...tag, ...(object === undefined ? {} : { object }) } }
  return verifyRevision(verification, { commitId, commit, ...shownTag }, deps.clock.now())
}

/** Ids of the files beside `path` (which is relative to its part), so that a render does not ask for each on its own. */
function neighbours(shown: FileTree, part: RepositoryPart, path: string, id: string): string[] {
  const directory = parentPath(joinPath(part.path, path))
  const entries = shown.stat(directory)?.kind === 'directory' ? shown.list(directory) : []
  return entries
    .filter((entry) => entry.kind === 'file' && isFileOf(part, joinPath(directory, entry.name), entry.id))
    .flatMap((entry) => entry.id ?? [])
    .filter((other) => other !== id)
    .slice(0, maxNeighbours)
}

/** Ids of the files below `paths` that the artifact shows, by the repository that has them. Paths that do not exist are left to the render, which says it better. */
function wantedFiles(
  shown: FileTree,
  parts: readonly RepositoryPart[],
  paths: readonly string[],
  max: number,
): Map<RepositoryPart, Set<string>> {
  const wanted = new Map<RepositoryPart, Set<string>>()
  // The deepest submodule first: a file belongs to the innermost repository around it.
  const innermost = parts.toSorted((a, b) => b.path.length - a.path.length)
  let seen = 0
  const add = (path: string, id: string | undefined): void => {
    if (++seen > max) throw gitTooLarge(`the directory holds more than ${max} files`)
    const part = id === undefined ? undefined : innermost.find((one) => isFileOf(one, path, id))
    if (part === undefined || id === undefined) return
    const ids = wanted.get(part) ?? new Set()
    wanted.set(part, ids.add(id))
  }
  for (const path of paths) {
    const at = joinPath('', path)
    const entry = shown.stat(at)
    if (entry?.kind === 'file') add(at, entry.id)
    if (entry?.kind !== 'directory') continue
    for (const [file, found] of walkFiles(shown, at)) if (found.kind === 'file') add(file, found.id)
  }
  return wanted
}

/** True for a file that this repository has at its own remote: not one that an include or another submodule brought. */
function isFileOf(part: RepositoryPart, path: string, id: string | undefined): boolean {
  if (id === undefined || !isWithin(path, part.path)) return false
  return part.tree.stat(part.path === '' ? path : path.slice(part.path.length + 1))?.id === id
}

/** Puts the included artifacts where `spec.include` wants them, over what is there. */
function withIncludes(files: FileTree, includes: readonly GitInclude[]): FileTree {
  let result = files
  for (const include of includes) {
    const from = (include.fromPath ?? '').replace(/^\/+/, '')
    const to = (include.toPath ?? include.name).replace(/^\/+/, '')
    try {
      result = overlayTree(result, { [joinPath('', to)]: { tree: subtree(include.files, joinPath('', from)) } })
    } catch (error) {
      if (!isEngineError(error)) throw error
      const isPath = error.code === 'unsafe-path'
      throw gitError(
        isPath
          ? `path calculation for include '${include.name}' failed: ${error.message}`
          : `failed to copy '${include.name}' include from ${from} to ${to}: ${error.message}`,
        { code: 'git-include', reason: isPath ? 'IllegalPath' : 'CopyFailure', disposition: 'retry', cause: error },
      )
    }
  }
  return result
}

/** The view without what `.sourceignore` files and `spec.ignore` hide. */
async function ignored(
  deps: GitDeps,
  at: { parts: readonly RepositoryPart[]; files: FileTree; options: FetchArtifactOptions },
): Promise<FileTree> {
  const { parts, files, options } = at
  const paths = new Set<string>()
  for (const { path, objects, root } of parts) {
    const own = await findIgnoreFiles(deps.cache, objects, root, options.signal)
    await objects.loadBlobs(
      own.map((file) => file.id),
      options.signal,
      'ignore files',
    )
    for (const file of own) paths.add(joinPath(path, file.path))
  }
  for (const include of options.include ?? []) {
    const to = joinPath('', (include.toPath ?? include.name).replace(/^\/+/, ''))
    const found = await retryPending(() => [...walkFiles(files, to)], options.signal)
    for (const [path] of found) if (path.endsWith(`/${ignoreFileName}`)) paths.add(path)
  }
  const rules = await retryPending(
    () =>
      [...paths]
        .filter((path) => files.stat(path)?.kind === 'file')
        .map((path) => ({ directory: parentPath(path), text: new TextDecoder().decode(files.read(path)) })),
    options.signal,
  )
  // A directory's rules come before those below it; between directories that do not contain each other the order does not matter.
  rules.sort((a, b) => a.directory.length - b.directory.length)
  return filterTree(
    files,
    ignoreFilter(files, options.ignore === undefined ? { files: rules } : { files: rules, spec: options.ignore }),
  )
}

/** Follows from the shown content and the rules that hide the rest. Not the digest of an archive, which would need every file. */
function artifactDigest(files: FileTree): string {
  return `sha256:${bytesToHex(sha256(new TextEncoder().encode(directoryId(files, ''))))}`
}

function reportPointers(files: FileTree, found: Set<string>, onFirst: ((path: string) => void) | undefined): FileTree {
  return {
    stat: (path) => files.stat(path),
    list: (path) => files.list(path),
    read(path): Uint8Array {
      const data = files.read(path)
      if (isLfsPointer(data)) {
        if (found.size === 0) onFirst?.(path)
        found.add(path)
      }
      return data
    },
  }
}
