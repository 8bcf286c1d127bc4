import { bytesToHex } from '@noble/hashes/utils.js'
import type { FileEntry, FileKind } from '../../ports/index.ts'
import { entryNameProblem } from '../../base/index.ts'
import { gitDataError } from './errors.ts'
import { isObjectId } from './object-id.ts'

/** An entry of a Git tree; `id` is always known. */
export type TreeEntry = FileEntry & { readonly id: string }

/** The parts of a commit that the engine uses. */
export interface GitCommit {
  readonly tree: string
  readonly parents: readonly string[]
  /** Seconds since 1970 of the committer. */
  readonly time: number
  readonly message: string
}

/** An annotated tag: what it points to. */
export interface GitTag {
  readonly object: string
  readonly type: string
  readonly tag: string
}

/**
 * Entries of a tree object, in the order of `FileTree.list` (plain byte order; Git sorts directories as if they ended with a slash).
 * Throws EngineError `git-bad-data` for a damaged tree, a name that must not occur (`..`, `.git` in any spelling) or one that occurs twice.
 */
export function parseTree(data: Uint8Array): TreeEntry[] {
  const entries: TreeEntry[] = []
  const names = new Set<string>()
  for (const raw of rawTreeEntries(data)) {
    const name = decodeText(data.subarray(raw.nameStart, raw.nameEnd))
    const problem = entryNameProblem(name)
    if (problem !== undefined) throw gitDataError(`a tree has the entry ${JSON.stringify(name)}: ${problem}`)
    if (names.has(name)) throw gitDataError(`a tree has the entry ${JSON.stringify(name)} twice`)
    names.add(name)
    const kind = kindOf(raw.mode)
    const id = bytesToHex(data.subarray(raw.nameEnd + 1, raw.nameEnd + 21))
    entries.push(
      kind === 'file' && (raw.mode & 0o111) !== 0 ? { name, kind, executable: true, id } : { name, kind, id },
    )
  }
  return sortEntries(entries)
}

/** Positions inside a tree object, without decoding: for scans over whole repositories. */
export interface RawTreeEntry {
  readonly mode: number
  readonly nameStart: number
  /** Position of the NUL after the name; the 20 bytes of the id follow it. */
  readonly nameEnd: number
}

/** The entries of a tree object in Git's order. Throws EngineError `git-bad-data` for a damaged tree. */
export function* rawTreeEntries(data: Uint8Array): Generator<RawTreeEntry> {
  let at = 0
  while (at < data.length) {
    let mode = 0
    let digits = 0
    for (let byte = data[at]; byte !== 0x20; byte = data[++at]) {
      if (byte === undefined || byte < 0x30 || byte > 0x37 || ++digits > 6)
        throw gitDataError('a tree has a damaged mode')
      mode = mode * 8 + (byte - 0x30)
    }
    const nameStart = at + 1
    const nameEnd = data.indexOf(0, nameStart)
    if (nameEnd <= nameStart || nameEnd + 21 > data.length) throw gitDataError('a tree ends in the middle of an entry')
    yield { mode, nameStart, nameEnd }
    at = nameEnd + 21
  }
}

/** Kind of a tree entry by its mode. Throws EngineError `git-bad-data` for a mode that Git does not know. */
export function kindOf(mode: number): FileKind {
  switch (mode & 0o170000) {
    case 0o040000:
      return 'directory'
    case 0o100000:
      return 'file'
    case 0o120000:
      return 'symlink'
    case 0o160000:
      return 'submodule'
    default:
      throw gitDataError(`a tree has an entry of unknown mode ${mode.toString(8)}`)
  }
}

/** Throws EngineError `git-bad-data` for a damaged commit. */
export function parseCommit(data: Uint8Array): GitCommit {
  const { headers, message } = splitHeaders(data)
  const tree = headers.find(([key]) => key === 'tree')?.[1] ?? ''
  const time = /> (\d+) [+-]\d+$/.exec(headers.find(([key]) => key === 'committer')?.[1] ?? '')?.[1]
  if (!isObjectId(tree)) throw gitDataError('a commit names no tree')
  const parents = headers.filter(([key]) => key === 'parent').map(([, value]) => value)
  return { tree, parents, time: Number(time ?? 0), message }
}

/** Throws EngineError `git-bad-data` for a damaged tag. */
export function parseTag(data: Uint8Array): GitTag {
  const { headers } = splitHeaders(data)
  const value = (key: string): string => headers.find(([name]) => name === key)?.[1] ?? ''
  const tag = { object: value('object'), type: value('type'), tag: value('tag') }
  if (!isObjectId(tag.object)) throw gitDataError('a tag names no object')
  return tag
}

function splitHeaders(data: Uint8Array): { headers: [key: string, value: string][]; message: string } {
  const text = decodeText(data)
  const end = text.indexOf('\n\n')
  const headers: [string, string][] = []
  for (const line of (end < 0 ? text : text.slice(0, end)).split('\n')) {
    const space = line.indexOf(' ')
    // A line that starts with a space goes on with the header before it (a signature); none of those is needed here.
    if (space > 0) headers.push([line.slice(0, space), line.slice(space + 1)])
  }
  return { headers, message: end < 0 ? '' : text.slice(end + 2) }
}

/** Git's order differs from plain byte order only around a directory whose name is the start of another name. */
function sortEntries(entries: TreeEntry[]): TreeEntry[] {
  for (let i = 1; i < entries.length; i++) {
    const entry = entries[i] as TreeEntry
    let at = i
    while (at > 0 && isPrefixOutOfOrder((entries[at - 1] as TreeEntry).name, entry.name)) {
      entries[at] = entries[at - 1] as TreeEntry
      at--
    }
    entries[at] = entry
  }
  return entries
}

function isPrefixOutOfOrder(before: string, name: string): boolean {
  return before.length > name.length && before.startsWith(name)
}

function decodeText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
}
