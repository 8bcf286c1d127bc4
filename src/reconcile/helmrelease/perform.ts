import { EngineError, toEngineError } from '../../base/index.ts'
import type { Release } from '../../helm/index.ts'
import { checkHealth, formatFindings } from '../../kube/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import { runHooks, type HookContext } from './hooks.ts'
import { applyReleaseObjects, deleteReleaseObjects, keyOfObject, releaseObjects, removedObjects } from './objects.ts'
import type { StoredRelease } from './storage.ts'

/** The three operations that write a release. */
export type Operation = 'install' | 'upgrade' | 'rollback'

/** What a release operation needs. `previous` is the release whose objects the new one replaces. */
export interface PerformRequest {
  readonly operation: Operation
  readonly hooks: HookContext
  readonly stored: StoredRelease
  readonly previous: Release | undefined
  readonly disableHooks: boolean
  readonly disableWait: boolean
  readonly disableWaitForJobs: boolean
  /** Objects that this operation created are deleted again when it fails. */
  readonly cleanupOnFail: boolean
  /** Milliseconds since 1970 at which the operation gives up. */
  readonly giveUpAt: number
  readonly concurrency: number
  /** Called once the objects are applied, before their health is awaited. */
  readonly onApplied: (objects: readonly KubeObject[]) => Promise<void>
}

/** How an operation stands. `stored` is the release as it was last written. */
export type PerformOutcome =
  | { readonly state: 'deployed' | 'waiting'; readonly stored: StoredRelease; readonly message: string }
  | { readonly state: 'failed'; readonly stored: StoredRelease; readonly error: EngineError }

/**
 * Carries a pending release through: hooks before, objects, deletion of what the previous release had, health, hooks after, and its final status in
 * storage (Helm v4 pkg/action install, upgrade and rollback). Every part can be repeated, so a step that was cut off is gone on with by calling this
 * again with the release as storage has it. A failure is written to storage (`failed`) before it is returned.
 *
 * @throws EngineError when the cluster cannot be reached: nothing is known then, and the release stays pending.
 */
export async function performRelease(request: PerformRequest): Promise<PerformOutcome> {
  let stored = request.stored
  try {
    if (!request.disableHooks) {
      const before = await runHooks(request.hooks, stored, `pre-${request.operation}`)
      stored = before.stored
      if (before.state === 'waiting') return before
    }
    const { client, signal } = request.hooks
    const objects = await releaseObjects(client, stored.release, stored.release.manifest, signal)
    await applyReleaseObjects(client, objects, { concurrency: request.concurrency, signal })
    if (request.previous !== undefined) {
      const before = await releaseObjects(client, request.previous, request.previous.manifest, signal)
      await deleteReleaseObjects(client, removedObjects(before, objects), signal)
    }
    await request.onApplied(objects)
    if (!request.disableWait) {
      const waiting = await awaitObjects(request, objects)
      if (waiting !== undefined) return { state: 'waiting', stored, message: waiting }
    }
    if (!request.disableHooks) {
      const after = await runHooks(request.hooks, stored, `post-${request.operation}`)
      stored = after.stored
      if (after.state === 'waiting') return after
    }
    const description =
      request.operation === 'rollback'
        ? `Rollback to ${stored.release.info.rollback_revision ?? ''}`
        : `${capitalise(request.operation)} complete`
    stored = await finish(request, stored, 'deployed', description)
    return { state: 'deployed', stored, message: description }
  } catch (caught) {
    const error = toEngineError(caught)
    if (error.code === 'cluster-unreachable' || error.code === 'aborted' || error.code === 'kube-conflict') throw error
    if (request.cleanupOnFail && request.previous !== undefined) await cleanUp(request, stored, request.previous)
    stored = await finish(
      request,
      await reread(request, stored),
      'failed',
      `${capitalise(request.operation)} ${JSON.stringify(stored.release.name)} failed: ${error.message}`,
    )
    return { state: 'failed', stored, error }
  }
}

/** A failing hook has written the release once more: its last run must not be lost. */
async function reread(request: PerformRequest, stored: StoredRelease): Promise<StoredRelease> {
  const all = await request.hooks.storage.list()
  return all.find((other) => other.release.version === stored.release.version) ?? stored
}

async function finish(
  request: PerformRequest,
  stored: StoredRelease,
  status: 'deployed' | 'failed',
  description: string,
): Promise<StoredRelease> {
  return await request.hooks.storage.update(stored, {
    ...stored.release,
    info: { ...stored.release.info, status, description },
  })
}

async function cleanUp(request: PerformRequest, stored: StoredRelease, previous: Release): Promise<void> {
  const { client, signal } = request.hooks
  const [now, before] = await Promise.all([
    releaseObjects(client, stored.release, stored.release.manifest, signal),
    releaseObjects(client, previous, previous.manifest, signal),
  ])
  await deleteReleaseObjects(client, removedObjects(now, before), signal)
}

/** Looks at the health of the objects until all is well. Returns what is missing when the run's time is over; throws at the operation's own end. */
async function awaitObjects(request: PerformRequest, objects: readonly KubeObject[]): Promise<string | undefined> {
  const { client, clock, deadline, pollMs, signal } = request.hooks
  const targets = objects
    .filter((object) => !(request.disableWaitForJobs && object['kind'] === 'Job'))
    .filter((object) => !isPaused(object))
    .map((object) => ({ key: keyOfObject(object), desired: object }))
  for (;;) {
    const budgetMs = Math.max(0, Math.min(deadline, request.giveUpAt) - clock.now())
    const look = await checkHealth(client, { targets, budgetMs, pollMs, signal })
    if (look.failed.length > 0)
      throw new EngineError(`resources not ready: ${formatFindings(look.failed)}`, {
        code: 'release-unhealthy',
        disposition: 'retry',
      })
    if (look.ready) return undefined
    const missing = formatFindings(look.notReady)
    if (clock.now() >= request.giveUpAt)
      throw new EngineError(`timeout waiting for: ${missing}`, { code: 'release-timeout', disposition: 'retry' })
    if (clock.now() + pollMs >= deadline) return `waiting for ${missing}`
  }
}

function isPaused(object: KubeObject): boolean {
  const spec = object['spec']
  return (
    object['kind'] === 'Deployment' &&
    typeof spec === 'object' &&
    spec !== null &&
    !Array.isArray(spec) &&
    spec['paused'] === true
  )
}

function capitalise(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
