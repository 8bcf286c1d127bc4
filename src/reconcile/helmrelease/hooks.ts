import { fieldManagers } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import { hooksFor, type Hook, type HookEvent, type HookRun } from '../../helm/index.ts'
import { isConflict, isNotFound, type Health } from '../../kube/index.ts'
import { nameOf, scalarText, type KubeObject } from '../../resources/index.ts'
import { hasOrigin } from './object-watch.ts'
import { isGone, keyOfObject, mapOf, releaseObjects } from './objects.ts'
import type { OperationContext } from './operation.ts'
import { leavesUndecided } from './passing-errors.ts'
import type { StoredRelease } from './storage.ts'

/** `waiting`: the run's time is over and a hook still runs; the next run goes on with it. */
export type HookOutcome =
  | { readonly state: 'done'; readonly stored: StoredRelease }
  | { readonly state: 'waiting'; readonly stored: StoredRelease; readonly message: string }
  | { readonly state: 'failed'; readonly stored: StoredRelease; readonly error: EngineError }

/**
 * Runs the hooks of one event in Helm's order (weight, then name), each awaited before the next (Helm v4 pkg/action/hooks). What ran is
 * written into the stored release, with the mark of our operation, before and after each hook: the step after a cut runs none of them
 * again and none of them is left out. Logs of hooks are not collected: helm-controller gives Helm nowhere to write them either.
 */
export async function runHooks(
  op: OperationContext,
  start: StoredRelease,
  event: HookEvent,
  isWanted: (hook: Hook) => boolean = () => true,
): Promise<HookOutcome> {
  let stored = start
  const wanted = hooksFor(stored.release.hooks, event).filter(isWanted)
  const indices = wanted.map((hook) => stored.release.hooks.indexOf(hook))
  if (indices.length > 0) {
    await op.admit(stored.release)
    await op.announce()
  }
  for (const [position, index] of indices.entries()) {
    await op.keep()
    const outcome = await runHook(op, stored, event, index)
    stored = outcome.stored
    if (outcome.state === 'waiting') return outcome
    if (outcome.state === 'failed') {
      for (const earlier of indices.slice(0, position)) await deleteByPolicy(op, stored, earlier, 'hook-succeeded')
      return outcome
    }
  }
  for (const index of indices.toReversed()) {
    if (!(await deleteByPolicy(op, stored, index, 'hook-succeeded')))
      return { state: 'waiting', stored, message: 'waiting for the deletion of hooks that have succeeded' }
  }
  return { state: 'done', stored }
}

async function runHook(
  op: OperationContext,
  start: StoredRelease,
  event: HookEvent,
  index: number,
): Promise<HookOutcome> {
  const id = `${event}/${index}`
  const hook = start.release.hooks[index]
  if (hook === undefined || start.mark?.done.includes(id) === true) return { state: 'done', stored: start }
  const [object] = await releaseObjects(op, start.release, hook.manifest)
  if (object === undefined) return { state: 'done', stored: start }
  let stored = start
  const isResumed = stored.mark?.running === id
  if (!isResumed) {
    stored = await note(op, stored, index, {}, {})
    if (!(await deleteByPolicy(op, stored, index, 'before-hook-creation')))
      return { state: 'waiting', stored, message: `waiting for the deletion of hook ${describe(hook)}` }
    const run: Partial<HookRun> = { started_at: nowText(op), completed_at: '', phase: 'Running' }
    stored = await note(op, stored, index, run, { running: id }, true)
  }
  const startedAt = Date.parse(stored.release.hooks[index]?.last_run.started_at ?? '') || op.clock.now()
  let verdict: Verdict
  try {
    verdict = await createAndAwait(op, object, isResumed, startedAt + op.timeoutMs)
  } catch (error) {
    if (!(error instanceof EngineError) || leavesUndecided(error)) throw error
    verdict = { state: 'failed', message: error.message }
  }
  if (verdict.state === 'waiting')
    return { state: 'waiting', stored, message: `waiting for hook ${describe(hook)}: ${verdict.message}` }
  const phase = verdict.state === 'done' ? 'Succeeded' : 'Failed'
  stored = await note(op, stored, index, { completed_at: nowText(op), phase }, { done: id }, true)
  if (verdict.state === 'done') return { state: 'done', stored }
  await deleteByPolicy(op, stored, index, 'hook-failed')
  const error = new EngineError(`hook ${event} ${hook.path} failed: ${verdict.message}`, {
    code: 'hook-failed',
    disposition: 'retry',
  })
  return { state: 'failed', stored, error }
}

function describe(hook: Hook): string {
  return `${hook.kind}/${hook.name}`
}

function nowText(op: OperationContext): string {
  return new Date(op.clock.now()).toISOString()
}

interface Verdict {
  readonly state: 'done' | 'waiting' | 'failed'
  readonly message: string
}

/** Longest time between two reads of a hook that is watched. */
const readEveryMs = 5_000

/** A hook that a cut-off step created already is left alone: creating it again would run it twice. */
async function createAndAwait(
  op: OperationContext,
  object: KubeObject,
  isResumed: boolean,
  giveUpAt: number,
): Promise<Verdict> {
  const key = keyOfObject(object)
  const existing = isResumed ? await op.client.get<KubeObject>(key, { signal: op.signal }) : undefined
  let live = existing ?? (await createHook(op, object))
  const named = { ...key, name: nameOf(live) }
  const following = op.watch.follow(op.client, hasOrigin(object) ? [named] : [])
  try {
    let last: KubeObject | undefined
    let nextRead = op.clock.now() + readEveryMs
    for (;;) {
      const verdict = judge(op, live)
      if (verdict.state !== 'waiting') return verdict
      if (op.clock.now() >= giveUpAt)
        return { state: 'failed', message: `timed out waiting for the condition: ${verdict.message}` }
      if (op.clock.now() + op.pollMs >= op.deadline) return verdict
      await op.keep()
      const { changes } = following
      const seen = following.get(named)
      const isGone = seen === undefined && last !== undefined
      const isNews = seen !== undefined && seen !== last
      last = seen
      if (isNews) {
        if (uidOf(seen) === uidOf(live)) live = seen
        continue
      }
      if (!isGone) {
        const until = following.isWatched(named) ? Math.min(nextRead, op.deadline) : op.clock.now() + op.pollMs
        await following.changed(changes, Math.max(1, until - op.clock.now()))
        if (following.isWatched(named) && op.clock.now() < until) continue
      }
      // A watch that shows nothing for a while is not trusted: the object is read.
      const found = await op.client.get<KubeObject>(named, { signal: op.signal })
      if (found === undefined) {
        const hasTtl = mapOf(object['spec'])['ttlSecondsAfterFinished'] !== undefined
        return hasTtl ? { state: 'done', message: '' } : { state: 'failed', message: 'it was deleted while it ran' }
      }
      live = found
      nextRead = op.clock.now() + readEveryMs
    }
  } finally {
    following.close()
  }
}

function uidOf(object: KubeObject): unknown {
  return mapOf(object['metadata'])['uid']
}

/** Hooks are applied without taking fields from others (Helm v4, execHook). */
async function createHook(op: OperationContext, object: KubeObject): Promise<KubeObject> {
  const options = { fieldManager: fieldManagers.helm, fieldValidation: 'Strict', signal: op.signal } as const
  if (op.method === 'csa' || nameOf(object) === '') return await op.client.create(object, options)
  try {
    return await op.client.patch(keyOfObject(object), { type: 'apply', body: object }, options)
  } catch (error) {
    // Fields that somebody else owns: a failure of the hook, not a lost race.
    if (!isConflict(error)) throw error
    throw new EngineError(error instanceof Error ? error.message : 'conflict', { code: 'hook-conflict' })
  }
}

/** Jobs and Pods run to their end, other kinds are ready at once, unless a health expression of the object's own says otherwise. */
function judge(op: OperationContext, live: KubeObject): Verdict {
  const own = op.custom?.(live, op.clock.now())
  if (own !== undefined) return fromHealth(own)
  const kind = scalarText(live['kind'])
  const status = mapOf(live['status'])
  if (kind === 'Pod') {
    if (status['phase'] === 'Succeeded') return { state: 'done', message: '' }
    const message = scalarText(status['message']) || `Pod is ${scalarText(status['phase']) || 'Pending'}`
    return { state: status['phase'] === 'Failed' ? 'failed' : 'waiting', message }
  }
  if (kind !== 'Job') return { state: 'done', message: '' }
  const conditions = Array.isArray(status['conditions']) ? status['conditions'].map(mapOf) : []
  const isTrue = (type: string) =>
    conditions.find((condition) => condition['type'] === type && condition['status'] === 'True')
  if (isTrue('Complete') !== undefined) return { state: 'done', message: '' }
  const failed = isTrue('Failed')
  if (failed !== undefined) return { state: 'failed', message: scalarText(failed['message']) || 'the Job failed' }
  return { state: 'waiting', message: 'the Job is running' }
}

function fromHealth(health: Health): Verdict {
  const state = health.status === 'Current' ? 'done' : health.status === 'Failed' ? 'failed' : 'waiting'
  return { state, message: health.message }
}

/** Deletes a hook where its policy says so, and waits until it is gone. False: the run's time is over before that. */
async function deleteByPolicy(
  op: OperationContext,
  stored: StoredRelease,
  index: number,
  policy: string,
): Promise<boolean> {
  const hook = stored.release.hooks[index]
  if (hook === undefined || hook.kind === 'CustomResourceDefinition') return true
  const policies = hook.delete_policies.length === 0 ? ['before-hook-creation'] : hook.delete_policies
  if (!policies.includes(policy)) return true
  const [object] = await releaseObjects(op, stored.release, hook.manifest)
  if (object === undefined || nameOf(object) === '') return true
  const key = keyOfObject(object)
  try {
    let outcome = await op.client.delete(key, { propagation: 'Background', signal: op.signal })
    while (outcome === 'deleting') {
      if (op.clock.now() + op.pollMs >= op.deadline) return false
      await op.clock.sleep(op.pollMs, op.signal)
      await op.keep()
      const found = await op.client.get(key, { metadataOnly: true, signal: op.signal })
      if (found === undefined) outcome = 'deleted'
    }
    return true
  } catch (error) {
    if (isNotFound(error) || isGone(error)) return true
    throw error
  }
}

/** Writes the run of a hook, and the progress of the operation, into the release. Without `write` it is only kept for the next write. */
async function note(
  op: OperationContext,
  stored: StoredRelease,
  index: number,
  run: Partial<HookRun>,
  progress: { readonly running?: string; readonly done?: string },
  write = false,
): Promise<StoredRelease> {
  const hooks = stored.release.hooks.map((hook, i) =>
    i !== index
      ? hook
      : {
          ...hook,
          delete_policies: hook.delete_policies.length === 0 ? ['before-hook-creation'] : hook.delete_policies,
          last_run: { ...hook.last_run, ...run },
        },
  )
  const release = { ...stored.release, hooks }
  if (!write) return { ...stored, release }
  const { running: _, ...before } = stored.mark ?? op.newMark()
  const next = {
    ...before,
    fence: op.fence,
    done: progress.done === undefined ? before.done : [...before.done, progress.done],
    ...(progress.running === undefined ? {} : { running: progress.running }),
  }
  return await op.storage.update(stored, release, next)
}
