import { isOwnKind } from '../api/index.ts'
import { printUrl } from '../base/index.ts'
import { gvkOf, isMap, nameOf, namespaceOf, scalarText, type KubeObject } from '../resources/index.ts'
import { matchesKind, matchesName, matchesReference, matchesUrl } from './patterns.ts'
import { podSecurityLevels, type PodSecurityLevel, type Tenant, type TenantPolicy } from './policy.ts'
import { factsOf, type Given, type Reference, type Subject } from './references.ts'
import type { Refusal } from './rules.ts'

/** An object that one of ours would apply. */
export interface RenderedObject {
  readonly object: KubeObject
  /** Whether its kind belongs to namespaces, as the cluster says. */
  readonly isNamespaced: boolean
  /** The namespace that it ends up in where it names none. */
  readonly defaultNamespace?: string
}

/** What is to be judged. */
export interface TenancyRequest {
  /** Name of the cluster in the configuration. */
  readonly cluster: string
  readonly object: Subject
  /** Ids of the objects that the annotation `sluice.dev/depends-on` names. */
  readonly dependencies?: readonly string[]
  /** What it would apply, where that is known already. */
  readonly rendered?: readonly RenderedObject[]
  /** URLs that its files or its chart have something fetched from. */
  readonly urls?: readonly Given[]
  /** Bases of its files that are URLs. */
  readonly bases?: readonly Given[]
}

/** Whose an object is, and what is refused. */
export type Verdict =
  | { readonly owner: 'platform' }
  | { readonly owner: 'tenant'; readonly tenant: Tenant; readonly refusals: readonly Refusal[] }
  | { readonly owner: 'nobody'; readonly refusals: readonly Refusal[] }

/**
 * Judges an object of ours, with all that it would do, by the policy: the one function that every way into the engine asks (pushes, scans, triggers, plans, the command line). Nothing that the object says decides whose it is; only
 * its namespace does.
 *
 * @returns every refusal; an object of the platform has none.
 */
export function evaluate(policy: TenantPolicy, request: TenancyRequest): Verdict {
  const namespace = request.object.metadata.namespace ?? ''
  if (policy.platformNamespaces.some((pattern) => matchesName(pattern, namespace))) return { owner: 'platform' }
  if (policy.problem !== undefined)
    return { owner: 'nobody', refusals: [{ rule: 'policy-unusable', field: '', message: policy.problem }] }
  const tenant = tenantOf(policy, namespace)
  if (tenant === undefined) {
    const message = `the namespace '${namespace}' belongs to no tenant; the platform can give it to one, or name it among its own namespaces`
    return { owner: 'nobody', refusals: [{ rule: 'namespace-unassigned', field: 'metadata.namespace', message }] }
  }
  return { owner: 'tenant', tenant, refusals: judge(policy, tenant, request) }
}

/** The tenant that a namespace belongs to. */
export function tenantOf(policy: TenantPolicy, namespace: string): Tenant | undefined {
  return policy.tenants.find((tenant) => owns(tenant, namespace))
}

function owns(tenant: Tenant, namespace: string): boolean {
  return tenant.namespaces.some((pattern) => matchesName(pattern, namespace))
}

function judge(policy: TenantPolicy, tenant: Tenant, request: TenancyRequest): readonly Refusal[] {
  const { object, cluster, dependencies, rendered = [], urls = [], bases = [] } = request
  const facts = factsOf(object, dependencies)
  const refusals: Refusal[] = []
  if (!tenant.clusters.some((pattern) => matchesName(pattern, cluster)))
    refusals.push({ rule: 'cluster', field: '', message: `the tenant may not use the cluster '${cluster}'` })
  refusals.push(...facts.references.flatMap((one) => judgeReference(tenant, object, one)))
  refusals.push(
    ...facts.targets
      .filter(({ value }) => !owns(tenant, value))
      .map(({ field, value }): Refusal => ({
        rule: 'target-namespace',
        field,
        message: `'${value}' is not a namespace of the tenant`,
      })),
  )
  refusals.push(...judgeNewNamespaces(tenant, facts.newNamespaces))
  refusals.push(...judgeUrls(tenant, [...facts.urls, ...urls, ...(tenant.remoteBases ? bases : [])], object))
  if (!tenant.remoteBases) refusals.push(...bases.map(refuseBase))
  refusals.push(...judgeIdentity(tenant, facts.account), ...judgeArtifact(object))
  if (!tenant.remoteClusters)
    refusals.push(
      ...facts.remoteClusters.map((field): Refusal => ({
        rule: 'remote-cluster',
        field,
        message: 'the tenant may not choose a cluster; remove it',
      })),
    )
  if (!tenant.platformCredentials)
    refusals.push(
      ...facts.platformCredentials.map((field): Refusal => ({
        rule: 'platform-credentials',
        field,
        message:
          'this would use the credentials of the deployment; name a secretRef or a serviceAccountName of your own',
      })),
    )
  return [...refusals, ...rendered.flatMap((one) => judgeRendered(policy, tenant, request.cluster, one))]
}

function judgeReference(tenant: Tenant, object: Subject, reference: Reference): readonly Refusal[] {
  const { field, kind, name, namespace } = reference
  const own = object.metadata.namespace ?? ''
  if (namespace === undefined || namespace === own || owns(tenant, namespace)) return []
  if (tenant.references.some((pattern) => matchesReference(pattern, { kind, namespace, name }))) return []
  const message = `'${kind}/${namespace}/${name}' is in a namespace that is not the tenant's`
  return [{ rule: 'cross-namespace-reference', field, message }]
}

/** A namespace that an install makes has no labels, and so no level of Pod Security. */
function judgeNewNamespaces(tenant: Tenant, made: readonly Given[]): readonly Refusal[] {
  const isAllowed =
    tenant.podSecurity === 'privileged' && tenant.clusterKinds.some((one) => matchesKind(one, '', 'Namespace'))
  if (isAllowed) return []
  return made.map(({ field, value }) => ({
    rule: 'cluster-scoped-kind',
    field,
    message: `the tenant may not make the namespace '${value}'; remove the field, and have the platform make it`,
  }))
}

function judgeUrls(tenant: Tenant, urls: readonly Given[], object: Subject): readonly Refusal[] {
  const isAllowed = (url: string): boolean => tenant.sources.some((pattern) => matchesUrl(pattern, url))
  const refusals = urls
    .filter(({ value }) => !isAllowed(value))
    .map(({ field, value }): Refusal => ({
      rule: 'source-url',
      field,
      message: `the tenant may not use ${printUrl(value)}`,
    }))
  // Which submodules there are is known only when the repository is fetched; what it may name must be anything then.
  const hasSubmodules = object.kind === 'GitRepository' && object.spec.recurseSubmodules === true
  if (hasSubmodules && !tenant.sources.includes('*'))
    refusals.push({
      rule: 'source-url',
      field: 'spec.recurseSubmodules',
      message: 'submodules come from wherever the repository says; copy them into it, or use spec.include',
    })
  return refusals
}

/** The file of an artifact is found by the path in the status, which whoever may write the status could turn to the file of somebody else. */
function judgeArtifact(object: Subject): readonly Refusal[] {
  const { kind, metadata, status } = object
  const path = status !== undefined && 'artifact' in status ? status.artifact?.path : undefined
  if (path === undefined || path.startsWith(`${kind.toLowerCase()}/${metadata.namespace ?? ''}/${metadata.name}/`))
    return []
  const message = `'${path.slice(0, 200)}' is not the place of this object's artifact; remove status.artifact`
  return [{ rule: 'cross-namespace-reference', field: 'status.artifact.path', message }]
}

function refuseBase({ field, value }: Given): Refusal {
  const message = `the tenant may not have bases that are URLs (${printUrl(value)}); copy it into the source`
  return { rule: 'remote-base', field, message }
}

function judgeIdentity(tenant: Tenant, account: Given | undefined): readonly Refusal[] {
  if (account === undefined) return []
  const { identity } = tenant
  if ('serviceAccount' in identity && identity.serviceAccount === account.value) return []
  const own = 'serviceAccount' in identity ? `the service account '${identity.serviceAccount}'` : `'${identity.user}'`
  const message = `the objects of the tenant act as ${own}, not as the service account '${account.value}'; remove the field`
  return [{ rule: 'identity', field: account.field, message }]
}

function judgeRendered(
  policy: TenantPolicy,
  tenant: Tenant,
  cluster: string,
  rendered: RenderedObject,
): readonly Refusal[] {
  const { object, isNamespaced } = rendered
  const { group, kind } = gvkOf(object)
  const named = namespaceOf(object)
  const namespace = named === '' ? (rendered.defaultNamespace ?? '') : named
  const id = `${kind}/${isNamespaced ? namespace : ''}/${nameOf(object)}`
  const refuse = (rule: Refusal['rule'], message: string): Refusal => ({ rule, field: '', object: id, message })
  const matches = (patterns: readonly string[]): boolean =>
    patterns.some((pattern) => matchesKind(pattern, group, kind))
  if (!isNamespaced) {
    if (!matches(tenant.clusterKinds))
      return [refuse('cluster-scoped-kind', `the tenant may not have ${kind}, which belongs to no namespace`)]
    return group === '' && kind === 'Namespace' ? judgeNamespace(tenant, object, refuse) : []
  }
  const refusals: Refusal[] = []
  if (!matches(tenant.kinds.allow) || matches(tenant.kinds.deny))
    refusals.push(refuse('kind', `the tenant may not have objects of kind ${group === '' ? kind : `${group}/${kind}`}`))
  if (!owns(tenant, namespace))
    refusals.push(refuse('object-namespace', `'${namespace}' is not a namespace of the tenant`))
  else refusals.push(...judgeGenerated(policy, cluster, object, { id, namespace }))
  return refusals
}

/** An object of ours that is about to be made is judged as it would be when it is there. */
function judgeGenerated(
  policy: TenantPolicy,
  cluster: string,
  object: KubeObject,
  { id, namespace }: { readonly id: string; readonly namespace: string },
): readonly Refusal[] {
  const { group, kind } = gvkOf(object)
  if (!isOwnKind(group, kind) || !isMap(object['spec'])) return []
  const metadata = isMap(object['metadata']) ? object['metadata'] : {}
  const subject = { ...object, metadata: { ...metadata, name: nameOf(object), namespace } } as unknown as Subject
  const verdict = evaluate(policy, { cluster, object: subject })
  return verdict.owner === 'platform' ? [] : verdict.refusals.map((refusal) => ({ object: id, ...refusal }))
}

const enforce = 'pod-security.kubernetes.io/enforce'

/** A tenant may have Namespaces of its own, and no Pod in them may do more than the policy says. */
function judgeNamespace(
  tenant: Tenant,
  object: KubeObject,
  refuse: (rule: Refusal['rule'], message: string) => Refusal,
): readonly Refusal[] {
  const refusals: Refusal[] = []
  if (!owns(tenant, nameOf(object)))
    refusals.push(refuse('object-namespace', `'${nameOf(object)}' is not a namespace of the tenant`))
  if (tenant.podSecurity === 'privileged') return refusals
  const metadata = isMap(object['metadata']) ? object['metadata'] : {}
  const labels = isMap(metadata['labels']) ? metadata['labels'] : {}
  const level = scalarText(labels[enforce])
  const strength = podSecurityLevels.indexOf(level as PodSecurityLevel)
  if (strength < podSecurityLevels.indexOf(tenant.podSecurity))
    refusals.push(
      refuse(
        'pod-security',
        `it needs the label ${enforce}: ${tenant.podSecurity}${level === '' ? '' : `, not ${level}`}`,
      ),
    )
  const version = scalarText(labels[`${enforce}-version`])
  if (version !== '' && version !== 'latest')
    refusals.push(refuse('pod-security', `the label ${enforce}-version must be latest: older versions allow more`))
  return refusals
}
