import { isEngineError, sha256Hex } from '../base/index.ts'
import { isNotFound, type KubeClient } from '../kube/index.ts'
import type { Workload } from './world.ts'

/** `Kind/namespace/name` of ConfigMaps and Secrets whose changes concern what refers to them, with the version that they have. */
export type WatchedConfigs = ReadonlyMap<string, string>

const watchedKinds = ['ConfigMap', 'Secret'] as const

/**
 * Lists the metadata of labelled ConfigMaps and Secrets: two requests for a cluster. Flux's controllers watch them (`--watch-configs-label-selector`, by default
 * `reconcile.fluxcd.io/watch=Enabled`); here each scan compares. An empty selector: none.
 */
export async function loadWatchedConfigs(
  client: KubeClient,
  namespaces: readonly string[],
  labelSelector: string,
  signal: AbortSignal,
): Promise<WatchedConfigs> {
  const found = new Map<string, string>()
  if (labelSelector === '') return found
  const scopes: readonly { namespace?: string }[] =
    namespaces.length === 0 ? [{}] : namespaces.map((namespace) => ({ namespace }))
  await Promise.all(
    watchedKinds.flatMap((kind) =>
      scopes.map(async (scope) => {
        const options = { ...scope, labelSelector, metadataOnly: true, signal }
        const list = await client.list<Listed>({ apiVersion: 'v1', kind }, options).catch((error: unknown) => {
          // Who may not list them goes without: the interval finds the change.
          if (isNotFound(error) || isForbidden(error)) return { items: [] }
          throw error
        })
        for (const item of list.items) {
          const { namespace, name, resourceVersion } = item.metadata
          found.set(`${kind}/${namespace}/${name}`, resourceVersion ?? '')
        }
      }),
    ),
  )
  return found
}

interface Listed {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly resourceVersion?: string }
}

/** A digest over the versions of the watched ConfigMaps and Secrets that an object refers to; '' where there are none. */
export function configsDigest(object: Workload, watched: WatchedConfigs): string {
  if (watched.size === 0) return ''
  const namespace = object.metadata.namespace ?? ''
  const seen = referencesOf(object)
    .map((reference) => {
      const id = `${reference.kind}/${namespace}/${reference.name}`
      const version = watched.get(id)
      return version === undefined ? '' : `${id}@${version}`
    })
    .filter((text) => text !== '')
  return seen.length === 0 ? '' : sha256Hex([...new Set(seen)].sort().join('\n')).slice(0, 16)
}

interface ConfigReference {
  readonly kind: string
  readonly name: string
}

/** What an object reads in its namespace (kustomize-controller 1.9 and helm-controller 1.6, their indexes of Secrets and ConfigMaps). */
export function referencesOf(object: Workload): readonly ConfigReference[] {
  const secret = (reference: { readonly name: string } | undefined): readonly ConfigReference[] =>
    reference === undefined ? [] : [{ kind: 'Secret', name: reference.name }]
  const { kubeConfig } = object.spec
  const access = [
    ...secret(kubeConfig?.secretRef),
    ...(kubeConfig?.configMapRef === undefined ? [] : [{ kind: 'ConfigMap', name: kubeConfig.configMapRef.name }]),
  ]
  if (object.kind === 'HelmRelease') return [...access, ...(object.spec.valuesFrom ?? [])]
  return [...access, ...(object.spec.postBuild?.substituteFrom ?? []), ...secret(object.spec.decryption?.secretRef)]
}

function isForbidden(error: unknown): boolean {
  return isEngineError(error) && error.code === 'kube-forbidden'
}
