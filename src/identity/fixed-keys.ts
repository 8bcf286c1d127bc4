import { EngineError } from '../base/index.ts'
import type { KeySource } from './key-store.ts'
import { importSigningKey, type PrivateJwk } from './signing-key.ts'

const coordinate = /^[A-Za-z0-9_-]{43}$/

/**
 * The private keys of a setting: a JSON list of JWKs of the curve P-256, or a JWK Set. Undefined where it is something else, or a key is listed twice.
 */
export function parseFixedKeys(text: string): readonly PrivateJwk[] | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined // The message of a parser quotes the text, which is a secret.
  }
  const list = Array.isArray(value) ? (value as unknown[]) : (value as { readonly keys?: unknown } | null)?.keys
  if (!Array.isArray(list) || list.length === 0 || list.length > 10) return undefined
  const keys = (list as unknown[]).map((entry) => (typeof entry === 'object' ? (entry as Partial<PrivateJwk>) : null))
  const isKey = (key: Partial<PrivateJwk> | null): key is PrivateJwk =>
    key?.kty === 'EC' &&
    key.crv === 'P-256' &&
    [key.x, key.y, key.d].every((part) => typeof part === 'string' && coordinate.test(part))
  if (!keys.every(isKey)) return undefined
  return new Set(keys.map(({ x, y }) => `${x}.${y}`)).size === keys.length ? keys : undefined
}

/**
 * Keys that the operator replaces: the first signs, all are published. The next one is added at the end, moved to the front after some minutes, and the old one removed when its tokens have expired.
 *
 * @param read gives the setting's text when it is used.
 * @throws (current) EngineError `issuer-key-invalid`.
 */
export function createFixedKeys(read: () => string): KeySource {
  return {
    current: async () => {
      const parsed = parseFixedKeys(read())
      if (parsed === undefined)
        throw new EngineError('ISSUER_KEYS must be a JSON list of private keys (JWK) of the curve P-256', {
          code: 'issuer-key-invalid',
        })
      const keys = await Promise.all(parsed.map((jwk) => importSigningKey(jwk, { createdAt: 0, useFrom: 0 })))
      const [signWith] = keys
      if (signWith === undefined) throw new EngineError('ISSUER_KEYS holds no key', { code: 'issuer-key-invalid' })
      return { signWith, published: keys.map(({ jwk }) => jwk) }
    },
  }
}
