import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { artifactBlobKey } from '../../src/sources/index.ts'
import type { EngineDeps } from '../../src/reconcile/index.ts'
import type { KubeTestClient, TestObject } from './kube-test-client.ts'

/** True when an object of Flux's is Ready in its newest generation. */
export function isReady(object: TestObject | undefined): boolean {
  const ready = (object?.['status']?.conditions as { type: string; status: string }[] | undefined)?.find(
    (condition) => condition.type === 'Ready',
  )
  return ready?.status === 'True' && object?.['status']?.observedGeneration === object?.metadata.generation
}

/** Gives out the artifacts that the engine has stored, as source-controller does. `urls` start with what it returns. */
export async function serveArtifacts(
  find: (path: string) => Promise<Uint8Array | undefined>,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    void find(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname.slice(1))).then(
      (bytes) => {
        response.writeHead(bytes === undefined ? 404 : 200)
        response.end(bytes)
      },
      () => void response.writeHead(500).end(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Where {@link serveArtifacts} finds those of the engine. */
export function storedArtifacts(
  deps: Pick<EngineDeps, 'blobs' | 'cluster'>,
): (path: string) => Promise<Uint8Array | undefined> {
  return (path) => deps.blobs.get(artifactBlobKey({ cluster: deps.cluster.name, path }))
}

/** Puts recorded objects into the cluster, with whoever owned their fields. */
export async function replay(client: KubeTestClient, objects: readonly TestObject[]): Promise<void> {
  for (const object of objects) {
    const { status, ...rest } = object
    const { name, namespace, labels, annotations, finalizers, managedFields } =
      object.metadata as TestObject['metadata'] & {
        readonly managedFields?: unknown
      }
    const ref = { apiVersion: object.apiVersion, kind: object.kind, name, namespace: namespace ?? '' }
    const known = { name, namespace, labels, annotations, finalizers }
    const metadata = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined))
    await client.create({ ...rest, metadata })
    if (object.kind === 'HelmRelease' || object.kind === 'Kustomization')
      await client.patch(ref, { status: inFirstGeneration(status) as object }, { subresource: 'status' })
    await client.patch(ref, [{ op: 'replace', path: '/metadata/managedFields', value: managedFields }], {
      type: 'json',
    })
  }
}

/** What is created is of generation one, however often it was changed when it was recorded. */
function inFirstGeneration(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inFirstGeneration)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === 'observedGeneration' || key === 'lastAttemptedGeneration' ? 1 : inFirstGeneration(item),
    ]),
  )
}
