import { z } from 'zod'
import { EngineError } from '../base/index.ts'
import { cachedOr, fetchText } from './fetch-cache.ts'
import type { PublicJwk } from './jwt.ts'
import type { VerifyTools } from './types.ts'

const discoveryFields = z.object({
  issuer: z.string(),
  jwks_uri: z.string().max(2048),
  id_token_signing_alg_values_supported: z.array(z.string()).nullish(),
})
const keySetFields = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) })

/** What an issuer publishes. */
export interface IssuerKeys {
  /** Algorithms that its tokens may have. */
  readonly algorithms: readonly string[]
  readonly keys: readonly PublicJwk[]
}

const maxDocumentBytes = 256 << 10
/** Keys are fetched again after this time. */
const ttlMs = 10 * 60_000

/**
 * Keys of an issuer by its address (OpenID Connect Discovery 1.0).
 *
 * @throws EngineError `issuer-unreachable` (`retry`), `issuer-invalid`, `egress-refused`.
 */
export async function keysOfIssuer(issuer: string, kid: string | undefined, tools: VerifyTools): Promise<IssuerKeys> {
  return cachedKeys(`issuer ${issuer}`, kid, tools, async () => {
    const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    const found = parse(discoveryFields, await fetchText(tools, address, maxDocumentBytes))
    // Two issuers must not be able to speak for each other (OpenID Connect Discovery 1.0, 4.3).
    if (found.issuer !== issuer)
      throw new EngineError('the document of the issuer is about another issuer', { code: 'issuer-invalid' })
    const { keys } = parse(keySetFields, await fetchText(tools, found.jwks_uri, maxDocumentBytes))
    return { algorithms: found.id_token_signing_alg_values_supported ?? ['RS256'], keys: keys as readonly PublicJwk[] }
  })
}

/** Keys at a fixed address. @throws as {@link keysOfIssuer}. */
export async function keysAt(
  address: string,
  algorithms: readonly string[],
  kid: string | undefined,
  tools: VerifyTools,
): Promise<IssuerKeys> {
  return cachedKeys(`keys ${address}`, kid, tools, async () => {
    const { keys } = parse(keySetFields, await fetchText(tools, address, maxDocumentBytes))
    return { algorithms, keys: keys as readonly PublicJwk[] }
  })
}

/** Keys from the cache while they are young and have the wanted one, else fetched. */
function cachedKeys(
  name: string,
  kid: string | undefined,
  tools: VerifyTools,
  load: () => Promise<IssuerKeys>,
): Promise<IssuerKeys> {
  const isGood = (value: IssuerKeys, ageMs: number): boolean =>
    ageMs < ttlMs && (kid === undefined || value.keys.some((key) => key.kid === kid))
  return cachedOr(tools, name, isGood, load)
}

function parse<T>(schema: z.ZodType<T>, text: string): T {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = undefined
  }
  const result = schema.safeParse(json)
  if (result.success) return result.data
  throw new EngineError('the document of the issuer cannot be read', { code: 'issuer-invalid' })
}
