import type { Hono } from 'hono'
import { EngineError, isEngineError, toBase64Url } from '../../src/base/index.ts'
import { isEqualConstantTime } from '../../src/receivers/index.ts'
import type { FunctionDeps } from '../deps.ts'
import { redirect, safeNext } from '../page-response.ts'
import { cookieOf, open, seal, sessionCookie, sessionSeconds } from '../session.ts'
import { checkAllowed, checkIdToken, lacksClaims } from './claims.ts'
import type { OidcConfig } from './config.ts'
import { discoverProvider, exchangeCode, fetchUserinfo, type ProviderDeps } from './provider.ts'

/** Keeps what belongs to one login in the browser that began it. */
const loginCookie = '__Host-sluice-login'
/** Seconds that a login may take. */
const loginSeconds = 600
const callbackPath = '/ui/callback'

/**
 * Adds the login at the provider (authorization code with PKCE, state and nonce). `onRefused` makes the page that says why somebody is not let in.
 */
export function addLogin(
  app: Hono,
  deps: FunctionDeps,
  config: OidcConfig,
  onRefused: (message: string) => Promise<Response>,
): void {
  const guarded = async (work: () => Promise<Response>): Promise<Response> => {
    try {
      return await work()
    } catch (caught) {
      if (!isEngineError(caught) || !caught.code.startsWith('login-')) throw caught
      deps.logger.log('warn', 'login failed', { code: caught.code, error: caught.message })
      const answer = await onRefused(caught.message)
      answer.headers.append('set-cookie', `${loginCookie}=; ${cookieAttributes(0)}`)
      return answer
    }
  }
  app.get('/ui/login', (c) => guarded(() => beginLogin(deps, config, safeNext(c.req.query('next')))))
  app.get(callbackPath, (c) => guarded(() => endLogin(deps, config, c.req.raw)))
}

async function beginLogin(deps: FunctionDeps, config: OidcConfig, next: string): Promise<Response> {
  const provider = await discoverProvider(providerDeps(deps), config)
  const random = (): string => toBase64Url(deps.random.bytes(32))
  const login = { state: random(), nonce: random(), verifier: random(), next, expiresAt: seconds(deps) + loginSeconds }
  const url = new URL(provider.authorizationEndpoint)
  const parameters = {
    response_type: 'code',
    client_id: config.clientId,
    redirect_uri: redirectUri(config),
    scope: config.scopes.join(' '),
    state: login.state,
    nonce: login.nonce,
    code_challenge: await challengeOf(login.verifier),
    code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  const cookie = `${loginCookie}=${await seal(deps.config, 'login', login)}; ${cookieAttributes(loginSeconds)}`
  return redirect(url.href, { 'set-cookie': cookie })
}

async function endLogin(deps: FunctionDeps, config: OidcConfig, request: Request): Promise<Response> {
  const { searchParams } = new URL(request.url)
  const login = await readLogin(deps, request)
  if (!(await isEqualConstantTime(searchParams.get('state') ?? '', login.state)))
    throw refused('it was begun elsewhere; begin again')
  const iss = searchParams.get('iss')
  // Another provider must not be able to pass for this one (RFC 9207).
  if (iss !== null && iss !== config.issuer) throw refused('the answer is of another provider')
  const code = searchParams.get('code')
  if (code === null || code === '' || code.length > 4096) throw refused('the provider gave no code')
  const ask = providerDeps(deps)
  const provider = await discoverProvider(ask, config)
  const secret = config.clientSecret === undefined ? undefined : deps.read(config.clientSecret)?.trim()
  const grant = { code, verifier: login.verifier, redirectUri: redirectUri(config) }
  const tokens = await exchangeCode(ask, provider, { id: config.clientId, secret }, grant)
  const nowMs = deps.clock.now()
  let claims = await checkIdToken(tokens.idToken, config, { nonce: login.nonce, nowMs })
  if (lacksClaims(claims, config) && provider.userinfoEndpoint !== undefined && tokens.accessToken !== undefined) {
    const more = await fetchUserinfo(ask, provider.userinfoEndpoint, tokens.accessToken)
    if (more['sub'] !== claims['sub']) throw refused('the provider speaks of somebody else')
    claims = { ...more, ...claims }
  }
  const name = checkAllowed(claims, config)
  const session = { how: 'oidc', name: name.slice(0, 200), expiresAt: seconds(deps) + sessionSeconds } as const
  deps.logger.log('info', 'signed in', { subject: String(claims['sub']).slice(0, 200) })
  const answer = redirect(safeNext(login.next), { 'set-cookie': await sessionCookie(deps.config, session) })
  answer.headers.append('set-cookie', `${loginCookie}=; ${cookieAttributes(0)}`)
  return answer
}

async function readLogin(
  deps: FunctionDeps,
  request: Request,
): Promise<{ readonly state: string; readonly nonce: string; readonly verifier: string; readonly next: string }> {
  const cookie = cookieOf(request.headers, loginCookie)
  const login = cookie === undefined ? undefined : await open(deps.config, 'login', cookie)
  const { state, nonce, verifier, next, expiresAt } = login ?? {}
  const texts = [state, nonce, verifier, next]
  if (!texts.every((text) => typeof text === 'string') || typeof expiresAt !== 'number')
    throw refused('it was begun in another browser, or too long ago; begin again')
  if (expiresAt <= seconds(deps)) throw refused('it took too long; begin again')
  return { state, nonce, verifier, next } as never
}

function providerDeps({ http, config }: FunctionDeps): ProviderDeps {
  return { http, allowHosts: config.privateHosts }
}

function redirectUri({ publicUrl }: OidcConfig): string {
  return `${publicUrl}${callbackPath}`
}

function cookieAttributes(maxAge: number): string {
  return `Path=/; Max-Age=${maxAge}; HttpOnly; Secure; SameSite=Lax`
}

async function challengeOf(verifier: string): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))))
}

function seconds({ clock }: FunctionDeps): number {
  return Math.floor(clock.now() / 1000)
}

function refused(why: string): EngineError {
  return new EngineError(`the login was refused: ${why}`, { code: 'login-refused' })
}
