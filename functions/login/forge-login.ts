import type { Hono } from 'hono'
import { z } from 'zod'
import { isEngineError } from '../../src/base/index.ts'
import { oauthPlaces, readOwnAccount, type ForgeAccount } from '../../src/forges/index.ts'
import { membershipsOf } from '../access/memberships.ts'
import { grantsOf, type Identity } from '../access/rules.ts'
import type { FunctionDeps } from '../deps.ts'
import { askProvider, checkSecure, parseProvider, type ProviderDeps } from '../oidc/provider.ts'
import { safeNext } from '../page-response.ts'
import type { ForgeLogin } from './config.ts'
import { beginFlow, endFlow, finishLogin, guardLogin, refused, type RefuseLogin } from './flow.ts'

/** GitHub answers errors with 200, too. */
const tokenAnswer = z.union([
  z.object({ access_token: z.string().min(1).max(8192), token_type: z.string() }),
  z.object({ error: z.string() }),
])
/** Longest time that asking who somebody is may take. */
const accountTimeoutMs = 10_000

/**
 * Adds a login at a forge (OAuth 2, authorization code with PKCE and state). Each has a way back of its own, so that an answer of one cannot be taken for that of another. The person's token is asked once who they are, and
 * kept nowhere: what they may see is asked with the deployment's own.
 */
export function addForgeLogin(app: Hono, deps: FunctionDeps, login: ForgeLogin, onRefused: RefuseLogin): void {
  const guarded = (request: Request, work: () => Promise<Response>): Promise<Response> =>
    guardLogin(deps, login.id, request, { work, onRefused })
  app.get(`/ui/login/${login.id}`, (c) => guarded(c.req.raw, () => begin(deps, login, safeNext(c.req.query('next')))))
  app.get(`/ui/callback/${login.id}`, (c) => guarded(c.req.raw, () => end(deps, login, c.req.raw)))
}

async function begin(deps: FunctionDeps, login: ForgeLogin, next: string): Promise<Response> {
  const { authorize, scope } = oauthPlaces(login.kind, login.host)
  checkSecure(providerDeps(deps), authorize)
  return beginFlow(deps, login.id, next, {
    authorize,
    clientId: login.clientId,
    redirectUri: redirectUri(login),
    scope,
    hasNonce: false,
  })
}

async function end(deps: FunctionDeps, login: ForgeLogin, request: Request): Promise<Response> {
  const { flow, code } = await endFlow(deps, request, { login: login.id, isIssuer: isOf(login) })
  const token = await exchange(deps, login, { code, verifier: flow.verifier })
  const account = await accountOf(deps, login, token)
  const named = `${account.login} (${account.id})`
  if (!account.isActive) throw refused('this account is blocked', named)
  const identity: Identity = { login: login.id, user: account.login, id: account.id, groups: [] }
  const found = await membershipsOf(deps, login, identity)
  const { rules = [] } = deps.config.reading
  const grants = grantsOf(rules, { ...identity, groups: found.groups, permissions: found.permissions })
  if (!found.isActive || grants.length === 0) throw refused('you are signed in there, but may not read here', named)
  return finishLogin(deps, flow, { name: account.login, identity })
}

/** Forges name themselves with a path, or without one. */
function isOf({ host }: ForgeLogin): (iss: string) => boolean {
  return (iss) => URL.canParse(iss) && new URL(iss).origin === host
}

async function exchange(
  deps: FunctionDeps,
  login: ForgeLogin,
  grant: { readonly code: string; readonly verifier: string },
): Promise<string> {
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: login.clientId,
    client_secret: deps.read(login.clientSecret)?.trim() ?? '',
    code: grant.code,
    code_verifier: grant.verifier,
    redirect_uri: redirectUri(login),
  })
  const answer = await askProvider(providerDeps(deps), {
    method: 'POST',
    url: oauthPlaces(login.kind, login.host).token,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  })
  const found = parseProvider(tokenAnswer, answer)
  if ('error' in found) throw refused(`${login.name} did not accept it; begin again`)
  if (found.token_type.toLowerCase() !== 'bearer') throw refused(`${login.name} gave a token of another type`)
  return found.access_token
}

async function accountOf(deps: FunctionDeps, login: ForgeLogin, token: string): Promise<ForgeAccount> {
  const ask = {
    http: deps.http,
    egress: { allowHosts: deps.config.privateHosts },
    signal: AbortSignal.timeout(accountTimeoutMs),
  }
  const target = { host: login.host, token, ...(login.api === undefined ? {} : { api: login.api }) }
  try {
    return await readOwnAccount(login.kind, ask, target)
  } catch (caught) {
    const code = isEngineError(caught) ? caught.code : 'unexpected'
    deps.logger.log('warn', 'account not read', { login: login.id, code })
    throw refused(`${login.name} does not say who you are; begin again`)
  }
}

function providerDeps({ http, config }: FunctionDeps): ProviderDeps {
  return { http, allowHosts: config.privateHosts }
}

function redirectUri({ publicUrl, id }: ForgeLogin): string {
  return `${publicUrl}/ui/callback/${id}`
}
