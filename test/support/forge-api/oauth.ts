import { createHash, randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { ForgeKind } from '../../../src/forges/index.ts'
import type { ApiAnswer } from './types.ts'

/** An application that is registered at a forge. */
export interface OAuthClient {
  readonly id: string
  readonly secret: string
  readonly redirectUri: string
}

/** The OAuth part of a forge, after docs.github.com/apps/oauth-apps, docs.gitlab.com/api/oauth2 and docs.gitea.com/development/oauth2-provider. It checks what a client must send. */
export interface ForgeOAuth {
  client: OAuthClient
  /** What somebody's browser gets who says yes: the address to which it is led back. Throws for a request that is wrong. */
  readonly authorize: (address: string, login: string) => string
  /** Accounts that are blocked. */
  readonly blocked: Set<string>
  /** Names of accounts that changed hands: the id is another one then. */
  readonly renamed: Set<string>
  /** Every token and code that was given out: none of them may be seen anywhere. */
  readonly given: string[]
  /** Answers a request to the token endpoint, or about an account; undefined for anything else. */
  readonly answer: (call: OAuthCall) => ApiAnswer | undefined
}

interface OAuthCall {
  readonly method: string
  /** The whole path. */
  readonly pathname: string
  /** Below the base of the API. */
  readonly path: string | undefined
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** The token of the deployment was sent. */
  readonly isKnown: boolean
}

const places = {
  github: { authorize: '/login/oauth/authorize', token: '/login/oauth/access_token', scope: null },
  gitlab: { authorize: '/oauth/authorize', token: '/oauth/token', scope: 'read_user' },
  gitea: { authorize: '/login/oauth/authorize', token: '/login/oauth/access_token', scope: 'read:user' },
} as const

/** The OAuth part of a forge of a kind. */
export function createOAuth(kind: ForgeKind, origin: () => string, userId: (login: string) => number): ForgeOAuth {
  const { authorize, token, scope } = places[kind]
  const grants = new Map<string, { readonly login: string; readonly challenge: string }>()
  const owners = new Map<string, string>()
  const known = new Set<string>()
  const shown = (login: string): object => {
    const id = userId(login) + (oauth.renamed.has(login) ? 1_000_000 : 0)
    const isBlocked = oauth.blocked.has(login)
    if (kind === 'gitlab') return { id, username: login, state: isBlocked ? 'blocked' : 'active' }
    if (kind === 'gitea') return { id, login, active: true, prohibit_login: isBlocked }
    return { id, login, type: 'User', suspended_at: isBlocked ? '2026-01-01T00:00:00Z' : null }
  }
  const oauth: ForgeOAuth = {
    client: { id: '', secret: '', redirectUri: '' },
    blocked: new Set(),
    renamed: new Set(),
    given: [],
    authorize: (address, login) => {
      const { searchParams, origin: from, pathname } = new URL(address)
      if (`${from}${pathname}` !== `${origin()}${authorize}`) throw new Error(`not where one signs in: ${address}`)
      const expected = {
        response_type: 'code',
        client_id: oauth.client.id,
        redirect_uri: oauth.client.redirectUri,
        code_challenge_method: 'S256',
        scope,
      }
      for (const [name, value] of Object.entries(expected))
        if (searchParams.get(name) !== value) throw new Error(`${name} is ${searchParams.get(name)}`)
      const [state = '', challenge = ''] = ['state', 'code_challenge'].map((name) => searchParams.get(name) ?? '')
      if (state.length < 40 || challenge.length < 40) throw new Error('state or challenge are too short')
      const code = randomBytes(16).toString('hex')
      known.add(login)
      grants.set(code, { login, challenge })
      oauth.given.push(code)
      return `${oauth.client.redirectUri}?${new URLSearchParams({ code, state }).toString()}`
    },
    answer: ({ method, pathname, path, query, headers, body, isKnown }) => {
      if (pathname === token) {
        const form = new URLSearchParams(body)
        const grant = grants.get(form.get('code') ?? '')
        grants.delete(form.get('code') ?? '')
        const problem = method === 'POST' ? problemOf(form, grant?.challenge, oauth.client) : 'invalid_request'
        // GitHub says so with 200.
        if (problem !== undefined || grant === undefined)
          return { status: kind === 'github' ? 200 : 400, json: { error: problem ?? 'invalid_grant' } }
        const given = `canary-${randomBytes(16).toString('hex')}`
        owners.set(given, grant.login)
        oauth.given.push(given)
        return { status: 200, json: { access_token: given, token_type: 'bearer', scope: scope ?? '' } }
      }
      const owner = owners.get((headers.authorization ?? '').replace(/^Bearer /, ''))
      if (owner !== undefined)
        return path === '/user' ? { status: 200, json: shown(owner) } : { status: 403, json: { message: 'scope' } }
      if (!isKnown || method !== 'GET') return undefined
      const named =
        kind === 'gitlab' && path === '/users' ? query.get('username') : /^\/users\/([^/]+)$/.exec(path ?? '')?.[1]
      if (named === undefined || named === null || !known.has(named)) return undefined
      return { status: 200, json: kind === 'gitlab' ? [shown(named)] : shown(named) }
    },
  }
  return oauth
}

function problemOf(form: URLSearchParams, challenge: string | undefined, client: OAuthClient): string | undefined {
  if (form.get('client_id') !== client.id || form.get('client_secret') !== client.secret) return 'invalid_client'
  if (challenge === undefined) return 'bad_verification_code'
  if (form.get('grant_type') !== 'authorization_code') return 'unsupported_grant_type'
  if (form.get('redirect_uri') !== client.redirectUri) return 'redirect_uri_mismatch'
  const digest = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url')
  return digest === challenge ? undefined : 'invalid_grant'
}
