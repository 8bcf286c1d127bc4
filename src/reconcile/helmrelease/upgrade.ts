import { toEngineError } from '../../base/index.ts'
import type { Release } from '../../helm/index.ts'
import { inventoryEntryOf } from '../../kube/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { isRefusal } from '../tenancy.ts'
import { beginRelease, failedBeforeStored, makeRoom } from './conclude.ts'
import { goOnWith, originOf } from './go-on.ts'
import { prefixed } from './install.ts'
import { findExisting, releaseObjects, removedObjects } from './objects.ts'
import { operationContext, type ActionResult, type ReleaseRequest } from './operation.ts'
import { leavesUndecided } from './passing-errors.ts'
import { isClientSide } from './perform.ts'
import { prepareRelease } from './prepare.ts'
import type { StoredRelease } from './storage.ts'

/**
 * Upgrades to a new revision, from the last one that was deployed (helm-controller 1.6, Upgrade).
 *
 * Conditions: Released UpgradeSucceeded or UpgradeFailed; TestSuccess AwaitingTests where tests are on; Remediated removed. Event with the same reason.
 * Counters: failures, and upgradeFailures once a release was stored.
 *
 * @throws EngineError with reason `UpgradeFailed` when nothing was stored: templates, values, kinds, size, ownership; `tenancy-refused`, which is no failed upgrade.
 * An error that leaves undecided passes through, and is noted as `postponed` where it keeps the upgrade from being begun.
 */
export async function upgrade(request: ReleaseRequest): Promise<ActionResult> {
  beginRelease(request, 'upgrade')
  const startedAt = request.ctx.deps.clock.now()
  let stored: StoredRelease | undefined
  try {
    stored = await storeUpgrade(request, startedAt)
  } catch (caught) {
    const error = toEngineError(caught)
    if (leavesUndecided(error)) request.attempt.postponed = 'upgrade'
    if (leavesUndecided(error) || isRefusal(error)) throw error
    throw failedBeforeStored(request, 'upgrade', error)
  }
  return stored === undefined ? { state: 'done' } : await goOnWith(request, 'upgrade', stored)
}

async function storeUpgrade(request: ReleaseRequest, startedAt: number): Promise<StoredRelease | undefined> {
  const { ctx, attempt, storage } = request
  const options = attempt.object.spec.upgrade
  const last = await storage.latest()
  if (last === undefined) return undefined
  const origin = originOf(await storage.heads())
  const current = (origin === undefined ? undefined : await storage.read(origin.version))?.release ?? last.release
  const method = applyMethod(options?.serverSideApply ?? 'auto', last.release)
  const { prepared, objects } = await prepareRelease(request, {
    operation: 'upgrade',
    version: last.release.version + 1,
    namespace: current.namespace,
    current,
    applyMethod: method,
  })
  const op = operationContext(request, 'upgrade', startedAt, { method, validate: true })
  let fresh: readonly KubeObject[] = []
  const mustOwn = options?.disableTakeOwnership === true ? prepared.release : undefined
  if (mustOwn !== undefined || options?.cleanupOnFail === true) {
    const before = await releaseObjects(op, current, current.manifest)
    const added = removedObjects(objects, before)
    const existing = await findExisting(attempt.client, added, {
      mustOwn,
      concurrency: op.concurrency,
      signal: ctx.signal,
    }).catch((error: unknown) => {
      throw prefixed('unable to continue with update', error)
    })
    fresh = added.filter((object) => !existing.includes(object))
  }
  await makeRoom(request)
  const mark = op.newMark()
  const isCleaned = options?.cleanupOnFail === true && fresh.length > 0
  return await storage.create(
    prepared,
    isCleaned ? { ...mark, fresh: fresh.map((object) => inventoryEntryOf(object).id) } : mark,
  )
}

/** `auto` keeps to the way the release was applied before: client-side for releases of Helm 3. */
export function applyMethod(mode: 'enabled' | 'disabled' | 'auto', before: Release): 'ssa' | 'csa' {
  if (mode === 'auto') return isClientSide(before) ? 'csa' : 'ssa'
  return mode === 'enabled' ? 'ssa' : 'csa'
}
