import { z } from 'zod'
import { groupName, maxEntries, secretName, tokenWanted, userName, type ForgeLogin } from '../login/config.ts'
import type { OidcConfig } from '../oidc/config.ts'
import type { ConfigReader } from '../reading-config.ts'
import { roles, type Grant, type Role, type Scope } from './roles.ts'
import type { AccessRule } from './rules.ts'

/** A bearer token with a name and a role. */
export interface NamedToken {
  readonly name: string
  /** The token itself; several while it is being replaced. Never printed. */
  readonly tokens: readonly string[]
  readonly grant: Grant
  /** Milliseconds since 1970. */
  readonly expiresAt?: number
}

/** What everybody may see without signing in: names and states, of these. */
export type PublicScope = Pick<Scope, 'clusters' | 'namespaces'>

const pattern = z.string().regex(/^[a-z0-9.*-]+$/, 'must be a name; "*" stands for any part')
const patterns = z.array(pattern).min(1, 'name at least one').max(maxEntries)
const scopeFields = {
  clusters: patterns.optional(),
  namespaces: patterns.optional(),
  tenants: z.array(z.string().min(1)).min(1, 'name at least one').max(maxEntries).optional(),
}
const role = z.enum(roles)

const ruleSchema = z
  .strictObject({
    login: z.string().optional(),
    users: z.array(z.string().min(1).max(255)).min(1).max(maxEntries).optional(),
    groups: z.array(z.string().min(1).max(1000)).min(1).max(maxEntries).optional(),
    emails: z
      .array(z.string().regex(/^(\*|[^@*\s]+)@[^@*\s]+$/, 'must be an address, or *@ and a domain'))
      .min(1)
      .max(maxEntries)
      .optional(),
    claims: z.record(z.string(), z.string().min(1)).optional(),
    repository: z
      .string()
      .regex(/^[\w.-]+(?:\/[\w.-]+)+$/, 'must be owner/name')
      .optional(),
    /** Only objects whose source is the repository. */
    fromRepository: z.literal(true).optional(),
    role: role.optional(),
    ...scopeFields,
  })
  .superRefine((rule, context) => {
    const complain = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message })
    const { users, groups, emails, claims = {}, repository, fromRepository } = rule
    const isSomebody = [users, groups, emails, repository].some((one) => one !== undefined)
    if (!isSomebody && Object.keys(claims).length === 0)
      context.addIssue({ code: 'custom', message: 'say who: users, groups, emails, claims or repository' })
    if (rule.role === undefined && repository === undefined) complain('role', `is missing: ${roles.join(', ')}`)
    if (fromRepository === true && repository === undefined) complain('fromRepository', 'needs a repository')
  })

const tokenSchema = z
  .array(
    z.strictObject({
      name: z.string().regex(/^[A-Za-z0-9][\w .@-]{0,59}$/, 'must be letters, digits, spaces, ".", "-", "_" and "@"'),
      tokenSecret: secretName,
      role,
      expires: z.iso.datetime({ offset: true, error: 'must be a time such as 2027-01-31T00:00:00Z' }).optional(),
      ...scopeFields,
    }),
  )
  .max(100)

const publicSchema = z.union(
  [z.boolean(), z.strictObject({ clusters: patterns.optional(), namespaces: patterns.optional() })],
  { error: 'must be true, false or {"clusters": […], "namespaces": […]}' },
)

/** Reads `PUBLIC_READ`: `true` for all clusters, or which. */
export function loadPublicScope({ parse }: ConfigReader): PublicScope | undefined {
  const found = parse<z.infer<typeof publicSchema>>('PUBLIC_READ', publicSchema, false)
  if (found === false) return undefined
  return found === true ? {} : scopeOf(found)
}

/** Reads `TOKENS`. */
export function loadNamedTokens({ parse, read, secrets, complain }: ConfigReader): readonly NamedToken[] {
  const found = parse<z.infer<typeof tokenSchema>>('TOKENS', tokenSchema, [])
  return found.map((one, index) => {
    if ((read(one.tokenSecret) ?? '') === '')
      complain(`TOKENS.${index}.tokenSecret`, `there is no secret ${one.tokenSecret}`)
    if (found.findIndex(({ name }) => name === one.name) < index)
      complain(`TOKENS.${index}.name`, `there are two tokens '${one.name}'`)
    return {
      name: one.name,
      tokens: secrets(one.tokenSecret),
      grant: { role: one.role, scope: scopeOf(one) },
      ...(one.expires === undefined ? {} : { expiresAt: Date.parse(one.expires) }),
    }
  })
}

/** Reads `ACCESS`, and adds the rules that the logins themselves make: those whom they name may look at everything. */
export function loadAccessRules(
  { parse, complain }: ConfigReader,
  logins: readonly ForgeLogin[],
  oidc: OidcConfig | undefined,
): readonly AccessRule[] {
  const found = parse<readonly z.infer<typeof ruleSchema>[]>('ACCESS', z.array(ruleSchema).max(200), [])
  const known = [...(oidc === undefined ? [] : ['oidc']), ...logins.map(({ id }) => id)]
  const named = found.flatMap((given, index): readonly AccessRule[] => {
    const at = `ACCESS.${index}`
    const login = given.login ?? (known.length === 1 ? known[0] : undefined)
    if (login === undefined || !known.includes(login)) {
      complain(
        `${at}.login`,
        known.length === 0 ? 'there is no login: give OIDC or LOGIN' : `must be one of ${known.join(', ')}`,
      )
      return []
    }
    const forge = logins.find(({ id }) => id === login)
    for (const [field, message] of forge === undefined ? oidcProblems(given) : forgeProblems(given, forge))
      complain(`${at}.${field}`, message)
    return [ruleOf(given, login, forge)]
  })
  const rules = [...named, ...ownRules(logins, oidc)]
  if (oidc !== undefined && !rules.some(({ login }) => login === 'oidc'))
    complain('OIDC', 'name groups or emails that may read, or rules in ACCESS')
  for (const [index, { id }] of logins.entries())
    if (!rules.some(({ login }) => login === id))
      complain(`LOGIN.${index}`, 'name users or groups that may read, or rules in ACCESS')
  return rules
}

function ruleOf(given: z.infer<typeof ruleSchema>, login: string, forge: ForgeLogin | undefined): AccessRule {
  const { users, groups, emails, claims, repository, fromRepository } = given
  const source =
    fromRepository === true && forge !== undefined
      ? { repository: `${forge.host}/${repository ?? ''}`.toLowerCase() }
      : {}
  return {
    login,
    role: given.role ?? 'admin',
    scope: { ...scopeOf(given), ...source },
    ...(users === undefined ? {} : { users }),
    ...(groups === undefined ? {} : { groups }),
    ...(emails === undefined ? {} : { emails: emails.map((email) => email.toLowerCase()) }),
    ...(claims === undefined ? {} : { claims }),
    ...(repository === undefined ? {} : { repository }),
  }
}

function ownRules(logins: readonly ForgeLogin[], oidc: OidcConfig | undefined): readonly AccessRule[] {
  const reads = { role: 'viewer' as Role, scope: {} }
  const of = (login: string, lists: Pick<AccessRule, 'users' | 'groups' | 'emails'>): readonly AccessRule[] =>
    Object.entries(lists)
      .filter(([, list]) => list.length > 0)
      .map(([field, list]) => ({ login, ...reads, [field]: list }))
  const { groups = [], emails = [] } = oidc ?? {}
  return [
    ...of('oidc', { groups, emails }),
    ...logins.flatMap((login) => of(login.id, { users: login.users ?? [], groups: login.groups ?? [] })),
  ]
}

function forgeProblems(given: z.infer<typeof ruleSchema>, forge: ForgeLogin): readonly (readonly [string, string])[] {
  const problems: (readonly [string, string])[] = []
  const { users = [], groups = [], emails, claims, repository } = given
  if (emails !== undefined) problems.push(['emails', 'forges are asked for no addresses; name users or groups'])
  if (claims !== undefined) problems.push(['claims', 'only an OpenID provider has claims'])
  if (users.some((user) => !userName.safeParse(user).success))
    problems.push(['users', 'must be names of accounts, or id: and their numbers'])
  if (groups.some((group) => !groupName.safeParse(group).success))
    problems.push(['groups', 'must be an organisation, organisation/team or a group'])
  if ((groups.length > 0 || repository !== undefined) && forge.tokenSecret === undefined)
    problems.push(['login', `tokenSecret of the login ${forge.id} ${tokenWanted}`])
  return problems
}

function oidcProblems({ repository }: z.infer<typeof ruleSchema>): readonly (readonly [string, string])[] {
  return repository === undefined ? [] : [['repository', 'only logins at forges know repositories']]
}

function scopeOf(given: {
  readonly [field in 'clusters' | 'namespaces' | 'tenants']?: readonly string[] | undefined
}): Scope {
  const { clusters, namespaces, tenants } = given
  return {
    ...(clusters === undefined ? {} : { clusters }),
    ...(namespaces === undefined ? {} : { namespaces }),
    ...(tenants === undefined ? {} : { tenants }),
  }
}
