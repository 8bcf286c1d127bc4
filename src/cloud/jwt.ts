import { fromBase64, toBase64Url } from '../base/index.ts'

/**
 * A JSON Web Token signed with RSASSA-PKCS1-v1_5 and SHA-256 (RS256).
 *
 * @param options.pem holds a PKCS#8 private key.
 * @param options.unusable makes the error for a key that cannot be used, of the reason.
 */
export async function signJwt(
  claims: { readonly [name: string]: string | number },
  options: {
    readonly pem: string
    readonly header: { readonly [name: string]: string | readonly string[] }
    readonly unusable: (why: string) => Error
  },
): Promise<string> {
  const body = /-----BEGIN PRIVATE KEY-----([\s\S]*?)-----END PRIVATE KEY-----/.exec(options.pem)?.[1]
  const bytes = body === undefined ? undefined : fromBase64(body.replaceAll(/\s|\\n/g, ''))
  if (bytes === undefined)
    throw options.unusable(
      'it holds no private key in PKCS#8 (-----BEGIN PRIVATE KEY-----); convert it with openssl pkcs8 -topk8 -nocrypt',
    )
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  let key: CryptoKey
  try {
    key = await crypto.subtle.importKey('pkcs8', bytes, algorithm, false, ['sign'])
  } catch {
    throw options.unusable('it is no RSA key')
  }
  const header = { alg: 'RS256', typ: 'JWT', ...options.header }
  const content = `${toBase64Url(JSON.stringify(header))}.${toBase64Url(JSON.stringify(claims))}`
  const signature = await crypto.subtle.sign(algorithm, key, new TextEncoder().encode(content))
  return `${content}.${toBase64Url(new Uint8Array(signature))}`
}

/** When a token ends, in milliseconds since 1970, as it says itself (`exp`); nothing is verified. Undefined where it says nothing. */
export function jwtExpiry(token: string): number | undefined {
  const part = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
  const bytes = fromBase64(part.padEnd(Math.ceil(part.length / 4) * 4, '='))
  try {
    const claims = JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array())) as { readonly exp?: unknown } | null
    return typeof claims?.exp === 'number' ? claims.exp * 1000 : undefined
  } catch {
    return undefined
  }
}
