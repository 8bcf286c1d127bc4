import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeTestClient, TestObject } from './kube-test-client.ts'

const discovery = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

/** What of a CustomResourceDefinition must be known to install it. */
export interface TestDefinition {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly group: string
    readonly names: { readonly plural: string; readonly [name: string]: string }
    readonly [field: string]: unknown
  }
}

/** Applies a CustomResourceDefinition and waits until its kind is served and whoever asks what there is, is told of it: that comes a moment after the definition is established. */
export async function installDefinition(client: KubeTestClient, definition: TestDefinition): Promise<void> {
  await client.apply(definition)
  await untilEstablished(client, definition.metadata.name)
  const { group, names } = definition.spec
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(50)) {
    const { items } = (await client.request('GET', '/apis', { accept: discovery })) as Discovered
    const found = items.find(({ metadata }) => metadata.name === group)?.versions ?? []
    if (found.some(({ resources = [] }) => resources.some(({ resource }) => resource === names.plural))) return
  }
  throw new Error(`${definition.metadata.name} is still not served`)
}

interface Discovered {
  readonly items: readonly {
    readonly metadata: { readonly name: string }
    readonly versions: readonly { readonly resources?: readonly { readonly resource: string }[] }[]
  }[]
}

/** Waits until the names of a definition are accepted and its kind can be used. */
export function untilEstablished(client: KubeTestClient, name: string): Promise<TestObject | undefined> {
  const ref = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name }
  return client.waitFor(ref, (found) => {
    const conditions = (found?.['status']?.conditions ?? []) as readonly { type: string; status: string }[]
    return conditions.some(({ type, status }) => type === 'Established' && status === 'True')
  })
}
