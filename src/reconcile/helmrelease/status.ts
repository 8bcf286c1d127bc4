import {
  removeCondition,
  setCondition,
  type Condition,
  type HelmRelease,
  type HelmReleaseStatus,
} from '../../api/index.ts'
import { timestamp } from '../timestamp.ts'

/** Newest snapshots of `.status.history` that are kept. */
const maxSnapshots = 5

type Snapshot = NonNullable<HelmReleaseStatus['history']>[number]

/** Sets one condition on a status, for the object's generation. */
export function withCondition(
  object: HelmRelease,
  status: HelmReleaseStatus,
  type: string,
  value: Condition['status'],
  reason: string,
  message: string,
  now: number,
): HelmReleaseStatus {
  const conditions = setCondition(
    status.conditions ?? [],
    {
      type,
      status: value,
      reason,
      message: message.slice(0, 20_000),
      observedGeneration: object.metadata.generation ?? 0,
    },
    timestamp(now),
  )
  return { ...status, conditions: [...conditions] }
}

/** Removes conditions from a status. */
export function withoutConditions(status: HelmReleaseStatus, ...types: readonly string[]): HelmReleaseStatus {
  let conditions: readonly Condition[] = status.conditions ?? []
  for (const type of types) conditions = removeCondition(conditions, type)
  return { ...status, conditions: [...conditions] }
}

/** The status while an action runs: Ready Unknown, Reconciling with what is being done (helm-controller 1.6, AtomicRelease). */
export function progressing(
  object: HelmRelease,
  status: HelmReleaseStatus,
  message: string,
  now: number,
): HelmReleaseStatus {
  const started = withCondition(
    object,
    withoutConditions(status, 'Stalled'),
    'Reconciling',
    'True',
    'Progressing',
    message,
    now,
  )
  return withCondition(object, started, 'Ready', 'Unknown', 'Progressing', message, now)
}

/** Puts a snapshot at the head of history in place of an older one of the same version. */
export function recordSnapshot(history: readonly Snapshot[], snapshot: Snapshot): Snapshot[] {
  return [snapshot, ...history.filter((other) => other.version !== snapshot.version)]
    .toSorted((a, b) => b.version - a.version)
    .slice(0, maxSnapshots)
}

/**
 * The Ready condition as the sum of Remediated, TestSuccess and Released: the one of the newest generation counts, in this order; any
 * remediation means not ready (helm-controller 1.6, summarize).
 */
export function summarizeReady(object: HelmRelease, status: HelmReleaseStatus, now: number): HelmReleaseStatus {
  const considered = ['Remediated', 'Released']
    .map((type) => status.conditions?.find((condition) => condition.type === type))
    .filter((condition) => condition !== undefined)
    .toSorted((a, b) => (b.observedGeneration ?? 0) - (a.observedGeneration ?? 0))
  const [decisive] = considered
  if (decisive === undefined) return status
  const value = decisive.type === 'Remediated' ? 'False' : decisive.status
  return withCondition(
    object,
    withoutConditions(status, 'Reconciling'),
    'Ready',
    value,
    decisive.reason,
    decisive.message,
    now,
  )
}

/** Marks the values of the request annotations as handled. */
export function withHandledRequests(object: HelmRelease, status: HelmReleaseStatus): HelmReleaseStatus {
  const annotations = object.metadata.annotations ?? {}
  const requestedAt = annotations['reconcile.fluxcd.io/requestedAt']
  const forceAt = annotations['reconcile.fluxcd.io/forceAt']
  const resetAt = annotations['reconcile.fluxcd.io/resetAt']
  return {
    ...status,
    ...(requestedAt === undefined ? {} : { lastHandledReconcileAt: requestedAt }),
    ...(forceAt === undefined ? {} : { lastHandledForceAt: forceAt }),
    ...(resetAt === undefined ? {} : { lastHandledResetAt: resetAt }),
  }
}
