import { isEngineError, mapLimit } from '../../base/index.ts'
import { formatKey, keyOf, type ApiResource, type KubeClient, type ObjectKey } from '../../kube/index.ts'
import {
  compareForApply,
  formatApiVersion,
  gvkOf,
  nameOf,
  namespaceOf,
  scalarText,
  type KubeObject,
} from '../../resources/index.ts'
import { listOf, mapOf, metaMap } from '../maps.ts'

/** An object that is not taken over, and why. */
export interface LeftOut {
  readonly object: string
  readonly reason: string
}

/** Which objects are meant. */
export interface FindWish {
  readonly namespace: string
  readonly labelSelector?: string | undefined
  /** Kinds as the cluster names them; empty: all that are in a namespace. */
  readonly kinds: readonly string[]
}

/** What is found. */
export interface Found {
  /** In the order in which they are applied. */
  readonly objects: readonly KubeObject[]
  readonly leftOut: readonly LeftOut[]
}

/** Kinds that nobody writes by hand, or that are gone tomorrow. */
const passing: ReadonlySet<string> = new Set([
  'Event',
  'Endpoints',
  'EndpointSlice',
  'Lease',
  'ControllerRevision',
  'PodMetrics',
  'IPAddress',
  'ResourceClaim',
])
const listed = 2

/** Reads every object of a namespace that somebody may have applied by hand, and sorts out what belongs to others. Reads only. */
export async function findUnmanaged(client: KubeClient, wish: FindWish, signal: AbortSignal): Promise<Found> {
  const resources = await namespacedKinds(client, wish.kinds, signal)
  const lists = await mapLimit(resources, listed, async (resource) => {
    const kind = { apiVersion: formatApiVersion(resource), kind: resource.kind }
    const options = {
      namespace: wish.namespace,
      ...(wish.labelSelector === undefined ? {} : { labelSelector: wish.labelSelector }),
      signal,
    }
    try {
      return (await client.list(kind, options)).items.map((item): KubeObject => ({ ...item, ...kind }))
    } catch (error) {
      // A kind that only its controller may list is not ours to take over.
      if (isEngineError(error) && ['kube-forbidden', 'kube-not-found', 'kube-method-not-allowed'].includes(error.code))
        return []
      throw error
    }
  })
  return sortOut(lists.flat())
}

/** Reads the objects that manifests name, of any scope. What is not there is left out. */
export async function findNamed(client: KubeClient, keys: readonly ObjectKey[], signal: AbortSignal): Promise<Found> {
  const absent: LeftOut[] = []
  const found = await mapLimit(keys, listed, async (key) => {
    const object = await client.get<KubeObject>(key, { signal })
    if (object === undefined) absent.push({ object: formatKey(key), reason: 'it is not in the cluster' })
    return object === undefined ? [] : [{ ...object, apiVersion: key.apiVersion, kind: key.kind }]
  })
  const sorted = sortOut(found.flat())
  return { objects: sorted.objects, leftOut: [...absent, ...sorted.leftOut] }
}

/** Tells what can be taken over from what belongs to somebody. Pure; exported for tests. */
export function sortOut(objects: readonly KubeObject[]): Found {
  const leftOut: LeftOut[] = []
  const kept = objects.filter((object) => {
    const reason = ownerOf(object)
    if (reason !== undefined && reason !== '') leftOut.push({ object: formatKey(keyOf(object)), reason })
    return reason === undefined
  })
  const idOf = (object: KubeObject): Parameters<typeof compareForApply>[0] => ({
    ...gvkOf(object),
    name: nameOf(object),
    namespace: namespaceOf(object),
  })
  return { objects: kept.toSorted((a, b) => compareForApply(idOf(a), idOf(b))), leftOut }
}

/** Whose an object is, as text; '' for what is not worth a word, undefined for what is nobody's. */
function ownerOf(object: KubeObject): string | undefined {
  const labels = metaMap(object, 'labels')
  const annotations = metaMap(object, 'annotations')
  const kind = scalarText(object['kind'])
  const name = nameOf(object)
  if (passing.has(kind)) return ''
  if (kind === 'ConfigMap' && name === 'kube-root-ca.crt') return ''
  if (kind === 'ServiceAccount' && name === 'default' && listOf(object['imagePullSecrets']).length === 0) return ''
  if (mapOf(object['metadata'])['deletionTimestamp'] !== undefined) return 'it is being deleted'
  const [owner] = listOf(mapOf(object['metadata'])['ownerReferences'])
  if (owner !== undefined) return ''
  const type = scalarText(object['type'])
  if (kind === 'Secret' && type === 'kubernetes.io/service-account-token') return ''
  if (kind === 'Secret' && type === 'helm.sh/release.v1') return ''
  for (const [tool, group] of [
    ['Kustomization', 'kustomize.toolkit.fluxcd.io'],
    ['HelmRelease', 'helm.toolkit.fluxcd.io'],
  ] as const) {
    const by = labels[`${group}/name`]
    if (by !== undefined) return `${tool} ${labels[`${group}/namespace`] ?? ''}/${by} manages it`
  }
  const argo = annotations['argocd.argoproj.io/tracking-id']
  if (argo !== undefined) return `Argo CD manages it (${argo.split(':')[0] ?? ''})`
  const release = annotations['meta.helm.sh/release-name']
  if (release !== undefined) return `Helm release ${release} manages it: sluice migrate helm`
  return undefined
}

/** One resource for each kind that can be listed and written, in the version that the server prefers. */
async function namespacedKinds(
  client: KubeClient,
  kinds: readonly string[],
  signal: AbortSignal,
): Promise<readonly ApiResource[]> {
  const { byKind, groupVersions } = await client.discovery({ signal })
  const wanted = new Set(kinds.map((kind) => kind.toLowerCase()))
  const chosen = new Map<string, ApiResource>()
  const rank = (resource: ApiResource): number => groupVersions.indexOf(formatApiVersion(resource))
  for (const resource of byKind.values()) {
    if (!resource.namespaced || !['list', 'get', 'patch'].every((verb) => resource.verbs.includes(verb))) continue
    if (passing.has(resource.kind)) continue
    const isWanted = wanted.size === 0 || wanted.has(resource.kind.toLowerCase()) || wanted.has(resource.plural)
    if (!isWanted) continue
    const id = `${resource.group}/${resource.kind}`
    const known = chosen.get(id)
    if (known === undefined || rank(resource) < rank(known)) chosen.set(id, resource)
  }
  return [...chosen.values()]
}
