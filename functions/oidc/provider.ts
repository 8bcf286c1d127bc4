import { z } from 'zod'
import { collectBytes, EngineError, isHostAllowed, toBase64, utf8Text } from '../../src/base/index.ts'
import type { HttpClient, HttpRequest } from '../../src/ports/index.ts'
import type { OidcConfig } from './config.ts'

/** What asking the provider needs. */
export interface ProviderDeps {
  readonly http: HttpClient
  /** Hosts that may be asked over plain http, because the configuration names them. */
  readonly allowHosts: readonly string[]
}

/** Where the provider's parts are (OpenID Connect Discovery 1.0). */
export interface Provider {
  readonly authorizationEndpoint: string
  readonly tokenEndpoint: string
  readonly userinfoEndpoint?: string
  /** Whether the client's secret goes into the form; otherwise into the Authorization header. */
  readonly isSecretInForm: boolean
}

/** What the provider gave for a code. Holds tokens: never log it. */
export interface Tokens {
  readonly idToken: string
  readonly accessToken?: string
}

const timeoutMs = 5_000
const maxBytes = 256 * 1024

const discovery = z.object({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  userinfo_endpoint: z.url().optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
})
const tokenAnswer = z.object({ id_token: z.string().max(32_768), access_token: z.string().max(32_768).optional() })

/** Asks the provider where its parts are. Throws EngineError `login-unavailable`. */
export async function discoverProvider(deps: ProviderDeps, { issuer }: OidcConfig): Promise<Provider> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const found = parseProvider(discovery, await askProvider(deps, { method: 'GET', url }))
  if (found.issuer !== issuer) throw unavailable('its document is about another issuer')
  const methods = found.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  for (const endpoint of [found.authorization_endpoint, found.token_endpoint]) checkSecure(deps, endpoint)
  return {
    authorizationEndpoint: found.authorization_endpoint,
    tokenEndpoint: found.token_endpoint,
    ...(found.userinfo_endpoint === undefined ? {} : { userinfoEndpoint: found.userinfo_endpoint }),
    isSecretInForm: !methods.includes('client_secret_basic') && methods.includes('client_secret_post'),
  }
}

/** Exchanges a code. Throws EngineError `login-unavailable`, `login-refused`. */
export async function exchangeCode(
  deps: ProviderDeps,
  provider: Provider,
  client: { readonly id: string; readonly secret: string | undefined },
  grant: { readonly code: string; readonly verifier: string; readonly redirectUri: string },
): Promise<Tokens> {
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code: grant.code,
    redirect_uri: grant.redirectUri,
    code_verifier: grant.verifier,
  })
  const headers: { [name: string]: string } = { 'content-type': 'application/x-www-form-urlencoded' }
  if (client.secret === undefined || provider.isSecretInForm) form.set('client_id', client.id)
  if (client.secret !== undefined && provider.isSecretInForm) form.set('client_secret', client.secret)
  // Both are form-encoded first (RFC 6749, 2.3.1).
  const encode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
  if (client.secret !== undefined && !provider.isSecretInForm)
    headers['authorization'] =
      `Basic ${toBase64(new TextEncoder().encode(`${encode(client.id)}:${encode(client.secret)}`))}`
  const answer = await askProvider(deps, {
    method: 'POST',
    url: provider.tokenEndpoint,
    headers,
    body: form.toString(),
  })
  const { id_token: idToken, access_token: accessToken } = parseProvider(tokenAnswer, answer)
  return { idToken, ...(accessToken === undefined ? {} : { accessToken }) }
}

/** Claims of the userinfo endpoint. Throws EngineError `login-unavailable`. */
export async function fetchUserinfo(
  deps: ProviderDeps,
  endpoint: string,
  accessToken: string,
): Promise<{ readonly [claim: string]: unknown }> {
  const headers = { authorization: `Bearer ${accessToken}` }
  return parseProvider(
    z.record(z.string(), z.unknown()),
    await askProvider(deps, { method: 'GET', url: endpoint, headers }),
  )
}

/** Sends a request of a login, bounded in time and size, over https. @returns the JSON of its answer. Throws EngineError `login-unavailable`, `login-refused` (400 and 401). */
export async function askProvider(deps: ProviderDeps, request: Omit<HttpRequest, 'signal'>): Promise<unknown> {
  checkSecure(deps, request.url)
  const signal = AbortSignal.timeout(timeoutMs)
  const headers = { accept: 'application/json', ...request.headers }
  const response = await deps.http.send({ ...request, headers, signal }).catch(() => {
    throw unavailable('it does not answer')
  })
  const bytes = await collectBytes(response.body ?? [], maxBytes, () => unavailable('its answer is too large'))
  if (response.status === 400 || response.status === 401)
    throw new EngineError('the provider did not accept the login; begin again', { code: 'login-refused' })
  if (response.status !== 200) throw unavailable(`it answered ${response.status}`)
  try {
    return JSON.parse(utf8Text(bytes) ?? '')
  } catch {
    throw unavailable('its answer is no JSON')
  }
}

/** Codes, secrets and tokens go this way: it must be secure. Throws EngineError `login-unavailable`. */
export function checkSecure({ allowHosts }: ProviderDeps, address: string): void {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.protocol === 'https:') return
  if (url?.protocol === 'http:' && isHostAllowed(url.hostname, { allowHosts })) return
  throw unavailable('one of its addresses is not https')
}

/** An answer as it must be. Throws EngineError `login-unavailable`. */
export function parseProvider<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw unavailable('its answer lacks what is needed')
}

function unavailable(why: string): EngineError {
  return new EngineError(`the login provider cannot be used now: ${why}`, {
    code: 'login-unavailable',
    disposition: 'retry',
  })
}
