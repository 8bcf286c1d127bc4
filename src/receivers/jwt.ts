import { fromBase64Url, utf8Text } from '../base/index.ts'
import { refuse } from './refusal.ts'

/** A JSON Web Token in its compact form, taken apart; nothing of it is believed yet. */
export interface Jwt {
  readonly alg: string
  readonly kid: string | undefined
  readonly claims: { readonly [name: string]: unknown }
  /** What is signed: the first two parts as they came. */
  readonly signed: string
  readonly signature: Uint8Array<ArrayBuffer>
}

/** A public key as issuers publish it (RFC 7517). */
export interface PublicJwk {
  readonly kty: string
  readonly kid?: string
  readonly use?: string
  readonly alg?: string
  readonly [field: string]: unknown
}

/** Longest token that is looked at. */
const maxTokenLength = 16_384

interface Algorithm {
  readonly kty: 'RSA' | 'EC'
  readonly curve?: string
  readonly import: RsaHashedImportParams | EcKeyImportParams
  readonly verify: AlgorithmIdentifier | RsaPssParams | EcdsaParams
}

const rsa = (hash: string): Algorithm => ({
  kty: 'RSA',
  import: { name: 'RSASSA-PKCS1-v1_5', hash },
  verify: { name: 'RSASSA-PKCS1-v1_5' },
})
const pss = (hash: string, saltLength: number): Algorithm => ({
  kty: 'RSA',
  import: { name: 'RSA-PSS', hash },
  verify: { name: 'RSA-PSS', saltLength },
})
const ecdsa = (curve: string, hash: string): Algorithm => ({
  kty: 'EC',
  curve,
  import: { name: 'ECDSA', namedCurve: curve },
  verify: { name: 'ECDSA', hash },
})

/** Only signatures with a public key: `none` and shared keys (HS256) prove nothing here. */
const algorithms: { readonly [alg: string]: Algorithm } = {
  RS256: rsa('SHA-256'),
  RS384: rsa('SHA-384'),
  RS512: rsa('SHA-512'),
  PS256: pss('SHA-256', 32),
  PS384: pss('SHA-384', 48),
  PS512: pss('SHA-512', 64),
  ES256: ecdsa('P-256', 'SHA-256'),
  ES384: ecdsa('P-384', 'SHA-384'),
}

/** The token of an `Authorization: Bearer` header. Throws EngineError `delivery-refused`. */
export function bearerToken(header: string | null): string {
  const token = /^Bearer +([A-Za-z0-9_.-]+)\s*$/i.exec(header ?? '')?.[1]
  if (token === undefined) throw refuse('the Authorization header is missing or malformed')
  return token
}

/** Takes a token apart. Throws EngineError `delivery-refused` where it is none, or its algorithm is not supported. */
export function parseJwt(token: string): Jwt {
  const parts = token.split('.')
  const [head = '', payload = '', mac = ''] = parts
  const header = objectOf(head)
  const claims = objectOf(payload)
  const signature = fromBase64Url(mac)
  if (token.length > maxTokenLength || parts.length !== 3 || !header || !claims || !signature)
    throw refuse('the bearer token is no JWT')
  const { alg, kid, crit } = header
  if (typeof alg !== 'string' || !Object.hasOwn(algorithms, alg) || crit !== undefined)
    throw refuse('the algorithm of the token is not supported')
  return {
    alg,
    kid: typeof kid === 'string' ? kid.slice(0, 512) : undefined,
    claims,
    signed: `${head}.${payload}`,
    signature,
  }
}

/** Whether a token is signed by one of the keys: by the one it names, or where it names none by any. */
export async function isSignedByKey(jwt: Jwt, keys: readonly PublicJwk[]): Promise<boolean> {
  const algorithm = algorithms[jwt.alg]
  if (algorithm === undefined) return false
  const usable = keys.filter(
    (key) =>
      key.kty === algorithm.kty &&
      (jwt.kid === undefined || key.kid === jwt.kid) &&
      (key.use === undefined || key.use === 'sig') &&
      (key.alg === undefined || key.alg === jwt.alg) &&
      (algorithm.curve === undefined || key['crv'] === algorithm.curve) &&
      isLongEnough(key),
  )
  const results = await Promise.all(usable.slice(0, 8).map((key) => isSignedWith(jwt, key, algorithm)))
  return results.includes(true)
}

/** RSA keys of less than 2048 bits are refused. */
function isLongEnough(key: PublicJwk): boolean {
  if (key.kty !== 'RSA') return true
  const modulus = typeof key['n'] === 'string' ? fromBase64Url(key['n']) : undefined
  return modulus !== undefined && modulus.length >= 256
}

async function isSignedWith(jwt: Jwt, key: PublicJwk, algorithm: Algorithm): Promise<boolean> {
  try {
    const jwk = { ...key, key_ops: ['verify'], ext: true } as unknown as JsonWebKey
    const imported = await crypto.subtle.importKey('jwk', jwk, algorithm.import, false, ['verify'])
    const signed = new TextEncoder().encode(jwt.signed)
    return await crypto.subtle.verify(algorithm.verify, imported, jwt.signature, signed)
  } catch {
    return false // A key that cannot be used.
  }
}

/** What is checked of a token besides its signature. */
export interface ClaimRules {
  readonly issuers: readonly string[]
  readonly audience: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Clocks differ: a token may be a little early (go-oidc allows five minutes). */
const notBeforeLeewayMs = 300_000

/** Checks who issued a token, for whom, and when. Throws EngineError `delivery-refused`. */
export function checkClaims(claims: Jwt['claims'], rules: ClaimRules): void {
  const { iss, aud, exp, nbf } = claims
  if (typeof iss !== 'string' || !rules.issuers.includes(iss)) throw refuse('the token is of another issuer')
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!audiences.includes(rules.audience)) throw refuse('the token is for another audience')
  if (typeof exp !== 'number' || exp * 1000 <= rules.now) throw refuse('the token has expired')
  if (nbf !== undefined && (typeof nbf !== 'number' || nbf * 1000 > rules.now + notBeforeLeewayMs))
    throw refuse('the token is not valid yet')
}

function objectOf(part: string): { readonly [name: string]: unknown } | undefined {
  const bytes = fromBase64Url(part)
  const text = bytes === undefined ? undefined : utf8Text(bytes)
  if (text === undefined) return undefined
  try {
    const value = JSON.parse(text) as unknown
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as { readonly [name: string]: unknown }) : undefined
  } catch {
    return undefined
  }
}
