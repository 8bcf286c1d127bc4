import { EngineError, runBounded } from '../base/index.ts'
import {
  APPLY_STAGES,
  applyStage,
  compareForApply,
  formatApiVersion,
  formatInventoryId,
  type ApplyStage,
  type KubeObject,
  type ObjectId,
} from '../resources/index.ts'
import { failureOf, isFatal, throughConflicts } from './apply-context.ts'
import type { ObjectFailure, Owner } from './apply-types.ts'
import type { Change } from './change-set.ts'
import type { CallOptions, KubeClient } from './client-types.ts'
import { throwIfAborted } from './deadline.ts'
import type { ApiResource } from './discovery.ts'
import { inventoryKey, type InventoryEntry } from './inventory.ts'
import { uidOf, type ObjectKey } from './object-key.ts'
import { keepReason } from './policies.ts'
import { splitWaves } from './waves.ts'

export interface PruneOptions extends CallOptions {
  /** What is to go: entries of the inventory that the source no longer has, or all of them when the owner is deleted. */
  readonly entries: readonly InventoryEntry[]
  readonly owner: Owner
  /** The inventory that stays. Never deleted, also where an entry names the same object in another way (a namespace on a cluster-scoped kind). */
  readonly keep?: readonly InventoryEntry[]
  /** Inventory ids that another owner is about to take over, and who: left alone as long as their labels still name this one. */
  readonly claimed?: ReadonlyMap<string, string>
  /** Requests in flight. Default 8. */
  readonly concurrency?: number
}

export interface PruneResult {
  /** `deleted` (also what was gone already) and `skipped`, in the order of pruning. */
  readonly changes: readonly Change[]
  /** Entries that could not be deleted, and those that are claimed: they belong back into the inventory. */
  readonly survivors: readonly InventoryEntry[]
  readonly errors: readonly ObjectFailure[]
}

interface Candidate {
  readonly entry: InventoryEntry
  readonly key: ObjectKey & { readonly id: ObjectId }
}

/**
 * Deletes what an owner has applied before and has no longer, last applied first. The object in the cluster decides: it must carry
 * both owner labels and no `prune: disabled`, `reconcile: disabled` or `ssa: Ignore`. Exactly the object that was looked at is
 * deleted (uid), its dependants in the background. Failures do not keep the others from being pruned (kustomize-controller 1.9, prune;
 * unlike there, a kind that the cluster no longer serves counts as gone: its objects went with it).
 *
 * Effects: DELETE requests. Can be cut off anywhere: what was not deleted is found by the next prune of the same entries.
 *
 * @throws EngineError `aborted` when the signal has aborted before anything was done.
 */
export async function pruneObjects(client: KubeClient, options: PruneOptions): Promise<PruneResult> {
  throwIfAborted(options.signal)
  const changes: Change[] = []
  const survivors: InventoryEntry[] = []
  const errors: ObjectFailure[] = []
  const candidates: Candidate[] = []
  for (const entry of options.entries) {
    const key = inventoryKey(entry)
    if (key) {
      candidates.push({ entry, key })
      continue
    }
    survivors.push(entry)
    errors.push(failureOf(malformed(entry), { apiVersion: '', kind: 'inventory entry', name: entry.id }, 'delete'))
  }
  let isCutOff = false
  for (const wave of pruneWaves(candidates)) {
    const results = isCutOff
      ? []
      : await runBounded(wave, options.concurrency ?? 8, (candidate) => pruneOne(client, options, candidate), isFatal)
    wave.forEach((candidate, index) => {
      const result = results[index]
      if (result && 'value' in result) {
        changes.push(result.value.change)
        if (result.value.isClaimed) survivors.push(candidate.entry)
        return
      }
      survivors.push(candidate.entry)
      if (!result) return
      if (!isFatal(result.error) || !isCutOff) errors.push(failureOf(result.error, candidate.key, 'delete'))
      isCutOff ||= isFatal(result.error)
    })
  }
  return { changes, survivors, errors }
}

/** Last applied first: stages backwards, waves backwards, objects in reverse order. */
function pruneWaves(candidates: readonly Candidate[]): Candidate[][] {
  const stageOf = ({ key }: Candidate): ApplyStage => applyStage({ ...key.id, version: '' })
  const sorted = [...candidates].sort((a, b) => compareForApply(a.key.id, b.key.id))
  return [...APPLY_STAGES]
    .flatMap((stage) =>
      splitWaves(
        sorted.filter((candidate) => stageOf(candidate) === stage),
        ({ key }) => key.kind,
      ),
    )
    .reverse()
    .map((wave) => wave.reverse())
}

interface Pruned {
  readonly change: Change
  readonly isClaimed: boolean
}

async function pruneOne(client: KubeClient, options: PruneOptions, { key, entry }: Candidate): Promise<Pruned> {
  const { signal, owner } = options
  const change = (action: Change['action'], extra: Partial<Change> = {}, isClaimed = false): Pruned => ({
    change: {
      apiVersion: key.apiVersion,
      kind: key.kind,
      namespace: key.namespace ?? '',
      name: key.name,
      action,
      ...extra,
    },
    isClaimed,
  })
  const context = { client, options }
  const live = await throughConflicts(context, () => findLive(client, key, signal))
  if (!live) return change('deleted', { note: 'it was gone already' })
  if (isKept(live.isNamespaced, key.id, options.keep ?? []))
    return change('skipped', { note: 'the source still has it' })
  const reason = keepReason(live.object, owner)
  const uid = uidOf(live.object)
  if (reason !== undefined) return change('skipped', { uid, note: reason })
  const claimant = options.claimed?.get(entry.id)
  if (claimant !== undefined) return change('skipped', { uid, note: `it moves to ${claimant}` }, true)
  await throughConflicts(context, () => client.delete(live.key, { uid, propagation: 'Background', signal }))
  return change('deleted', { uid })
}

interface Live {
  readonly key: ObjectKey
  readonly object: KubeObject
  readonly isNamespaced: boolean
}

/**
 * The object of an entry, its metadata only. An entry may name a version that the cluster no longer serves: then the same kind in another
 * version of its group is the object. A kind that is in no version any more has no objects.
 */
async function findLive(
  client: KubeClient,
  key: Candidate['key'],
  signal: AbortSignal | undefined,
): Promise<Live | undefined> {
  const resource = await resolveAnyVersion(client, key, signal)
  if (!resource) return undefined
  const apiVersion = formatApiVersion(resource)
  const namespace = resource.namespaced ? key.namespace : ''
  const liveKey: ObjectKey = { apiVersion, kind: key.kind, namespace, name: key.name }
  const object = await client.get(liveKey, { metadataOnly: true, signal })
  return object && { key: liveKey, object, isNamespaced: resource.namespaced }
}

async function resolveAnyVersion(
  client: KubeClient,
  key: Candidate['key'],
  signal: AbortSignal | undefined,
): Promise<ApiResource | undefined> {
  try {
    return await client.resource(key, { signal })
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'kube-kind-unknown') throw error
    const { byKind, staleGroups } = await client.discovery({ signal })
    // Its objects may well be there: an extension server that is away must not make them orphans.
    if (staleGroups.has(key.id.group)) throw error
    return [...byKind.values()].find((other) => other.group === key.id.group && other.kind === key.kind)
  }
}

/** True when an entry that stays is the same object, also where only one of both has a namespace on a cluster-scoped kind. */
function isKept(isNamespaced: boolean, id: ObjectId, keep: readonly InventoryEntry[]): boolean {
  const normal = (other: ObjectId): string => formatInventoryId(isNamespaced ? other : { ...other, namespace: '' })
  return keep.some((entry) => {
    const other = inventoryKey(entry)?.id
    return other !== undefined && other.kind === id.kind && other.name === id.name && normal(other) === normal(id)
  })
}

function malformed(entry: InventoryEntry): EngineError {
  return new EngineError(
    `'${entry.id}' is not an inventory id (namespace_name_group_kind); remove it from .status.inventory`,
    {
      code: 'inventory-id-malformed',
    },
  )
}
