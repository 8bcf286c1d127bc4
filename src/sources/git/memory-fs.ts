import { gitTooLarge } from './errors.ts'

/** The part of `fs.Stats` that isomorphic-git looks at. */
interface Stats {
  readonly type: 'file' | 'dir'
  readonly mode: number
  readonly size: number
  readonly ino: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

/** A file system in memory, as much of it as isomorphic-git uses, bounded in size. */
export class MemoryFs {
  readonly #nodes = new Map<string, Uint8Array | 'directory'>([['/', 'directory']])
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** All files with their content. */
  *files(): Generator<[path: string, data: Uint8Array]> {
    for (const [path, node] of this.#nodes) if (node !== 'directory') yield [path, node]
  }

  /** The interface that isomorphic-git recognises as an `fs` with promises. */
  readonly promises = {
    readFile: async (path: string, options?: string | { encoding?: string }): Promise<Uint8Array | string> => {
      const node = this.#nodes.get(normalize(path))
      if (node === undefined) throw fsError('ENOENT', path)
      if (node === 'directory') throw fsError('EISDIR', path)
      const encoding = typeof options === 'string' ? options : options?.encoding
      return encoding === undefined ? node : new TextDecoder().decode(node)
    },
    writeFile: async (path: string, data: Uint8Array | string): Promise<void> => {
      const at = normalize(path)
      if (this.#nodes.get(parentOf(at)) !== 'directory') throw fsError('ENOENT', path)
      const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data
      this.#bytes += bytes.length
      if (this.#bytes > this.#maxBytes)
        throw gitTooLarge(`the repository sends more than the limit of ${this.#maxBytes} bytes`)
      this.#nodes.set(at, bytes)
    },
    unlink: async (path: string): Promise<void> => {
      if (!this.#nodes.delete(normalize(path))) throw fsError('ENOENT', path)
    },
    readdir: async (path: string): Promise<string[]> => {
      const at = normalize(path)
      const node = this.#nodes.get(at)
      if (node === undefined) throw fsError('ENOENT', path)
      if (node !== 'directory') throw fsError('ENOTDIR', path)
      const prefix = at === '/' ? '/' : `${at}/`
      return [...this.#nodes.keys()]
        .filter((name) => name !== '/' && name.startsWith(prefix) && !name.slice(prefix.length).includes('/'))
        .map((name) => name.slice(prefix.length))
    },
    mkdir: async (path: string): Promise<void> => {
      const at = normalize(path)
      if (this.#nodes.has(at)) throw fsError('EEXIST', path)
      if (this.#nodes.get(parentOf(at)) !== 'directory') throw fsError('ENOENT', path)
      this.#nodes.set(at, 'directory')
    },
    rmdir: async (path: string): Promise<void> => {
      this.#nodes.delete(normalize(path))
    },
    rename: async (from: string, to: string): Promise<void> => {
      const node = this.#nodes.get(normalize(from))
      if (node === undefined) throw fsError('ENOENT', from)
      this.#nodes.delete(normalize(from))
      this.#nodes.set(normalize(to), node)
    },
    stat: async (path: string): Promise<Stats> => this.#stat(path),
    lstat: async (path: string): Promise<Stats> => this.#stat(path),
    readlink: async (path: string): Promise<string> => {
      throw fsError('EINVAL', path)
    },
    symlink: async (_target: string, path: string): Promise<void> => {
      throw fsError('EPERM', path)
    },
  }

  #stat(path: string): Stats {
    const node = this.#nodes.get(normalize(path))
    if (node === undefined) throw fsError('ENOENT', path)
    const isDirectory = node === 'directory'
    return {
      type: isDirectory ? 'dir' : 'file',
      mode: isDirectory ? 0o40755 : 0o100644,
      size: isDirectory ? 0 : node.length,
      ino: 0,
      mtimeMs: 0,
      ctimeMs: 0,
      isFile: () => !isDirectory,
      isDirectory: () => isDirectory,
      isSymbolicLink: () => false,
    }
  }
}

function normalize(path: string): string {
  return `/${path
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.')
    .join('/')}`
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

/** isomorphic-git tells failures apart by `code`, as Node's fs sets it; these errors never leave it. */
function fsError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
