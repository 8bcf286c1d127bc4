import { z } from 'zod'
import { forgeHosts, type ForgeKind } from '../../src/forges/index.ts'
import type { ConfigReader } from '../reading-config.ts'
import { publicUrlOf } from '../oidc/config.ts'

/** A login at a forge: OAuth 2 with the account that somebody has there. */
export interface ForgeLogin {
  /** Part of paths, and what rules of access name. */
  readonly id: string
  readonly kind: ForgeKind
  /** `https://github.com`. */
  readonly host: string
  /** Base of the API where it is not the usual one of the host. */
  readonly api?: string
  readonly clientId: string
  /** Name of the secret with the client's secret. */
  readonly clientSecret: string
  /** Name of the secret with the deployment's own token, with which memberships and permissions are asked for. */
  readonly tokenSecret?: string
  /** Who may look at everything. */
  readonly users?: readonly string[]
  readonly groups?: readonly string[]
  /** What the login is called on the form. */
  readonly name: string
  readonly publicUrl: string
}

const titles: { readonly [kind in ForgeKind]: string } = { github: 'GitHub', gitlab: 'GitLab', gitea: 'Gitea' }

export const secretName = z
  .string()
  .regex(
    /^[A-Z][A-Z0-9_]{0,127}$/,
    'must be the name of a secret, such as GITHUB_LOGIN_SECRET; never the secret itself',
  )
export const userName = z
  .string()
  .regex(/^(?:id:\d{1,20}|[\w][\w.-]{0,254})$/, 'must be the name of an account, or id: and its number')
export const groupName = z
  .string()
  .max(1000)
  .regex(
    /^[\p{L}\p{N}_][\p{L}\p{N}_.@-]*(?:\/[\p{L}\p{N}_][\p{L}\p{N}_.@-]*)*$/u,
    'must be an organisation, organisation/team or a group',
  )

/** Entries of one list. */
export const maxEntries = 50

const schema = z
  .array(
    z.strictObject({
      id: z
        .string()
        .regex(/^[a-z][a-z0-9-]{0,19}$/, 'must be lower-case letters, digits and "-"')
        .refine((id) => id !== 'oidc', 'oidc is the login of OIDC')
        .optional(),
      forge: z.enum(['github', 'gitlab', 'gitea']),
      host: z
        .url({ protocol: /^https?$/, error: 'must be the URL of the forge' })
        .refine((url) => /^\/?$/.test(new URL(url).pathname), 'must have no path')
        .optional(),
      api: z.url({ protocol: /^https?$/, error: 'must be the URL of the API' }).optional(),
      clientId: z.string().min(1).max(200),
      clientSecret: secretName,
      tokenSecret: secretName.optional(),
      users: z.array(userName).max(maxEntries).optional(),
      groups: z.array(groupName).max(maxEntries).optional(),
      name: z.string().min(1).max(60).optional(),
    }),
  )
  .max(10)

/** Reads `LOGIN`, and what logins need besides: a key for sessions, and the URL of the deployment. Notes everything that is missing. */
export function loadForgeLogins(
  { read, parse, complain }: ConfigReader,
  sessionKeys: readonly string[],
): readonly ForgeLogin[] {
  const found = parse<z.infer<typeof schema>>('LOGIN', schema, [])
  if (found.length === 0) return []
  if (sessionKeys.length === 0) complain('SESSION_KEY', 'is missing: LOGIN needs it to sign cookies')
  const publicUrl = publicUrlOf(read('SETTINGS'))
  if (publicUrl === undefined)
    complain('SETTINGS.publicUrl', 'is missing: LOGIN needs to know where the forge leads back to')
  const logins = found.map((one, index): ForgeLogin => {
    const { forge: kind, id = kind, host = forgeHosts[kind], ...rest } = one
    const at = `LOGIN.${index}`
    if (host === undefined) complain(`${at}.host`, 'is missing: this forge has no home of its own')
    for (const field of ['clientSecret', 'tokenSecret'] as const) {
      const name = rest[field]
      if (name !== undefined && (read(name) ?? '').trim() === '')
        complain(`${at}.${field}`, `there is no secret ${name}`)
    }
    if (rest.groups !== undefined && rest.tokenSecret === undefined) complain(`${at}.tokenSecret`, tokenWanted)
    const { users, groups, tokenSecret, api } = rest
    return {
      id,
      kind,
      host: host === undefined ? '' : new URL(host).origin,
      clientId: rest.clientId,
      clientSecret: rest.clientSecret,
      name: rest.name ?? titles[kind],
      publicUrl: publicUrl ?? '',
      ...(api === undefined ? {} : { api }),
      ...(tokenSecret === undefined ? {} : { tokenSecret }),
      ...(users === undefined ? {} : { users }),
      ...(groups === undefined ? {} : { groups }),
    }
  })
  const ids = logins.map(({ id }) => id)
  for (const [index, id] of ids.entries())
    if (ids.indexOf(id) < index) complain(`LOGIN.${index}.id`, `there are two logins '${id}'; give one another id`)
  return logins
}

/** Why a login has to have a token. */
export const tokenWanted = 'is missing: with it the deployment asks who is a member, and what somebody may do'
