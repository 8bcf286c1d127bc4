import { EngineError, toEngineError } from '../../base/index.ts'
import type { Release } from '../../helm/index.ts'
import { checkTermination, formatKey, type ObjectKey } from '../../kube/index.ts'
import { compareForHelmUninstall, nameOf, scalarText, type KubeObject } from '../../resources/index.ts'
import { refreshSnapshot, setStatus, supersede } from './conclude.ts'
import { runHooks } from './hooks.ts'
import { deleteReleaseObjects, groupByKind, isGone, keyOfObject, releaseObjects } from './objects.ts'
import { operationContext, type ActionRequest, type OperationContext } from './operation.ts'
import { leavesUndecided } from './passing-errors.ts'
import type { StoredRelease } from './storage.ts'

/** How an uninstall ended. `absent`: there was nothing, or it is uninstalled already and its history is kept. */
export type UninstallOutcome =
  | { readonly state: 'uninstalled' | 'absent'; readonly release: Release | undefined }
  | { readonly state: 'waiting'; readonly message: string }
  | { readonly state: 'failed'; readonly release: Release; readonly error: EngineError }

/**
 * Uninstalls the latest release of a name (Helm v4 pkg/action, Uninstall): hooks, objects in reverse order of installing but for those to be kept, the wait
 * for their end, hooks, and the history (unless `uninstall.keepHistory`). Every part can be repeated; the release carries our mark until
 * the end. Objects whose ownership metadata names another release by now stay.
 *
 * @throws EngineError when the cluster cannot be reached or the lock is lost.
 */
export async function uninstallRelease(
  request: ActionRequest,
  operation: 'uninstall' | 'uninstall-remediation',
): Promise<UninstallOutcome> {
  const { storage, attempt, ctx } = request
  const options = attempt.object.spec.uninstall
  const latest = await storage.latest()
  if (latest === undefined) return { state: 'absent', release: undefined }
  if (latest.release.info.status === 'uninstalled') {
    if (options?.keepHistory === true) return { state: 'absent', release: latest.release }
    await purge(request)
    return { state: 'uninstalled', release: latest.release }
  }
  const isResumed = latest.mark?.operation.startsWith('uninstall') === true
  const startedAt = isResumed ? (latest.mark?.startedAt ?? 0) : ctx.deps.clock.now()
  const op = operationContext(request, operation, startedAt, { method: 'ssa', validate: false })
  let stored = isResumed ? latest : await begin(request, op, latest)
  try {
    const outcome = await carryThrough(request, op, stored)
    stored = outcome.stored
    if (outcome.state === 'waiting') return outcome
    if (outcome.state === 'failed') return await fail(request, operation, stored, outcome.error)
  } catch (caught) {
    const error = toEngineError(caught)
    if (leavesUndecided(error) || error.disposition === 'bug') throw error
    return await fail(request, operation, (await storage.latest()) ?? stored, error)
  }
  const info = { ...stored.release.info, status: 'uninstalled' as const, description: 'Uninstallation complete' }
  const release = { ...stored.release, info }
  if (options?.keepHistory === true) {
    await storage.update(stored, release)
    await supersede(request, release.version)
  } else await purge(request)
  refreshSnapshot(request, release)
  return { state: 'uninstalled', release }
}

/** From here on the release counts as being uninstalled. */
async function begin(request: ActionRequest, op: OperationContext, latest: StoredRelease): Promise<StoredRelease> {
  const info = {
    ...latest.release.info,
    status: 'uninstalling' as const,
    deleted: new Date(op.clock.now()).toISOString(),
    description: 'Deletion in progress (or silently failed)',
  }
  const stored = await request.storage.update(latest, { ...latest.release, info }, op.newMark())
  refreshSnapshot(request, stored.release)
  return stored
}

type Progress =
  | { readonly state: 'gone'; readonly stored: StoredRelease }
  | { readonly state: 'waiting'; readonly stored: StoredRelease; readonly message: string }
  | { readonly state: 'failed'; readonly stored: StoredRelease; readonly error: EngineError }

async function carryThrough(request: ActionRequest, op: OperationContext, start: StoredRelease): Promise<Progress> {
  const options = request.attempt.object.spec.uninstall
  let stored = start
  if (options?.disableHooks !== true) {
    const before = await runHooks(op, stored, 'pre-delete')
    stored = before.stored
    if (before.state !== 'done') return { ...before, stored }
  }
  await op.keep()
  const objects = await objectsToDelete(op, stored.release)
  const deleted = await deleteReleaseObjects(op.client, objects, {
    release: stored.release,
    ownedOnly: true,
    propagation: propagationOf(options?.deletionPropagation),
    concurrency: op.concurrency,
    signal: op.signal,
  })
  noteDeleted(
    request,
    deleted.map((one) => one.object),
  )
  if (options?.disableWait !== true) {
    const left = await awaitGone(
      op,
      deleted.filter((one) => !one.isGone).map((one) => one.object),
    )
    if (left !== undefined) return { state: 'waiting', stored, message: left }
  }
  if (options?.disableHooks !== true) {
    const after = await runHooks(op, stored, 'post-delete')
    stored = after.stored
    if (after.state !== 'done') return { ...after, stored }
  }
  return { state: 'gone', stored }
}

/** Objects of the release's manifest whose kinds are still served. */
async function objectsToDelete(op: OperationContext, release: Release): Promise<readonly KubeObject[]> {
  const found: KubeObject[] = []
  for (const group of groupByKind(op.manifests.read(release, release.manifest), compareForHelmUninstall)) {
    try {
      const text = group.map((object) => JSON.stringify(object, bigints)).join('\n---\n')
      found.push(...(await releaseObjects(op, release, text)))
    } catch (error) {
      if (!isGone(error)) throw error
    }
  }
  return found
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value
}

function propagationOf(
  wanted: 'background' | 'foreground' | 'orphan' | undefined,
): 'Background' | 'Foreground' | 'Orphan' {
  return wanted === 'foreground' ? 'Foreground' : wanted === 'orphan' ? 'Orphan' : 'Background'
}

function noteDeleted(request: ActionRequest, deleted: readonly KubeObject[]): void {
  request.attempt.changes.push(
    ...deleted.map((object) => ({ object: formatKey(keyOfObject(object)), action: 'deleted' })),
  )
}

/** Waits until objects that are being deleted are gone. */
async function awaitGone(op: OperationContext, deleting: readonly KubeObject[]): Promise<string | undefined> {
  let left = deleting
  while (left.length > 0) {
    const names = left.map((object) => `${scalarText(object['kind'])}/${nameOf(object)}`).join(', ')
    if (op.clock.now() >= op.giveUpAt)
      throw new EngineError(`timed out waiting for the deletion of ${names}`, {
        code: 'release-delete-timeout',
        disposition: 'retry',
      })
    if (op.clock.now() + op.pollMs >= op.deadline) return `waiting for the deletion of ${names}`
    await op.keep()
    const budgetMs = Math.max(0, Math.min(op.deadline, op.giveUpAt, op.clock.now() + 2_000) - op.clock.now())
    const keys = left.map(keyOfObject)
    const open = new Set(await checkTermination(op.client, keys, { budgetMs, pollMs: op.pollMs, signal: op.signal }))
    left = left.filter((_, index) => open.has(keys[index] as ObjectKey))
  }
  return undefined
}

/** Without our mark, the next attempt begins anew and runs its hooks again, as Helm does. */
async function fail(
  request: ActionRequest,
  operation: 'uninstall' | 'uninstall-remediation',
  stored: StoredRelease,
  error: EngineError,
): Promise<UninstallOutcome> {
  if (operation === 'uninstall-remediation') {
    // A release that is being uninstalled is no state to go on from: it has failed, and is remediated again.
    await setStatus(request, stored, 'failed', `Uninstallation failed: ${error.message}`)
  } else {
    const written = await request.storage.update(stored, stored.release)
    refreshSnapshot(request, written.release)
  }
  return { state: 'failed', release: stored.release, error }
}

/** Deletes the history, the latest revision last: it says that there is something to go on with. */
async function purge(request: ActionRequest): Promise<void> {
  for (const head of (await request.storage.heads()).toReversed()) await request.storage.remove(head)
}
