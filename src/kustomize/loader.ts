import { isEngineError, isWithin, joinPath, parentPath } from '../base/index.ts'
import { resolvePath } from '../files/index.ts'
import type { FileKind, FileTree } from '../ports/index.ts'
import { problem } from './problems.ts'

/** Which files a kustomization may read: only those in or below its directory, or any in the source. */
export type LoadRestrictions = 'root-only' | 'none'

/** What one build reads and how far it may go. */
export interface LoadContext {
  readonly restrictions: LoadRestrictions
  readonly limits: BuildLimits
  /** How many kustomizations were loaded so far. */
  kustomizations: number
}

/** Bounds of one build: a build that exceeds one ends with an error. */
export interface BuildLimits {
  /** How deep kustomizations may nest. */
  readonly depth: number
  /** How many kustomizations may be loaded, counted each time they are used. */
  readonly kustomizations: number
  /** How many objects may be built. */
  readonly objects: number
  /** Largest file in bytes. */
  readonly fileBytes: number
}

export const DEFAULT_LIMITS: BuildLimits = {
  depth: 64,
  kustomizations: 5000,
  objects: 50_000,
  fileBytes: 64 * 1024 * 1024,
}

/** Reads files for the kustomization in one directory. Links are followed inside the source; nothing outside it can be read. */
export class Loader {
  readonly context: LoadContext
  readonly files: FileTree
  /** The directory, links resolved. */
  readonly root: string
  readonly parent: Loader | undefined
  readonly depth: number

  constructor(context: LoadContext, files: FileTree, root: string, parent?: Loader) {
    this.context = context
    this.files = files
    this.root = root
    this.parent = parent
    this.depth = parent === undefined ? 0 : parent.depth + 1
    if (this.depth > context.limits.depth)
      throw problem('kustomize-limit', `kustomizations nest more than ${context.limits.depth} deep`)
    if (++context.kustomizations > context.limits.kustomizations) {
      throw problem(
        'kustomize-limit',
        `more than ${context.limits.kustomizations} kustomizations are loaded by this build`,
      )
    }
  }

  /** A loader for a directory of another tree, fetched from elsewhere. */
  enterTree(files: FileTree, path: string): Loader {
    const context: LoadContext = { ...this.context, restrictions: 'root-only' }
    const top = new Loader(context, files, joinPath('', path), this)
    this.context.kustomizations = context.kustomizations
    return top
  }

  /**
   * A loader for the directory `path`, seen from here. Throws `kustomize-not-a-directory`, `kustomize-cycle` when the directory is, or
   * holds, one that is being built already, and `kustomize-limit`.
   */
  enter(path: string): Loader {
    if (path === '') throw problem('kustomize-not-a-directory', 'an empty path is no directory')
    const { context, files } = this
    const root = this.resolve(path, 'directory')
    if (root !== '' && files.stat(root)?.kind !== 'directory') {
      const found = files.stat(root) !== undefined
      throw problem(
        'kustomize-not-a-directory',
        found
          ? `${JSON.stringify(path)} is a file; a directory with a kustomization is needed`
          : `no file or directory at ${JSON.stringify(path)} (${shown(root)})`,
      )
    }
    for (const loader of this.ancestry()) {
      if (loader.files !== files || !isWithin(loader.root, root)) continue
      throw problem(
        'kustomize-cycle',
        `cycle detected: ${JSON.stringify(path)} leads to ${shown(root)}, which is or contains ${shown(loader.root)}, where this build comes from`,
      )
    }
    return new Loader(context, files, root, this)
  }

  /**
   * The bytes of the file at `path`, seen from here. Throws `kustomize-file-not-found`, `kustomize-not-a-file`, and
   * `kustomize-outside-root` where the load restrictions forbid it.
   */
  load(path: string): Uint8Array {
    const { context, files } = this
    const resolved = this.resolve(path, 'file')
    const kind = resolved === '' ? 'directory' : files.stat(resolved)?.kind
    if (kind === 'directory')
      throw problem('kustomize-not-a-file', `${JSON.stringify(path)} is a directory; a file is needed`)
    if (kind === undefined)
      throw problem('kustomize-file-not-found', `no file at ${JSON.stringify(path)} (${shown(resolved)})`)
    if (context.restrictions === 'root-only' && !isWithin(parentPath(resolved), this.root)) {
      throw problem(
        'kustomize-outside-root',
        `security; file ${shown(resolved)} is not in or below ${shown(this.root)}; move it there, or allow it with the load restrictor`,
      )
    }
    const bytes = files.read(resolved)
    if (bytes.length > context.limits.fileBytes) {
      throw problem('kustomize-limit', `${shown(resolved)} is larger than ${context.limits.fileBytes} bytes`)
    }
    return bytes
  }

  /** The same as {@link load}, as text. A byte order mark is dropped. */
  loadText(path: string): string {
    return new TextDecoder().decode(this.load(path))
  }

  /** What is at `path`. */
  kindOf(path: string): FileKind | undefined {
    const resolved = this.resolve(path, 'file')
    return resolved === '' ? 'directory' : this.files.stat(resolved)?.kind
  }

  /** `path` as a path of the tree, for messages. */
  shownPath(path: string): string {
    return this.resolve(path, 'file')
  }

  /** This loader and those that it was entered from. */
  private ancestry(): readonly Loader[] {
    return this.parent === undefined ? [this] : [this, ...this.parent.ancestry()]
  }

  private resolve(path: string, wanted: 'file' | 'directory'): string {
    if (path.startsWith('/')) {
      throw problem(
        `kustomize-absolute-path`,
        `${JSON.stringify(path)} is absolute; name a ${wanted} inside the source by a relative path`,
      )
    }
    try {
      return resolvePath(this.files, joinPath(this.root, path))
    } catch (error) {
      if (!isEngineError(error)) throw error
      throw problem(error.code, error.message)
    }
  }
}

function shown(path: string): string {
  return path === '' ? 'the root of the source' : `'${path}'`
}
