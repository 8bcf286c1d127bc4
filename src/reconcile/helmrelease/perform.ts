import { EngineError, toEngineError } from '../../base/index.ts'
import type { HookEvent, Release } from '../../helm/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { applyReleaseObjects } from './apply-objects.ts'
import { runHooks } from './hooks.ts'
import { deleteReleaseObjects, releaseObjects, removedObjects } from './objects.ts'
import type { OperationContext } from './operation.ts'
import { leavesUndecided } from './passing-errors.ts'
import type { StoredRelease } from './storage.ts'
import { awaitHealthy } from './wait.ts'

/** What a release operation needs besides its context. `previous` is the release whose objects the new one replaces. */
export interface PerformRequest {
  readonly operation: 'install' | 'upgrade' | 'rollback'
  readonly stored: StoredRelease
  readonly previous: Release | undefined
  readonly disableHooks: boolean
  readonly disableWait: boolean
  readonly disableWaitForJobs: boolean
  /** Replaces objects instead of patching them, where they are applied client-side. */
  readonly replace: boolean
  /**
   * What this operation created is deleted again when it fails: the objects that were not there before it. Those of a rollback stay once all of it is
   * applied: they belong to the release that was good, and may only need more time (Helm v4 pkg/action, performRollback).
   */
  readonly cleanUp: readonly KubeObject[]
  /** Called once the objects are applied, before their health is awaited. */
  readonly onApplied: (objects: readonly KubeObject[]) => Promise<void>
}

/** How an operation stands. `stored` is the release as it was last written, still pending. */
export type PerformOutcome =
  | { readonly state: 'applied'; readonly stored: StoredRelease }
  | { readonly state: 'waiting'; readonly stored: StoredRelease; readonly message: string }
  | { readonly state: 'failed'; readonly stored: StoredRelease; readonly error: EngineError }

/**
 * Carries a pending release through: hooks before, objects, deletion of what the previous release had, health, hooks after (Helm v4 pkg/action install,
 * upgrade and rollback). Every part can be repeated, so a step that was cut off is gone on with by calling this again with the release as
 * storage has it. The final status is the caller's to write.
 *
 * @throws EngineError when the cluster cannot be reached or the lock is lost: nothing is known then, and the release stays pending.
 */
export async function performRelease(op: OperationContext, request: PerformRequest): Promise<PerformOutcome> {
  let stored = request.stored
  let isApplied = false
  try {
    await op.admit(stored.release)
    const before = await hooks(op, request, stored, 'pre')
    if (before.state !== 'applied') return before
    stored = before.stored
    await op.keep()
    const objects = await releaseObjects(op, stored.release, stored.release.manifest)
    const previous = await previousObjects(op, request)
    // What takes more than a moment is said before it is done.
    if (objects.length > op.concurrency) await op.announce()
    const applied = await applyReleaseObjects(op.client, objects, {
      method: op.method,
      previous,
      fromClientSide: op.method === 'ssa' && isClientSide(request.previous),
      replace: request.replace && op.method === 'csa',
      validate: op.validate,
      concurrency: op.concurrency,
      signal: op.signal,
      ...(op.live === undefined ? {} : { live: op.live }),
    })
    await deleteReleaseObjects(op.client, removedObjects(previous, objects), {
      release: stored.release,
      ownedOnly: false,
      propagation: 'Background',
      concurrency: op.concurrency,
      signal: op.signal,
    })
    isApplied = true
    await request.onApplied(applied.filter((one) => !one.isUnchanged).map((one) => one.object))
    if (!request.disableWait) {
      const waiting = await awaitHealthy(op, applied, !request.disableWaitForJobs)
      if (waiting !== undefined) return { state: 'waiting', stored, message: waiting }
    }
    return await hooks(op, request, stored, 'post')
  } catch (caught) {
    const error = toEngineError(caught)
    if (leavesUndecided(error) || error.disposition === 'bug') throw error
    const clean = isApplied ? cleanUpLate : cleanUp
    return { state: 'failed', stored, error: await clean(op, request, stored, error) }
  }
}

async function hooks(
  op: OperationContext,
  request: PerformRequest,
  stored: StoredRelease,
  when: 'pre' | 'post',
): Promise<PerformOutcome> {
  if (request.disableHooks) return { state: 'applied', stored }
  const event = `${when}-${request.operation}` satisfies HookEvent
  const outcome = await runHooks(op, stored, event)
  if (outcome.state === 'done') return { state: 'applied', stored: outcome.stored }
  if (outcome.state === 'waiting') return outcome
  const words = request.operation === 'install' ? `failed ${event}` : `${event} hooks failed`
  const error = new EngineError(`${words}: ${outcome.error.message}`, { code: 'hook-failed', disposition: 'retry' })
  const told = when === 'post' ? await cleanUpLate(op, request, outcome.stored, error) : error
  return { state: 'failed', stored: outcome.stored, error: told }
}

/** Objects of the previous release. Those of kinds that are gone cannot be there any more. */
async function previousObjects(op: OperationContext, request: PerformRequest): Promise<readonly KubeObject[]> {
  const { previous } = request
  if (previous === undefined) return []
  try {
    return await releaseObjects(op, previous, previous.manifest)
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'kube-kind-unknown') throw error
  }
  const found: KubeObject[] = []
  for (const object of op.manifests.read(previous, previous.manifest)) {
    try {
      found.push(...(await releaseObjects(op, previous, JSON.stringify(object))))
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'kube-kind-unknown') throw error
    }
  }
  return found
}

/** Whether a release was applied client-side: said so, or made by a Helm that knew nothing else. */
export function isClientSide(release: Release | undefined): boolean {
  return release !== undefined && release.apply_method !== 'ssa'
}

/** Cleans up after a failure that came when everything was applied. */
async function cleanUpLate(
  op: OperationContext,
  request: PerformRequest,
  stored: StoredRelease,
  error: EngineError,
): Promise<EngineError> {
  return request.operation === 'rollback' ? error : await cleanUp(op, request, stored, error)
}

async function cleanUp(
  op: OperationContext,
  request: PerformRequest,
  stored: StoredRelease,
  error: EngineError,
): Promise<EngineError> {
  if (request.cleanUp.length === 0) return error
  try {
    await deleteReleaseObjects(op.client, request.cleanUp, {
      release: stored.release,
      ownedOnly: true,
      propagation: 'Background',
      concurrency: op.concurrency,
      signal: op.signal,
    })
    return error
  } catch (caught) {
    const failure = toEngineError(caught)
    if (leavesUndecided(failure)) throw failure
    const message = `an error occurred while cleaning up resources: ${failure.message}; original error: ${error.message}`
    return new EngineError(message, { code: error.code, disposition: error.disposition, cause: error })
  }
}
