import { toEngineError } from '../../base/index.ts'
import type { Release } from '../../helm/index.ts'
import { inventoryEntryOf } from '../../kube/index.ts'
import { editStatus, emitEvent, mark } from './attempt.ts'
import {
  announce,
  finishRelease,
  makeRoom,
  noteApplied,
  recordRelease,
  setInventory,
  summarize,
  supersede,
} from './conclude.ts'
import { ignoresTestFailures } from './decision-input.ts'
import { chartText, previousSnapshot, releaseText } from './history.ts'
import { findExisting, releaseObjects, removedObjects } from './objects.ts'
import { operationContext, type ActionResult, type ReleaseRequest } from './operation.ts'
import { performRelease } from './perform.ts'
import type { StoredRelease } from './storage.ts'
import { applyMethod, freshObjects } from './upgrade.ts'

/**
 * Goes back to the last good release as a new revision (helm-controller 1.6, RollbackRemediation).
 * Conditions: Remediated RollbackSucceeded True, or RollbackFailed False. Event with the same reason.
 */
export async function rollback(request: ReleaseRequest): Promise<ActionResult> {
  const { ctx, attempt, storage } = request
  const startedAt = ctx.deps.clock.now()
  const snapshot = previousSnapshot(attempt.object.status?.history, ignoresTestFailures(attempt.object))
  const target = snapshot === undefined ? undefined : await storage.read(snapshot.version)
  const latest = await storage.latest()
  if (target === undefined || latest === undefined) return { state: 'done' }
  const options = attempt.object.spec.rollback
  const method = applyMethod(options?.serverSideApply ?? 'auto', target.release)
  const release = rolledBack(target.release, latest.release, method, startedAt)
  const objects = await releaseObjects(attempt.client, release, release.manifest, ctx.signal)
  await announce(request, 'rollback')
  setInventory(request, objects, [])
  const op = operationContext(request, 'rollback', startedAt, { method, validate: false })
  const operationMark = op.newMark()
  let fresh: string[] = []
  if (options?.cleanupOnFail === true) {
    const before = await releaseObjects(attempt.client, latest.release, latest.release.manifest, ctx.signal)
    const added = removedObjects(objects, before)
    const found = await findExisting(attempt.client, added, {
      mustOwn: undefined,
      concurrency: op.concurrency,
      signal: ctx.signal,
    })
    fresh = added.filter((object) => !found.includes(object)).map((object) => inventoryEntryOf(object).id)
  }
  const prepared = await storage.prepare(release)
  await makeRoom(request)
  const stored = await storage.create(prepared, fresh.length === 0 ? operationMark : { ...operationMark, fresh })
  return await goOnRollingBack(request, stored)
}

/** The release that a rollback makes (Helm v4, prepareRollback). */
function rolledBack(target: Release, latest: Release, method: 'ssa' | 'csa', now: number): Release {
  const at = new Date(now).toISOString()
  return {
    name: latest.name,
    namespace: latest.namespace,
    ...(target.chart === undefined ? {} : { chart: target.chart }),
    ...(target.config === undefined ? {} : { config: target.config }),
    info: {
      first_deployed: latest.info.first_deployed ?? at,
      last_deployed: at,
      status: 'pending-rollback',
      description: `Rollback to ${target.version}`,
      rollback_revision: target.version,
      ...(target.info.notes === undefined ? {} : { notes: target.info.notes }),
    },
    version: latest.version + 1,
    manifest: target.manifest,
    hooks: target.hooks,
    apply_method: method,
  }
}

/** Goes on with a stored rollback: also the one of a step that was cut off. */
export async function goOnRollingBack(request: ReleaseRequest, stored: StoredRelease): Promise<ActionResult> {
  const { ctx, attempt, storage } = request
  const options = attempt.object.spec.rollback
  const startedAt = stored.mark?.startedAt ?? ctx.deps.clock.now()
  const op = operationContext(request, 'rollback', startedAt, {
    method: stored.release.apply_method ?? 'csa',
    validate: false,
  })
  const before = (await storage.heads()).find((head) => head.version < stored.release.version)
  const current = before === undefined ? undefined : await storage.read(before.version)
  recordRelease(request, stored.release, 'rollback')
  const outcome = await performRelease(op, {
    operation: 'rollback',
    stored,
    previous: current?.release,
    disableHooks: options?.disableHooks === true,
    disableWait: options?.disableWait === true,
    disableWaitForJobs: options?.disableWaitForJobs === true,
    replace: options?.force === true,
    cleanUp: await freshObjects(request, stored),
    onApplied: (objects) => noteApplied(request, objects),
  })
  if (outcome.state === 'waiting') {
    recordRelease(request, outcome.stored.release, 'rollback')
    return outcome
  }
  await conclude(request, outcome.stored, outcome.state === 'failed' ? toEngineError(outcome.error).message : undefined)
  return { state: 'done' }
}

/** The final status of the release. A failed rollback leaves nothing deployed, as Helm has it. */
async function conclude(request: ReleaseRequest, stored: StoredRelease, problem: string | undefined): Promise<void> {
  const { release } = stored
  await supersede(request, release.version)
  const info =
    problem === undefined
      ? { ...release.info, status: 'deployed' as const }
      : {
          ...release.info,
          status: 'failed' as const,
          description: `Rollback ${JSON.stringify(release.name)} failed: ${problem}`,
        }
  noteRollback(request, await finishRelease(request, stored, { ...release, info }, problem))
}

/** Says in the status how a rollback ended, whose release is written: also where the step that wrote it was cut off. */
export function noteRollback(request: ReleaseRequest, stored: StoredRelease): void {
  const { ctx, attempt } = request
  const { release } = stored
  const problem = stored.mark?.finished?.problem
  recordRelease(request, release, 'rollback')
  const target = attempt.object.status?.history?.find(
    (snapshot) => snapshot.version === release.info.rollback_revision && snapshot.name === release.name,
  )
  const [to, chart] =
    target === undefined
      ? [`${release.namespace}/${release.name}.v${release.info.rollback_revision}`, '']
      : [releaseText(target), chartText(target)]
  if (problem === undefined) {
    const message = `Helm rollback to previous release ${to} with chart ${chart} succeeded`
    mark(ctx, attempt, 'Remediated', 'True', 'RollbackSucceeded', message)
    emitEvent(ctx, attempt, 'info', 'RollbackSucceeded', message, { ...attempt, ...target })
  } else {
    const message = `Helm rollback to previous release ${to} with chart ${chart} failed: ${problem.trim()}`
    editStatus(attempt, (status) => ({ ...status, failures: (status.failures ?? 0) + 1 }))
    mark(ctx, attempt, 'Remediated', 'False', 'RollbackFailed', message)
    emitEvent(ctx, attempt, 'error', 'RollbackFailed', message, { ...attempt, ...target })
  }
  summarize(request)
}
