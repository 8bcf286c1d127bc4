import { EngineError, toBase64Url } from '../base/index.ts'
import type { KeyTimes } from './key-plan.ts'

/** A public key as a JWK Set holds it (RFC 7517). */
export interface PublicJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
  readonly kid: string
  readonly use: 'sig'
  readonly alg: 'ES256'
}

/** A private key of the curve P-256 as JWK. A secret: never log it. */
export interface PrivateJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
  readonly d: string
}

/** A key that signs. */
export interface SigningKey extends KeyTimes {
  readonly jwk: PublicJwk
  readonly privateKey: CryptoKey
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const

/** Makes a private key. */
export async function makePrivateJwk(): Promise<PrivateJwk> {
  const pair = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
  const { x = '', y = '', d = '' } = (await crypto.subtle.exportKey('jwk', pair.privateKey)) as JsonWebKey
  return { kty: 'EC', crv: 'P-256', x, y, d }
}

/**
 * A key that is ready to sign. Its id is the thumbprint (RFC 7638), so that the same key has the same name everywhere. From here on its private part cannot be read any more.
 *
 * @throws EngineError `issuer-key-invalid` where it is no key of that curve; the message never quotes it.
 */
export async function importSigningKey({ x, y, d }: PrivateJwk, times: Omit<KeyTimes, 'kid'>): Promise<SigningKey> {
  const members = JSON.stringify({ crv: 'P-256', kty: 'EC', x, y })
  const kid = toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(members))))
  try {
    const jwk = { kty: 'EC', crv: 'P-256', x, y, d } as const
    const privateKey = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign'])
    return { ...times, kid, privateKey, jwk: { kty: 'EC', crv: 'P-256', x, y, kid, use: 'sig', alg: 'ES256' } }
  } catch {
    throw new EngineError('a signing key is no private key of the curve P-256', { code: 'issuer-key-invalid' })
  }
}

/** A JSON Web Token, signed with ES256. */
export async function signWith(key: SigningKey, claims: { readonly [name: string]: unknown }): Promise<string> {
  const header = { alg: 'ES256', typ: 'JWT', kid: key.kid }
  const content = `${toBase64Url(JSON.stringify(header))}.${toBase64Url(JSON.stringify(claims))}`
  const bytes = new TextEncoder().encode(content)
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key.privateKey, bytes)
  return `${content}.${toBase64Url(new Uint8Array(signature))}`
}
