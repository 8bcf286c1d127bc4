import { parseAllDocuments } from 'yaml'
import type { GitTestRepository } from '../support/git-repository.ts'
import type { KubeTestClient } from '../support/kube-test-client.ts'

/** Namespace of the demo's own objects. */
export const namespace = 'flux-system'

/** Applies what a person applies once: the source of the demo's repository, and the Kustomization that everything else hangs from. */
export async function bootstrap(
  client: KubeTestClient,
  repository: GitTestRepository,
  annotations: { readonly [name: string]: string } = {},
): Promise<void> {
  const text = `apiVersion: v1
kind: Namespace
metadata: { name: ${namespace} }
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: example, namespace: ${namespace} }
spec: { interval: 1h, url: "${repository.url}", ref: { branch: main } }
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: cluster, namespace: ${namespace}, annotations: ${JSON.stringify(annotations)} }
spec: { interval: 1h, path: ./clusters/demo, prune: true, sourceRef: { kind: GitRepository, name: example } }
`
  for (const document of parseAllDocuments(text)) await client.apply(document.toJS() as object)
}
