import type { KubeTestClient } from './kube-test-client.ts'

/**
 * Creates a namespace and waits until the cluster's controllers have put into it what they put into each: the service account without which pods are refused, and the certificate of the
 * API server. Otherwise they come in the middle of a test that counts who wrote what.
 */
export async function createNamespace(client: KubeTestClient, name: string): Promise<void> {
  await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  const place = { apiVersion: 'v1', namespace: name }
  await Promise.all(
    [
      { ...place, kind: 'ServiceAccount', name: 'default' },
      { ...place, kind: 'ConfigMap', name: 'kube-root-ca.crt' },
    ].map((ref) => client.waitFor(ref, (found) => found !== undefined)),
  )
}
