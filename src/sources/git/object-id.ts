import { sha1 } from '@noble/hashes/legacy.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** Kinds of Git objects. */
export type GitObjectType = 'commit' | 'tree' | 'blob' | 'tag'

/** A Git object: its kind and its bytes without the header. */
export interface GitObject {
  readonly type: GitObjectType
  readonly data: Uint8Array
}

/** The SHA-1 id of an object: the digest of `<type> <size>\0<data>` as 40 hex digits. */
export function objectId(type: GitObjectType, data: Uint8Array): string {
  const header = new TextEncoder().encode(`${type} ${data.length}\0`)
  return bytesToHex(sha1.create().update(header).update(data).digest())
}

/** True for 40 lower-case hex digits. */
export function isObjectId(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text)
}
