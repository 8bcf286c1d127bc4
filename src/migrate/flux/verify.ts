import { labels, type HelmRelease, type Kustomization } from '../../api/index.ts'
import { mapLimit, toEngineError } from '../../base/index.ts'
import { decodeRelease } from '../../helm/index.ts'
import { leaseKind, managedFieldsOf, inventoryKey, type KubeClient, type LeaseObject } from '../../kube/index.ts'
import { scalarText, type KubeObject } from '../../resources/index.ts'
import { storageNamespaceOf, releaseNameOf, verifySnapshot, type World } from '../../reconcile/index.ts'
import { mapOf, metaMap } from '../maps.ts'
import { isLeaseHeld } from './hand-over.ts'

/** What whoever takes over finds. */
export interface Verification {
  readonly kustomizations: number
  /** Entries of inventories that are there and belong to their Kustomization. */
  readonly entries: number
  readonly releases: number
  /** What is not as Flux's controllers want it, one line each. */
  readonly problems: readonly string[]
}

const concurrency = 8

/**
 * Checks what is handed over, to Sluice or back to Flux: every entry of every inventory is there and carries the labels of its owner, and every HelmRelease's history names the newest
 * revision in Helm's storage by its digest, so that nobody takes it for somebody else's. `only` names the objects that are meant. Reads only; objects on other clusters are not looked at.
 */
export async function verifyHandOver(
  client: KubeClient,
  world: World,
  signal: AbortSignal,
  only: (object: Kustomization | HelmRelease) => boolean = () => true,
): Promise<Verification> {
  const kustomizations = world.ofKind('Kustomization').filter((one) => only(one) && one.spec.kubeConfig === undefined)
  const releases = world.ofKind('HelmRelease').filter((one) => only(one) && one.spec.kubeConfig === undefined)
  const inventories = await mapLimit(kustomizations, 2, (object) => verifyInventory(client, object, signal))
  const stored = await mapLimit(releases, concurrency, (object) => verifyRelease(client, object, signal))
  return {
    kustomizations: kustomizations.length,
    entries: inventories.reduce((sum, { entries }) => sum + entries, 0),
    releases: releases.length,
    problems: [...inventories.flatMap(({ problems }) => problems), ...stored.flat()],
  }
}

async function verifyInventory(
  client: KubeClient,
  object: Kustomization,
  signal: AbortSignal,
): Promise<{ readonly entries: number; readonly problems: readonly string[] }> {
  const { name, namespace = '' } = object.metadata
  const own = `Kustomization/${namespace}/${name}`
  const entries = object.status?.inventory?.entries ?? []
  const problems = await mapLimit(entries, concurrency, async (entry) => {
    const key = inventoryKey(entry)
    if (key === undefined) return [`${own}: the inventory entry ${entry.id} cannot be read`]
    const found = await client
      .get<KubeObject>(key, { metadataOnly: true, signal })
      .catch((error: unknown) => toEngineError(error))
    if (found instanceof Error) return [`${own}: ${entry.id}: ${found.message}`]
    if (found === undefined) return [`${own}: ${entry.id} is in the inventory and not in the cluster`]
    const known = metaMap(found, 'labels')
    const isOwn = known[labels.kustomizeName] === name && known[labels.kustomizeNamespace] === namespace
    // What is skipped (`IfNotPresent`, `Ignore`) is in the inventory and need not carry labels.
    const isApplied = managedFieldsOf(found).some(({ manager }) => manager === 'kustomize-controller')
    return isOwn || !isApplied ? [] : [`${own}: ${entry.id} has the labels of another owner`]
  })
  return { entries: entries.length, problems: problems.flat() }
}

async function verifyRelease(client: KubeClient, object: HelmRelease, signal: AbortSignal): Promise<readonly string[]> {
  const own = `HelmRelease/${object.metadata.namespace ?? ''}/${object.metadata.name}`
  const [newest] = (object.status?.history ?? []).toSorted((a, b) => b.version - a.version)
  if (newest === undefined) return []
  const secrets = await client.list<KubeObject>(
    { apiVersion: 'v1', kind: 'Secret' },
    {
      namespace: storageNamespaceOf(object),
      labelSelector: `owner=helm,name=${releaseNameOf(object)}`,
      signal,
    },
  )
  const versionOf = (secret: KubeObject): number => Number(metaMap(secret, 'labels')['version'] ?? 0)
  const latest = secrets.items.toSorted((a, b) => versionOf(b) - versionOf(a))[0]
  if (latest === undefined) return [`${own}: its release is not in Helm's storage`]
  if (versionOf(latest) !== newest.version)
    return [`${own}: its history ends at revision ${newest.version}, Helm's storage at ${versionOf(latest)}`]
  try {
    const release = decodeRelease(atob(scalarText(mapOf(latest['data'])['release'])))
    return verifySnapshot(newest, release) ? [] : [`${own}: revision ${newest.version} is not what its history says`]
  } catch (error) {
    return [`${own}: revision ${newest.version}: ${toEngineError(error).message}`]
  }
}

/** Locks of Sluice that are held now, as text: somebody works on the cluster. */
export async function heldLocks(client: KubeClient, signal: AbortSignal): Promise<readonly string[]> {
  const { items } = await client.list<LeaseObject & KubeObject>(leaseKind, { signal })
  const now = client.clock.now()
  return items.flatMap((lease) => {
    const { name = '', namespace } = lease.metadata as { readonly name?: string; readonly namespace?: string }
    const isOurs = name === 'sluice' || name.startsWith('helmrelease-')
    return isOurs && isLeaseHeld(lease, now)
      ? [`${namespace ?? ''}/${name} (by ${lease.spec?.holderIdentity ?? ''})`]
      : []
  })
}
