import { apiVersions, finalizer } from '../../src/api/index.ts'
import { KubeTestError, type KubeTestClient } from './kube-test-client.ts'

/** What does something by itself for as long as it is there: objects of ours, of which whoever works on all namespaces takes notice, and what controllers look at again and again. */
const lively = [
  ...Object.entries(apiVersions).map(([kind, apiVersion]) => ({ apiVersion, kind })),
  { apiVersion: 'batch/v1', kind: 'CronJob' },
  { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' },
]

/** Of what tests make there are hundreds of these. Who lists what is labelled in all namespaces would need another page for them. */
const many = ['configmaps', 'secrets']

const looks = new Map<string, () => Promise<void>>()

/** Has something looked at in a namespace as its test has left it: before it ends, whoever ends it. */
export function lookBeforeEnd(namespace: string, look: () => Promise<void>): void {
  looks.set(namespace, look)
}

/** Looks, where nobody has yet. */
export async function lookOnce(namespace: string): Promise<void> {
  const look = looks.get(namespace)
  looks.delete(namespace)
  await look?.()
}

/**
 * Leaves a namespace of a test to itself: what does something in it is deleted, without its finalizer, since nobody works on it any more. Everything else goes with the control plane: to empty a namespace takes the cluster two
 * hundred requests, and one that holds an object with a finalizer is tried again every few seconds for as long as the tests run.
 */
export async function endNamespace(client: KubeTestClient, namespace: string): Promise<void> {
  await lookOnce(namespace)
  await Promise.all([
    ...lively.map((kind) => deleteAll(client, { ...kind, namespace })),
    ...many.map((kind) => orNothing(() => client.request('DELETE', `/api/v1/namespaces/${namespace}/${kind}`))),
  ])
}

async function deleteAll(
  client: KubeTestClient,
  of: { readonly apiVersion: string; readonly kind: string; readonly namespace: string },
): Promise<void> {
  const found = (await orNothing(() => client.list(of))) ?? []
  await Promise.all(
    found.map(async ({ metadata: { name, finalizers = [] } }) => {
      const others = finalizers.filter((one) => one !== finalizer)
      if (others.length < finalizers.length)
        await orNothing(() => client.patch({ ...of, name }, { metadata: { finalizers: others } }))
      await orNothing(() => client.delete({ ...of, name }))
    }),
  )
}

/** Undefined where the kind is not there, or the object is gone meanwhile. */
async function orNothing<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof KubeTestError && error.status === 404) return undefined
    throw error
  }
}
