import { annotations, fieldManagers, groups } from '../../api/index.ts'
import { EngineError, isEngineError } from '../../base/index.ts'
import { applyStaged, effectiveChanges, formatKey, type ChangeSet } from '../../kube/index.ts'
import { isMap, scalarText, type KubeObject } from '../../resources/index.ts'
import type { RunContext } from '../context.ts'
import { emitEvent, saveStatus, type Attempt } from './attempt.ts'
import { releaseObjects } from './objects.ts'
import { withCondition } from './status.ts'
import type { StoredRelease } from './storage.ts'

/** Thrown to stop an apply after its comparison: what it found is all that is wanted. */
const onlyLooking = 'drift-only-looking'

/**
 * Compares the objects of a deployed release with its stored manifest and, with mode `enabled`, puts back what was changed (helm-controller
 * 1.6, drift detection; no new Helm revision). Hooks are left out, and objects annotated `helm.toolkit.fluxcd.io/driftDetection: disabled`.
 *
 * Effects: condition Drifted, events DriftDetected and DriftCorrected or DriftCorrectionFailed.
 */
export async function correctDrift(ctx: RunContext, attempt: Attempt, stored: StoredRelease): Promise<void> {
  const mode = attempt.object.spec.driftDetection?.mode ?? 'disabled'
  if (mode === 'disabled') return
  const objects = (await releaseObjects(attempt.client, stored.release, stored.release.manifest, ctx.signal)).filter(
    (object) => !isExcluded(object),
  )
  const { metadata } = attempt.object
  let found: ChangeSet = []
  const result = await applyStaged(attempt.client, {
    objects,
    owner: { kind: 'HelmRelease', group: groups.helm, name: metadata.name, namespace: metadata.namespace ?? '' },
    fieldManager: fieldManagers.helm,
    concurrency: ctx.deps.limits.applyConcurrency,
    signal: ctx.signal,
    beforeWrites: async (plan) => {
      found = effectiveChanges(plan)
      await reportDrift(ctx, attempt, found)
      if (mode === 'warn') throw new EngineError('drift is only reported', { code: onlyLooking, disposition: 'wait' })
    },
  }).catch((error: unknown) => {
    if (isEngineError(error) && error.code === onlyLooking) return { changes: [], errors: [] }
    throw error
  })
  for (const change of effectiveChanges(result.changes))
    attempt.changes.push({ object: formatKey(change), action: change.action, drift: change.drift ?? [] })
  const now = ctx.deps.clock.now()
  if (result.errors.length > 0) {
    const message = result.errors.map((failure) => failure.error.message).join('\n')
    emitEvent(ctx, attempt, 'error', 'DriftCorrectionFailed', message)
    throw new EngineError(message, {
      code: 'drift-correction-failed',
      reason: 'DriftCorrectionFailed',
      disposition: 'retry',
    })
  }
  if (mode === 'warn' && found.length > 0) return
  if (found.length > 0)
    emitEvent(
      ctx,
      attempt,
      'info',
      'DriftCorrected',
      `Cluster state of release ${stored.release.namespace}/${stored.release.name}.v${stored.release.version} has been corrected:\n${describe(found)}`,
    )
  const drifted = attempt.object.status?.conditions?.find((condition) => condition.type === 'Drifted')
  if (drifted === undefined || drifted.status !== 'False') {
    const message = `No drift detected for release ${stored.release.namespace}/${stored.release.name}.v${stored.release.version}`
    await saveStatus(
      ctx,
      attempt,
      withCondition(attempt.object, attempt.object.status ?? {}, 'Drifted', 'False', 'NoDriftDetected', message, now),
    )
  }
}

async function reportDrift(ctx: RunContext, attempt: Attempt, found: ChangeSet): Promise<void> {
  const message = `Cluster state has drifted from the desired state:\n${describe(found)}`
  await saveStatus(
    ctx,
    attempt,
    withCondition(
      attempt.object,
      attempt.object.status ?? {},
      'Drifted',
      'True',
      'DriftDetected',
      message,
      ctx.deps.clock.now(),
    ),
  )
  emitEvent(ctx, attempt, 'error', 'DriftDetected', message)
}

function describe(changes: ChangeSet): string {
  return changes
    .map(
      (change) =>
        `${formatKey(change)} ${change.action === 'created' ? 'removed' : `changed (${(change.drift ?? []).map((drift) => drift.path).join(', ')})`}`,
    )
    .join('\n')
}

function isExcluded(object: KubeObject): boolean {
  const metadata = isMap(object['metadata']) ? object['metadata'] : {}
  return [metadata['labels'], metadata['annotations']].some(
    (map) => isMap(map) && scalarText(map[annotations.driftDetection]).toLowerCase() === 'disabled',
  )
}
