import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeTestClient } from './kube-test-client.ts'

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
  await untilServed(client, definition.metadata.name, definition.spec)
}

/** Waits until the kind of a definition is served, and known to who asks. */
export async function untilServed(
  client: KubeTestClient,
  name: string,
  { group, names }: TestDefinition['spec'],
): Promise<void> {
  await client.waitFor({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name }, (found) => {
    const conditions = (found?.['status']?.conditions ?? []) as readonly { type: string; status: string }[]
    return conditions.some(({ type, status }) => type === 'Established' && status === 'True')
  })
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(50)) {
    const { items } = (await client.request('GET', '/apis', { accept: discovery })) as Discovered
    const found = items.find(({ metadata }) => metadata.name === group)?.versions ?? []
    if (found.some(({ resources = [] }) => resources.some(({ resource }) => resource === names.plural))) return
  }
  throw new Error(`${name} is still not served`)
}

interface Discovered {
  readonly items: readonly {
    readonly metadata: { readonly name: string }
    readonly versions: readonly { readonly resources?: readonly { readonly resource: string }[] }[]
  }[]
}
