import { editStatus, emitEvent, mark } from './attempt.ts'
import { announce, recordRelease, summarize } from './conclude.ts'
import { chartText, latestSnapshot, releaseText } from './history.ts'
import type { ActionRequest, ActionResult } from './operation.ts'
import { uninstallRelease } from './uninstall.ts'

/**
 * Uninstalls a release that could not be installed or upgraded, so that the next attempt starts afresh (helm-controller 1.6, UninstallRemediation).
 * Condition: Remediated UninstallSucceeded True, or UninstallFailed False. Event with the same reason.
 */
export async function uninstallFailed(request: ActionRequest): Promise<ActionResult> {
  const { ctx, attempt } = request
  await announce(request, 'uninstall-remediation')
  const outcome = await uninstallRelease(request, 'uninstall-remediation')
  if (outcome.state === 'waiting') return outcome
  if (outcome.release !== undefined) recordRelease(request, outcome.release, 'uninstall-remediation')
  const latest = latestSnapshot(attempt.object.status?.history)
  if (latest === undefined) return { state: 'done' }
  const subject = `Helm uninstall remediation for release ${releaseText(latest)} with chart ${chartText(latest)}`
  if (outcome.state === 'failed') {
    const message = `${subject} failed: ${outcome.error.message.trim()}`
    editStatus(attempt, (status) => ({ ...status, failures: (status.failures ?? 0) + 1 }))
    mark(ctx, attempt, 'Remediated', 'False', 'UninstallFailed', message)
    emitEvent(ctx, attempt, 'error', 'UninstallFailed', message, latest)
  } else {
    const message = `${subject} succeeded`
    mark(ctx, attempt, 'Remediated', 'True', 'UninstallSucceeded', message)
    emitEvent(ctx, attempt, 'info', 'UninstallSucceeded', message, latest)
  }
  summarize(request)
  return { state: 'done' }
}
