import { mapLimit } from '../../base/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import type { Finding } from './findings.ts'

const permissionArea = 'permissions'

/** What a run needs to be allowed. `why` is told where it is not. */
interface Permission {
  readonly group: string
  readonly resource: string
  readonly subresource?: string
  readonly verbs: readonly string[]
  readonly why: string
  /** Without it everything works but for this. */
  readonly isOptional?: boolean
}

const permissions: readonly Permission[] = [
  ...['gitrepositories', 'ocirepositories', 'helmrepositories', 'helmcharts', 'buckets', 'externalartifacts'].map(
    (resource): Permission => ({
      group: 'source.toolkit.fluxcd.io',
      resource,
      verbs: ['get', 'list', 'patch'],
      why: 'to read sources',
    }),
  ),
  {
    group: 'source.toolkit.fluxcd.io',
    resource: 'helmcharts',
    verbs: ['create', 'delete'],
    why: 'charts of HelmReleases stand for themselves',
  },
  {
    group: 'source.toolkit.fluxcd.io',
    resource: 'gitrepositories',
    subresource: 'status',
    verbs: ['patch'],
    why: 'to write their status',
  },
  {
    group: 'kustomize.toolkit.fluxcd.io',
    resource: 'kustomizations',
    verbs: ['get', 'list', 'patch'],
    why: 'to read Kustomizations',
  },
  {
    group: 'kustomize.toolkit.fluxcd.io',
    resource: 'kustomizations',
    subresource: 'status',
    verbs: ['patch'],
    why: 'to write their status',
  },
  {
    group: 'helm.toolkit.fluxcd.io',
    resource: 'helmreleases',
    verbs: ['get', 'list', 'patch'],
    why: 'to read HelmReleases',
  },
  {
    group: 'helm.toolkit.fluxcd.io',
    resource: 'helmreleases',
    subresource: 'status',
    verbs: ['patch'],
    why: 'to write their status',
  },
  {
    group: '',
    resource: 'secrets',
    verbs: ['get', 'list', 'create', 'update', 'delete'],
    why: 'credentials of sources, and the storage of Helm',
  },
  { group: '', resource: 'configmaps', verbs: ['get', 'list'], why: 'values and substitutions' },
  { group: '', resource: 'events', verbs: ['create', 'patch'], why: 'to say what happens', isOptional: true },
  {
    group: 'coordination.k8s.io',
    resource: 'leases',
    verbs: ['get', 'list', 'create', 'update', 'delete'],
    why: 'the locks of releases',
  },
  {
    group: '',
    resource: 'serviceaccounts',
    verbs: ['impersonate'],
    why: 'objects with spec.serviceAccountName',
    isOptional: true,
  },
  {
    group: '*',
    resource: '*',
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
    why: 'objects of Kustomizations without a serviceAccountName; not needed where all of them name one',
    isOptional: true,
  },
]

/** Asks for every right that a run uses, one review each; nothing is stored of them. */
export async function examinePermissions(client: KubeClient): Promise<readonly Finding[]> {
  const questions = permissions.flatMap((permission) => permission.verbs.map((verb) => ({ permission, verb })))
  const answers = await mapLimit(questions, 8, async ({ permission, verb }) => ({
    permission,
    verb,
    isAllowed: await mayDo(client, permission, verb),
  }))
  const findings = permissions.map((permission): Finding | undefined => {
    const denied = answers
      .filter((answer) => answer.permission === permission && !answer.isAllowed)
      .map((answer) => answer.verb)
    if (denied.length === 0) return undefined
    const name = [permission.resource, permission.subresource].filter((part) => part !== undefined).join('/')
    const group = permission.group === '' ? '' : `.${permission.group}`
    return {
      area: permissionArea,
      state: permission.isOptional === true ? 'warning' : 'problem',
      message: `may not ${denied.join(', ')} ${permission.resource === '*' ? 'everything' : name + group}: ${permission.why}`,
      fix: `add to its ClusterRole: {apiGroups: ["${permission.group}"], resources: ["${name}"], verbs: [${denied.join(', ')}]}`,
    }
  })
  const bad = findings.filter((finding) => finding !== undefined)
  const allowed = answers.filter((answer) => answer.isAllowed).length
  const summary: Finding = {
    area: permissionArea,
    state: 'ok',
    message: `${allowed} of ${answers.length} rights that a run uses are there`,
  }
  return [summary, ...bad]
}

async function mayDo(client: KubeClient, { group, resource, subresource }: Permission, verb: string): Promise<boolean> {
  const review = await client.create<object>({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    metadata: {},
    spec: { resourceAttributes: { group, resource, verb, ...(subresource === undefined ? {} : { subresource }) } },
  })
  return (review as { readonly status?: { readonly allowed?: boolean } }).status?.allowed === true
}
