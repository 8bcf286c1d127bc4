import { EngineError } from '../../base/index.ts'
import type { Hook, HookEvent, Release } from '../../helm/index.ts'
import { type KubeClient } from '../../kube/index.ts'
import type { Clock } from '../../ports/index.ts'
import { scalarText, type KubeObject } from '../../resources/index.ts'
import { applyReleaseObject, keyOfObject, releaseObjects } from './objects.ts'
import type { ReleaseStorage, StoredRelease } from './storage.ts'

/** What running hooks needs. */
export interface HookContext {
  readonly client: KubeClient
  readonly storage: ReleaseStorage
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Milliseconds since 1970 after which nothing is waited for any more in this run. */
  readonly deadline: number
  readonly pollMs: number
}

/** `waiting`: the run's time is over and a hook still runs; the next run goes on with it. */
export type HookOutcome =
  | { readonly state: 'done'; readonly stored: StoredRelease; readonly message: '' }
  | { readonly state: 'waiting'; readonly stored: StoredRelease; readonly message: string }

/**
 * Runs the hooks of one event in Helm's order (weight, then name), each awaited before the next (Helm v4 pkg/action/hooks). What ran is
 * written into the stored release before and after each hook, so that a hook which ran is not run again by the step after a cut.
 *
 * @throws EngineError `hook-failed` when a hook fails; its run is recorded first.
 */
export async function runHooks(ctx: HookContext, stored: StoredRelease, event: HookEvent): Promise<HookOutcome> {
  let current = stored
  const names = stored.release.hooks
    .filter((hook) => hook.events.includes(event))
    .toSorted((a, b) => a.weight - b.weight || (a.name < b.name ? -1 : 1))
  for (const hook of names) {
    const index = current.release.hooks.findIndex(
      (other) => other.path === hook.path && other.name === hook.name && other.kind === hook.kind,
    )
    const outcome = await runHook(ctx, current, index)
    current = outcome.stored
    if (outcome.state === 'waiting') return outcome
  }
  for (const hook of names) await deleteByPolicy(ctx, current.release, hook, 'hook-succeeded')
  return { state: 'done', stored: current, message: '' }
}

async function runHook(ctx: HookContext, stored: StoredRelease, index: number): Promise<HookOutcome> {
  let current = stored
  const hook = current.release.hooks[index]
  if (hook === undefined || hook.last_run.phase === 'Succeeded') return { state: 'done', stored: current, message: '' }
  const [object] = await releaseObjects(ctx.client, current.release, hook.manifest, ctx.signal)
  if (object === undefined) return { state: 'done', stored: current, message: '' }
  if (hook.last_run.phase !== 'Running') {
    await deleteByPolicy(ctx, current.release, hook, 'before-hook-creation')
    current = await note(ctx, current, index, { started_at: ctx.clock.now(), phase: 'Running' })
  }
  await createOnce(ctx, object)
  for (;;) {
    const verdict = await lookAt(ctx, object)
    if (verdict.state === 'done') {
      return {
        state: 'done',
        stored: await note(ctx, current, index, { completed_at: ctx.clock.now(), phase: 'Succeeded' }),
        message: '',
      }
    }
    if (verdict.state === 'failed') {
      await note(ctx, current, index, { completed_at: ctx.clock.now(), phase: 'Failed' })
      await deleteByPolicy(ctx, current.release, hook, 'hook-failed')
      throw new EngineError(`hook ${hook.kind}/${hook.name} failed: ${verdict.message}`, { code: 'hook-failed' })
    }
    if (ctx.clock.now() + ctx.pollMs >= ctx.deadline)
      return {
        state: 'waiting',
        stored: current,
        message: `waiting for hook ${hook.kind}/${hook.name}: ${verdict.message}`,
      }
    await ctx.clock.sleep(ctx.pollMs, ctx.signal)
  }
}

/** A hook that a cut-off step created already is left alone: creating it again would run it twice. */
async function createOnce(ctx: HookContext, object: KubeObject): Promise<void> {
  if ((await ctx.client.get(keyOfObject(object), { metadataOnly: true, signal: ctx.signal })) === undefined)
    await applyReleaseObject(ctx.client, object, ctx.signal)
}

async function lookAt(
  ctx: HookContext,
  object: KubeObject,
): Promise<{ readonly state: 'done' | 'waiting' | 'failed'; readonly message: string }> {
  const kind = scalarText(object['kind'])
  if (kind !== 'Job' && kind !== 'Pod') return { state: 'done', message: '' }
  const live = await ctx.client.get<KubeObject>(keyOfObject(object), { signal: ctx.signal })
  // A hook that removed itself (ttlSecondsAfterFinished) has finished: Helm counts it as done as well.
  if (live === undefined) return { state: 'done', message: '' }
  const status = (live['status'] ?? {}) as {
    phase?: string
    message?: string
    conditions?: { type: string; status: string; message?: string }[]
  }
  if (kind === 'Pod') {
    if (status.phase === 'Succeeded') return { state: 'done', message: '' }
    if (status.phase === 'Failed') return { state: 'failed', message: status.message ?? 'the Pod failed' }
    return { state: 'waiting', message: status.phase ?? 'Pending' }
  }
  const isTrue = (type: string) =>
    status.conditions?.find((condition) => condition.type === type && condition.status === 'True')
  if (isTrue('Complete') !== undefined) return { state: 'done', message: '' }
  const failed = isTrue('Failed')
  if (failed !== undefined) return { state: 'failed', message: failed.message ?? 'the Job failed' }
  return { state: 'waiting', message: 'the Job is running' }
}

async function deleteByPolicy(ctx: HookContext, release: Release, hook: Hook, policy: string): Promise<void> {
  const policies = hook.delete_policies.length === 0 ? ['before-hook-creation'] : hook.delete_policies
  if (!policies.includes(policy) || hook.kind === 'CustomResourceDefinition') return
  const [object] = await releaseObjects(ctx.client, release, hook.manifest, ctx.signal)
  if (object === undefined) return
  const key = keyOfObject(object)
  let outcome = await ctx.client.delete(key, { propagation: 'Background', signal: ctx.signal })
  while (outcome === 'deleting' && ctx.clock.now() < ctx.deadline) {
    await ctx.clock.sleep(ctx.pollMs, ctx.signal)
    outcome =
      (await ctx.client.get(key, { metadataOnly: true, signal: ctx.signal })) === undefined ? 'deleted' : 'deleting'
  }
}

interface RunNote {
  readonly started_at?: number
  readonly completed_at?: number
  readonly phase: 'Running' | 'Succeeded' | 'Failed'
}

async function note(ctx: HookContext, stored: StoredRelease, index: number, run: RunNote): Promise<StoredRelease> {
  const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString())
  const hooks = stored.release.hooks.map((hook, i) =>
    i !== index
      ? hook
      : {
          ...hook,
          last_run: {
            started_at: iso(run.started_at) ?? hook.last_run.started_at ?? '',
            completed_at: iso(run.completed_at) ?? '',
            phase: run.phase,
          },
        },
  )
  return await ctx.storage.update(stored, { ...stored.release, hooks })
}
