import { after } from 'node:test'
import type { TestCluster } from './cluster.ts'
import { createNamespace } from './create-namespace.ts'
import { endNamespace } from './end-namespace.ts'

/** The cluster with namespaces that last as long as the file: those of {@link TestCluster.namespace} end with the test that made them. To be called at the top of a test file, before the `after` that closes what uses them. */
export function lastingNamespaces(cluster: TestCluster): Pick<TestCluster, 'client' | 'address' | 'namespace'> {
  const made: string[] = []
  after(async () => {
    for (const name of made) await endNamespace(cluster.client, name)
  })
  return {
    get client() {
      return cluster.client
    },
    get address() {
      return cluster.address
    },
    namespace: async () => {
      const name = `test-${crypto.randomUUID().slice(0, 8)}`
      made.push(name)
      await createNamespace(cluster.client, name)
      return name
    },
  }
}
