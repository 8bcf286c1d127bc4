import {
  getCondition,
  setCondition,
  removeCondition,
  type Condition,
  type Kustomization,
  type KustomizationStatus,
} from '../../api/index.ts'

/** How a run of a Kustomization ended, as far as its status shows it. */
export type KustomizationResult =
  | {
      readonly kind: 'applied'
      readonly revision: string
      readonly originRevision?: string
      readonly digest: string
      readonly durationMs: number
    }
  | {
      readonly kind: 'failed'
      readonly reason: string
      readonly message: string
      readonly stalled: boolean
      readonly revision?: string
      readonly digest?: string
      readonly durationMs: number
    }
  | { readonly kind: 'waiting'; readonly message: string; readonly revision: string }

/** Newest entries of `.status.history` that are kept (kustomize-controller 1.9). */
const maxHistory = 5

/** Since when the health of a revision, under the spec that the object has now, is awaited: in milliseconds; undefined where it is not. */
export function waitingSince(object: Kustomization, revision: string): number | undefined {
  const healthy = getCondition(object.status?.conditions, 'Healthy')
  if (healthy?.status !== 'Unknown' || object.status?.lastAttemptedRevision !== revision) return undefined
  if (healthy.observedGeneration !== object.metadata.generation) return undefined
  return Date.parse(healthy.lastTransitionTime)
}

/**
 * The conditions without a Healthy that says that another revision, or an earlier generation, is waited for. A condition keeps its transition time as long as its status stays, so
 * what is attempted now would be charged with the time that was spent on the one before it.
 */
export function withoutEarlierWait(object: Kustomization, revision: string): readonly Condition[] {
  const conditions = object.status?.conditions ?? []
  const isEarlier =
    getCondition(conditions, 'Healthy')?.status === 'Unknown' && waitingSince(object, revision) === undefined
  return isEarlier ? removeCondition(conditions, 'Healthy') : conditions
}

/** The status while a revision is applied: Ready is Unknown, Reconciling says what is being done. */
export function progressingStatus(object: Kustomization, revision: string, now: string): KustomizationStatus {
  const status = { ...object.status, lastAttemptedRevision: revision }
  const generation = object.metadata.generation ?? 0
  const message = `Applying revision ${revision}`
  let conditions = withoutEarlierWait(object, revision)
  conditions = setCondition(conditions, condition('Reconciling', 'True', 'Progressing', message, generation), now)
  conditions = setCondition(
    conditions,
    condition('Ready', 'Unknown', 'Progressing', 'Reconciliation in progress', generation),
    now,
  )
  return { ...status, conditions: [...removeCondition(conditions, 'Stalled')] }
}

/** The status at the end of a run. `observedGeneration` advances with success only, as Flux's does. */
export function finishedStatus(object: Kustomization, result: KustomizationResult, now: string): KustomizationStatus {
  const generation = object.metadata.generation ?? 0
  const status: KustomizationStatus = { ...object.status }
  let conditions: readonly Condition[] = status.conditions ?? []
  const requestedAt = object.metadata.annotations?.['reconcile.fluxcd.io/requestedAt']
  if (requestedAt !== undefined) status.lastHandledReconcileAt = requestedAt
  switch (result.kind) {
    case 'applied':
      conditions = setCondition(
        conditions,
        condition('Ready', 'True', 'ReconciliationSucceeded', `Applied revision: ${result.revision}`, generation),
        now,
      )
      conditions = removeCondition(removeCondition(conditions, 'Reconciling'), 'Stalled')
      status.observedGeneration = generation
      status.lastAppliedRevision = result.revision
      status.lastAttemptedRevision = result.revision
      if (result.originRevision !== undefined) status.lastAppliedOriginRevision = result.originRevision
      status.history = recordHistory(status.history ?? [], result, 'ReconciliationSucceeded', now)
      break
    case 'failed':
      if (result.revision !== undefined) conditions = withoutEarlierWait(object, result.revision)
      conditions = setCondition(conditions, condition('Ready', 'False', result.reason, result.message, generation), now)
      if (result.stalled) {
        conditions = setCondition(
          removeCondition(conditions, 'Reconciling'),
          condition('Stalled', 'True', result.reason, result.message, generation),
          now,
        )
        status.observedGeneration = generation
      } else {
        conditions = setCondition(
          removeCondition(conditions, 'Stalled'),
          condition('Reconciling', 'True', 'ProgressingWithRetry', result.message, generation),
          now,
        )
      }
      if (result.revision !== undefined) status.lastAttemptedRevision = result.revision
      if (result.digest !== undefined && result.revision !== undefined) {
        status.history = recordHistory(
          status.history ?? [],
          { ...result, digest: result.digest, revision: result.revision },
          result.reason,
          now,
        )
      }
      break
    case 'waiting':
      conditions = setCondition(
        conditions,
        condition('Ready', 'Unknown', 'Progressing', 'Reconciliation in progress', generation),
        now,
      )
      conditions = setCondition(
        conditions,
        condition('Reconciling', 'True', 'Progressing', result.message, generation),
        now,
      )
      conditions = removeCondition(conditions, 'Stalled')
      status.lastAttemptedRevision = result.revision
      break
  }
  return { ...status, conditions: [...conditions] }
}

type History = NonNullable<KustomizationStatus['history']>

/** Updates the entry of the same digest and outcome and moves it to the front, or adds one. */
function recordHistory(
  history: History,
  result: {
    readonly digest: string
    readonly revision: string
    readonly originRevision?: string
    readonly durationMs: number
  },
  status: string,
  now: string,
): History {
  const same = history.find((entry) => entry.digest === result.digest && entry.lastReconciledStatus === status)
  const entry = {
    digest: result.digest,
    firstReconciled: same?.firstReconciled ?? now,
    lastReconciled: now,
    lastReconciledDuration: `${result.durationMs}ms`,
    lastReconciledStatus: status,
    totalReconciliations: (same?.totalReconciliations ?? 0) + 1,
    metadata: {
      revision: result.revision,
      ...(result.originRevision === undefined ? {} : { originRevision: result.originRevision }),
    },
  }
  return [entry, ...history.filter((other) => other !== same)].slice(0, maxHistory)
}

function condition(
  type: string,
  status: Condition['status'],
  reason: string,
  message: string,
  observedGeneration: number,
) {
  return { type, status, reason, message: message.slice(0, 20_000), observedGeneration }
}
