import { fieldManagers, type HelmRelease, type HelmReleaseStatus } from '../../api/index.ts'
import { patchStatus, type Health, type KubeClient } from '../../kube/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { RunContext } from '../context.ts'
import type { NodeRecord, NodeState, RecordedChange } from '../job.ts'
import { withHandledRequests } from './requests.ts'
import { withCondition } from './status.ts'
import type { ReleaseStorage } from './storage.ts'

/** What a step of a HelmRelease has found out so far. */
export interface Attempt {
  /** As the server has it: what status writes are compared with. */
  stored: HelmRelease
  /** The same with the parts of the status that are not written yet. */
  object: HelmRelease
  /** Acts for the object, as its service account and on its cluster; the deployment's own until that is known. */
  client: KubeClient
  /** Storage of the release that is worked on, once it is known which that is. */
  storage?: ReleaseStorage
  /** Health of kinds with rules of their own (`spec.healthCheckExprs`). */
  customHealth?: (object: KubeObject, now: number) => Health | undefined
  readonly startedAt: number
  sourceRevision?: string
  chartVersion?: string
  appVersion?: string
  ociDigest?: string
  configDigest?: string
  /** What could not be begun, nothing being wrong with it: it is begun again soon. */
  postponed?: 'install' | 'upgrade'
  /** Whether it was asked if what is released was approved. */
  isApproved?: true
  renderedAt?: number
  appliedAt?: number
  readonly changes: RecordedChange[]
}

/** Changes the status of the attempt without writing it. */
export function editStatus(attempt: Attempt, edit: (status: HelmReleaseStatus) => HelmReleaseStatus): void {
  attempt.object = { ...attempt.object, status: edit(attempt.object.status ?? {}) }
}

/** Sets a condition of the attempt without writing it. */
export function mark(
  ctx: RunContext,
  attempt: Attempt,
  type: string,
  value: 'True' | 'False' | 'Unknown',
  reason: string,
  message: string,
): void {
  editStatus(attempt, (status) =>
    withCondition(attempt.object, status, type, value, reason, message, ctx.deps.clock.now()),
  )
}

/** Writes the status of the attempt, with the request annotations marked as handled where `handled`. Sends nothing where nothing changed. */
export async function saveStatus(ctx: RunContext, attempt: Attempt, handled = false): Promise<void> {
  const status = attempt.object.status ?? {}
  const wanted = handled ? withHandledRequests(attempt.object, status) : status
  attempt.stored = await patchStatus(ctx.client, attempt.stored, wanted, fieldManagers.helmStatus, {
    signal: ctx.signal,
  })
  attempt.object = attempt.stored
  ctx.world.update(attempt.stored)
}

/** What an event says of the chart and its values; by default what was attempted. */
export interface EventSubject {
  readonly chartVersion?: string
  readonly appVersion?: string
  readonly configDigest?: string
  readonly ociDigest?: string
}

/** Emits an event about the attempt's object, as helm-controller does: the revision is the chart's version, the token the values' digest. */
export function emitEvent(
  ctx: RunContext,
  attempt: Attempt,
  severity: 'info' | 'error',
  reason: string,
  message: string,
  subject: EventSubject = attempt,
): void {
  const metadata: { [key: string]: string } = {}
  const add = (key: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') metadata[key] = value
  }
  add('revision', subject.chartVersion)
  add('token', subject.configDigest)
  add('app-version', subject.appVersion)
  add('oci-digest', subject.ociDigest)
  ctx.events.emit({ object: attempt.object, severity, reason, message, controller: 'helm-controller', metadata })
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
