import { toEngineError } from '../../base/index.ts'
import { fieldManagers, finalizer, type Kustomization } from '../../api/index.ts'
import {
  checkTermination,
  combineFailures,
  endsRun,
  formatKey,
  pruneObjects,
  removeFinalizer,
  type InventoryEntry,
  type KubeClient,
} from '../../kube/index.ts'
import type { RunContext } from '../context.ts'
import { identityOf } from '../identity.ts'
import type { NodeState, RecordedChange } from '../job.ts'
import { accountOf } from '../tenancy.ts'
import { healthTimeoutMs } from './health.ts'
import { findMoved } from './moves.ts'
import { ownerOf } from './progress.ts'
import { hasLostStatus, rebuildInventory } from './rebuild-inventory.ts'

/** How a deletion stands: state of the node, reason and message. */
type Outcome = [NodeState, string, string]

/**
 * Deletion of a Kustomization: deletes what it applied where its policy says so, then lets it go (kustomize-controller 1.9, finalize).
 * A suspended one, and `deletionPolicy: Orphan`, leave everything. Errors keep the finalizer, so that the next run goes on; only where the service account that
 * it acted as is gone, nothing can be deleted any more: an event says what is left behind.
 */
export async function finalizeKustomization(
  ctx: RunContext,
  object: Kustomization,
  changes: RecordedChange[],
): Promise<Outcome> {
  try {
    const client = shouldDelete(object) ? await identityOf(ctx, object) : undefined
    const held = client === undefined ? undefined : await deleteObjects(ctx, object, client, changes)
    if (held !== undefined) return held
  } catch (caught) {
    const error = toEngineError(caught)
    if (endsRun(error)) throw error
    return pruneFailed(ctx, object, error.message)
  }
  if (!shouldDelete(object)) noteOrphans(ctx, object)
  await removeFinalizer(ctx.client, object, finalizer, fieldManagers.kustomizeStatus, { signal: ctx.signal })
  ctx.world.remove(object)
  return ['ready', 'Deleted', 'deleted']
}

/** Prunes the inventory and, where the policy says so, waits. @returns why the object must stay; undefined when it may go. */
async function deleteObjects(
  ctx: RunContext,
  object: Kustomization,
  client: KubeClient,
  changes: RecordedChange[],
): Promise<Outcome | undefined> {
  const { signal } = ctx
  const concurrency = ctx.deps.limits.applyConcurrency
  const entries = hasLostStatus(object)
    ? await rebuildInventory(client, object, { concurrency, signal })
    : (object.status?.inventory?.entries ?? [])
  if (entries.length === 0) return undefined
  // One that only has another name now, or whose objects another one has taken in, leaves them to that.
  const claimed = await findMoved(ctx, object, entries)
  const pruned = await pruneObjects(client, { entries, claimed, owner: ownerOf(object), concurrency, signal })
  changes.push(...pruned.changes.map((change) => ({ object: formatKey(change), action: change.action })))
  const failure = combineFailures(pruned.errors)
  if (failure !== undefined) {
    if (endsRun(failure)) throw failure
    const isForbidden = pruned.errors.every(({ error }) => error.code === 'kube-forbidden')
    if (isForbidden && (await isAccountGone(ctx, object, client))) {
      emit(ctx, object, 'error', 'PruneFailed', `unable to prune objects: ${listed(pruned.survivors)}`)
      return undefined
    }
    return pruneFailed(ctx, object, failure.message)
  }
  if (object.spec.deletionPolicy !== 'WaitForTermination') return undefined
  const deleted = pruned.changes.filter((change) => change.action === 'deleted')
  const budgetMs = Math.max(0, Math.min(ctx.deadline, terminationDeadline(object)) - ctx.deps.clock.now())
  const left = await checkTermination(client, deleted, { budgetMs, concurrency, signal })
  if (left.length === 0) return undefined
  const names = left.map(formatKey).join(', ')
  if (ctx.deps.clock.now() < terminationDeadline(object) - ctx.deps.limits.healthPollMs)
    return ['waiting', 'Progressing', `waiting for deletion of ${names}`]
  emit(ctx, object, 'error', 'PruneFailed', `failed to wait for resources termination: timeout waiting for ${names}`)
  return undefined
}

/** The same time that health checks get, from the moment of the deletion on. */
function terminationDeadline(object: Kustomization): number {
  return Date.parse(object.metadata.deletionTimestamp ?? '') + healthTimeoutMs(object)
}

/** Whether the service account that the client acts as does not exist (any more). A remote cluster is asked about its own. */
async function isAccountGone(ctx: RunContext, object: Kustomization, client: KubeClient): Promise<boolean> {
  const name = accountOf(ctx, object)
  if (name === '' || object.spec.kubeConfig !== undefined || client.user === undefined) return false
  const key = { apiVersion: 'v1', kind: 'ServiceAccount', namespace: object.metadata.namespace ?? '', name }
  return (await ctx.client.get(key, { signal: ctx.signal })) === undefined
}

/** Leaving objects behind is not done silently: who deleted a suspended Kustomization may not expect it. */
function noteOrphans(ctx: RunContext, object: Kustomization): void {
  const entries = object.status?.inventory?.entries ?? []
  if (entries.length === 0) return
  const why = object.spec.suspend === true ? 'it was suspended' : `its deletion policy is ${policyOf(object)}`
  emit(
    ctx,
    object,
    'info',
    'Orphaned',
    `${entries.length} objects were left in the cluster, because ${why}: ${listed(entries)}`,
  )
}

/** Objects named in one event. */
const maxListed = 50

function listed(entries: readonly InventoryEntry[]): string {
  const names = entries.slice(0, maxListed).map((entry) => entry.id)
  return names.join(', ') + (entries.length > maxListed ? ` and ${entries.length - maxListed} more` : '')
}

function pruneFailed(ctx: RunContext, object: Kustomization, message: string): Outcome {
  emit(ctx, object, 'error', 'PruneFailed', `pruning for deleted resource failed: ${message}`)
  return ['failed', 'PruneFailed', message]
}

function policyOf(object: Kustomization): string {
  return object.spec.deletionPolicy ?? (object.spec.prune ? 'MirrorPrune' : 'MirrorPrune, and spec.prune is false')
}

/** Whether the objects of a Kustomization are deleted with it. */
export function shouldDelete(object: Kustomization): boolean {
  if (object.spec.suspend === true) return false
  switch (object.spec.deletionPolicy ?? 'MirrorPrune') {
    case 'MirrorPrune':
      return object.spec.prune === true
    case 'Delete':
    case 'WaitForTermination':
      return true
    default:
      return false
  }
}

function emit(
  ctx: RunContext,
  object: Kustomization,
  severity: 'info' | 'error',
  reason: string,
  message: string,
): void {
  ctx.events.emit({ object, severity, reason, message, controller: 'kustomize-controller' })
}
