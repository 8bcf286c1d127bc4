import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Algorithms that an issuer of the tests can sign with. */
export type IssuerAlgorithm = 'RS256' | 'ES256'

/** A key pair with its public part as issuers publish it. */
export interface IssuerKey {
  readonly jwk: JsonWebKey & { readonly kid: string }
  /** A signed token. `header` replaces fields of the header. */
  sign(claims: object, header?: object): Promise<string>
}

/** An OpenID Connect issuer on this machine. */
export interface OidcIssuer {
  readonly url: string
  readonly key: IssuerKey
  /** Paths that were asked for. */
  readonly seen: readonly string[]
  /** What it publishes from now on. */
  publish(keys: readonly IssuerKey[]): void
  /** Answers every request with this status from now on; undefined: as it should. */
  failWith(status: number | undefined): void
  close(): Promise<void>
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Makes a key pair. */
export async function createIssuerKey(algorithm: IssuerAlgorithm = 'RS256', kid = 'key-1'): Promise<IssuerKey> {
  const parameters =
    algorithm === 'RS256'
      ? {
          name: 'RSASSA-PKCS1-v1_5',
          modulusLength: 2048,
          publicExponent: new Uint8Array([1, 0, 1]),
          hash: 'SHA-256',
        }
      : { name: 'ECDSA', namedCurve: 'P-256' }
  const pair = (await crypto.subtle.generateKey(parameters, true, ['sign', 'verify'])) as CryptoKeyPair
  const jwk = await crypto.subtle.exportKey('jwk', pair.publicKey)
  return {
    jwk: { ...jwk, kid, use: 'sig', alg: algorithm },
    sign: async (claims, header = {}) => {
      const content = `${encode({ alg: algorithm, typ: 'JWT', kid, ...header })}.${encode(claims)}`
      const how = algorithm === 'RS256' ? { name: 'RSASSA-PKCS1-v1_5' } : { name: 'ECDSA', hash: 'SHA-256' }
      const signature = await crypto.subtle.sign(how, pair.privateKey, new TextEncoder().encode(content))
      return `${content}.${Buffer.from(signature).toString('base64url')}`
    },
  }
}

/** Starts an issuer that publishes one key. */
export async function startOidcIssuer(algorithm: IssuerAlgorithm = 'RS256'): Promise<OidcIssuer> {
  const key = await createIssuerKey(algorithm)
  let published: readonly IssuerKey[] = [key]
  let failure: number | undefined
  const seen: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    seen.push(path)
    if (failure !== undefined) return void response.writeHead(failure).end()
    const documents: { readonly [path: string]: object } = {
      '/.well-known/openid-configuration': {
        issuer: url,
        jwks_uri: `${url}/keys`,
        id_token_signing_alg_values_supported: [algorithm],
      },
      '/keys': { keys: published.map(({ jwk }) => jwk) },
    }
    const document = documents[path]
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(document ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    key,
    seen,
    publish: (keys) => void (published = keys),
    failWith: (status) => void (failure = status),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Claims of a token that is good for five minutes. */
export function freshClaims(issuer: string, more: object = {}): object {
  const now = Math.floor(Date.now() / 1000)
  return {
    iss: issuer,
    aud: 'notification-controller',
    sub: 'repo:team/app',
    iat: now,
    nbf: now,
    exp: now + 300,
    ...more,
  }
}
