import { apiVersions, composeCrd, definitions, groups, ownAnnotations } from '../api/index.ts'
import { sluiceVersion } from '../base/index.ts'
import { printYaml } from '../yaml/index.ts'
import {
  accountName,
  adminBindingName,
  roleName,
  syncName,
  systemNamespace,
  tokenSecretName,
  type Manifest,
} from './names.ts'

const labels = { 'app.kubernetes.io/part-of': 'sluice', 'app.kubernetes.io/component': 'cluster-side' }

/** The definitions of our kinds, as `infra/crds` has them. */
export function crdManifests(): readonly Manifest[] {
  return Object.values(definitions).map((definition) => composeCrd(definition) as unknown as Manifest)
}

/** The namespace of the cluster side. Flux's own components bring one too. */
export function namespaceManifest(): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace, labels } }
}

/**
 * The account of the deployment, the Secret that Kubernetes fills with its token, and its rights: what every run needs by name (our kinds, credentials, events, the Leases of releases and replicas, acting as service accounts),
 * and cluster-admin, as Flux's controllers have it, for objects of Kustomizations that name no service account. Whoever has all of them name one removes that binding in Git.
 */
export function accountManifests(): readonly Manifest[] {
  const namespaced = { namespace: systemNamespace, labels }
  const subjects = [{ kind: 'ServiceAccount', name: accountName, namespace: systemNamespace }]
  const binding = (name: string, role: string): Manifest => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name, labels },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects,
  })
  return [
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: {
        name: accountName,
        ...namespaced,
        annotations: { [ownAnnotations.minimumVersion]: sluiceVersion },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: tokenSecretName,
        ...namespaced,
        annotations: { 'kubernetes.io/service-account.name': accountName },
      },
      type: 'kubernetes.io/service-account-token',
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: roleName, labels },
      rules: roleRules,
    },
    binding(roleName, roleName),
    binding(adminBindingName, 'cluster-admin'),
  ]
}

const roleRules = [
  {
    apiGroups: Object.values(groups),
    resources: ['*'],
    verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
  },
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'create', 'update', 'patch', 'delete'] },
  { apiGroups: [''], resources: ['configmaps', 'serviceaccounts', 'namespaces'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'] },
  { apiGroups: [''], resources: ['users', 'groups', 'serviceaccounts'], verbs: ['impersonate'] },
  { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'list', 'create', 'update', 'patch', 'delete'],
  },
]

/** What the cluster is synced from. */
export interface SyncOptions {
  readonly url: string
  readonly branch: string
  /** Directory of the cluster in the repository: `clusters/prod`. */
  readonly path: string
  /** The Secret `flux-system` holds credentials. */
  readonly hasSecret: boolean
  /** `github` where the credentials are the keys of an App. */
  readonly provider?: 'github'
}

/** GitRepository and Kustomization `flux-system`, with the fields of Flux's bootstrap. */
export function syncManifests(options: SyncOptions): readonly Manifest[] {
  const metadata = { name: syncName, namespace: systemNamespace }
  return [
    {
      apiVersion: apiVersions.GitRepository,
      kind: 'GitRepository',
      metadata,
      spec: {
        interval: '1m0s',
        ...(options.provider === undefined ? {} : { provider: options.provider }),
        ref: { branch: options.branch },
        ...(options.hasSecret ? { secretRef: { name: syncName } } : {}),
        url: options.url,
      },
    },
    {
      apiVersion: apiVersions.Kustomization,
      kind: 'Kustomization',
      metadata,
      spec: {
        interval: '10m0s',
        path: `./${options.path}`,
        prune: true,
        sourceRef: { kind: 'GitRepository', name: syncName },
      },
    },
  ]
}

/** Objects as one YAML stream, behind a comment. */
export function printManifests(objects: readonly Manifest[], comment: string): string {
  const documents = objects.map((object) => `---\n${printYaml(object, { dialect: 'sigs' })}`)
  return `# ${comment}\n${documents.join('')}`
}
