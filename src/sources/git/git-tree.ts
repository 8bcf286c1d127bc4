import type { FileEntry, FileTree } from '../../ports/index.ts'
import type { PendingFilesError } from '../../files/index.ts'
import { fileNotFound } from '../../files/index.ts'
import { gitDataError, gitError } from './errors.ts'
import type { GitObject } from './object-id.ts'
import type { TreeEntry } from './objects.ts'
import { parseTree } from './objects.ts'

/** Where a {@link GitTree} gets its objects. */
export interface TreeObjects {
  get(id: string): GitObject | undefined
  /** The request to throw for an object that is not at hand. */
  pending(path: string, id: string, kind: 'tree' | 'blob'): PendingFilesError
}

/**
 * The files of one commit. Every entry carries its Git object id. Directories and files whose objects are not at hand are asked for with PendingFiles.
 * Submodules are shown as such and cannot be read.
 */
export class GitTree implements FileTree {
  readonly #root: string
  readonly #objects: TreeObjects
  /** Parsed trees by id: the same directory often occurs more than once. */
  readonly #parsed = new Map<string, { readonly list: readonly TreeEntry[]; readonly byName: Map<string, TreeEntry> }>()
  readonly #directories = new Map<string, string>()

  constructor(root: string, objects: TreeObjects) {
    this.#root = root
    this.#objects = objects
    this.#directories.set('', root)
  }

  stat(path: string): FileEntry | undefined {
    return this.entry(path)
  }

  read(path: string): Uint8Array {
    const entry = this.entry(path)
    if (entry?.kind === 'submodule') {
      throw gitError(
        `${JSON.stringify(path)} is a submodule, whose files were not fetched: set spec.recurseSubmodules, or use spec.include`,
        { code: 'git-submodule' },
      )
    }
    if (entry === undefined || entry.kind === 'directory') throw fileNotFound(path)
    const object = this.#objects.get(entry.id)
    if (object === undefined) throw this.#objects.pending(path, entry.id, 'blob')
    if (object.type !== 'blob') throw gitDataError(`${JSON.stringify(path)} is a ${object.type} where a file should be`)
    return object.data
  }

  list(path: string): readonly FileEntry[] {
    const id = this.#directory(path)
    if (id === undefined) throw fileNotFound(path, 'directory')
    return this.#tree(path, id).list
  }

  /** As `stat`, with the object id. */
  entry(path: string): TreeEntry | undefined {
    if (path === '') return { name: '', kind: 'directory', id: this.#root }
    const slash = path.lastIndexOf('/')
    const parent = slash < 0 ? '' : path.slice(0, slash)
    const id = this.#directory(parent)
    return id === undefined ? undefined : this.#tree(parent, id).byName.get(path.slice(slash + 1))
  }

  #directory(path: string): string | undefined {
    const known = this.#directories.get(path)
    if (known !== undefined) return known
    const entry = this.entry(path)
    if (entry?.kind !== 'directory') return undefined
    this.#directories.set(path, entry.id)
    return entry.id
  }

  #tree(path: string, id: string): { readonly list: readonly TreeEntry[]; readonly byName: Map<string, TreeEntry> } {
    let tree = this.#parsed.get(id)
    if (tree === undefined) {
      const object = this.#objects.get(id)
      if (object === undefined) throw this.#objects.pending(path, id, 'tree')
      if (object.type !== 'tree')
        throw gitDataError(`${JSON.stringify(path)} is a ${object.type} where a directory should be`)
      const list = parseTree(object.data)
      tree = { list, byName: new Map(list.map((entry) => [entry.name, entry])) }
      this.#parsed.set(id, tree)
    }
    return tree
  }
}
