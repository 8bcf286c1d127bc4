import { EngineError } from '../../src/base/index.ts'
import type { Action } from '../authorize-action.ts'
import type { FunctionDeps } from '../deps.ts'
import { findToken, sessionOf, type LoginSession } from '../session.ts'
import { loadPlaceFacts } from './facts.ts'
import { membershipsOf } from './memberships.ts'
import { hasRole, mayDo, maySee, maySeePartOf, type AccessTarget, type Principal, type Role } from './roles.ts'
import { grantsOf } from './rules.ts'

/** Somebody who has proven who they are, and what follows from it for any place. */
export interface Visitor {
  readonly how: 'token' | 'session'
  /** Goes into records; undefined for the tokens of the whole deployment, which have no names. */
  readonly name: string
  readonly mayDo: (action: Action, target: AccessTarget | readonly AccessTarget[]) => boolean
  readonly hasRole: (role: Role, target: AccessTarget | readonly AccessTarget[]) => boolean
  readonly maySee: (target: AccessTarget) => boolean
  /** Whether anything of a cluster may be seen, and so that there is one of this name. */
  readonly maySeePartOf: (cluster: string) => boolean
}

/** Seconds that an OpenID provider's word counts. Then the browser is led there again, where whoever is still signed in and still a member comes back without noticing. */
const provenSeconds = 15 * 60

/**
 * Who sends a request: by a session, else by a bearer token. Roles are looked up anew, from an answer of the login that is some minutes old at most.
 *
 * @returns undefined where nothing is proven, and for who has no role any more.
 * @throws EngineError `login-renewal` where an OpenID provider has to be asked again; `login-unavailable` where a forge does not answer.
 */
export async function visitorOf(deps: FunctionDeps, request: Request): Promise<Visitor | undefined> {
  const session = await sessionOf(deps.config, request.headers, deps.clock.now())
  if (session?.how === 'login') return ofLogin(deps, session)
  if (session !== undefined) return visitor(deps, 'session', { name: session.name, grants: [session.grant] })
  const token = await bearerOf(deps, request.headers)
  return token === undefined ? undefined : visitor(deps, 'token', { name: token.name, grants: [token.grant] })
}

/** The visitor of a bearer token; undefined where it is none of ours. */
export async function visitorOfToken(deps: FunctionDeps, headers: Headers): Promise<Visitor | undefined> {
  const token = await bearerOf(deps, headers)
  return token === undefined ? undefined : visitor(deps, 'token', { name: token.name, grants: [token.grant] })
}

function bearerOf({ config, clock }: FunctionDeps, headers: Headers): ReturnType<typeof findToken> {
  const given = /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1] ?? ''
  return findToken(config, given, clock.now())
}

async function ofLogin(deps: FunctionDeps, { name, identity, provenAt }: LoginSession): Promise<Visitor | undefined> {
  const { rules = [], logins = [] } = deps.config.reading
  const login = logins.find(({ id }) => id === identity.login)
  if (login === undefined) {
    if (identity.login !== 'oidc' || deps.config.reading.oidc === undefined) return undefined
    if (deps.clock.now() / 1000 - provenAt > provenSeconds)
      throw new EngineError('the login provider has to be asked again; sign in', { code: 'login-renewal' })
    return visitor(deps, 'session', { name, grants: grantsOf(rules, identity) })
  }
  const { isActive, groups, permissions } = await membershipsOf(deps, login, identity)
  if (!isActive) return undefined
  return visitor(deps, 'session', { name, grants: grantsOf(rules, { ...identity, groups, permissions }) })
}

async function visitor(deps: FunctionDeps, how: Visitor['how'], principal: Principal): Promise<Visitor | undefined> {
  if (principal.grants.length === 0) return undefined
  const facts = await loadPlaceFacts(deps, principal.grants)
  return {
    how,
    name: principal.name,
    mayDo: (action, target) => mayDo(principal, action, target, facts),
    hasRole: (role, target) => hasRole(principal, role, target, facts),
    maySee: (target) => maySee(principal, target, facts),
    maySeePartOf: (cluster) => maySeePartOf(principal, cluster, facts),
  }
}
