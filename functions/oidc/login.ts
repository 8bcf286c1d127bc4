import type { Hono } from 'hono'
import { grantsOf, wantedFacts } from '../access/rules.ts'
import type { FunctionDeps } from '../deps.ts'
import { beginFlow, endFlow, finishLogin, guardLogin, refused, type RefuseLogin } from '../login/flow.ts'
import { safeNext } from '../page-response.ts'
import { verifyTools } from '../verify-tools.ts'
import { checkIdToken, identityOf, lacksClaims, nameOf } from './claims.ts'
import type { OidcConfig } from './config.ts'
import { discoverProvider, exchangeCode, fetchUserinfo, type ProviderDeps } from './provider.ts'

const callbackPath = '/ui/callback'

/**
 * Adds the login at the provider (authorization code with PKCE, state and nonce). `onRefused` makes the page that says why somebody is not let in.
 */
export function addLogin(app: Hono, deps: FunctionDeps, config: OidcConfig, onRefused: RefuseLogin): void {
  const guarded = (request: Request, work: () => Promise<Response>): Promise<Response> =>
    guardLogin(deps, 'oidc', request, { work, onRefused })
  app.get('/ui/login', (c) => guarded(c.req.raw, () => beginLogin(deps, config, safeNext(c.req.query('next')))))
  app.get(callbackPath, (c) => guarded(c.req.raw, () => endLogin(deps, config, c.req.raw)))
}

async function beginLogin(deps: FunctionDeps, config: OidcConfig, next: string): Promise<Response> {
  const provider = await discoverProvider(providerDeps(deps), config)
  return beginFlow(deps, 'oidc', next, {
    authorize: provider.authorizationEndpoint,
    clientId: config.clientId,
    redirectUri: redirectUri(config),
    scope: config.scopes.join(' '),
    hasNonce: true,
  })
}

async function endLogin(deps: FunctionDeps, config: OidcConfig, request: Request): Promise<Response> {
  const { flow, code } = await endFlow(deps, request, { login: 'oidc', isIssuer: (iss) => iss === config.issuer })
  const ask = providerDeps(deps)
  const provider = await discoverProvider(ask, config)
  const secret = config.clientSecret === undefined ? undefined : deps.read(config.clientSecret)?.trim()
  const grant = { code, verifier: flow.verifier, redirectUri: redirectUri(config) }
  const tokens = await exchangeCode(ask, provider, { id: config.clientId, secret }, grant)
  const nowMs = deps.clock.now()
  let claims = await checkIdToken(tokens.idToken, config, { nonce: flow.nonce, nowMs, tools: verifyTools(deps) })
  const { rules = [] } = deps.config.reading
  const wanted = wantedFacts(rules, 'oidc')
  const wantsEmail = rules.some(({ login, emails }) => login === 'oidc' && emails !== undefined)
  const lacks = lacksClaims(claims, config.groupsClaim, { ...wanted, wantsEmail })
  if (lacks && provider.userinfoEndpoint !== undefined && tokens.accessToken !== undefined) {
    const more = await fetchUserinfo(ask, provider.userinfoEndpoint, tokens.accessToken)
    if (more['sub'] !== claims['sub']) throw refused('the provider speaks of somebody else')
    claims = { ...more, ...claims }
  }
  const identity = identityOf(claims, config.groupsClaim, wanted)
  const name = nameOf(claims)
  if (grantsOf(rules, identity).length === 0)
    throw refused('you are signed in there, but may not read here', `${identity.user} (${name})`)
  return finishLogin(deps, flow, { name, identity })
}

function providerDeps({ http, config }: FunctionDeps): ProviderDeps {
  return { http, allowHosts: config.privateHosts }
}

function redirectUri({ publicUrl }: OidcConfig): string {
  return `${publicUrl}${callbackPath}`
}
