import type { NodeRecord } from '../job.ts'
import type { ConvergeRequest } from './atomic.ts'
import { editStatus, mark, recordOf, saveStatus } from './attempt.ts'
import { ignoresTestFailures } from './decision-input.ts'
import { handleDrift } from './drift.ts'
import { chartText, latestSnapshot, newestSnapshots, releaseText, truncateHistory } from './history.ts'
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
    history: isRetried
      ? newestSnapshots(status.history ?? [])
      : truncateHistory(status.history ?? [], ignoresTestFailures(attempt.object)),
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
  const { ctx, attempt } = request
  const latest = latestSnapshot(attempt.object.status?.history)
  if (latest === undefined) return
  const succeeded = (operation: 'install' | 'upgrade'): void => {
    const reason = operation === 'install' ? 'InstallSucceeded' : 'UpgradeSucceeded'
    const message = `Helm ${operation} succeeded for release ${releaseText(latest)} with chart ${chartText(latest)}`
    mark(ctx, attempt, 'Released', 'True', reason, message)
  }
  const { status } = attempt.object
  if (conditionOf(status, 'Remediated')?.status === 'True') {
    editStatus(attempt, (now) => withoutConditions(now, 'Remediated'))
    return succeeded('upgrade')
  }
  const released = conditionOf(status, 'Released')
  if (released?.status === 'True') return
  if (released?.reason === 'InstallFailed') succeeded('install')
  else if (released === undefined || released.reason === 'UpgradeFailed') succeeded('upgrade')
}
