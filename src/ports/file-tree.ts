/** Kind of an entry of a file tree. A symbolic link is never followed by the tree itself; `src/files` resolves links inside the root. */
export type FileKind = 'file' | 'directory' | 'symlink' | 'submodule'

/** One entry of a directory. */
export interface FileEntry {
  readonly name: string
  readonly kind: FileKind
  /** True when the file has an executable bit. */
  readonly executable?: boolean
  /** Content identity where the backing store knows it (a Git object id): equal ids mean equal content, also for whole directories. */
  readonly id?: string
}

/**
 * Read-only files of one revision of a source. Paths are relative to the root, '/'-separated, normalised, without
 * leading or trailing '/', never contain `.` or `..`; the root itself is ''.
 *
 * All methods are synchronous, so that renderers stay pure. A tree whose content is not at hand yet (a partial Git clone) throws
 * {@link PendingFiles}: the caller awaits `load()` and runs the render again.
 */
export interface FileTree {
  /** The entry at `path`, or undefined when nothing is there. */
  stat(path: string): FileEntry | undefined
  /** The bytes of the file at `path` (of the link target's text for a symlink). Throws EngineError `file-not-found` where there is no file. */
  read(path: string): Uint8Array
  /** The entries of the directory at `path` in byte order of their names. Throws EngineError `file-not-found` where there is no directory. */
  list(path: string): readonly FileEntry[]
}

/** Thrown by a FileTree whose content must be fetched first. It is a request, not a failure. */
export interface PendingFiles extends Error {
  readonly name: 'PendingFiles'
  /** Paths whose content is wanted. */
  readonly paths: readonly string[]
  /** Fetches the content. Rejects with an EngineError when the source cannot be reached. */
  load(signal?: AbortSignal): Promise<void>
}

/** What a source produced: the files of one revision. */
export interface Artifact {
  /** Flux's revision string, e.g. `main@sha1:<commit>`. */
  readonly revision: string
  /** `sha256:<hex>` of the artifact's content, where it is known. */
  readonly digest: string
  readonly files: FileTree
  /** Bytes of the archive Flux would store, where known. */
  readonly size?: number
  /** OCI annotations and the like (`org.opencontainers.image.revision`). */
  readonly metadata?: { readonly [key: string]: string }
  readonly lastUpdateTime?: string
}
