import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { FileTree } from '../ports/index.ts'
import { compareByteOrder } from '../base/index.ts'
import { describeEntry, entryId } from './directory-id.ts'

/** What was asked of a tree. Plain data: it can be stored and used with the tree of a later commit. */
export interface ReadRecord {
  /** Files (and link targets) whose content was read. */
  readonly files: readonly string[]
  /** Directories whose entries were listed: names and kinds counted, not the content below. */
  readonly directories: readonly string[]
  /** Paths that were looked up, whether something was there or not. */
  readonly lookups: readonly string[]
}

/** A tree that records what is asked of it, and the record so far. */
export interface RecordedReads {
  readonly tree: FileTree
  record(): ReadRecord
}

/** Records every read of `tree`, also those that throw: a file that was missing matters as much as one that was there. */
export function recordReads(tree: FileTree): RecordedReads {
  const files = new Set<string>()
  const directories = new Set<string>()
  const lookups = new Set<string>()
  const sorted = (paths: Set<string>): string[] => [...paths].sort(compareByteOrder)
  return {
    tree: {
      stat(path) {
        lookups.add(path)
        return tree.stat(path)
      },
      read(path) {
        files.add(path)
        return tree.read(path)
      },
      list(path) {
        directories.add(path)
        return tree.list(path)
      },
    },
    record: () => ({ files: sorted(files), directories: sorted(directories), lookups: sorted(lookups) }),
  }
}

/**
 * What `tree` holds for everything in `record`, as `sha256:<hex>`. Equal fingerprints of two revisions mean that whoever made the record
 * would read the same bytes again, so its render need not run. Reads no content where the tree knows ids (Git).
 */
export function fingerprintReads(tree: FileTree, record: ReadRecord): string {
  const lines: string[] = []
  for (const path of record.lookups) {
    const entry = tree.stat(path)
    lines.push(`lookup ${JSON.stringify(path)} ${entry === undefined ? 'absent' : describeEntry(entry)}`)
  }
  for (const path of record.files) {
    const entry = tree.stat(path)
    const isFile = entry !== undefined && entry.kind !== 'directory'
    lines.push(`file ${JSON.stringify(path)} ${isFile ? entryId(tree, path, entry) : 'absent'}`)
  }
  for (const path of record.directories) {
    const isDirectory = tree.stat(path)?.kind === 'directory'
    const listing = isDirectory ? tree.list(path).map(describeEntry).join(', ') : 'absent'
    lines.push(`directory ${JSON.stringify(path)} ${listing}`)
  }
  return `sha256:${bytesToHex(sha256(new TextEncoder().encode(lines.join('\n'))))}`
}
