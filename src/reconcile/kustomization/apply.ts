import { EngineError, toEngineError } from '../../base/index.ts'
import { fieldManagers, ownAnnotations } from '../../api/index.ts'
import {
  applyStaged,
  checkInventorySize,
  combineFailures,
  endsRun,
  inventoryEntries,
  inventoryKey,
  isSameInventory,
  mergeInventory,
  pruneObjects,
  staleEntries,
  type ApplyOptions,
  type ChangeSet,
  type InventoryEntry,
  type KubeClient,
} from '../../kube/index.ts'
import type { RunContext } from '../context.ts'
import type { IgnoredFields } from '../ignore-rules.ts'
import { idOf } from '../world.ts'
import type { BuiltKustomization } from './build.ts'
import { detectDrift, isDetectOnly } from './detect-drift.ts'
import { forgetInputs } from './inputs.ts'
import { checkPrune, checkPruneWindow, checkServable } from './guards.ts'
import { findMoved, noteClaims } from './moves.ts'
import {
  emit,
  emitApplied,
  emitPruned,
  isUnchangedInput,
  note,
  now,
  ownerOf,
  store,
  type Progress,
} from './progress.ts'
import { rebuildInventory } from './rebuild-inventory.ts'
import { progressingStatus } from './status.ts'

/**
 * Applies what was built and prunes what is no longer in it. The inventory is written before the first object is created, so that nothing is
 * orphaned when the run is cut off; what could not be pruned stays in it.
 *
 * Effects: objects of the Kustomization, its status, events. @returns everything that was done.
 * @throws EngineError `version-cannot-serve` before anything is done; DiagnosticsError `ReconciliationFailed` or `PruneFailed` with every failure and where its object was written.
 */
export async function applyAndPrune(
  ctx: RunContext,
  progress: Progress,
  built: BuiltKustomization,
  client: KubeClient,
  ignoredFields: IgnoredFields | undefined,
): Promise<ChangeSet> {
  const { object } = progress
  checkServable(object, built.objects)
  const options = applyOptions(ctx, progress, built, ignoredFields)
  if (isDetectOnly(ctx, progress)) return detectDrift(ctx, progress, client, options)
  const before = await inventoryBefore(ctx, progress, client)
  const result = await applyStaged(client, {
    ...options,
    beforeWrites: async (planned) => {
      await approve(ctx, progress, built)
      await forgetInputs(ctx, object)
      await storeInventory(ctx, progress, mergeInventory(inventoryEntries(planned), before))
    },
  })
  note(progress, result.changes)
  emitApplied(ctx, progress, result.changes)
  const failure = combineFailures(result.errors)
  if (failure !== undefined) throw failure
  const wanted = inventoryEntries(result.changes)
  noteClaims(
    ctx,
    object,
    wanted.map(({ id }) => id),
  )
  const stale = object.spec.prune ? staleEntries(before, wanted) : []
  if (stale.length === 0) {
    setInventory(progress, wanted)
    return result.changes
  }
  return [...result.changes, ...(await prune(ctx, progress, client, { built, before, wanted, stale }))]
}

/** Asks, once in a step, whether what is about to change the cluster was approved. The repair of drift needs no approval. @throws EngineError `waits-for-approval`. */
async function approve(ctx: RunContext, progress: Progress, { objects }: BuiltKustomization): Promise<void> {
  if (ctx.approvals === undefined || progress.isApproved === true || isUnchangedInput(progress)) return
  const { revision = '', artifacts = {} } = progress
  const difference = await ctx.approvals.check(progress.object, revision, { objects, artifacts })
  progress.isApproved = true
  if (difference !== undefined) emit(ctx, progress, 'info', 'NotAsApproved', difference)
}

function applyOptions(
  ctx: RunContext,
  { object }: Progress,
  built: BuiltKustomization,
  ignoredFields: IgnoredFields | undefined,
): ApplyOptions {
  const { settings, limits } = ctx.deps
  return {
    objects: built.objects,
    owner: ownerOf(object),
    fieldManager: fieldManagers.kustomization,
    force: object.spec.force === true,
    partial: object.metadata.annotations?.[ownAnnotations.partialApply]?.toLowerCase() === 'enabled',
    live: ctx.live,
    trustLocal: ctx.isBulk,
    concurrency: limits.applyConcurrency,
    customStageKinds: new Set(settings.customApplyStageKinds),
    overrideManagers: settings.overrideManagers,
    originOf: (one) => built.originOf(one),
    ...(ignoredFields === undefined ? {} : { ignoredFields }),
    signal: ctx.signal,
  }
}

/** The inventory so far; where the status was lost, what the owner labels in the cluster say. */
async function inventoryBefore(
  ctx: RunContext,
  progress: Progress,
  client: KubeClient,
): Promise<readonly InventoryEntry[]> {
  const known = progress.object.status?.inventory?.entries
  if (known !== undefined || !progress.hadLostStatus) return known ?? []
  const found = await rebuildInventory(client, progress.object, {
    concurrency: ctx.deps.limits.applyConcurrency,
    signal: ctx.signal,
  })
  ctx.client.logger.log('warn', 'the status was lost: inventory rebuilt from owner labels', {
    object: idOf(progress.object),
    entries: found.length,
  })
  return found
}

interface Inventories {
  readonly before: readonly InventoryEntry[]
  readonly wanted: readonly InventoryEntry[]
  readonly stale: readonly InventoryEntry[]
}

async function prune(
  ctx: RunContext,
  progress: Progress,
  client: KubeClient,
  { built, before, wanted, stale }: Inventories & { readonly built: BuiltKustomization },
): Promise<ChangeSet> {
  const { object } = progress
  await approve(ctx, progress, built)
  await forgetInputs(ctx, object)
  const moved = await findMoved(ctx, object, stale)
  const deleted = stale.filter(({ id }) => !moved.has(id))
  try {
    checkPruneWindow(object, deleted.length, ctx.safety.held(object, 'deletes'))
    checkPrune(
      object,
      {
        stale: deleted.length,
        kinds: deleted.map((entry) => inventoryKey(entry)?.kind ?? ''),
        before: before.length,
        wanted: wanted.length,
        revision: progress.revision ?? '',
      },
      ctx.deps.settings.pruneGuard,
    )
  } catch (error) {
    setInventory(progress, mergeInventory(wanted, stale))
    throw toEngineError(error)
  }
  const pruned = await pruneObjects(client, {
    entries: stale,
    keep: wanted,
    // What moves stays in the inventory until its labels name the new owner: should that one fail, nothing is lost.
    claimed: moved,
    owner: ownerOf(object),
    concurrency: ctx.deps.limits.applyConcurrency,
    signal: ctx.signal,
  })
  note(progress, pruned.changes)
  emitPruned(ctx, progress, pruned.changes)
  setInventory(progress, mergeInventory(wanted, pruned.survivors))
  const failure = combineFailures(pruned.errors)
  if (failure !== undefined) {
    if (endsRun(failure)) throw failure
    throw new EngineError(failure.message, {
      code: 'prune-failed',
      reason: 'PruneFailed',
      disposition: 'retry',
      cause: failure,
    })
  }
  return pruned.changes
}

async function storeInventory(ctx: RunContext, progress: Progress, entries: readonly InventoryEntry[]): Promise<void> {
  checkInventorySize(entries)
  if (isSameInventory(entries, progress.object.status?.inventory?.entries ?? [])) return
  const status = progressingStatus(progress.object, progress.revision ?? '', now(ctx))
  await store(ctx, progress, { ...status, inventory: { entries } })
}

/** The inventory that the final status will have. */
function setInventory(progress: Progress, entries: readonly InventoryEntry[]): void {
  progress.object = { ...progress.object, status: { ...progress.object.status, inventory: { entries } } }
}
