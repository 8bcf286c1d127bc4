import { isEngineError, mapLimit } from '../../base/index.ts'
import { finalizer, type Kustomization } from '../../api/index.ts'
import {
  inventoryEntryOf,
  sortInventory,
  type ApiResource,
  type InventoryEntry,
  type KubeClient,
} from '../../kube/index.ts'
import { formatApiVersion, isMap, type KubeObject } from '../../resources/index.ts'
import { ownerOf } from './progress.ts'

/** Kinds whose objects carry labels of others: those of Services are copied to them. */
const copiedKinds = new Set(['Endpoints', 'EndpointSlice', 'Event'])

/**
 * True for a Kustomization that was worked on before (it has our finalizer) and whose status is gone: restored from a backup, replaced, moved.
 * One that was only never applied has conditions that say why.
 */
export function hasLostStatus(object: Kustomization): boolean {
  const { status, metadata } = object
  return (
    (metadata.finalizers ?? []).includes(finalizer) &&
    status?.inventory === undefined &&
    (status?.conditions ?? []).length === 0 &&
    status?.lastAppliedRevision === undefined
  )
}

/**
 * The inventory of a Kustomization from the owner labels of what is in the cluster: one list of metadata per kind, as its identity. What may only
 * be listed in a namespace is listed in those of the Kustomization. Objects with an owner of their own are left out: it made them.
 */
export async function rebuildInventory(
  client: KubeClient,
  object: Kustomization,
  options: { readonly concurrency: number; readonly signal: AbortSignal },
): Promise<readonly InventoryEntry[]> {
  const owner = ownerOf(object)
  const labelSelector = `${owner.group}/name=${owner.name},${owner.group}/namespace=${owner.namespace}`
  const namespaces = [...new Set([object.spec.targetNamespace ?? owner.namespace, owner.namespace])]
  const { byKind, groupVersions } = await client.discovery({ signal: options.signal })
  const found = await mapLimit(prunableKinds([...byKind.values()], groupVersions), options.concurrency, (resource) =>
    listOwned(client, resource, { labelSelector, namespaces, signal: options.signal }),
  )
  return sortInventory(
    found
      .flat()
      .filter((one) => !hasOwner(one))
      .map(inventoryEntryOf),
  )
}

/** One version of each kind that can be listed and deleted: the one that the server prefers. */
function prunableKinds(resources: readonly ApiResource[], groupVersions: readonly string[]): readonly ApiResource[] {
  const rank = new Map(groupVersions.map((version, index) => [version, index]))
  const rankOf = (one: ApiResource): number => rank.get(formatApiVersion(one)) ?? Number.MAX_SAFE_INTEGER
  const best = new Map<string, ApiResource>()
  for (const resource of resources) {
    if (!resource.verbs.includes('list') || !resource.verbs.includes('delete')) continue
    if (copiedKinds.has(resource.kind)) continue
    const id = `${resource.group}/${resource.kind}`
    const known = best.get(id)
    if (known === undefined || rankOf(resource) < rankOf(known)) best.set(id, resource)
  }
  return [...best.values()]
}

async function listOwned(
  client: KubeClient,
  resource: ApiResource,
  options: { readonly labelSelector: string; readonly namespaces: readonly string[]; readonly signal: AbortSignal },
): Promise<readonly KubeObject[]> {
  const kind = { apiVersion: formatApiVersion(resource), kind: resource.kind }
  const list = async (namespace?: string): Promise<readonly KubeObject[] | undefined> => {
    try {
      const { labelSelector, signal } = options
      const { items } = await client.list(kind, { namespace, labelSelector, signal, metadataOnly: true })
      // Metadata comes as a kind of its own.
      return items.map((item) => ({ ...item, ...kind }))
    } catch (error) {
      if (isEngineError(error) && passed.has(error.code)) return undefined
      throw error
    }
  }
  const all = await list()
  if (all !== undefined || !resource.namespaced) return all ?? []
  return (await Promise.all(options.namespaces.map((namespace) => list(namespace)))).flatMap((items) => items ?? [])
}

/** What an identity may not see, or what the server does not let anybody list, it has not applied. */
const passed = new Set(['kube-forbidden', 'kube-not-found', 'kube-method-not-allowed', 'kube-kind-unknown'])

function hasOwner(object: KubeObject): boolean {
  const metadata = object['metadata']
  return isMap(metadata) && Array.isArray(metadata['ownerReferences']) && metadata['ownerReferences'].length > 0
}
