import { emitEvent, mark } from './attempt.ts'
import { setStatus, summarize } from './conclude.ts'
import { chartText, releaseText } from './history.ts'
import { timeoutMsOf, type ActionRequest, type ActionResult } from './operation.ts'
import type { Operation } from './operation-mark.ts'
import { snapshotOf } from './snapshot.ts'
import type { StoredRelease } from './storage.ts'

/**
 * Marks a pending release that somebody else left behind as failed (helm-controller 1.6, Unlock). One that a Helm client may still be working on is
 * left alone: until the timeout of the operation has passed since it was last written.
 * Condition: Released PendingRelease False. Event with that reason.
 */
export async function unlock(request: ActionRequest): Promise<ActionResult> {
  const { ctx, attempt } = request
  const stored = await request.storage.latest()
  if (stored === undefined) return { state: 'done' }
  const { release } = stored
  const staleAt = staleTime(request, stored)
  if (ctx.deps.clock.now() < staleAt) {
    const message = `release ${releaseText(release)} is in ${release.info.status} state, another Helm client may be working on it; it is left alone until ${new Date(staleAt).toISOString()}`
    return { state: 'waiting', message }
  }
  const snapshot = snapshotOf(release, 'upgrade', undefined)
  await setStatus(request, stored, 'failed', `Release unlocked from stale '${release.info.status}' state`)
  const message = `Unlocked Helm release ${releaseText(release)} with chart ${chartText(snapshot)} in ${release.info.status} state`
  mark(ctx, attempt, 'Released', 'False', 'PendingRelease', message)
  emitEvent(ctx, attempt, 'info', 'PendingRelease', message, snapshot)
  summarize(request)
  return { state: 'done' }
}

/** Milliseconds since 1970 until which whoever made a release pending may still be at work: it, or one of its hooks, began then. */
function staleTime(request: ActionRequest, stored: StoredRelease): number {
  const { release } = stored
  const operation = release.info.status.replace('pending-', '') as Operation
  const times = [release.info.last_deployed, ...release.hooks.map((hook) => hook.last_run.started_at)]
  const known = times.map((time) => Date.parse(time ?? '')).filter((time) => !Number.isNaN(time))
  return Math.max(0, ...known) + timeoutMsOf(request.attempt.object, operation)
}
