import { isEngineError, toEngineError } from '../../base/index.ts'
import { groups, type Kustomization } from '../../api/index.ts'
import { formatKey, pruneObjects, removeFinalizer } from '../../kube/index.ts'
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
    const owner = { kind: 'Kustomization' as const, group: groups.kustomize, name: object.metadata.name, namespace: object.metadata.namespace ?? '' }
    try {
      const pruned = await pruneObjects(identityOf(ctx, object), {
        entries,
        owner,
        signal: ctx.signal,
        waitForTermination: object.spec.deletionPolicy === 'WaitForTermination',
        deadline: ctx.deadline,
      })
      changes.push(...pruned.changes.map((change) => ({ object: formatKey(change), action: change.action })))
      if (pruned.errors.length > 0) {
        const message = pruned.errors.map((failure) => failure.error.message).join('\n')
        emit(ctx, object, 'error', 'PruneFailed', `pruning for deleted resource failed: ${message}`)
        return ['failed', 'PruneFailed', message]
      }
      if (pruned.terminating.length > 0) return ['waiting', 'Progressing', `waiting for deletion of ${pruned.terminating.join(', ')}`]
    } catch (caught) {
      if (isEngineError(caught) && caught.code === 'cluster-unreachable') throw caught
      const error = toEngineError(caught)
      emit(ctx, object, 'error', 'PruneFailed', `pruning for deleted resource failed: ${error.message}`)
      return ['failed', 'PruneFailed', error.message]
    }
  }
  await removeFinalizer(ctx.client, object, { signal: ctx.signal })
  ctx.world.remove(object)
  return ['ready', 'Deleted', 'deleted']
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

function emit(ctx: RunContext, object: Kustomization, severity: 'info' | 'error', reason: string, message: string): void {
  ctx.events.emit({ object, severity, reason, message, controller: 'kustomize-controller' })
}
