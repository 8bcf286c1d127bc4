import { fieldManagers, type HelmRelease, type HelmReleaseStatus } from '../../api/index.ts'
import { patchStatus, type KubeClient } from '../../kube/index.ts'
import type { RunContext } from '../context.ts'
import type { NodeRecord, NodeState, RecordedChange } from '../job.ts'
import { withHandledRequests } from './status.ts'

/** What a step of a HelmRelease has found out so far. */
export interface Attempt {
  /** As the server has it: what status writes are compared with. */
  stored: HelmRelease
  /** The same with the parts of the status that are not written yet. */
  object: HelmRelease
  /** Acts for the release; the deployment's own until its identity is known. */
  client: KubeClient
  readonly startedAt: number
  sourceRevision?: string
  chartVersion?: string
  configDigest?: string
  renderedAt?: number
  appliedAt?: number
  readonly changes: RecordedChange[]
}

/** Writes the status of the attempt's object, with the request annotations marked as handled where `handled`. */
export async function saveStatus(
  ctx: RunContext,
  attempt: Attempt,
  status: HelmReleaseStatus,
  handled = false,
): Promise<void> {
  const wanted = handled ? withHandledRequests(attempt.object, status) : status
  attempt.stored = await patchStatus(ctx.client, attempt.stored, wanted, fieldManagers.helmStatus, {
    signal: ctx.signal,
  })
  attempt.object = attempt.stored
  ctx.world.update(attempt.stored)
}

/** Emits an event about the attempt's object, as helm-controller does: the revision is the chart's version, the token the values' digest. */
export function emitEvent(
  ctx: RunContext,
  attempt: Attempt,
  severity: 'info' | 'error',
  reason: string,
  message: string,
): void {
  ctx.events.emit({
    object: attempt.object,
    severity,
    reason,
    message,
    controller: 'helm-controller',
    metadata: {
      ...(attempt.chartVersion === undefined ? {} : { revision: attempt.chartVersion }),
      ...(attempt.configDigest === undefined ? {} : { token: attempt.configDigest }),
    },
  })
}

/** The record of the attempt. Its revision is the source's, so that a new one is noticed. */
export function recordOf(
  ctx: RunContext,
  attempt: Attempt,
  state: NodeState,
  reason: string,
  message: string,
): NodeRecord {
  const { metadata } = attempt.object
  return {
    kind: 'HelmRelease',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    state,
    reason,
    message,
    changes: attempt.changes,
    unchanged: 0,
    ...(attempt.sourceRevision === undefined ? {} : { revision: attempt.sourceRevision }),
    timings: {
      startedAt: attempt.startedAt,
      finishedAt: ctx.deps.clock.now(),
      ...(attempt.renderedAt === undefined ? {} : { renderedAt: attempt.renderedAt }),
      ...(attempt.appliedAt === undefined ? {} : { appliedAt: attempt.appliedAt }),
    },
  }
}
