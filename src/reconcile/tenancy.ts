import { ownAnnotations } from '../api/index.ts'
import { EngineError, isEngineError, toEngineError } from '../base/index.ts'
import type { KubeClient } from '../kube/index.ts'
import type { KubeIdentity } from '../ports/index.ts'
import { gvkOf, isMap, scalarText, type KubeObject } from '../resources/index.ts'
import {
  evaluate,
  matchesName,
  readPolicy,
  unusablePolicy,
  type Refusal,
  type RenderedObject,
  type Subject,
  type Tenant,
  type TenancyRequest,
  type TenantPolicy,
} from '../tenancy/index.ts'
import { parseDependsOn } from './dependencies.ts'
import type { EngineDeps } from './job.ts'

/** What judging an object needs of a run. */
export interface TenancyContext {
  readonly deps: {
    readonly cluster: EngineDeps['cluster']
    readonly settings: Pick<EngineDeps['settings'], 'tenants'>
  }
}

/**
 * Lets an object of ours go on, with what it would apply or fetch where that is known, or refuses it. Every way to work on an object passes here.
 *
 * @returns the tenant that it belongs to; undefined for the platform's, and where the deployment has no tenants.
 * @throws EngineError `tenancy-refused` (reason `AccessDenied`) with every refusal and the name of its rule.
 */
export function admit(
  ctx: TenancyContext,
  object: Subject,
  more: Pick<TenancyRequest, 'rendered' | 'urls' | 'bases'> = {},
): Tenant | undefined {
  const { tenants: policy } = ctx.deps.settings
  if (policy === undefined) return undefined
  const dependsOn = object.metadata.annotations?.[ownAnnotations.dependsOn]
  const dependencies =
    dependsOn === undefined
      ? []
      : parseDependsOn(dependsOn, object.metadata.namespace ?? '').map((dependency) => dependency.id)
  const verdict = evaluate(policy, { cluster: ctx.deps.cluster.name, object, dependencies, ...more })
  if (verdict.owner === 'platform') return undefined
  if (verdict.refusals.length > 0)
    throw refused(verdict.owner === 'tenant' ? verdict.tenant.name : undefined, verdict.refusals)
  return verdict.owner === 'tenant' ? verdict.tenant : undefined
}

/** The tenant that an object belongs to, whether or not it is let go on. @throws EngineError `tenancy-refused` where it is nobody's. */
export function tenantOfObject(ctx: TenancyContext, object: Pick<Subject, 'metadata'>): Tenant | undefined {
  const { tenants: policy } = ctx.deps.settings
  if (policy === undefined) return undefined
  // A kind without references: only whose it is matters here.
  const bare = { kind: 'HelmChart', metadata: object.metadata } as Subject
  const verdict = evaluate(policy, { cluster: ctx.deps.cluster.name, object: bare })
  if (verdict.owner === 'nobody') throw refused(undefined, verdict.refusals)
  return verdict.owner === 'tenant' ? verdict.tenant : undefined
}

/** Refusals that a message names; there may be thousands. */
const maxNamed = 20

function refused(tenant: string | undefined, refusals: readonly Refusal[]): EngineError {
  const named = refusals.slice(0, maxNamed).map(({ rule, object, field, message }) => {
    const place = [object, field].filter((word) => word !== undefined && word !== '').join(' ')
    return `${rule}: ${place === '' ? '' : `${place}: `}${message}`
  })
  const more = refusals.length > maxNamed ? [`and ${refusals.length - maxNamed} more`] : []
  const by = tenant === undefined ? 'by the policy for tenants' : `by the policy of tenant '${tenant}'`
  return new EngineError(`refused ${by}: ${[...named, ...more].join('; ')}`, {
    code: 'tenancy-refused',
    reason: 'AccessDenied',
    data: { rules: [...new Set(refusals.map(({ rule }) => rule))] },
  })
}

/** True for an error with which a policy has refused something. */
export function isRefusal(error: unknown): boolean {
  return isEngineError(error) && error.code === 'tenancy-refused'
}

/**
 * Lets what an object would apply go on, or refuses it. Whether a kind belongs to namespaces is asked of the cluster that it is applied to; a kind that is not there yet cannot be judged.
 *
 * @param defaultNamespace where namespaced objects go that name no namespace.
 * @throws EngineError `tenancy-refused`, `kube-kind-unknown`.
 */
export async function admitRendered(
  ctx: TenancyContext & { readonly signal: AbortSignal },
  object: Subject,
  rendered: {
    readonly objects: readonly KubeObject[]
    readonly client: KubeClient
    readonly defaultNamespace?: string
  },
): Promise<void> {
  if (tenantOfObject(ctx, object) === undefined) return
  const { objects, client, defaultNamespace } = rendered
  const scopes = new Map<string, boolean>()
  const judged: RenderedObject[] = []
  for (const one of objects) {
    const kind = { apiVersion: scalarText(one['apiVersion']), kind: scalarText(one['kind']) }
    const id = `${kind.apiVersion}/${kind.kind}`
    const isNamespaced = scopes.get(id) ?? (await isNamespacedKind(client, kind, objects, ctx.signal))
    scopes.set(id, isNamespaced)
    judged.push({ object: one, isNamespaced, ...(defaultNamespace === undefined ? {} : { defaultNamespace }) })
  }
  admit(ctx, object, { rendered: judged })
}

async function isNamespacedKind(
  client: KubeClient,
  kind: { readonly apiVersion: string; readonly kind: string },
  objects: readonly KubeObject[],
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return (await client.resource(kind, { signal })).namespaced
  } catch (error) {
    const defined = isEngineError(error) && error.code === 'kube-kind-unknown' ? scopeInDefinitions(kind, objects) : ''
    if (defined === '') throw error
    return defined === 'Namespaced'
  }
}

/** What a definition among the same objects says of a kind; '' where there is none. */
function scopeInDefinitions(
  wanted: { readonly apiVersion: string; readonly kind: string },
  objects: readonly KubeObject[],
): string {
  const { group } = gvkOf(wanted as unknown as KubeObject)
  for (const object of objects) {
    const { spec } = object
    if (gvkOf(object).kind !== 'CustomResourceDefinition' || !isMap(spec) || !isMap(spec['names'])) continue
    if (scalarText(spec['group']) === group && scalarText(spec['names']['kind']) === wanted.kind)
      return scalarText(spec['scope'])
  }
  return ''
}

/** Where and as whom the objects of an object of ours are applied. */
interface Applier {
  readonly metadata: Subject['metadata']
  readonly spec: { readonly serviceAccountName?: string; readonly kubeConfig?: object }
}

/**
 * Whom an object acts as: a tenant's as the tenant's identity, whatever it names; others as the service account that they name, or the default one. Undefined: as the deployment.
 *
 * @throws EngineError `tenancy-refused` where it is nobody's.
 */
export function identityFor(
  ctx: TenancyContext & { readonly deps: { readonly settings: Pick<EngineDeps['settings'], 'defaultServiceAccount'> } },
  object: Applier,
): KubeIdentity | undefined {
  const account = accountOf(ctx, object)
  if (account !== '') return { user: `system:serviceaccount:${object.metadata.namespace ?? ''}:${account}` }
  const tenant = tenantOfObject(ctx, object)
  // What is named there has the rights of the credentials that the tenant has put there.
  if (tenant === undefined || 'serviceAccount' in tenant.identity || object.spec.kubeConfig !== undefined)
    return undefined
  return tenant.identity
}

/** The name of the service account that an object acts as, in its own namespace; '' where it acts as somebody else. */
export function accountOf(
  ctx: TenancyContext & { readonly deps: { readonly settings: Pick<EngineDeps['settings'], 'defaultServiceAccount'> } },
  object: Applier,
): string {
  const tenant = tenantOfObject(ctx, object)
  if (tenant === undefined) return object.spec.serviceAccountName ?? ctx.deps.settings.defaultServiceAccount
  return 'serviceAccount' in tenant.identity ? tenant.identity.serviceAccount : ''
}

/** Whether an object may log in somewhere as the deployment itself. */
export function mayUsePlatformCredentials(ctx: TenancyContext, object: Pick<Subject, 'metadata'>): boolean {
  return tenantOfObject(ctx, object)?.platformCredentials !== false
}

/** Where the policy of a cluster is by convention. */
export const usualPolicy = 'flux-system/sluice-tenants'

/** Key of the policy in its ConfigMap. */
export const policyKey = 'tenants.yaml'

/**
 * The dependencies of a run with the policy that the cluster has, where the settings name a ConfigMap for it. A policy that is missing or broken refuses all tenants; the platform's own objects go on,
 * so that it can be put right through Git.
 *
 * Effects: one read, where a ConfigMap is named. @throws EngineError where the cluster cannot be reached.
 */
export async function withTenants(deps: EngineDeps, client: KubeClient, signal: AbortSignal): Promise<EngineDeps> {
  const { settings } = deps
  if (settings.tenantsConfigMap === '') return deps
  const tenants = await loadPolicy(client, settings.tenantsConfigMap, signal)
  return { ...deps, settings: { ...settings, tenants } }
}

/** The policy in a ConfigMap `namespace/name`, under the key `tenants.yaml`. Its own namespace is the platform's in any case. */
export async function loadPolicy(client: KubeClient, configMap: string, signal: AbortSignal): Promise<TenantPolicy> {
  const [namespace = '', name = ''] = configMap.split('/')
  try {
    const key = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name }
    const found = await client.get<{ data?: { readonly [key: string]: string } }>(key, { signal })
    const content = found?.data?.[policyKey]
    if (found === undefined)
      return unusablePolicy(`the policy is missing: there is no ConfigMap '${configMap}'`, [namespace])
    if (content === undefined)
      return unusablePolicy(`the policy is missing: the ConfigMap '${configMap}' has no key '${policyKey}'`, [
        namespace,
      ])
    const policy = readPolicy(content)
    const { platformNamespaces } = policy
    const isNamed = platformNamespaces.some((pattern) => matchesName(pattern, namespace))
    return isNamed ? policy : { ...policy, platformNamespaces: [...platformNamespaces, namespace] }
  } catch (caught) {
    const error = toEngineError(caught)
    if (['tenant-policy-invalid', 'kube-forbidden'].includes(error.code))
      return unusablePolicy(`the policy in the ConfigMap '${configMap}' cannot be used: ${error.message}`, [namespace])
    throw error
  }
}
