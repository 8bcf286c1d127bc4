import { isEngineError, mapLimit, toEngineError } from '../../base/index.ts'
import { fieldManagers, finalizer, groups, type Kustomization } from '../../api/index.ts'
import { formatKey, pruneObjects, removeFinalizer, type ChangeSet, type KubeClient } from '../../kube/index.ts'
import type { RunContext } from '../context.ts'
import type { NodeState, RecordedChange } from '../job.ts'
import { identityOf } from '../identity.ts'

/**
 * Deletion of a Kustomization: deletes what it applied where its policy says so, then lets it go (kustomize-controller 1.9, finalize).
 * A suspended one, and `deletionPolicy: Orphan`, leave everything. Errors keep the finalizer, so that the next run goes on.
 */
export async function finalizeKustomization(
  ctx: RunContext,
  object: Kustomization,
  changes: RecordedChange[],
): Promise<[NodeState, string, string]> {
  const entries = object.status?.inventory?.entries ?? []
  if (shouldDelete(object) && entries.length > 0) {
    const owner = {
      kind: 'Kustomization' as const,
      group: groups.kustomize,
      name: object.metadata.name,
      namespace: object.metadata.namespace ?? '',
    }
    try {
      const client = await identityOf(ctx, object)
      const pruned = await pruneObjects(client, {
        entries,
        owner,
        signal: ctx.signal,
      })
      changes.push(...pruned.changes.map((change) => ({ object: formatKey(change), action: change.action })))
      if (pruned.errors.length > 0) {
        const message = pruned.errors.map((failure) => failure.error.message).join('\n')
        emit(ctx, object, 'error', 'PruneFailed', `pruning for deleted resource failed: ${message}`)
        return ['failed', 'PruneFailed', message]
      }
      const deleted = pruned.changes.filter((change) => change.action === 'deleted')
      if (object.spec.deletionPolicy === 'WaitForTermination') {
        const left = await stillThere(ctx, client, deleted)
        if (left.length > 0)
          return ['waiting', 'Progressing', `waiting for deletion of ${left.map(formatKey).join(', ')}`]
      }
    } catch (caught) {
      if (isEngineError(caught) && caught.code === 'cluster-unreachable') throw caught
      const error = toEngineError(caught)
      emit(ctx, object, 'error', 'PruneFailed', `pruning for deleted resource failed: ${error.message}`)
      return ['failed', 'PruneFailed', error.message]
    }
  }
  await removeFinalizer(ctx.client, object, finalizer, fieldManagers.kustomizeStatus, { signal: ctx.signal })
  ctx.world.remove(object)
  return ['ready', 'Deleted', 'deleted']
}

/** What of the deleted objects is still terminating when they are gone or the run's time is over. */
async function stillThere(ctx: RunContext, client: KubeClient, deleted: ChangeSet): Promise<ChangeSet> {
  const { clock, limits } = ctx.deps
  let left = deleted
  for (;;) {
    const found = await mapLimit(
      left,
      limits.applyConcurrency,
      async (change) => (await client.get(change, { metadataOnly: true, signal: ctx.signal })) !== undefined,
    )
    left = left.filter((_, index) => found[index] === true)
    if (left.length === 0 || clock.now() + limits.healthPollMs >= ctx.deadline) return left
    await clock.sleep(limits.healthPollMs, ctx.signal)
  }
}

function shouldDelete(object: Kustomization): boolean {
  if (object.spec.suspend === true) return false
  switch (object.spec.deletionPolicy ?? 'MirrorPrune') {
    case 'MirrorPrune':
      return object.spec.prune === true
    case 'Delete':
    case 'WaitForTermination':
      return true
    default:
      return false
  }
}

function emit(
  ctx: RunContext,
  object: Kustomization,
  severity: 'info' | 'error',
  reason: string,
  message: string,
): void {
  ctx.events.emit({ object, severity, reason, message, controller: 'kustomize-controller' })
}
