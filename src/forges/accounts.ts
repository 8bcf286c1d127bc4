import { z } from 'zod'
import { apiBase, parseAnswer } from './answer.ts'
import { giteaHeaders } from './gitea.ts'
import { gitHubApiOf, gitHubHeaders } from './github.ts'
import { gitLabHeaders } from './gitlab.ts'
import { namePart } from './pull-call.ts'
import { forgeCaller, type ForgeRequest } from './request.ts'
import type { ForgeDeps, ForgeKind, ForgeTarget } from './types.ts'

/** Where a forge is asked, and with which token. */
export type AccountTarget = Pick<ForgeTarget, 'host' | 'api' | 'token'>

/** An account at a forge. */
export interface ForgeAccount {
  /** The forge's own id, which stays when a name changes hands. */
  readonly id: string
  readonly login: string
  /** Not blocked, not suspended, not waiting for somebody's approval. */
  readonly isActive: boolean
}

/** Where somebody's browser is sent to sign in at a forge, and where the code is exchanged (RFC 6749). */
export interface OAuthPlaces {
  readonly authorize: string
  readonly token: string
  /** What is asked for: to know who somebody is, and nothing else. Left out where that needs no scope. */
  readonly scope?: string
}

const accepted = 'an account that may sign in'
const gitHubUser = z.object({ id: z.number(), login: z.string(), suspended_at: z.string().nullish() })
const gitLabUser = z.object({ id: z.number(), username: z.string(), state: z.string() })
const giteaUser = z.object({
  id: z.number(),
  login: z.string(),
  active: z.boolean().nullish(),
  prohibit_login: z.boolean().nullish(),
})

const places = {
  github: { authorize: '/login/oauth/authorize', token: '/login/oauth/access_token' },
  gitlab: { authorize: '/oauth/authorize', token: '/oauth/token', scope: 'read_user' },
  gitea: { authorize: '/login/oauth/authorize', token: '/login/oauth/access_token', scope: 'read:user' },
} as const satisfies { readonly [kind in ForgeKind]: OAuthPlaces }

/** The OAuth places of a forge (docs.github.com/apps/oauth-apps, docs.gitlab.com/api/oauth2, docs.gitea.com/development/oauth2-provider). */
export function oauthPlaces(kind: ForgeKind, host: string): OAuthPlaces {
  const found: OAuthPlaces = places[kind]
  return { ...found, authorize: `${host}${found.authorize}`, token: `${host}${found.token}` }
}

/** The account whose OAuth token this is. Throws the EngineErrors of {@link Forge}. */
export async function readOwnAccount(kind: ForgeKind, deps: ForgeDeps, target: AccountTarget): Promise<ForgeAccount> {
  const call = forgeCaller(deps, () => target.token, kind === 'github' ? gitHubHeaders : bearerHeaders)
  return accountOf(kind, (await call('GET', `${apiOf(kind, target)}/user`, accepted)).json)
}

/** The account with a name now, asked for with a token of our own; undefined where there is none. Throws the EngineErrors of {@link Forge}. */
export async function readAccount(
  kind: ForgeKind,
  deps: ForgeDeps,
  target: AccountTarget,
  login: string,
): Promise<ForgeAccount | undefined> {
  const headers = { github: gitHubHeaders, gitlab: gitLabHeaders, gitea: giteaHeaders }[kind]
  const call = forgeCaller(deps, () => target.token, headers)
  const api = apiOf(kind, target)
  if (kind === 'gitlab') {
    const { json } = await call('GET', `${api}/users?username=${namePart(login)}`, 'the scope read_api')
    const found = parseAnswer('GitLab', z.array(z.unknown()), json).map((one) => accountOf(kind, one))
    return found.find((one) => one.login.toLowerCase() === login.toLowerCase())
  }
  const { status, json } = await call('GET', `${api}/users/${namePart(login)}`, 'to read accounts', { accept: [404] })
  return status === 404 ? undefined : accountOf(kind, json)
}

function accountOf(kind: ForgeKind, json: unknown): ForgeAccount {
  if (kind === 'gitlab') {
    const { id, username, state } = parseAnswer('GitLab', gitLabUser, json)
    return { id: String(id), login: username, isActive: state === 'active' }
  }
  if (kind === 'gitea') {
    const { id, login, active, prohibit_login: isProhibited } = parseAnswer('Gitea', giteaUser, json)
    return { id: String(id), login, isActive: active !== false && isProhibited !== true }
  }
  const { id, login, suspended_at: suspendedAt } = parseAnswer('GitHub', gitHubUser, json)
  return { id: String(id), login, isActive: typeof suspendedAt !== 'string' }
}

function apiOf(kind: ForgeKind, target: AccountTarget): string {
  return kind === 'github' ? gitHubApiOf(target) : apiBase(target, kind === 'gitlab' ? '/api/v4' : '/api/v1')
}

function bearerHeaders(token: string): ForgeRequest['headers'] {
  return { authorization: `Bearer ${token}`, accept: 'application/json' }
}
