import type { Permission } from '../../src/forges/index.ts'
import type { Grant, Role, Scope } from './roles.ts'

/** Gives a role to some of those who sign in. Every kind of condition that is there must fit, with any of its entries. */
export interface AccessRule {
  /** Id of the login: what others say of somebody proves nothing here. */
  readonly login: string
  /** Names of accounts, or `id:` and the forge's number, which stays when a name changes hands. At an OpenID provider the claim `sub`. */
  readonly users?: readonly string[]
  /** Organisations, teams in them (`team/leads`) and groups. */
  readonly groups?: readonly string[]
  /** Addresses that the provider has verified; `*@example.com` for all of a domain. */
  readonly emails?: readonly string[]
  /** All of them, with these values. */
  readonly claims?: { readonly [name: string]: string }
  /** `owner/name` at the forge: who may write there is an operator, who may maintain it a maintainer, who administers it an admin, who may read it a viewer. `role` is then the most that this gives. */
  readonly repository?: string
  readonly role: Role
  readonly scope: Scope
}

/** Somebody who has signed in, as far as a login has proven it. */
export interface Identity {
  readonly login: string
  /** Name of the account; the subject at an OpenID provider. */
  readonly user: string
  /** The forge's own id of the account. */
  readonly id?: string
  /** A verified address. */
  readonly email?: string
  readonly groups: readonly string[]
  readonly claims?: { readonly [name: string]: string }
  /** By repository. */
  readonly permissions?: { readonly [repository: string]: Permission }
}

const roleOfPermission: { readonly [permission in Permission]: Role | undefined } = {
  admin: 'admin',
  maintain: 'maintainer',
  write: 'operator',
  triage: 'viewer',
  read: 'viewer',
  none: undefined,
}
const order: readonly Role[] = ['viewer', 'operator', 'maintainer', 'admin']

/** The roles that rules give to somebody. Without a rule that fits there are none. */
export function grantsOf(rules: readonly AccessRule[], identity: Identity): readonly Grant[] {
  return rules.flatMap((rule) => {
    if (!fitsRule(rule, identity)) return []
    const role = roleOf(rule, identity)
    return role === undefined ? [] : [{ role, scope: rule.scope }]
  })
}

function fitsRule(rule: AccessRule, identity: Identity): boolean {
  const { users, groups, emails, claims, repository } = rule
  const conditions = [users, groups, emails, claims, repository].filter((one) => one !== undefined)
  if (rule.login !== identity.login || conditions.length === 0) return false
  return (
    (users === undefined || users.some((user) => isUser(user, identity))) &&
    (groups === undefined || groups.some((group) => identity.groups.includes(group))) &&
    (emails === undefined || emails.some((pattern) => isAddress(pattern, identity.email))) &&
    (claims === undefined || hasClaims(claims, identity.claims ?? {}))
  )
}

function roleOf({ repository, role }: AccessRule, { permissions = {} }: Identity): Role | undefined {
  if (repository === undefined) return role
  const permission = Object.hasOwn(permissions, repository) ? permissions[repository] : undefined
  const given = permission === undefined ? undefined : roleOfPermission[permission]
  return given === undefined || order.indexOf(given) <= order.indexOf(role) ? given : role
}

function isUser(wanted: string, { user, id }: Identity): boolean {
  if (wanted.startsWith('id:')) return id !== undefined && wanted === `id:${id}`
  return user !== '' && wanted === user
}

function isAddress(pattern: string, email: string | undefined): boolean {
  if (email === undefined) return false
  return pattern === email || (pattern.startsWith('*@') && email.endsWith(pattern.slice(1)))
}

function hasClaims(wanted: { readonly [name: string]: string }, given: { readonly [name: string]: string }): boolean {
  const entries = Object.entries(wanted)
  return entries.length > 0 && entries.every(([name, value]) => Object.hasOwn(given, name) && given[name] === value)
}

/** What has to be known of somebody to judge them by the rules of a login. */
export function wantedFacts(
  rules: readonly AccessRule[],
  login: string,
): {
  readonly groups: readonly string[]
  readonly repositories: readonly string[]
  readonly claims: readonly string[]
} {
  const own = rules.filter((rule) => rule.login === login)
  return {
    groups: [...new Set(own.flatMap(({ groups = [] }) => groups))],
    repositories: [...new Set(own.flatMap(({ repository }) => repository ?? []))],
    claims: [...new Set(own.flatMap(({ claims = {} }) => Object.keys(claims)))],
  }
}
