import type { Clock } from '../ports/index.ts'
import type { KeySource } from './key-store.ts'
import { signWith, type PublicJwk } from './signing-key.ts'

/** An API server that asks has met a key which it does not know, and which another process may have made a moment ago. */
const keySetMaxAgeMs = 2_000

/** Where the documents of an issuer are, behind its URL. */
export const discoveryPath = '/.well-known/openid-configuration'
export const keySetPath = '/.well-known/jwks.json'

/**
 * Seconds for which anybody may keep what the issuer publishes. An API server that meets a key which it does not know asks again only when what it has may be kept for less than half a minute more
 * (go-oidc 2.5, as Kubernetes 1.37 has it). Below that it asks at once, and keys that replace lost ones are believed at once.
 */
export const publishedMaxAgeSeconds = 20

/** What a token says, besides who made it and when. */
export interface TokenClaims {
  readonly subject: string
  readonly groups: readonly string[]
  readonly audience: string
  /** Name of the cluster that the token is for. */
  readonly cluster: string
}

/** A token with its times, in milliseconds since 1970. A secret: never log it. */
export interface IssuedToken {
  readonly token: string
  readonly kid: string
  readonly issuedAt: number
  readonly expiresAt: number
}

/** The deployment as an issuer of OpenID Connect. */
export interface Issuer {
  /** The `iss` of its tokens; its documents are at paths behind it. */
  readonly url: string
  /** A new token. Throws what the source of the keys throws. */
  readonly issue: (claims: TokenClaims) => Promise<IssuedToken>
  /** Whether a key is still one whose tokens are believed; `withinMs: 0` asks the store. */
  readonly knows: (kid: string, options?: { readonly withinMs?: number }) => Promise<boolean>
  /** The JWK Set. */
  readonly keySet: () => Promise<{ readonly keys: readonly PublicJwk[] }>
  /** The document of OpenID Connect Discovery 1.0, as far as it concerns who checks tokens. */
  readonly discovery: () => object
}

/** Makes an issuer. `tokenMs` is how long a token is good. */
export function createIssuer(deps: {
  readonly url: string
  readonly keys: KeySource
  readonly tokenMs: number
  readonly clock: Clock
}): Issuer {
  const { url, keys, tokenMs, clock } = deps
  return {
    url,
    issue: async ({ subject, groups, audience, cluster }) => {
      const { signWith: key } = await keys.current()
      const iat = Math.floor(clock.now() / 1000)
      const exp = iat + Math.floor(tokenMs / 1000)
      const jti = crypto.randomUUID()
      const claims = { iss: url, sub: subject, aud: [audience], exp, iat, nbf: iat, jti, groups: [...groups], cluster }
      return { token: await signWith(key, claims), kid: key.kid, issuedAt: iat * 1000, expiresAt: exp * 1000 }
    },
    knows: async (kid, options) => (await keys.current(options)).published.some((key) => key.kid === kid),
    keySet: async () => ({ keys: (await keys.current({ withinMs: keySetMaxAgeMs })).published }),
    discovery: () => ({
      issuer: url,
      jwks_uri: `${url}${keySetPath}`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
      claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'groups', 'cluster'],
    }),
  }
}
