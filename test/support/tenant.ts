import { setTimeout as sleep } from 'node:timers/promises'
import type { TestCluster } from './cluster.ts'
import type { KubeTestClient } from './kube-test-client.ts'
import type { Scenario } from './scenario.ts'

/** A service account that may do everything with `resources` of the core group in the scenario's namespace, and nothing else. Called again, it gets other rights. */
export async function makeTenant(
  made: Pick<Scenario, 'namespace' | 'client'>,
  name: string,
  resources: readonly string[] = ['configmaps'],
): Promise<void> {
  const { namespace, client } = made
  await client.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } })
  const group = 'rbac.authorization.k8s.io'
  const meta = { apiVersion: `${group}/v1`, metadata: { name, namespace } }
  await client.apply({ ...meta, kind: 'Role', rules: [{ apiGroups: [''], resources, verbs: ['*'] }] })
  await client.apply({
    ...meta,
    kind: 'RoleBinding',
    roleRef: { apiGroup: group, kind: 'Role', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  })
  await untilAllowed(client, { user: `system:serviceaccount:${namespace}:${name}` }, namespace, resources.at(-1))
}

/** Waits until somebody may list `resource` of the core group in a namespace: the authorizer learns of a new binding a moment after it was made. */
export async function untilAllowed(
  client: KubeTestClient,
  who: { readonly user: string; readonly groups?: readonly string[] },
  namespace: string,
  resource = 'configmaps',
): Promise<void> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { ...who, resourceAttributes: { namespace, verb: 'list', resource } },
  }
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(50)) {
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
    const answer = (await client.request('POST', path, { body: review })) as { status: { allowed: boolean } }
    if (answer.status.allowed) return
  }
  throw new Error(`${who.user} may still not list ${resource} in ${namespace}`)
}

/** A kubeconfig of the test cluster, with one user. */
export function kubeconfigOf(cluster: TestCluster, user: object, server = cluster.address.server): string {
  const ca = Buffer.from(cluster.address.caPem).toString('base64')
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'u', user }],
  })
}

/** Writes a Secret into the scenario's namespace. */
export async function putSecret(
  made: Scenario,
  name: string,
  stringData: { readonly [key: string]: string },
): Promise<void> {
  const metadata = { name, namespace: made.namespace }
  await made.client.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData })
}
