import { lstatSync, readdirSync, readFileSync, readlinkSync, type Dirent, type Stats } from 'node:fs'
import { join } from 'node:path'
import { compareByteOrder, EngineError } from '../base/index.ts'
import { fileNotFound } from '../files/index.ts'
import type { FileEntry, FileKind, FileTree } from '../ports/index.ts'

/** Largest file that is read. */
const maxFileBytes = 64 << 20

/**
 * A directory on disk as a FileTree, read when asked for and remembered. Files are never followed out of it: links stay links, which
 * `src/files` resolves inside the root.
 */
export class DiskTree implements FileTree {
  readonly #root: string
  readonly #entries = new Map<string, FileEntry | undefined>()
  readonly #listings = new Map<string, readonly FileEntry[]>()
  readonly #contents = new Map<string, Uint8Array>()

  constructor(root: string) {
    this.#root = root
  }

  stat(path: string): FileEntry | undefined {
    if (this.#entries.has(path)) return this.#entries.get(path)
    const stats = lstatSync(join(this.#root, path), { throwIfNoEntry: false })
    const kind = stats === undefined ? undefined : kindOf(stats)
    const entry = kind === undefined ? undefined : { name: path.slice(path.lastIndexOf('/') + 1), kind, ...executable(stats) }
    this.#entries.set(path, entry)
    return entry
  }

  read(path: string): Uint8Array {
    const known = this.#contents.get(path)
    if (known !== undefined) return known
    const entry = this.stat(path)
    if (entry === undefined || entry.kind === 'directory') throw fileNotFound(path)
    const full = join(this.#root, path)
    if (lstatSync(full).size > maxFileBytes) {
      throw new EngineError(`${path} is larger than ${maxFileBytes} bytes`, { code: 'file-too-large', data: { path } })
    }
    const content = entry.kind === 'symlink' ? new TextEncoder().encode(readlinkSync(full)) : new Uint8Array(readFileSync(full))
    this.#contents.set(path, content)
    return content
  }

  list(path: string): readonly FileEntry[] {
    const known = this.#listings.get(path)
    if (known !== undefined) return known
    if (path !== '' && this.stat(path)?.kind !== 'directory') throw fileNotFound(path, 'directory')
    const listing = readdirSync(join(this.#root, path), { withFileTypes: true })
      .flatMap((entry) => toEntry(entry))
      .sort((a, b) => compareByteOrder(a.name, b.name))
    this.#listings.set(path, listing)
    return listing
  }
}

function toEntry(entry: Dirent): FileEntry[] {
  const kind = kindOf(entry)
  return kind === undefined ? [] : [{ name: entry.name, kind }]
}

/** Devices, sockets and the like are not there. */
function kindOf(entry: Dirent | Stats): FileKind | undefined {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'directory'
  return entry.isSymbolicLink() ? 'symlink' : undefined
}

function executable(stats: Stats | undefined): { readonly executable?: boolean } {
  return stats !== undefined && stats.isFile() && (stats.mode & 0o100) !== 0 ? { executable: true } : {}
}
