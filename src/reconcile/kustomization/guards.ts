import { EngineError } from '../../base/index.ts'
import { ownAnnotations, type Kustomization } from '../../api/index.ts'
import type { Settings } from '../settings.ts'

/** A prune that is about to be done. */
export interface PrunePlan {
  /** Objects that would be deleted, that were there before, and that the new build has. */
  readonly stale: number
  readonly before: number
  readonly wanted: number
  readonly revision: string
}

/**
 * Refuses a prune that looks like an accident: a build without any object, or the loss of a large part of the inventory at once. The annotation
 * `sluice.dev/confirm-prune` with the revision, or `enabled` for all of them, says that it is meant. Flux has no such guard.
 *
 * @throws EngineError `prune-not-confirmed` (reason `PruneFailed`) with the command that confirms.
 */
export function checkPrune(object: Kustomization, plan: PrunePlan, guard: Settings['pruneGuard']): void {
  if (plan.stale === 0) return
  const isEmpty = plan.wanted === 0
  const isLarge = plan.stale >= guard.minObjects && plan.stale > guard.share * plan.before
  if (!isEmpty && !isLarge) return
  const confirmed = object.metadata.annotations?.[ownAnnotations.confirmPrune]
  if (confirmed === plan.revision || confirmed?.toLowerCase() === 'enabled') return
  const { name, namespace } = object.metadata
  const what = isEmpty
    ? `the build has no objects any more, so all ${plan.stale} would be pruned`
    : `${plan.stale} of ${plan.before} objects would be pruned`
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
