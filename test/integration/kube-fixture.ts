import { after } from 'node:test'
import {
  applyStaged,
  createClusterCache,
  createKubeClient,
  type ApplyOptions,
  type ApplyResult,
  type KubeClient,
  type Owner,
} from '../../src/kube/index.ts'
import { createNodeKubeTransport, type NodeKubeTransport } from '../../src/platforms/node/kube-transport.ts'
import type { KubeTransport } from '../../src/ports/index.ts'
import type { KubeObject } from '../../src/resources/index.ts'
import { useCluster, type TestCluster } from '../support/cluster.ts'
import { createMemoryLogger, systemClock, systemRandom } from '../support/memory-ports.ts'

/** The engine's client on the test cluster, with the objects that its tests need. */
export interface KubeFixture {
  readonly cluster: TestCluster
  readonly transport: KubeTransport
  /** A client with a cache of its own. */
  client(transport?: KubeTransport): KubeClient
}

/** To be called at the top of a test file. */
export function useKube(): KubeFixture {
  const cluster = useCluster()
  let transport: NodeKubeTransport | undefined
  after(() => transport?.close())
  const known = (): KubeTransport => {
    transport ??= createNodeKubeTransport({
      cluster: 'test',
      server: cluster.address.server,
      ca: cluster.address.caPem,
      token: async () => cluster.address.token,
    })
    return transport
  }
  return {
    cluster,
    get transport() {
      return known()
    },
    client: (other) => createTestClient(other ?? known()),
  }
}

/** A client over any transport. */
export function createTestClient(
  transport: KubeTransport,
  options: { readonly requestTimeoutMs?: number; readonly callTimeoutMs?: number } = {},
): KubeClient {
  return createKubeClient({
    transport,
    clock: systemClock,
    random: systemRandom,
    logger: createMemoryLogger(),
    cache: createClusterCache(),
    requestTimeoutMs: 20_000,
    ...options,
  })
}

export const fieldManager = 'kustomize-controller'

export function ownerIn(namespace: string, name = 'app'): Owner {
  return { kind: 'Kustomization', group: 'kustomize.toolkit.fluxcd.io', name, namespace }
}

/** The object with its owner's labels. */
export function owned(owner: Owner, object: object): KubeObject {
  const copy = structuredClone(object) as KubeObject & { metadata: { labels?: { [key: string]: string } } }
  copy.metadata.labels = {
    ...copy.metadata.labels,
    [`${owner.group}/name`]: owner.name,
    [`${owner.group}/namespace`]: owner.namespace,
  }
  return copy
}

export function configMap(
  namespace: string,
  name: string,
  data: { [key: string]: string },
  annotations?: { [key: string]: string },
): object {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, ...(annotations ? { annotations } : {}) },
    data,
  }
}

export function deployment(namespace: string, name: string, image = 'nginx:1'): object {
  const labels = { app: name }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'app', image, ports: [{ containerPort: 80 }] }] },
      },
    },
  }
}

/** A CustomResourceDefinition of `group` with the kind Widget, and one Widget. */
export function widgetDefinition(group: string): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind: 'Widget', plural: 'widgets' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: { type: 'object', properties: { size: { type: 'integer' } } },
                status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
              },
            },
          },
        },
      ],
    },
  }
}

export function apply(
  client: KubeClient,
  owner: Owner,
  objects: readonly object[],
  options: Partial<ApplyOptions> = {},
): Promise<ApplyResult> {
  return applyStaged(client, {
    objects: objects.map((object) => owned(owner, object)),
    owner,
    fieldManager,
    ...options,
  })
}

/** `Kind/name action`, without the namespace, which differs from test to test. */
export function summary(result: Pick<ApplyResult, 'changes'>): string[] {
  return result.changes.map((change) => `${change.kind}/${change.name} ${change.action}`)
}

export function messages(result: ApplyResult): string[] {
  return result.errors.map((failure) => failure.error.message)
}
