import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { FileEntry, FileTree } from '../ports/index.ts'
import { fileNotFound } from './missing.ts'

/**
 * An identity of everything at `path` (a file or a whole directory): equal ids of two trees of the same source mean equal content. The store's own id where
 * it has one (a Git object id), else `sha256:<hex>` over names, kinds, executable bits and content. Throws EngineError `file-not-found`; PendingFiles where
 * content without an id is not at hand.
 */
export function directoryId(tree: FileTree, path: string): string {
  const entry = tree.stat(path)
  if (entry === undefined) throw fileNotFound(path, 'directory')
  return entryId(tree, path, entry)
}

/** As {@link directoryId}, for an entry that was already looked up. */
export function entryId(tree: FileTree, path: string, entry: FileEntry): string {
  if (entry.id !== undefined) return entry.id
  if (entry.kind !== 'directory') return `sha256:${bytesToHex(sha256(tree.read(path)))}`
  const prefix = path === '' ? '' : `${path}/`
  const lines = tree.list(path).map((child) => `${describeEntry(child)} ${entryId(tree, prefix + child.name, child)}\n`)
  return `sha256:${bytesToHex(sha256(new TextEncoder().encode(lines.join(''))))}`
}

/** Name, kind and executable bit of an entry on one line: what a listing tells besides content. */
export function describeEntry(entry: FileEntry): string {
  return `${entry.kind}${entry.executable === true ? '+x' : ''} ${JSON.stringify(entry.name)}`
}
