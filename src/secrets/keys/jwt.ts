import { fromBase64, toBase64Url } from '../encoding.ts'
import { secretsError } from '../errors.ts'

/**
 * A JSON Web Token signed with RSASSA-PKCS1-v1_5 and SHA-256 (RS256).
 *
 * @param pem a PKCS#8 private key.
 * @param place what messages call the key.
 * @throws EngineError `sops-bad-key-material`.
 */
export async function signJwt(
  claims: { readonly [name: string]: string | number },
  options: {
    readonly pem: string
    readonly header: { readonly [name: string]: string | readonly string[] }
    readonly place: string
  },
): Promise<string> {
  const body = /-----BEGIN PRIVATE KEY-----([\s\S]*?)-----END PRIVATE KEY-----/.exec(options.pem)?.[1]
  const bytes = body === undefined ? undefined : fromBase64(body.replaceAll(/\s|\\n/g, ''))
  if (bytes === undefined)
    throw unusable(
      options.place,
      'it holds no private key in PKCS#8 (-----BEGIN PRIVATE KEY-----); convert it with openssl pkcs8 -topk8 -nocrypt',
    )
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  let key: CryptoKey
  try {
    key = await crypto.subtle.importKey('pkcs8', bytes, algorithm, false, ['sign'])
  } catch {
    throw unusable(options.place, 'it is no RSA key')
  }
  const header = { alg: 'RS256', typ: 'JWT', ...options.header }
  const content = `${toBase64Url(JSON.stringify(header))}.${toBase64Url(JSON.stringify(claims))}`
  const signature = await crypto.subtle.sign(algorithm, key, new TextEncoder().encode(content))
  return `${content}.${toBase64Url(new Uint8Array(signature))}`
}

function unusable(place: string, why: string) {
  return secretsError('sops-bad-key-material', `the private key in ${place} cannot be used: ${why}`)
}
