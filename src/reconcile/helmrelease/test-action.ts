import type { Hook } from '../../helm/index.ts'
import type { HelmRelease } from '../../api/index.ts'
import { editStatus, emitEvent, mark } from './attempt.ts'
import { announce, finishRelease, summarize } from './conclude.ts'
import { ignoresTestFailures } from './decision-input.ts'
import { chartText, latestSnapshot, releaseText } from './history.ts'
import { runHooks } from './hooks.ts'
import { operationContext, type ActionRequest, type ActionResult } from './operation.ts'
import { snapshotOf, testHooksOf } from './snapshot.ts'
import type { StoredRelease } from './storage.ts'

/**
 * Runs the test hooks of the current release (helm-controller 1.6, Test).
 * Condition: TestSuccess TestSucceeded or TestFailed. Event with that reason. Counters: failures, and those of the last action unless failed tests are ignored.
 */
export async function runTests(request: ActionRequest): Promise<ActionResult> {
  const { ctx } = request
  const stored = await request.storage.latest()
  if (stored === undefined) return { state: 'done' }
  await announce(request, 'test')
  const op = operationContext(request, 'test', ctx.deps.clock.now(), testSettings(stored))
  return await goOnTesting(request, { ...stored, mark: op.newMark() })
}

function testSettings(stored: StoredRelease): { readonly method: 'ssa' | 'csa'; readonly validate: boolean } {
  return { method: stored.release.apply_method === 'ssa' ? 'ssa' : 'csa', validate: true }
}

/** Goes on with tests: also those of a step that was cut off. */
export async function goOnTesting(request: ActionRequest, start: StoredRelease): Promise<ActionResult> {
  const { ctx, attempt } = request
  const op = operationContext(request, 'test', start.mark?.startedAt ?? ctx.deps.clock.now(), testSettings(start))
  const outcome = await runHooks(op, start, 'test', testFilter(attempt.object))
  if (outcome.state === 'waiting') return outcome
  // Without a hook there is nothing that was written.
  const hasRun = (outcome.stored.mark?.done.length ?? 0) > 0
  const problem = outcome.state === 'failed' ? outcome.error.message : undefined
  const ended = hasRun ? await finishRelease(request, outcome.stored, outcome.stored.release, problem) : outcome.stored
  noteTests(request, ended, problem)
  return { state: 'done' }
}

/** Says in the status how tests ended: also where the step that ran them was cut off. */
export function noteTests(request: ActionRequest, { release }: StoredRelease, problem: string | undefined): void {
  const { ctx, attempt } = request
  const latest = latestSnapshot(attempt.object.status?.history)
  if (latest === undefined) return
  const tested = {
    ...snapshotOf(release, latest.action ?? 'upgrade', latest.ociDigest),
    testHooks: testHooksOf(release, testFilter(attempt.object)),
  }
  editStatus(attempt, (status) => ({
    ...status,
    history: (status.history ?? []).map((snapshot) => (snapshot === latest ? tested : snapshot)),
  }))
  if (problem !== undefined) {
    const message = `Helm test failed for release ${releaseText(latest)} with chart ${chartText(latest)}: ${problem}`
    editStatus(attempt, (status) => ({ ...status, failures: (status.failures ?? 0) + 1 }))
    mark(ctx, attempt, 'TestSuccess', 'False', 'TestFailed', message)
    emitEvent(ctx, attempt, 'error', 'TestFailed', message, latest)
    const action = attempt.object.status?.lastAttemptedReleaseAction
    if (action !== undefined && !ignoresTestFailures(attempt.object)) {
      const counter = action === 'install' ? 'installFailures' : 'upgradeFailures'
      editStatus(attempt, (status) => ({ ...status, [counter]: (status[counter] ?? 0) + 1 }))
    }
  } else {
    const count = Object.keys(tested.testHooks).length
    const hooks = count === 0 ? 'no test hooks' : `${count} test hook${count > 1 ? 's' : ''} completed successfully`
    const message = `Helm test succeeded for release ${releaseText(latest)} with chart ${chartText(latest)}: ${hooks}`
    mark(ctx, attempt, 'TestSuccess', 'True', 'TestSucceeded', message)
    emitEvent(ctx, attempt, 'info', 'TestSucceeded', message, latest)
  }
  summarize(request)
}

/** `test.filters` as Helm's `name=` and `!name=`: what is excluded does not run; where something is included, nothing else does. */
export function testFilter(object: HelmRelease): (hook: Hook) => boolean {
  const filters = object.spec.test?.filters ?? []
  const excluded = new Set(filters.filter((filter) => filter.exclude === true).map((filter) => filter.name))
  const included = new Set(filters.filter((filter) => filter.exclude !== true).map((filter) => filter.name))
  return (hook) => !excluded.has(hook.name) && (included.size === 0 || included.has(hook.name))
}
