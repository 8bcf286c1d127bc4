import type { Release } from '../../helm/index.ts'
import { inventoryEntryOf } from '../../kube/index.ts'
import { announce, makeRoom } from './conclude.ts'
import { ignoresTestFailures } from './decision-input.ts'
import { goOnWith } from './go-on.ts'
import { previousSnapshot } from './history.ts'
import { setInventory } from './inventory.ts'
import { findExisting, releaseObjects, removedObjects } from './objects.ts'
import { objectsContext, operationContext, type ActionResult, type ReleaseRequest } from './operation.ts'
import { applyMethod } from './upgrade.ts'

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
  const objects = await releaseObjects(objectsContext(ctx, attempt), release, release.manifest)
  await announce(request, 'rollback')
  setInventory(request, objects, [])
  const op = operationContext(request, 'rollback', startedAt, { method, validate: false })
  const operationMark = op.newMark()
  let fresh: string[] = []
  if (options?.cleanupOnFail === true) {
    const before = await releaseObjects(op, latest.release, latest.release.manifest)
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
  return await goOnWith(request, 'rollback', stored)
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
