import type { NodeRecord } from '../job.ts'
import type { ConvergeRequest } from './atomic.ts'
import { editStatus, mark, recordOf, saveStatus } from './attempt.ts'
import { ignoresTestFailures } from './decision-input.ts'
import { handleDrift } from './drift.ts'
import { chartText, keptSnapshots, latestSnapshot, releaseText } from './history.ts'
import type { ReleaseFacts } from './shared.ts'
import { conditionOf, summarizeReady, withoutConditions } from './status.ts'

/**
 * The release is as wanted: history is cut, drift is looked for and corrected where the object asks for it, and the conditions are put in
 * order (helm-controller 1.6, ReleaseStatusInSync). Nothing is written where nothing has changed.
 */
export async function settle(request: ConvergeRequest, facts: ReleaseFacts, isRetried: boolean): Promise<NodeRecord> {
  const { ctx, attempt, control } = request
  attempt.appliedAt ??= ctx.deps.clock.now()
  await control.applied([])
  await handleDrift(ctx, attempt, facts)
  editStatus(attempt, (status) => ({
    ...status,
    history: keptSnapshots(status.history ?? [], { isRetried, ignoreTests: ignoresTestFailures(attempt.object) }),
  }))
  if (attempt.object.spec.driftDetection?.mode === undefined || attempt.object.spec.driftDetection.mode === 'disabled')
    editStatus(attempt, (status) => withoutConditions(status, 'Drifted'))
  repairConditions(request)
  editStatus(attempt, (status) => {
    const summed = summarizeReady(attempt.object, status, ctx.deps.clock.now())
    return {
      ...withoutConditions(summed, 'Reconciling', 'Stalled'),
      observedGeneration: attempt.object.metadata.generation ?? 0,
    }
  })
  await saveStatus(ctx, attempt, true)
  const message = conditionOf(attempt.object.status, 'Ready')?.message ?? ''
  return recordOf(ctx, attempt, 'ready', 'InSync', message)
}

/** After a rollback to what is wanted now, and where a failure has passed by itself, Released says what is the case. */
function repairConditions(request: ConvergeRequest): void {
  endRemediation(request)
  const released = conditionOf(request.attempt.object.status, 'Released')
  if (released?.status === 'True') return
  if (released?.reason === 'InstallFailed') markReleased(request, 'install')
  else if (released === undefined || released.reason === 'UpgradeFailed') markReleased(request, 'upgrade')
}

/**
 * A release that was rolled back to, and is what is wanted now, no longer counts as remediated: it is as good as upgraded (helm-controller 1.6, for states
 * InSync and Untested).
 */
export function endRemediation(request: ConvergeRequest): void {
  const { attempt } = request
  if (conditionOf(attempt.object.status, 'Remediated')?.status !== 'True') return
  editStatus(attempt, (status) => withoutConditions(status, 'Remediated'))
  markReleased(request, 'upgrade')
}

function markReleased({ ctx, attempt }: ConvergeRequest, operation: 'install' | 'upgrade'): void {
  const latest = latestSnapshot(attempt.object.status?.history)
  if (latest === undefined) return
  const reason = operation === 'install' ? 'InstallSucceeded' : 'UpgradeSucceeded'
  const message = `Helm ${operation} succeeded for release ${releaseText(latest)} with chart ${chartText(latest)}`
  mark(ctx, attempt, 'Released', 'True', reason, message)
}
