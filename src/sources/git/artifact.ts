import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { isEngineError, joinPath, parentPath } from '../../base/index.ts'
import type { FileTree } from '../../ports/index.ts'
import {
  PendingFilesError,
  directoryId,
  filterTree,
  overlayTree,
  retryPending,
  subtree,
  walkFiles,
} from '../../files/index.ts'
import { ignoreFileName, ignoreFilter } from '../ignore/ignore-filter.ts'
import type { SourceArtifact } from '../artifact.ts'
import type { RequestCredentials } from '../request.ts'
import { CommitObjects } from './commit-objects.ts'
import { gitError, gitTooLarge, gitUnsupported } from './errors.ts'
import { GitTree } from './git-tree.ts'
import { findIgnoreFiles } from './ignore-files.ts'
import { isLfsPointer } from './lfs.ts'
import type { GitCommit } from './objects.ts'
import type { GitDeps } from './remote.ts'
import type { GitReference, ResolvedRevision } from './revision.ts'
import { resolveRevision } from './revision.ts'
import { sparseTree } from './sparse.ts'

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
  readonly credentials?: RequestCredentials
  /** What {@link resolveRevision} said a moment ago with the same credentials; resolved again where it is missing. */
  readonly resolved?: ResolvedRevision
  /** Commit of the artifact before (from `status.artifact.revision`): only the difference to it is downloaded. */
  readonly previous?: string
  /** `spec.ignore`. */
  readonly ignore?: string
  readonly sparseCheckout?: readonly string[]
  readonly include?: readonly GitInclude[]
  readonly recurseSubmodules?: boolean
  /** `spec.verify`, whatever is in it. */
  readonly verify?: unknown
  readonly signal?: AbortSignal
}

/** The artifact of a GitRepository. */
export interface GitArtifact extends SourceArtifact {
  readonly commit: GitCommit & { readonly id: string }
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
 * Throws EngineError with reason `GitOperationFailed`, `SourceIgnoreError`, `CopyFailure`, `IllegalPath`; code `git-unsupported` for what is not there yet.
 */
export async function fetchArtifact(deps: GitDeps, options: FetchArtifactOptions): Promise<GitArtifact> {
  if (options.recurseSubmodules === true) {
    throw gitUnsupported('spec.recurseSubmodules', 'set it to false and use spec.include for the other repository')
  }
  if (options.verify !== undefined && options.verify !== null) {
    throw gitUnsupported('spec.verify', 'nothing was fetched, because an unverified artifact must not be used')
  }
  const { signal } = options
  const resolved = options.resolved ?? (await resolveRevision(deps, options))
  const objects = new CommitObjects(deps, { ...options, ...resolved })
  const commit = await objects.load(options.previous, signal)

  const lfsPointers = new Set<string>()
  let files: FileTree = new GitTree(commit.tree, {
    get: (id) => objects.get(id),
    pending: (path, id, kind) =>
      new PendingFilesError([path], (abort) =>
        kind === 'tree' ? objects.loadTrees([id], abort) : loadFile(path, id, abort),
      ),
  })
  const repository = files
  const sparse = options.sparseCheckout ?? []
  if (sparse.length > 0) files = await retryPending(() => sparseTree(repository, sparse), signal)
  files = withIncludes(files, options.include ?? [])
  files = await ignored(deps, { objects, files, repository, root: commit.tree, options })
  const shown = files

  /** Fetches a file that a render asked for, together with its neighbours. */
  async function loadFile(path: string, id: string, abort?: AbortSignal): Promise<void> {
    const directory = parentPath(path)
    const neighbours = shown.stat(directory)?.kind === 'directory' ? shown.list(directory) : []
    const ids = neighbours
      .filter((entry) => entry.kind === 'file' && isOwnFile(repository, joinPath(directory, entry.name), entry.id))
      .flatMap((entry) => entry.id ?? [])
    await objects.loadBlobs([id, ...ids.filter((other) => other !== id).slice(0, maxNeighbours)], abort)
  }

  const prefetch = async (paths: readonly string[], abort?: AbortSignal): Promise<void> => {
    const ids = await retryPending(() => wantedFiles(shown, repository, paths, deps.limits.maxObjects), abort)
    await objects.loadBlobs(ids, abort, [...paths].sort().join('\n'))
  }

  return {
    revision: resolved.revision,
    digest: await retryPending(() => artifactDigest(shown), signal),
    files: reportPointers(shown, lfsPointers),
    lastUpdateTime: new Date(deps.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
    commit: { ...commit, id: resolved.commit },
    prefetch,
    lfsPointers: () => [...lfsPointers],
  }
}

/** Ids of the repository's own files below `paths` that the artifact shows. Paths that do not exist are left to the render, which says it better. */
function wantedFiles(shown: FileTree, repository: FileTree, paths: readonly string[], max: number): string[] {
  const ids = new Set<string>()
  let seen = 0
  const add = (path: string, id: string | undefined): void => {
    if (++seen > max) throw gitTooLarge(`the directory holds more than ${max} files`)
    if (id !== undefined && isOwnFile(repository, path, id)) ids.add(id)
  }
  for (const path of paths) {
    const at = joinPath('', path)
    const entry = shown.stat(at)
    if (entry?.kind === 'file') add(at, entry.id)
    if (entry?.kind !== 'directory') continue
    for (const [file, found] of walkFiles(shown, at)) if (found.kind === 'file') add(file, found.id)
  }
  return [...ids]
}

/** False for a file that an include brought: it is not at this remote. */
function isOwnFile(repository: FileTree, path: string, id: string | undefined): boolean {
  return id !== undefined && repository.stat(path)?.id === id
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
  at: { objects: CommitObjects; files: FileTree; repository: FileTree; root: string; options: FetchArtifactOptions },
): Promise<FileTree> {
  const { objects, files, options } = at
  const own = await findIgnoreFiles(deps.cache, objects, at.root, options.signal)
  await objects.loadBlobs(
    own.map((file) => file.id),
    options.signal,
  )
  const paths = new Set(own.map((file) => file.path))
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

/** Follows from the shown content and the rules that hide the rest. Not the digest of Flux's archive, which would need every file. */
function artifactDigest(files: FileTree): string {
  return `sha256:${bytesToHex(sha256(new TextEncoder().encode(directoryId(files, ''))))}`
}

function reportPointers(files: FileTree, found: Set<string>): FileTree {
  return {
    stat: (path) => files.stat(path),
    list: (path) => files.list(path),
    read(path): Uint8Array {
      const data = files.read(path)
      if (isLfsPointer(data)) found.add(path)
      return data
    },
  }
}
