import { fieldManagers, type Kustomization } from '../../api/index.ts'
import { toEngineError } from '../../base/index.ts'
import {
  combineFailures,
  endsRun,
  formatKey,
  inventoryEntries,
  inventoryKey,
  planStaged,
  pruneObjects,
  staleEntries,
  type KubeClient,
} from '../../kube/index.ts'
import type { RunContext } from '../context.ts'
import { describeBlockers } from '../dependencies.ts'
import { identityOf } from '../identity.ts'
import { compileIgnoreRules } from '../ignore-rules.ts'
import { checkAccess } from '../kustomization/access.ts'
import { checkPrune, checkServable } from '../kustomization/guards.ts'
import { findMoved } from '../kustomization/moves.ts'
import { ownerOf } from '../kustomization/progress.ts'
import { rebuildInventory, hasLostStatus } from '../kustomization/rebuild-inventory.ts'
import { renderKustomization } from '../kustomization/render.ts'
import type { Decryption } from '../kustomization/decrypt.ts'
import { blockersOf } from '../world.ts'
import { describePlanned, type PlannedObject } from './differences.ts'
import { planRedaction } from './redaction.ts'
import { plannedNode, type PlannedNode, type PlanOutcome } from './planned-node.ts'

/**
 * What a run of a Kustomization would do: the same render, every object as a dry-run under the same identity, and what would be pruned, with the
 * policies and guards of a run. Never rejects for what is wrong with the object; rejects when the cluster cannot be reached.
 *
 * `ctx` must be one that writes nothing: the prune is a real one, on a client whose every write is a dry-run.
 */
export async function planKustomization(ctx: RunContext, object: Kustomization): Promise<PlannedNode> {
  const startedAt = ctx.deps.clock.now()
  const known: { revision?: string; decryption?: Decryption } = {}
  const node = (outcome: Omit<PlanOutcome, 'startedAt'>): PlannedNode =>
    plannedNode(object, ctx.deps.clock, { startedAt, revision: known.revision, ...outcome })
  try {
    checkAccess(ctx, object)
    const ignoredFields = compileIgnoreRules(object.spec.ignore ?? [], 'spec.ignore')
    const blockers = blockersOf(ctx.world, object)
    const held = ctx.safety.held(object, 'changes')
    const notes = [
      held === undefined ? undefined : `a run would wait: ${held.message}`,
      object.spec.suspend === true ? 'it is suspended' : undefined,
      blockers.length === 0 ? undefined : `a run would wait first: ${describeBlockers(blockers)}`,
    ]
    const { built } = await renderKustomization(ctx, object, {
      onRevision: (revision) => (known.revision = revision),
      onDecryption: (decryption) => (known.decryption = decryption),
    })
    checkServable(object, built.objects)
    const client = await identityOf(ctx, object)
    const { settings, limits } = ctx.deps
    const plan = await planStaged(client, {
      objects: built.objects,
      owner: ownerOf(object),
      fieldManager: fieldManagers.kustomization,
      force: object.spec.force === true,
      live: ctx.live,
      concurrency: limits.applyConcurrency,
      customStageKinds: new Set(settings.customApplyStageKinds),
      overrideManagers: settings.overrideManagers,
      originOf: (one) => built.originOf(one),
      ...(ignoredFields === undefined ? {} : { ignoredFields }),
      signal: ctx.signal,
    })
    const redact = await planRedaction(ctx.client, object, { decryption: known.decryption, signal: ctx.signal })
    const objects = redact(plan.changes.map(describePlanned))
    const failure = combineFailures(plan.errors)
    if (failure !== undefined) {
      const error = known.decryption?.redact(failure) ?? failure
      return node({ state: 'failed', reason: error.reason ?? 'ReconciliationFailed', message: error.message, objects })
    }
    const changes = plan.changes.map(({ change }) => change)
    const pruned = await planPrune(ctx, object, client, { changes, revision: known.revision ?? '' })
    const message = [...notes, pruned.problem].filter((word) => word !== undefined).join('; ')
    const state = pruned.problem === undefined ? 'ready' : 'failed'
    const reason = pruned.problem === undefined ? 'Planned' : 'PruneFailed'
    return node({ state, reason, message, objects: [...objects, ...pruned.objects] })
  } catch (caught) {
    const error = toEngineError(caught)
    if (endsRun(error)) throw error
    const { message, reason } = known.decryption?.redact(error) ?? error
    return node({ state: 'failed', reason: reason ?? 'ReconciliationFailed', message })
  }
}

/** What would be pruned; `problem` where a run would refuse to. */
async function planPrune(
  ctx: RunContext,
  object: Kustomization,
  client: KubeClient,
  planned: { readonly changes: Parameters<typeof inventoryEntries>[0]; readonly revision: string },
): Promise<{ readonly objects: readonly PlannedObject[]; readonly problem?: string }> {
  if (!object.spec.prune) return { objects: [] }
  const concurrency = ctx.deps.limits.applyConcurrency
  const recorded = object.status?.inventory?.entries
  const before =
    recorded ??
    (hasLostStatus(object) ? await rebuildInventory(client, object, { concurrency, signal: ctx.signal }) : [])
  const wanted = inventoryEntries(planned.changes)
  const stale = staleEntries(before, wanted)
  if (stale.length === 0) return { objects: [] }
  const moved = await findMoved(ctx, object, stale)
  const { changes, errors } = await pruneObjects(client, {
    entries: stale,
    keep: wanted,
    claimed: moved,
    owner: ownerOf(object),
    concurrency,
    signal: ctx.signal,
  })
  const objects = changes
    .filter(({ action }) => action !== 'unchanged')
    .map((change): PlannedObject => ({
      object: formatKey(change),
      action: change.action,
      ...(change.note === undefined ? {} : { note: change.note }),
      differences: [],
    }))
  const deleted = stale.filter(({ id }) => !moved.has(id))
  const kinds = deleted.map((entry) => inventoryKey(entry)?.kind ?? '')
  const count = { stale: deleted.length, before: before.length, wanted: wanted.length, kinds }
  try {
    checkPrune(object, { ...count, revision: planned.revision }, ctx.deps.settings.pruneGuard)
  } catch (caught) {
    return { objects, problem: toEngineError(caught).message }
  }
  const failure = combineFailures(errors)
  return failure === undefined ? { objects } : { objects, problem: failure.message }
}
