import { z } from 'zod'
import { DiagnosticsError, type Diagnostic } from '../base/index.ts'
import { parseDocuments } from '../yaml/index.ts'
import { isPattern, namespacePatternOverlaps } from './patterns.ts'

/** Whom the objects of a tenant act as, whatever they name themselves. */
export type TenantIdentity =
  /** The service account of this name in the namespace of each object, as `spec.serviceAccountName` of Flux. */
  | { readonly serviceAccount: string }
  /** A user of the cluster, with groups: impersonated, or the subject of a token that the deployment issues. */
  | { readonly user: string; readonly groups: readonly string[] }

/** What one tenant may do. What is not said is refused. */
export interface Tenant {
  readonly name: string
  /** Names of namespaces; `*` stands for any part of one. */
  readonly namespaces: readonly string[]
  /** URLs that sources may have; `*` stands for any part of one path element, a last `/**` for everything below, `*` alone for any URL. */
  readonly sources: readonly string[]
  /** Names of clusters; `*` stands for any part of one. */
  readonly clusters: readonly string[]
  readonly identity: TenantIdentity
  /** `Kind` or `group/Kind` of namespaced objects; `*` stands for any kind, or any group. */
  readonly kinds: { readonly allow: readonly string[]; readonly deny: readonly string[] }
  /** `Kind` or `group/Kind` of cluster-scoped objects. */
  readonly clusterKinds: readonly string[]
  /** `Kind/namespace/name` of objects in other namespaces that may be referred to; `*` stands for any part of namespace and name. */
  readonly references: readonly string[]
  /** Weakest level of Pod Security that a Namespace of the tenant may ask for. */
  readonly podSecurity: PodSecurityLevel
  /** Kustomizations may have bases that are URLs; these must match `sources`. */
  readonly remoteBases: boolean
  /** Objects may name other clusters (`spec.kubeConfig`), with credentials of their own. */
  readonly remoteClusters: boolean
  /** Objects without credentials of their own use those of the deployment: logins at clouds, keys of SOPS. */
  readonly platformCredentials: boolean
}

/** Levels of Pod Security, the strictest last. */
export const podSecurityLevels = ['privileged', 'baseline', 'restricted'] as const
export type PodSecurityLevel = (typeof podSecurityLevels)[number]

/** Who may do what, decided where no tenant can write. */
export interface TenantPolicy {
  /** Namespaces of the platform itself, for whose objects only the settings count. */
  readonly platformNamespaces: readonly string[]
  readonly tenants: readonly Tenant[]
  /** Why the policy cannot be used: all tenants are refused then, and the platform goes on, so that it can be mended through Git. */
  readonly problem?: string
}

const text = z.string().min(1)
const names = (what: string) =>
  z.array(text.refine(isPattern, `must be ${what}; "*" stands for any part`)).min(1, 'name at least one')
const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const kindPattern = text.regex(
  /^(?:[a-z0-9.*-]+\/)?(?:\*|[A-Z][A-Za-z0-9]*)$/,
  'must be Kind, group/Kind or "*", such as Deployment or apps/*',
)
const identity = z.union(
  [
    z.strictObject({ serviceAccount: text.regex(dnsLabel, 'must be the name of a service account') }),
    z.strictObject({
      user: text.refine((user) => !user.startsWith('system:'), 'must not begin with "system:"'),
      groups: z
        .array(text.refine((group) => !group.startsWith('system:'), 'must not begin with "system:"'))
        .default([]),
    }),
  ],
  'must be {"serviceAccount": NAME} or {"user": NAME, "groups": […]}',
)

const tenant = z
  .strictObject({
    name: text.regex(dnsLabel, 'must be lower-case letters, digits and "-"'),
    namespaces: names('the name of a namespace'),
    sources: z.array(text).min(1, 'name the URLs that sources may have, or "*" for any'),
    clusters: names('the name of a cluster').default(['*']),
    identity: identity.optional(),
    kinds: z
      .strictObject({ allow: z.array(kindPattern).default(['*']), deny: z.array(kindPattern).default([]) })
      .default({ allow: ['*'], deny: [] }),
    clusterKinds: z.array(kindPattern).default([]),
    references: z
      .array(text.regex(/^[A-Z][A-Za-z0-9]*\/[a-z0-9.*-]+\/[a-z0-9.*-]+$/, 'must be Kind/namespace/name'))
      .default([]),
    podSecurity: z.enum(podSecurityLevels).default('restricted'),
    remoteBases: z.boolean().default(false),
    remoteClusters: z.boolean().default(false),
    platformCredentials: z.boolean().default(false),
  })
  .transform((given): Tenant => ({ ...given, identity: given.identity ?? defaultIdentity(given.name) }))

const policySchema = z
  .strictObject({
    platformNamespaces: names('the name of a namespace').default(['flux-system']),
    // `tenants:` with nothing behind it is null.
    tenants: z
      .array(tenant)
      .nullish()
      .transform((given) => given ?? []),
  })
  .superRefine(({ platformNamespaces, tenants }, context) => {
    const complain = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path, message })
    tenants.forEach((one, index) => {
      if (tenants.findIndex(({ name }) => name === one.name) < index)
        complain(['tenants', index, 'name'], `there are two tenants '${one.name}'`)
      const owners = [
        { name: 'the platform', namespaces: platformNamespaces },
        ...tenants.slice(0, index).map((other) => ({ name: `tenant '${other.name}'`, namespaces: other.namespaces })),
      ]
      for (const owner of owners)
        for (const mine of one.namespaces)
          for (const theirs of owner.namespaces)
            if (namespacePatternOverlaps(mine, theirs))
              complain(['tenants', index, 'namespaces'], `'${mine}' also belongs to ${owner.name} ('${theirs}')`)
    })
  })

/** What a tenant acts as where its policy does not say it: a user of its own, in a group of its own and one of all tenants. */
export function defaultIdentity(name: string): TenantIdentity {
  const user = `sluice:tenant:${name}`
  return { user, groups: ['sluice:tenants', user] }
}

/**
 * A policy from plain data: `{platformNamespaces?, tenants: [{name, namespaces, sources, …}]}`.
 *
 * @throws DiagnosticsError `tenant-policy-invalid` with every finding and its field.
 */
export function parsePolicy(value: unknown): TenantPolicy {
  const result = policySchema.safeParse(value)
  if (result.success) return result.data
  const findings = result.error.issues.map(({ path, message }): Diagnostic => ({
    severity: 'error',
    code: 'tenant-policy-invalid',
    message: `${path.length === 0 ? 'the policy' : path.join('.')}: ${message}`,
  }))
  throw new DiagnosticsError(findings, { code: 'tenant-policy-invalid' })
}

/** A policy from YAML or JSON. @throws DiagnosticsError `tenant-policy-invalid`. */
export function readPolicy(content: string): TenantPolicy {
  const { documents, diagnostics } = parseDocuments(content, { dialect: 'sigs' })
  const [broken] = diagnostics.filter(({ severity }) => severity === 'error')
  if (broken !== undefined) throw new DiagnosticsError([broken], { code: 'tenant-policy-invalid' })
  return parsePolicy(documents.find(({ empty }) => !empty)?.value ?? {})
}

/** A policy that lets no tenant do anything, because there is none that could be used. */
export function unusablePolicy(problem: string, platformNamespaces: readonly string[]): TenantPolicy {
  return { platformNamespaces, tenants: [], problem }
}
