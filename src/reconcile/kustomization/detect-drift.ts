import { ownAnnotations } from '../../api/index.ts'
import {
  combineFailures,
  formatKey,
  planStaged,
  type ApplyOptions,
  type ChangeSet,
  type KubeClient,
} from '../../kube/index.ts'
import type { RunContext } from '../context.ts'
import { emitDrift, isUnchangedInput, type Progress } from './progress.ts'

/**
 * Whether what differs is only told: Git says what was applied last, the object or the settings want it so, and nobody has asked for this run by hand.
 */
export function isDetectOnly({ deps, job }: RunContext, progress: Progress): boolean {
  const { metadata, status } = progress.object
  const requestedAt = metadata.annotations?.['reconcile.fluxcd.io/requestedAt']
  const isAskedFor =
    job.kind === 'trigger' || (requestedAt !== undefined && requestedAt !== status?.lastHandledReconcileAt)
  const mode = metadata.annotations?.[ownAnnotations.drift]?.toLowerCase() ?? deps.settings.drift
  return mode === 'detect' && !isAskedFor && isUnchangedInput(progress)
}

/**
 * Compares without writing anything. What differs goes into the record as `drifted`, and into one event. @returns the objects as ones that nothing was done to.
 * @throws DiagnosticsError of objects that the server refuses.
 */
export async function detectDrift(
  ctx: RunContext,
  progress: Progress,
  client: KubeClient,
  options: ApplyOptions,
): Promise<ChangeSet> {
  const plan = await planStaged(client, options)
  const failure = combineFailures(plan.errors)
  if (failure !== undefined) throw failure
  const changes = plan.changes.map(({ change }) => change)
  const drifted = changes.filter(({ action }) => action === 'created' || action === 'configured')
  progress.unchanged += changes.length - drifted.length
  progress.changes.push(
    ...drifted.map((change) => ({
      object: formatKey(change),
      action: 'drifted',
      drift: change.drift ?? [],
      note: change.action === 'created' ? 'it was deleted, and is left so' : 'it is left as it is',
    })),
  )
  emitDrift(ctx, progress, drifted)
  return changes.map((change) => (change.action === 'skipped' ? change : { ...change, action: 'unchanged' }))
}
