import { toEngineError } from '../../base/index.ts'
import type { Release } from '../../helm/index.ts'
import { inventoryEntryOf } from '../../kube/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { beginRelease, concludeRelease, failedBeforeStored, makeRoom, noteApplied, recordRelease } from './conclude.ts'
import { isPassing, prefixed } from './install.ts'
import { findExisting, releaseObjects, removedObjects } from './objects.ts'
import { operationContext, type ActionResult, type ReleaseRequest } from './operation.ts'
import { isClientSide, performRelease } from './perform.ts'
import { prepareRelease } from './prepare.ts'
import type { StoredRelease } from './storage.ts'

/**
 * Upgrades to a new revision, from the last one that was deployed (helm-controller 1.6, Upgrade).
 *
 * Conditions: Released UpgradeSucceeded or UpgradeFailed; TestSuccess AwaitingTests where tests are on; Remediated removed. Event with the same reason.
 * Counters: failures, and upgradeFailures once a release was stored.
 *
 * @throws EngineError with reason `UpgradeFailed` when nothing was stored: templates, values, kinds, size, ownership.
 */
export async function upgrade(request: ReleaseRequest): Promise<ActionResult> {
  beginRelease(request, 'upgrade')
  const startedAt = request.ctx.deps.clock.now()
  let stored: StoredRelease | undefined
  try {
    stored = await storeUpgrade(request, startedAt)
  } catch (caught) {
    const error = toEngineError(caught)
    if (isPassing(error)) throw error
    throw failedBeforeStored(request, 'upgrade', error)
  }
  return stored === undefined ? { state: 'done' } : await goOnUpgrading(request, stored)
}

async function storeUpgrade(request: ReleaseRequest, startedAt: number): Promise<StoredRelease | undefined> {
  const { ctx, attempt, storage } = request
  const options = attempt.object.spec.upgrade
  const last = await storage.latest()
  if (last === undefined) return undefined
  const current = (await originOf(request, last.release.version + 1)) ?? last.release
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
    const before = await releaseObjects(attempt.client, current, current.manifest, ctx.signal)
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

/** Goes on with a stored upgrade: also the one of a step that was cut off. */
export async function goOnUpgrading(request: ReleaseRequest, stored: StoredRelease): Promise<ActionResult> {
  const { attempt } = request
  const options = attempt.object.spec.upgrade
  const startedAt = stored.mark?.startedAt ?? request.ctx.deps.clock.now()
  const op = operationContext(request, 'upgrade', startedAt, {
    method: stored.release.apply_method ?? 'csa',
    validate: options?.disableOpenAPIValidation !== true,
  })
  recordRelease(request, stored.release, 'upgrade')
  const outcome = await performRelease(op, {
    operation: 'upgrade',
    stored,
    previous: await originOf(request, stored.release.version),
    disableHooks: options?.disableHooks === true,
    disableWait: options?.disableWait === true,
    disableWaitForJobs: options?.disableWaitForJobs === true,
    replace: options?.force === true,
    cleanUp: await freshObjects(request, stored),
    onApplied: (objects) => noteApplied(request, objects),
  })
  if (outcome.state === 'waiting') {
    recordRelease(request, outcome.stored.release, 'upgrade')
    return outcome
  }
  await concludeRelease(request, 'upgrade', outcome)
  return { state: 'done' }
}

/** The objects of a release that were not there before the operation, as its mark has them. */
export async function freshObjects(request: ReleaseRequest, stored: StoredRelease): Promise<readonly KubeObject[]> {
  const fresh = new Set(stored.mark?.fresh ?? [])
  if (fresh.size === 0) return []
  const { client } = request.attempt
  const objects = await releaseObjects(client, stored.release, stored.release.manifest, request.ctx.signal)
  return objects.filter((object) => fresh.has(inventoryEntryOf(object).id))
}

/** What an upgrade to `version` starts from: the last deployed release before it, else the last one at all (Helm v4, prepareUpgrade). */
async function originOf(request: ReleaseRequest, version: number): Promise<Release | undefined> {
  const { storage } = request
  const older = (await storage.heads()).filter((head) => head.version < version)
  const head = older.find((one) => one.status === 'deployed') ?? older[0]
  return head === undefined ? undefined : (await storage.read(head.version))?.release
}

/** `auto` keeps to the way the release was applied before: client-side for releases of Helm 3. */
export function applyMethod(mode: 'enabled' | 'disabled' | 'auto', before: Release): 'ssa' | 'csa' {
  if (mode === 'auto') return isClientSide(before) ? 'csa' : 'ssa'
  return mode === 'enabled' ? 'ssa' : 'csa'
}
