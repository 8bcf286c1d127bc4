import { z } from 'zod'
import { managedClusterProblem } from '../src/cloud/index.ts'
import { defaultAudience, deploymentSubject, isSubjectName, parseFixedKeys } from '../src/identity/index.ts'
import type { ClusterConfig } from './config.ts'

/** Who the deployment is to a cluster, in place of a credential that is stored. */
export type ClusterIdentity =
  | { readonly kind: 'oidc'; readonly audience?: string; readonly subject?: string }
  | { readonly kind: 'aws' | 'gcp' | 'azure'; readonly cluster: string }

/** The deployment as an issuer. */
export interface IssuerConfig {
  /** Without a slash at its end. */
  readonly url: string
  /** `sealed`: the secrets that seal the keys in the state store. `fixed`: the keys are a secret, which is read when it is used. */
  readonly keys: { readonly kind: 'sealed'; readonly secrets: readonly string[] } | { readonly kind: 'fixed' }
  readonly tokenMs: number
  readonly rotateEveryMs: number
}

/** Text that stands in a token and in the configuration of an API server. */
const audience = z.string().regex(/^[\x21-\x7e]{1,200}$/, 'must be 1 to 200 characters without white space')

/** `CLUSTERS[].identity`. */
export const identitySchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('oidc'),
    audience: audience.optional(),
    subject: z
      .string()
      .refine(isSubjectName, "must begin with 'sluice:'")
      .refine((name) => !name.startsWith('sluice:tenant:'), "names of tenants are not the deployment's")
      .optional(),
  }),
  ...(['aws', 'gcp', 'azure'] as const).map((kind) =>
    z.strictObject({
      kind: z.literal(kind),
      cluster: z.string().superRefine((cluster, context) => {
        const problem = managedClusterProblem(kind, cluster)
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
      }),
    }),
  ),
])

/** What contradicts the identity of a cluster: field and message. */
export function identityProblems(cluster: ClusterConfig): readonly (readonly [field: string, message: string])[] {
  const { identity } = cluster
  if (identity === undefined) return []
  const others = (['tokenSecret', 'kubeconfig'] as const).filter((field) => cluster[field] !== undefined)
  return [
    ...others.map((field) => [field, 'is a second way to log in beside identity; leave one of them out'] as const),
    ...(cluster.clientCertSecret === undefined
      ? []
      : [
          [
            'clientCertSecret',
            'an API server that trusts the certificate would take it for every request and not look at the token: whatever acts as somebody else would act as the certificate',
          ] as const,
        ]),
  ]
}

const hour = 3_600_000
const issuerSchema = z.strictObject({
  tokenSeconds: z.number().int().min(60).max(3600).default(600),
  rotateHours: z.number().min(1).max(8760).default(168),
})
type IssuerOptions = z.infer<typeof issuerSchema>

/** Shorter secrets could be found by trying. */
const minSecretLength = 32

/**
 * Reads `ISSUER_KEY` or `ISSUER_KEYS`, and `ISSUER`; undefined where neither of the first is set. What is wrong, and what clusters ask of an issuer that is not there, goes to `complain`.
 */
export function loadIssuerConfig(given: {
  readonly read: (name: string) => string | undefined
  readonly parse: <T>(name: string, schema: z.ZodType<T>, fallback: T) => T
  readonly secrets: (name: string) => readonly string[]
  readonly complain: (field: string, message: string) => void
  readonly publicUrl: string | undefined
  readonly clusters: readonly ClusterConfig[]
}): IssuerConfig | undefined {
  const { read, parse, complain, publicUrl } = given
  const secrets = given.secrets('ISSUER_KEY')
  const fixed = read('ISSUER_KEYS') ?? ''
  const options = parse<IssuerOptions>('ISSUER', issuerSchema as z.ZodType<IssuerOptions>, issuerSchema.parse({}))
  const isIssuer = secrets.length > 0 || fixed !== ''
  checkClusters(given, isIssuer)
  if (!isIssuer) return undefined
  if (secrets.some((secret) => secret.length < minSecretLength))
    complain('ISSUER_KEY', `needs at least ${minSecretLength} characters: openssl rand -base64 32`)
  if (secrets.length > 0 && fixed !== '') complain('ISSUER_KEYS', 'and ISSUER_KEY exclude each other')
  if (fixed !== '' && parseFixedKeys(fixed) === undefined)
    complain('ISSUER_KEYS', 'must be a JSON list of different private keys (JWK) of the curve P-256')
  if (publicUrl?.startsWith('https:') !== true)
    complain(
      'SETTINGS.publicUrl',
      'must be the https URL of the deployment: API servers fetch the keys of its tokens there',
    )
  return {
    url: (publicUrl ?? '').replace(/\/+$/, ''),
    keys: fixed === '' ? { kind: 'sealed', secrets } : { kind: 'fixed' },
    tokenMs: options.tokenSeconds * 1000,
    rotateEveryMs: options.rotateHours * hour,
  }
}

/** A token for one cluster must be of no use at another. */
function checkClusters(
  { clusters, complain }: Pick<Parameters<typeof loadIssuerConfig>[0], 'clusters' | 'complain'>,
  isIssuer: boolean,
): void {
  const audiences = new Map<string, string>()
  for (const { name, identity } of clusters) {
    if (identity?.kind !== 'oidc') continue
    const field = `CLUSTERS.${name}.identity`
    if (!isIssuer)
      complain(field, 'needs ISSUER_KEY, a secret that seals the keys of the tokens (openssl rand -base64 32)')
    const own = audienceOf(name, identity)
    const other = audiences.get(own)
    if (other !== undefined) complain(field, `the cluster ${other} has the same audience`)
    audiences.set(own, name)
  }
}

/** The audience of a cluster's tokens. */
export function audienceOf(name: string, identity: Extract<ClusterIdentity, { kind: 'oidc' }>): string {
  return identity.audience ?? defaultAudience(name)
}

/** Whom the deployment is in a cluster. */
export function subjectOf(identity: Extract<ClusterIdentity, { kind: 'oidc' }>): string {
  return identity.subject ?? deploymentSubject
}
