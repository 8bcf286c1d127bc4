import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { FileTree } from '../ports/index.ts'
import { compareByteOrder, isWithin, parentPath } from '../base/index.ts'
import { describeEntry, entryId } from './directory-id.ts'

/** What was asked of a tree. Plain data: it can be stored and used with the tree of a later commit. */
export interface ReadRecord {
  /** Files (and link targets) whose content was read; a directory stands for all that it holds. */
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
 * The same record in at most `maxPaths` paths, by asking for more than was read: paths in one directory become the directory, which is known by all that it holds, the fullest ones first. Undefined
 * where even that does not fit.
 */
export function boundReads(record: ReadRecord, maxPaths: number): ReadRecord | undefined {
  const size = (one: ReadRecord): number => one.files.length + one.directories.length + one.lookups.length
  // What was read tells more than that something is there.
  const read = new Set(record.files)
  let bounded: ReadRecord = { ...record, lookups: record.lookups.filter((path) => !read.has(path)) }
  while (size(bounded) > maxPaths) {
    const directory = fullestDirectory(bounded)
    if (directory === undefined) return undefined
    const isOutside = (path: string): boolean => !isWithin(path, directory)
    bounded = {
      files: [...bounded.files.filter(isOutside), directory].sort(compareByteOrder),
      directories: bounded.directories.filter(isOutside),
      lookups: bounded.lookups.filter(isOutside),
    }
  }
  return bounded
}

/** The directory, not the root, that holds most of the paths directly, so that what is asked for grows only as far as it must; undefined where none holds two. */
function fullestDirectory(record: ReadRecord): string | undefined {
  const counts = new Map<string, number>()
  for (const path of [...record.files, ...record.directories, ...record.lookups]) {
    const parent = parentPath(path)
    if (parent !== '') counts.set(parent, (counts.get(parent) ?? 0) + 1)
  }
  let best: string | undefined
  let most = 1
  for (const [directory, count] of counts) if (count > most) [best, most] = [directory, count]
  return best
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
    const isThere = entry !== undefined && entry.kind !== 'submodule'
    lines.push(`file ${JSON.stringify(path)} ${isThere ? `${entry.kind} ${entryId(tree, path, entry)}` : 'absent'}`)
  }
  for (const path of record.directories) {
    const isDirectory = tree.stat(path)?.kind === 'directory'
    const listing = isDirectory ? tree.list(path).map(describeEntry).join(', ') : 'absent'
    lines.push(`directory ${JSON.stringify(path)} ${listing}`)
  }
  return `sha256:${bytesToHex(sha256(new TextEncoder().encode(lines.join('\n'))))}`
}
