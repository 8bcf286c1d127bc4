import { fromBase64Url, toBase64Url, utf8Text, type Json } from '../base/index.ts'
import type { Random } from '../ports/index.ts'
import type { PrivateJwk } from './signing-key.ts'

/** A key as it is stored, inside the seal. */
export interface StoredKey {
  readonly jwk: PrivateJwk
  readonly createdAt: number
  readonly useFrom: number
}

const ivBytes = 12

/**
 * Seals keys with AES-256-GCM under a key derived (HKDF) from a secret of the configuration. All keys are in one seal together with their place, so that who can write to the store can take keys away
 * or bring back older ones, but neither read them nor put in one of his own.
 */
export async function sealKeys(
  keys: readonly StoredKey[],
  options: { readonly secret: string; readonly place: string; readonly random: Random },
): Promise<Json> {
  const iv = new Uint8Array(options.random.bytes(ivBytes))
  const text = new TextEncoder().encode(JSON.stringify(keys))
  const how = { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(options.place) }
  const sealed = await crypto.subtle.encrypt(how, await sealingKey(options.secret, 'encrypt'), text)
  return { iv: toBase64Url(iv), sealed: toBase64Url(new Uint8Array(sealed)) }
}

/** Opens what {@link sealKeys} made with one of the secrets; undefined where none of them fits, or the value is something else. */
export async function openKeys(
  value: Json,
  options: { readonly secrets: readonly string[]; readonly place: string },
): Promise<readonly StoredKey[] | undefined> {
  const { iv, sealed } = (typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}) as {
    readonly iv?: unknown
    readonly sealed?: unknown
  }
  if (typeof iv !== 'string' || typeof sealed !== 'string') return undefined
  const [ivData, data] = [fromBase64Url(iv), fromBase64Url(sealed)]
  if (ivData?.length !== ivBytes || data === undefined) return undefined
  const how = { name: 'AES-GCM', iv: ivData, additionalData: new TextEncoder().encode(options.place) }
  for (const secret of options.secrets) {
    const opened = await crypto.subtle.decrypt(how, await sealingKey(secret, 'decrypt'), data).catch(() => undefined) // Sealed with another secret: the next may fit.
    if (opened !== undefined) return JSON.parse(utf8Text(new Uint8Array(opened)) ?? '[]') as readonly StoredKey[]
  }
  return undefined
}

async function sealingKey(secret: string, usage: 'encrypt' | 'decrypt'): Promise<CryptoKey> {
  const text = new TextEncoder()
  const source = await crypto.subtle.importKey('raw', text.encode(secret), 'HKDF', false, ['deriveKey'])
  const how = { name: 'HKDF', hash: 'SHA-256', salt: text.encode('sluice issuer keys'), info: text.encode('seal 1') }
  return crypto.subtle.deriveKey(how, source, { name: 'AES-GCM', length: 256 }, false, [usage])
}
