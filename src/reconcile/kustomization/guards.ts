import { EngineError } from '../../base/index.ts'
import { findUnservable, ownAnnotations, type Kustomization } from '../../api/index.ts'
import type { Held } from '../safety/decide.ts'
import type { Settings } from '../settings.ts'

/** A prune that is about to be done. */
export interface PrunePlan {
  /** Objects that would be deleted, that were there before, and that the new build has. */
  readonly stale: number
  readonly before: number
  readonly wanted: number
  readonly revision: string
  /** Kinds of what would be deleted, each once for every object of it. */
  readonly kinds: readonly string[]
}

/**
 * Refuses a prune that looks like an accident: a build without any object, the loss of a large part of the inventory or of many objects at once, or of an object of a kind
 * that others hang on. The annotation
 * `sluice.dev/confirm-prune` with the revision, or `enabled` for all of them, says that it is meant. Flux has no such guard.
 *
 * @throws EngineError `prune-not-confirmed` (reason `PruneFailed`) with the command that confirms.
 */
export function checkPrune(object: Kustomization, plan: PrunePlan, guard: Settings['pruneGuard']): void {
  if (plan.stale === 0) return
  const isEmpty = plan.wanted === 0
  const isLarge = plan.stale >= guard.minObjects && plan.stale > guard.share * plan.before
  const isMany = guard.maxObjects > 0 && plan.stale > guard.maxObjects
  const precious = [...new Set(plan.kinds.filter((kind) => guard.kinds.includes(kind)))]
  if (!isEmpty && !isLarge && !isMany && precious.length === 0) return
  const confirmed = object.metadata.annotations?.[ownAnnotations.confirmPrune]
  if (confirmed === plan.revision || confirmed?.toLowerCase() === 'enabled') return
  const { name, namespace } = object.metadata
  const what = isEmpty
    ? `the build has no objects any more, so all ${plan.stale} would be pruned`
    : `${plan.stale} of ${plan.before} objects would be pruned${precious.length === 0 ? '' : `, ${precious.join(' and ')} among them`}`
  throw new EngineError(
    `${what}; nothing was deleted. If it is meant, confirm it: kubectl -n ${namespace ?? ''} annotate kustomization ${name} --overwrite ${ownAnnotations.confirmPrune}=${plan.revision}`,
    {
      code: 'prune-not-confirmed',
      reason: 'PruneFailed',
      disposition: 'wait',
      data: { stale: plan.stale, before: plan.before },
    },
  )
}

/**
 * Leaves a prune for later where a window holds deletions while changes are applied. What is to go stays in the inventory, and the next run after the opening deletes it.
 *
 * @throws EngineError `prune-held` (reason `PruneHeld`).
 */
export function checkPruneWindow(object: Kustomization, stale: number, held: Held | undefined): void {
  if (held === undefined || stale === 0) return
  throw new EngineError(
    `${held.message}: ${stale} objects of ${object.metadata.name} wait to be deleted; the rest was applied`,
    {
      code: 'prune-held',
      reason: 'PruneHeld',
      disposition: 'wait',
    },
  )
}

/**
 * Refuses a change after which this version of Sluice could not go on: definitions of our own kinds that it cannot serve, and objects that ask for a newer version
 * (`sluice.dev/minimum-version`). So a repository may be ahead of the deployment: it says so, nothing is changed, and the update of the deployment is all that is needed. Clusters that the object
 * names (`spec.kubeConfig`) may have somebody else who serves them, so only our own is guarded.
 *
 * @throws EngineError `version-cannot-serve` (reason `ReconciliationFailed`) that names every object.
 */
export function checkServable(object: Kustomization, objects: readonly object[]): void {
  if (object.spec.kubeConfig !== undefined) return
  const faults = findUnservable(objects)
  if (faults.length === 0) return
  throw new EngineError(
    `nothing was changed: ${faults.join('; ')}. Update the deployment of Sluice first, or take this change back in Git`,
    { code: 'version-cannot-serve', reason: 'ReconciliationFailed', disposition: 'wait' },
  )
}
