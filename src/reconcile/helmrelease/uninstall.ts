import { fieldManagers, finalizer } from '../../api/index.ts'
import { toEngineError } from '../../base/index.ts'
import { removeFinalizer } from '../../kube/index.ts'
import { scalarText, type KubeObject } from '../../resources/index.ts'
import type { RunContext } from '../context.ts'
import type { NodeRecord } from '../job.ts'
import { emitEvent, recordOf, saveStatus, type Attempt } from './attempt.ts'
import { runHooks, type HookContext } from './hooks.ts'
import { releaseNameOf, storageNamespaceOf } from './names.ts'
import { deleteReleaseObjects, keyOfObject, releaseObjects } from './objects.ts'
import { withCondition } from './status.ts'
import { createReleaseStorage, type ReleaseStorage, type StoredRelease } from './storage.ts'

/**
 * Deletion of a HelmRelease: uninstalls the release unless it is suspended or was never installed, deletes its HelmChart, lets the object go
 * (helm-controller 1.6, reconcileDelete). A failure keeps the finalizer; the next run goes on.
 */
export async function uninstallDeleted(ctx: RunContext, attempt: Attempt): Promise<NodeRecord> {
  const { object } = attempt
  if (object.spec.suspend !== true) {
    const storage = createReleaseStorage(
      attempt.client,
      object.status?.storageNamespace ?? storageNamespaceOf(object),
      object.status?.history?.[0]?.name ?? releaseNameOf(object),
      ctx.signal,
    )
    const stored = await storage.list()
    const latest = stored[0]
    if (latest !== undefined && (object.status?.history ?? []).length > 0) {
      try {
        const waiting = await uninstall(ctx, attempt, storage, stored, latest)
        if (waiting !== undefined) return recordOf(ctx, attempt, 'waiting', 'Progressing', waiting)
      } catch (caught) {
        const error = toEngineError(caught)
        if (error.code === 'cluster-unreachable' || error.code === 'aborted') throw error
        const message = `Helm uninstall failed for release ${latest.release.namespace}/${latest.release.name}.v${latest.release.version}: ${error.message}`
        let status = withCondition(
          object,
          object.status ?? {},
          'Released',
          'False',
          'UninstallFailed',
          message,
          ctx.deps.clock.now(),
        )
        status = withCondition(object, status, 'Ready', 'False', 'UninstallFailed', message, ctx.deps.clock.now())
        await saveStatus(ctx, attempt, status)
        emitEvent(ctx, attempt, 'error', 'UninstallFailed', message)
        return recordOf(ctx, attempt, 'failed', 'UninstallFailed', message)
      }
    }
  }
  await deleteHelmChart(ctx, attempt)
  await removeFinalizer(ctx.client, attempt.stored, finalizer, fieldManagers.helmStatus, { signal: ctx.signal })
  ctx.world.remove(attempt.object)
  return recordOf(ctx, attempt, 'ready', 'Deleted', 'deleted')
}

/** Hooks, objects in reverse install order, hooks, then the history. Returns what it waits for when the run's time is over. */
async function uninstall(
  ctx: RunContext,
  attempt: Attempt,
  storage: ReleaseStorage,
  stored: readonly StoredRelease[],
  latest: StoredRelease,
): Promise<string | undefined> {
  const options = attempt.object.spec.uninstall
  const hooks: HookContext = {
    client: attempt.client,
    storage,
    clock: ctx.deps.clock,
    signal: ctx.signal,
    deadline: ctx.deadline,
    pollMs: ctx.deps.limits.healthPollMs,
  }
  let current = latest
  if (current.release.info.status !== 'uninstalled') {
    if (options?.disableHooks !== true) {
      const before = await runHooks(hooks, current, 'pre-delete')
      current = before.stored
      if (before.state === 'waiting') return before.message
    }
    const objects = await releaseObjects(attempt.client, current.release, current.release.manifest, ctx.signal)
    const deleted = await deleteReleaseObjects(attempt.client, objects, ctx.signal)
    attempt.changes.push(
      ...deleted.map((object) => ({
        object: `${scalarText(object['kind'])}/${current.release.namespace}/${keyOfObject(object).name}`,
        action: 'deleted',
      })),
    )
    if (options?.disableWait !== true) {
      const left = await awaitGone(ctx, attempt, deleted)
      if (left !== undefined) return left
    }
    if (options?.disableHooks !== true) {
      const after = await runHooks(hooks, current, 'post-delete')
      current = after.stored
      if (after.state === 'waiting') return after.message
    }
  }
  if (options?.keepHistory === true) {
    const gone = {
      ...current.release,
      info: {
        ...current.release.info,
        status: 'uninstalled' as const,
        deleted: new Date(ctx.deps.clock.now()).toISOString(),
        description: 'Uninstallation complete',
      },
    }
    await storage.update(current, gone)
  } else {
    await storage.remove(current)
    for (const other of stored.slice(1)) await storage.remove(other)
  }
  emitEvent(
    ctx,
    attempt,
    'info',
    'UninstallSucceeded',
    `Helm uninstall succeeded for release ${current.release.namespace}/${current.release.name}.v${current.release.version}`,
  )
  return undefined
}

async function awaitGone(
  ctx: RunContext,
  attempt: Attempt,
  deleted: readonly KubeObject[],
): Promise<string | undefined> {
  let left = [...deleted]
  for (;;) {
    const there = await Promise.all(
      left.map(
        async (object) =>
          (await attempt.client.get(keyOfObject(object), { metadataOnly: true, signal: ctx.signal })) !== undefined,
      ),
    )
    left = left.filter((_, index) => there[index] === true)
    if (left.length === 0) return undefined
    if (ctx.deps.clock.now() + ctx.deps.limits.healthPollMs >= ctx.deadline)
      return `waiting for deletion of ${left.map((object) => `${scalarText(object['kind'])}/${keyOfObject(object).name}`).join(', ')}`
    await ctx.deps.clock.sleep(ctx.deps.limits.healthPollMs, ctx.signal)
  }
}

async function deleteHelmChart(ctx: RunContext, attempt: Attempt): Promise<void> {
  const recorded = attempt.object.status?.helmChart
  if (recorded === undefined) return
  const [namespace = '', name = ''] = recorded.split('/')
  await ctx.client.delete(
    { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'HelmChart', namespace, name },
    { signal: ctx.signal },
  )
}
