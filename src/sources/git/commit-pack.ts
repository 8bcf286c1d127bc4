import { sha1 } from '@noble/hashes/legacy.js'
import { hexToBytes } from '@noble/hashes/utils.js'
import { zlibSync } from 'fflate'
import { compareByteOrder, concatBytes, safeEntryPath } from '../../base/index.ts'
import { objectId, type GitObject, type GitObjectType } from './object-id.ts'

/** A commit that is made of whole files, each on top of the one before it. */
export interface NewCommit {
  readonly files: { readonly [path: string]: string }
  /** @param facts what the commit is made of, for trailers that vouch for it. */
  readonly message: (facts: { readonly tree: string; readonly parents: readonly string[] }) => string
}

/** Commits with everything that they are made of. */
export interface NewCommits {
  /** Ids, in the order in which they were given. */
  readonly ids: readonly string[]
  readonly objects: ReadonlyMap<string, GitObject>
}

/** Who commits, and when: the same files, messages and signature have the same ids. */
export interface Signature {
  readonly name: string
  readonly email: string
  /** Seconds since 1970. */
  readonly time: number
}

/** Makes commits, the first of them without a parent. Pure. @throws EngineError `unsafe-path`. */
export function makeCommits(commits: readonly NewCommit[], signature: Signature): NewCommits {
  const objects = new Map<string, GitObject>()
  const add = (type: GitObjectType, data: Uint8Array): string => {
    const id = objectId(type, data)
    objects.set(id, { type, data })
    return id
  }
  const ids: string[] = []
  for (const { files, message } of commits) {
    const tree = addTree(rootOf(files), add)
    const parents = ids.slice(-1)
    const person = `${oneLine(signature.name)} <${oneLine(signature.email)}> ${signature.time} +0000`
    const head = [
      `tree ${tree}`,
      ...parents.map((parent) => `parent ${parent}`),
      `author ${person}`,
      `committer ${person}`,
    ]
    ids.push(add('commit', utf8(`${head.join('\n')}\n\n${message({ tree, parents })}`)))
  }
  return { ids, objects }
}

/** What would end the field of a commit is left out. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}<>]+/gu, ' ').trim()
}

type Directory = Map<string, Directory | string>

function rootOf(files: NewCommit['files']): Directory {
  const root: Directory = new Map()
  for (const [path, text] of Object.entries(files)) {
    const parts = safeEntryPath(path).split('/')
    let at = root
    for (const part of parts.slice(0, -1)) {
      const known = at.get(part)
      const next: Directory = typeof known === 'object' ? known : new Map()
      at.set(part, next)
      at = next
    }
    at.set(parts.at(-1) ?? '', text)
  }
  return root
}

function addTree(directory: Directory, add: (type: GitObjectType, data: Uint8Array) => string): string {
  const entries = [...directory].map(([name, content]) => {
    const isFile = typeof content === 'string'
    const id = isFile ? add('blob', utf8(content)) : addTree(content, add)
    return { name, order: isFile ? name : `${name}/`, mode: isFile ? '100644' : '40000', id }
  })
  entries.sort((a, b) => compareByteOrder(a.order, b.order))
  return add('tree', concatBytes(entries.flatMap(({ mode, name, id }) => [utf8(`${mode} ${name}\0`), hexToBytes(id)])))
}

const packTypes: { readonly [type in GitObjectType]: number } = { commit: 1, tree: 2, blob: 3, tag: 4 }

/** A pack of whole objects (gitformat-pack, version 2). Pure. */
export function writePack(objects: ReadonlyMap<string, GitObject>): Uint8Array {
  const count = objects.size
  const parts: Uint8Array[] = [utf8('PACK'), word(2), word(count)]
  for (const { type, data } of objects.values()) parts.push(entryHead(type, data.length), zlibSync(data, { level: 6 }))
  const body = concatBytes(parts)
  return concatBytes([body, sha1(body)])
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** Type and size: four bits of the size, then seven in each further byte. */
function entryHead(type: GitObjectType, size: number): Uint8Array {
  const bytes: number[] = []
  let byte = (packTypes[type] << 4) | (size & 0x0f)
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(byte | 0x80)
    byte = rest & 0x7f
  }
  return Uint8Array.from([...bytes, byte])
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
