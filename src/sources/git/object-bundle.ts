import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import type { GitObject, GitObjectType } from './object-id.ts'
import { objectId } from './object-id.ts'

/** Objects that are stored together. */
export interface ObjectBundle {
  /** Commit whose stored objects these come on top of. */
  readonly base?: string
  readonly objects: ReadonlyMap<string, GitObject>
}

const magic = 0x534c4231
const types: readonly GitObjectType[] = Object.freeze(['commit', 'tree', 'blob', 'tag'])
const headerBytes = 28
const entryBytes = 25

/** Form: `SLB1`, base commit (20 bytes, zeros for none), count; then per object its type (1 byte), id (20), size (4) and bytes. */
export function encodeBundle(bundle: ObjectBundle): Uint8Array {
  let size = headerBytes
  for (const object of bundle.objects.values()) size += entryBytes + object.data.length
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, magic)
  if (bundle.base !== undefined) bytes.set(hexToBytes(bundle.base), 4)
  view.setUint32(24, bundle.objects.size)
  let at = headerBytes
  for (const [id, object] of bundle.objects) {
    bytes[at] = types.indexOf(object.type)
    bytes.set(hexToBytes(id), at + 1)
    view.setUint32(at + 21, object.data.length)
    bytes.set(object.data, at + entryBytes)
    at += entryBytes + object.data.length
  }
  return bytes
}

/**
 * Reads a stored bundle. A store may be written to by others, so every object's id is computed again; one that does not fit, or a damaged form, makes the
 * whole bundle count as not there (undefined): what it held is then fetched from the remote.
 */
export function decodeBundle(bytes: Uint8Array): ObjectBundle | undefined {
  if (bytes.length < headerBytes) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint32(0) !== magic) return undefined
  const base = bytesToHex(bytes.subarray(4, 24))
  const count = view.getUint32(24)
  const objects = new Map<string, GitObject>()
  let at = headerBytes
  for (let i = 0; i < count; i++) {
    if (at + entryBytes > bytes.length) return undefined
    const type = types[bytes[at] as number]
    const id = bytesToHex(bytes.subarray(at + 1, at + 21))
    const size = view.getUint32(at + 21)
    at += entryBytes
    if (type === undefined || at + size > bytes.length) return undefined
    const data = bytes.subarray(at, at + size)
    if (objectId(type, data) !== id) return undefined
    objects.set(id, { type, data })
    at += size
  }
  if (at !== bytes.length) return undefined
  return /^0+$/.test(base) ? { objects } : { base, objects }
}
