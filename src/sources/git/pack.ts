import { sha1 } from '@noble/hashes/legacy.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { applyDelta } from './delta.ts'
import { gitDataError, gitMissingBase, gitTooLarge } from './errors.ts'
import { Inflater } from './inflate.ts'
import type { GitObject, GitObjectType } from './object-id.ts'
import { objectId } from './object-id.ts'

/** Bounds of what one pack may unfold to. */
export interface PackLimits {
  readonly maxObjects: number
  /** Largest single object. */
  readonly maxObjectBytes: number
  /** All objects together, inflated. */
  readonly maxUnpackedBytes: number
}

/** What a pack may build on besides itself. */
export interface PackBases {
  /** Base objects that a thin pack leaves out. */
  readonly external?: (id: string) => GitObject | undefined
  /** Leaves out objects whose base is not at hand, instead of failing: whoever needs them asks for them. */
  readonly skipUnresolved?: boolean
}

/** Longest chain of deltas; `git pack-objects` refuses to write longer ones. */
const maxDeltaDepth = 4095

const types: { readonly [code: number]: GitObjectType | undefined } = Object.freeze({
  1: 'commit',
  2: 'tree',
  3: 'blob',
  4: 'tag',
})

interface PackEntry {
  readonly type: GitObjectType | 'delta'
  readonly data: Uint8Array
  /** Offset (number) or id (text) of the base of a delta. */
  readonly base: number | string | undefined
}

/**
 * Reads a pack (gitformat-pack, version 2 or 3) and returns its objects by id, deltas resolved. `bases` gives what a thin pack builds on.
 * The trailing checksum is compared, and every id is computed from the content, so nothing in the result can be other than its id says.
 *
 * Throws EngineError `git-bad-data` for damaged packs and `git-too-large` over the limits.
 */
export function readPack(pack: Uint8Array, limits: PackLimits, bases: PackBases = {}): Map<string, GitObject> {
  const count = readHeader(pack, limits)
  const entries = readEntries(pack, count, limits)
  return new DeltaResolver(entries, limits, bases).resolveAll()
}

function readHeader(pack: Uint8Array, limits: PackLimits): number {
  if (pack.length < 32) throw gitDataError('the pack is cut off')
  const view = new DataView(pack.buffer, pack.byteOffset, pack.length)
  const version = view.getUint32(4)
  if (view.getUint32(0) !== 0x5041434b || (version !== 2 && version !== 3)) throw gitDataError('this is not a pack')
  const body = pack.subarray(0, -20)
  if (bytesToHex(sha1(body)) !== bytesToHex(pack.subarray(-20))) {
    throw gitDataError('the checksum of the pack is wrong, it was damaged or cut off on the way')
  }
  const count = view.getUint32(8)
  if (count > limits.maxObjects) {
    throw gitTooLarge(`the repository needs ${count} objects at once, more than the limit of ${limits.maxObjects}`)
  }
  return count
}

function readEntries(pack: Uint8Array, count: number, limits: PackLimits): Map<number, PackEntry> {
  const inflater = new Inflater()
  const body = pack.subarray(0, -20)
  const entries = new Map<number, PackEntry>()
  let at = 12
  let total = 0
  for (let i = 0; i < count; i++) {
    const offset = at
    let byte = body[at++] ?? 0
    const code = (byte >>> 4) & 7
    let size = byte & 15
    for (let scale = 16; byte >= 128; scale *= 128) {
      byte = body[at++] ?? 0
      size += (byte & 127) * scale
      if (scale > 2 ** 40) throw gitDataError('an object of the pack has a damaged header')
    }
    let base: number | string | undefined
    if (code === 6) {
      const read = readOffset(body, at)
      base = offset - read.distance
      at = read.end
    } else if (code === 7) {
      base = bytesToHex(body.subarray(at, at + 20))
      at += 20
    }
    total += size
    checkSizes(size, total, limits)
    const type = base === undefined ? types[code] : 'delta'
    if (type === undefined || at >= body.length)
      throw gitDataError('the pack has an object of unknown type or ends early')
    entries.set(offset, { type, data: inflater.inflate(body, at, size), base })
    at = inflater.end
  }
  if (at !== body.length) throw gitDataError('the pack has bytes after its last object')
  return entries
}

function readOffset(body: Uint8Array, start: number): { distance: number; end: number } {
  let end = start
  let byte = body[end++] ?? 0
  let distance = byte & 127
  while (byte >= 128) {
    byte = body[end++] ?? 0
    distance = (distance + 1) * 128 + (byte & 127)
    if (distance > 2 ** 45) throw gitDataError('a delta has a damaged offset')
  }
  return { distance, end }
}

function checkSizes(size: number, total: number, limits: PackLimits): void {
  if (size > limits.maxObjectBytes) {
    throw gitTooLarge(`the repository has a file of ${size} bytes, more than the limit of ${limits.maxObjectBytes}`)
  }
  if (total > limits.maxUnpackedBytes) {
    throw gitTooLarge(`the files of the repository are larger than the limit of ${limits.maxUnpackedBytes} bytes`)
  }
}

/** Turns deltas into objects. Chains are walked with a list, never with the call stack, and every result is kept for those that build on it. */
class DeltaResolver {
  readonly #entries: Map<number, PackEntry>
  readonly #limits: PackLimits
  readonly #bases: PackBases
  readonly #byOffset = new Map<number, GitObject>()
  readonly #byId = new Map<string, GitObject>()
  #total = 0

  constructor(entries: Map<number, PackEntry>, limits: PackLimits, bases: PackBases) {
    this.#entries = entries
    this.#limits = limits
    this.#bases = bases
  }

  /** All objects by id. A delta may name a base by id that only comes later in the pack, so what is left over is tried again while there is progress. */
  resolveAll(): Map<string, GitObject> {
    let todo: number[] = []
    for (const [offset, entry] of this.#entries) {
      if (entry.type === 'delta') todo.push(offset)
      else this.#keep(offset, { type: entry.type, data: entry.data })
    }
    while (todo.length > 0) {
      const left = todo.filter((offset) => !this.#resolve(offset))
      if (left.length === todo.length) {
        if (this.#bases.skipUnresolved === true) break
        throw gitMissingBase()
      }
      todo = left
    }
    return this.#byId
  }

  /** Resolves the delta at `offset` with all it builds on; false while the base of one is not known yet. */
  #resolve(offset: number): boolean {
    const chain: { offset: number; delta: Uint8Array }[] = []
    let at = offset
    let object = this.#byOffset.get(at)
    while (object === undefined) {
      const entry = this.#entries.get(at)
      if (entry === undefined) throw gitDataError('a delta refers to a place where no object is')
      chain.push({ offset: at, delta: entry.data })
      if (chain.length > maxDeltaDepth) throw gitDataError('a chain of deltas is too long, or runs in a circle')
      if (typeof entry.base === 'number') {
        at = entry.base
        object = this.#byOffset.get(at)
      } else {
        object = this.#byId.get(entry.base ?? '') ?? this.#bases.external?.(entry.base ?? '')
        if (object === undefined) return false
      }
    }
    for (let step = chain.pop(); step !== undefined; step = chain.pop()) {
      const data = applyDelta(object.data, step.delta, this.#limits.maxObjectBytes)
      object = this.#keep(step.offset, { type: object.type, data })
    }
    return true
  }

  #keep(offset: number, object: GitObject): GitObject {
    this.#total += object.data.length
    checkSizes(object.data.length, this.#total, this.#limits)
    this.#byOffset.set(offset, object)
    this.#byId.set(objectId(object.type, object.data), object)
    return object
  }
}
