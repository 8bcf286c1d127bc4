import { groups, plurals, type Kind } from '../api/index.ts'
import type { KubeObject } from '../resources/index.ts'
import type { Tenant } from './policy.ts'

/** What a room for a tenant is made of, besides what its policy says. */
export interface RoomOptions {
  /** ClusterRole that the tenant's identity has in its namespaces, besides the right to our own objects. */
  readonly clusterRole: string
  /** A repository that the tenant's namespace follows from the start. */
  readonly follow?: { readonly url: string; readonly branch: string; readonly path: string }
}

const rbac = 'rbac.authorization.k8s.io'
const enforce = 'pod-security.kubernetes.io/enforce'

/**
 * The objects that give a tenant its room: each namespace with its level of Pod Security, the identity and what it may do there, and the repository that it follows.
 *
 * @throws RangeError where the policy has patterns for namespaces only: which ones to make is not known then.
 */
export function roomFor(tenant: Tenant, options: RoomOptions): readonly KubeObject[] {
  const names = tenant.namespaces.filter((name) => !name.includes('*'))
  const [home] = names
  if (home === undefined) throw new RangeError('name at least one namespace without "*"')
  const room = names.flatMap((namespace) => [
    namespaceOf(tenant, namespace),
    ...('serviceAccount' in tenant.identity
      ? [object('v1', 'ServiceAccount', { name: tenant.identity.serviceAccount, namespace })]
      : []),
    ...rightsOf(tenant, namespace, options.clusterRole),
  ])
  return options.follow === undefined ? room : [...room, ...following(tenant, home, options.follow)]
}

function object(apiVersion: string, kind: string, metadata: object, more: object = {}): KubeObject {
  return { apiVersion, kind, metadata, ...more } as unknown as KubeObject
}

function namespaceOf(tenant: Tenant, name: string): KubeObject {
  const labels = {
    'sluice.dev/tenant': tenant.name,
    [enforce]: tenant.podSecurity,
    'pod-security.kubernetes.io/warn': 'restricted',
  }
  return object('v1', 'Namespace', { name, labels })
}

function rightsOf(tenant: Tenant, namespace: string, clusterRole: string): readonly KubeObject[] {
  const { identity } = tenant
  const subject =
    'serviceAccount' in identity
      ? { kind: 'ServiceAccount', name: identity.serviceAccount, namespace }
      : { apiGroup: rbac, kind: 'User', name: identity.user }
  const binding = (name: string, kind: string, role: string): KubeObject =>
    object(
      `${rbac}/v1`,
      'RoleBinding',
      { name, namespace },
      {
        roleRef: { apiGroup: rbac, kind, name: role },
        subjects: [subject],
      },
    )
  const own = `sluice-${tenant.name}`
  return [
    object(`${rbac}/v1`, 'Role', { name: own, namespace }, { rules: ownKinds() }),
    binding(own, 'Role', own),
    binding(`${own}-${clusterRole}`, 'ClusterRole', clusterRole),
  ]
}

/** Our own objects, and not what their status says: inventories and artifacts are believed. */
function ownKinds(): readonly object[] {
  const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']
  const of = (apiGroup: string, kinds: readonly Kind[]): object => ({
    apiGroups: [apiGroup],
    resources: kinds.map((kind) => plurals[kind]),
    verbs,
  })
  return [
    of(groups.source, ['GitRepository', 'OCIRepository', 'HelmRepository', 'HelmChart', 'Bucket']),
    of(groups.kustomize, ['Kustomization']),
    of(groups.helm, ['HelmRelease']),
    of(groups.notification, ['Receiver', 'Alert', 'Provider']),
  ]
}

function following(
  tenant: Tenant,
  namespace: string,
  { url, branch, path }: NonNullable<RoomOptions['follow']>,
): readonly KubeObject[] {
  const { name, identity } = tenant
  return [
    object(
      `${groups.source}/v1`,
      'GitRepository',
      { name, namespace },
      { spec: { interval: '5m', url, ref: { branch } } },
    ),
    object(
      `${groups.kustomize}/v1`,
      'Kustomization',
      { name, namespace },
      {
        spec: {
          interval: '10m',
          prune: true,
          path,
          sourceRef: { kind: 'GitRepository', name },
          // Named for whoever reads it, and for Flux's own controllers; the policy decides in any case.
          ...('serviceAccount' in identity ? { serviceAccountName: identity.serviceAccount } : {}),
        },
      },
    ),
  ]
}
