import type { FileEntry, FileTree } from '../ports/index.ts'
import { EngineError, baseName, compareByteOrder, joinPath, parentPath } from '../base/index.ts'
import { fileNotFound } from './missing.ts'

/** Content of one path of a {@link MemoryTree}: text or bytes, an executable file, or a symbolic link. */
export type MemoryFile =
  | string
  | Uint8Array
  | { readonly content: string | Uint8Array; readonly executable?: boolean }
  | { readonly symlink: string }

interface Node {
  readonly entry: FileEntry
  /** Text stays text until it is read: most files of a tree never are. */
  content: string | Uint8Array
}

/**
 * A FileTree held in memory. Bytes that are passed in are not copied and must not be changed afterwards.
 * Entries carry no `id`; use `directoryId` where one is needed.
 *
 * @example new MemoryTree({ 'app/kustomization.yaml': 'resources: []\n', 'app/run.sh': { content: '', executable: true }, link: { symlink: 'app' } })
 */
export class MemoryTree implements FileTree {
  readonly #files = new Map<string, Node>()
  readonly #directories = new Map<string, Map<string, FileEntry>>([['', new Map()]])
  readonly #listings = new Map<string, readonly FileEntry[]>()

  /** Throws EngineError `unsafe-path` for a path outside the root and `path-conflict` where a path is both a file and a directory, or given twice. */
  constructor(files: { readonly [path: string]: MemoryFile } | Iterable<readonly [string, MemoryFile]>) {
    const entries =
      Symbol.iterator in files ? (files as Iterable<readonly [string, MemoryFile]>) : Object.entries(files)
    for (const [path, file] of entries) this.#add(joinPath('', path), file)
  }

  stat(path: string): FileEntry | undefined {
    const file = this.#files.get(path)
    if (file !== undefined) return file.entry
    return this.#directories.has(path) ? { name: baseName(path), kind: 'directory' } : undefined
  }

  read(path: string): Uint8Array {
    const file = this.#files.get(path)
    if (file === undefined) throw fileNotFound(path)
    if (typeof file.content === 'string') file.content = new TextEncoder().encode(file.content)
    return file.content
  }

  list(path: string): readonly FileEntry[] {
    const children = this.#directories.get(path)
    if (children === undefined) throw fileNotFound(path, 'directory')
    let listing = this.#listings.get(path)
    if (listing === undefined) {
      listing = [...children.values()].sort((a, b) => compareByteOrder(a.name, b.name))
      this.#listings.set(path, listing)
    }
    return listing
  }

  #add(path: string, file: MemoryFile): void {
    if (path === '' || this.#files.has(path) || this.#directories.has(path)) throw conflict(path)
    const name = baseName(path)
    const node = toNode(name, file)
    this.#files.set(path, node)
    this.#directory(parentPath(path)).set(name, node.entry)
  }

  #directory(path: string): Map<string, FileEntry> {
    const known = this.#directories.get(path)
    if (known !== undefined) return known
    if (this.#files.has(path)) throw conflict(path)
    const created = new Map<string, FileEntry>()
    this.#directory(parentPath(path)).set(baseName(path), { name: baseName(path), kind: 'directory' })
    this.#directories.set(path, created)
    return created
  }
}

function toNode(name: string, file: MemoryFile): Node {
  if (typeof file === 'string' || file instanceof Uint8Array) return { entry: { name, kind: 'file' }, content: file }
  if ('symlink' in file) return { entry: { name, kind: 'symlink' }, content: file.symlink }
  return {
    entry: file.executable === true ? { name, kind: 'file', executable: true } : { name, kind: 'file' },
    content: file.content,
  }
}

function conflict(path: string): EngineError {
  return new EngineError(`path ${JSON.stringify(path)} occurs twice, or is both a file and a directory`, {
    code: 'path-conflict',
    data: { path },
  })
}
