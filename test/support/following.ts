import type { KubeTestClient } from './kube-test-client.ts'

/** Makes a GitRepository that follows the branch main. */
export async function followGit(
  client: KubeTestClient,
  source: { readonly name: string; readonly namespace: string; readonly url: string },
): Promise<void> {
  const { name, namespace, url } = source
  await client.apply({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name, namespace },
    spec: { interval: '1h', url, ref: { branch: 'main' } },
  })
}

/** Makes a Kustomization of the directory `./<name>` of a GitRepository, with prune on and everything into its namespace. `spec` adds to that and replaces. */
export async function followDirectory(
  client: KubeTestClient,
  directory: { readonly name: string; readonly namespace: string; readonly source: string },
  spec: object = {},
): Promise<void> {
  const { name, namespace, source } = directory
  await client.apply({
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name, namespace },
    spec: {
      interval: '1h',
      path: `./${name}`,
      prune: true,
      targetNamespace: namespace,
      sourceRef: { kind: 'GitRepository', name: source },
      ...spec,
    },
  })
}

/** A manifest of a ConfigMap with a colour. `metadata` adds to its metadata: `, namespace: x`. */
export function colouredConfigMap(name: string, color: string, metadata = ''): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}${metadata} }\ndata:\n  color: ${color}\n`
}

/** The colour that a ConfigMap has in the cluster; undefined where it is not there. */
export async function colourOf(client: KubeTestClient, namespace: string, name: string): Promise<unknown> {
  return (await client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name }))?.['data']?.color
}

/** Waits until something is so. @throws with what was waited for, after a minute. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; !(await isSo()); await new Promise((resolve) => setTimeout(resolve, 100)))
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`)
}
