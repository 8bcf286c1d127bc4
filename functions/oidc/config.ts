import { z } from 'zod'
import type { ConfigReader } from '../reading-config.ts'

/** A login at an OpenID provider for those who read. */
export interface OidcConfig {
  readonly issuer: string
  readonly clientId: string
  /** Name of the secret with the client's secret; left out for a client that has none. */
  readonly clientSecret?: string
  /** Who may look at everything: members of one of the groups, or bearers of one of the addresses (`*@example.com`). Others only as rules of access say. */
  readonly groups?: readonly string[]
  readonly emails?: readonly string[]
  /** Claim with the groups. */
  readonly groupsClaim: string
  readonly scopes: readonly string[]
  /** What the login is called on the form. */
  readonly name: string
  /** URL of the deployment, to which the provider leads back. */
  readonly publicUrl: string
}

const schema = z.strictObject({
  issuer: z.url({ protocol: /^https?$/, error: 'must be the URL of the provider' }),
  clientId: z.string().min(1),
  clientSecret: z
    .string()
    .regex(
      /^[A-Z][A-Z0-9_]{0,127}$/,
      'must be the name of a secret, such as OIDC_CLIENT_SECRET; never the secret itself',
    )
    .optional(),
  groups: z.array(z.string().min(1)).optional(),
  emails: z.array(z.string().regex(/^(\*|[^@*\s]+)@[^@*\s]+$/, 'must be an address, or *@ and a domain')).optional(),
  groupsClaim: z.string().min(1).optional(),
  scopes: z.array(z.string().regex(/^[!#-[\]-~]+$/)).optional(),
  name: z.string().min(1).max(60).optional(),
})

/** Reads `OIDC`, and what a login needs besides: a key for sessions, and the URL of the deployment. Notes everything that is missing. */
export function loadOidcConfig(
  { read, parse, complain }: ConfigReader,
  sessionKeys: readonly string[],
): { readonly oidc?: OidcConfig } {
  const found = parse<z.infer<typeof schema> | undefined>('OIDC', schema, undefined)
  if (found === undefined) return {}
  if (sessionKeys.length === 0) complain('SESSION_KEY', 'is missing: OIDC needs it to sign cookies')
  const { clientSecret } = found
  if (clientSecret !== undefined && (read(clientSecret) ?? '') === '')
    complain('OIDC.clientSecret', `there is no secret ${clientSecret}`)
  const publicUrl = publicUrlOf(read('SETTINGS'))
  if (publicUrl === undefined)
    complain('SETTINGS.publicUrl', 'is missing: OIDC needs to know where the provider leads back to')
  return {
    oidc: {
      issuer: found.issuer,
      clientId: found.clientId,
      ...(clientSecret === undefined ? {} : { clientSecret }),
      ...(found.groups === undefined ? {} : { groups: found.groups }),
      ...(found.emails === undefined ? {} : { emails: found.emails.map((email) => email.toLowerCase()) }),
      groupsClaim: found.groupsClaim ?? 'groups',
      scopes: [...new Set(['openid', ...(found.scopes ?? ['email', 'profile'])])],
      name: found.name ?? new URL(found.issuer).host,
      publicUrl: publicUrl ?? '',
    },
  }
}

/** The URL of the deployment in `SETTINGS`, without a slash at its end. */
export function publicUrlOf(settings: string | undefined): string | undefined {
  try {
    const { publicUrl } = JSON.parse(settings ?? '{}') as { readonly publicUrl?: unknown }
    return typeof publicUrl === 'string' && URL.canParse(publicUrl) ? publicUrl.replace(/\/+$/, '') : undefined
  } catch {
    return undefined // What is wrong with SETTINGS is told where it is read.
  }
}
