import type { Job, NodeState, ObjectKey } from './job.ts'

/** What the last run noted of a node, kept in the state store. Losing it only means one look too many. */
export interface CheckMark {
  /** Milliseconds since 1970 of the last look. */
  readonly at: number
  readonly state: NodeState
  readonly revision: string
  readonly generation: number
  /** Which watched ConfigMaps and Secrets it was worked on with (see configsDigest); absent where it has none. */
  readonly configs?: string
  /** A later revision of its source that changes nothing for it: `revision` counts as this one. */
  readonly unaffectedBy?: string
  /** Values that it takes from ConfigMaps or Secrets have changed since it was worked on. */
  readonly hasMissed?: boolean
  /** Looks in a row for such a change. */
  readonly followed?: number
}

/** What the selection needs to know of a Kustomization or HelmRelease. */
export interface Candidate {
  readonly key: ObjectKey
  readonly suspended: boolean
  readonly deleting: boolean
  readonly generation: number
  readonly observedGeneration: number
  readonly ready: boolean
  /** `reconcile.fluxcd.io/requestedAt` and the value last acted on. */
  readonly requestedAt: string | undefined
  readonly handledAt: string | undefined
  /** Revision its source has now, and the one last applied. Undefined where the source has none yet. */
  readonly sourceRevision: string | undefined
  readonly appliedRevision: string | undefined
  readonly intervalMs: number
  readonly retryIntervalMs: number
  /** True when its source is one that this run looks at. */
  readonly sourceInRun: boolean
  /** The watched ConfigMaps and Secrets that it refers to, as they are now; undefined where this run has not looked. */
  readonly configs: string | undefined
}

/** Why a node is part of a run. */
export type SelectionReason = 'deleted' | 'requested' | 'changed' | 'configs' | 'revision' | 'due' | 'retry'

/**
 * Decides whether a run works on a node, and why; undefined when there is nothing to do.
 *
 * A push looks only at nodes of the sources it concerns. A node that failed on the very same input is not tried again by the same
 * push before its retry interval has passed: asking again would only fail again.
 */
export function selectNode(
  candidate: Candidate,
  job: Job,
  mark: CheckMark | undefined,
  now: number,
): SelectionReason | undefined {
  if (candidate.deleting) return 'deleted'
  if (candidate.suspended) return undefined
  if (mark?.hasMissed === true) return 'configs'
  if (job.kind === 'trigger' && isTarget(candidate, job)) return 'requested'
  if (job.kind !== 'scan' && !candidate.sourceInRun) return undefined
  if (candidate.requestedAt !== undefined && candidate.requestedAt !== candidate.handledAt) return 'requested'
  if (candidate.configs !== undefined && candidate.configs !== (mark?.configs ?? '')) return 'configs'
  if (hasFailedOnSameInput(candidate, mark) && mark !== undefined && now - mark.at < candidate.retryIntervalMs)
    return undefined
  if (candidate.sourceRevision !== undefined && candidate.sourceRevision !== candidate.appliedRevision)
    return 'revision'
  if (candidate.generation !== candidate.observedGeneration) return 'changed'
  // Ready tells of what was applied before while a release waits for its lock.
  if (!candidate.ready || mark?.state === 'waiting') return 'retry'
  if (job.kind === 'scan' && (mark === undefined || now - mark.at >= candidate.intervalMs)) return 'due'
  return undefined
}

function isTarget(candidate: Candidate, job: Job): boolean {
  const target = job.target
  if (target === undefined) return false
  if (target === 'cluster') return true
  if ('source' in target) return candidate.sourceInRun
  const { kind, namespace, name } = candidate.key
  const wanted = 'objects' in target ? target.objects : [target.object]
  return wanted.some((key) => key.kind === kind && key.namespace === namespace && key.name === name)
}

function hasFailedOnSameInput(candidate: Candidate, mark: CheckMark | undefined): boolean {
  return (
    mark !== undefined &&
    mark.state === 'failed' &&
    mark.generation === candidate.generation &&
    mark.revision === (candidate.sourceRevision ?? '')
  )
}
