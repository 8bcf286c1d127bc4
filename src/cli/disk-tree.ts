import { constants, lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs'
import { compareByteOrder, EngineError } from '../base/index.ts'
import { fileNotFound } from '../files/index.ts'
import type { FileEntry, FileKind, FileTree } from '../ports/index.ts'

/** The files below a directory on disk, as they are when they are asked for. Links are shown as links. */
export class DiskTree implements FileTree {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  stat(path: string): FileEntry | undefined {
    const stats = this.#lstat(path)
    const kind = stats && kindOf(stats)
    if (stats === undefined || kind === undefined) return undefined
    const name = path.slice(path.lastIndexOf('/') + 1)
    return kind === 'file' && (stats.mode & 0o111) !== 0 ? { name, kind, executable: true } : { name, kind }
  }

  read(path: string): Uint8Array {
    try {
      // Most reads are of files: what else lies there is asked for only where this fails.
      return readFileSync(this.#full(path), { flag: constants.O_RDONLY | constants.O_NOFOLLOW })
    } catch {
      return this.#readOther(path)
    }
  }

  #readOther(path: string): Uint8Array {
    const kind = this.stat(path)?.kind
    if (kind === 'symlink') return new TextEncoder().encode(readlinkSync(this.#full(path)))
    if (kind !== 'file') throw fileNotFound(path)
    return readFileSync(this.#full(path))
  }

  list(path: string): readonly FileEntry[] {
    if (this.stat(path)?.kind !== 'directory') throw fileNotFound(path, 'directory')
    const prefix = path === '' ? '' : `${path}/`
    return readdirSync(this.#full(path))
      .flatMap((name) => this.stat(prefix + name) ?? [])
      .sort((a, b) => compareByteOrder(a.name, b.name))
  }

  #full(path: string): string {
    return path === '' ? this.#root : `${this.#root}/${path}`
  }

  #lstat(path: string): Stats | undefined {
    try {
      return lstatSync(this.#full(path), { throwIfNoEntry: false })
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      // A file stands where the path needs a directory, or a name is longer than the disk can hold: nothing is there.
      if (code === 'ENOTDIR' || code === 'ENAMETOOLONG') return undefined
      throw new EngineError(`cannot read ${JSON.stringify(path)}: ${code || String(error)}`, {
        code: 'file-unreadable',
        data: { path },
        cause: error,
      })
    }
  }
}

function kindOf(stats: Stats): FileKind | undefined {
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isDirectory()) return 'directory'
  return stats.isFile() ? 'file' : undefined
}
