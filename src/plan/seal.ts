import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { Json } from '../base/index.ts'

/** What keeps seals apart from the digests that the same key makes. */
const purpose = 'sluice plan record\n'

/**
 * A value as a record that only this deployment can have made, and only under this name: who can write into the store can neither change it nor put it in another one's place.
 *
 * @param name the key under which it is stored.
 */
export function sealRecord(key: Uint8Array, name: string, value: unknown): Json {
  // As it comes back from the store: without what JSON does not hold.
  const kept = JSON.parse(JSON.stringify(value)) as Json
  return { value: kept, seal: sealOf(key, name, kept) }
}

/** What was sealed under this name; undefined where there is nothing, or something that we have not put there. */
export function openRecord(key: Uint8Array, name: string, stored: Json | undefined): Json | undefined {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return undefined
  const { value, seal } = stored
  if (value === undefined || typeof seal !== 'string') return undefined
  return isEqual(seal, sealOf(key, name, value)) ? value : undefined
}

function sealOf(key: Uint8Array, name: string, value: Json): string {
  return bytesToHex(hmac(sha256, key, utf8ToBytes(`${purpose}${name}\n${JSON.stringify(value)}`)))
}

/** Takes the same time wherever they differ. */
function isEqual(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let at = 0; at < b.length; at++) difference |= (a.codePointAt(at) ?? 0) ^ (b.codePointAt(at) ?? 0)
  return difference === 0
}
