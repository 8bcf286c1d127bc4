import { apiVersions } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import type { ObjectKey } from '../../reconcile/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { Cluster } from '../target/cluster.ts'
import type { CliKind } from '../target/kinds.ts'
import type { Progress } from '../terminal/progress.ts'
import { objectRow, shortRevision, type ObjectRow } from './object-row.ts'

/** What an object says about a request. */
export interface RequestState {
  /** `pending`: nobody has taken it up. `working`: somebody has. */
  readonly state: 'pending' | 'working' | 'ready' | 'failed'
  readonly message: string
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message: string
}

interface Requested {
  readonly metadata: { readonly generation?: number }
  readonly status?: {
    readonly lastHandledReconcileAt?: string
    readonly observedGeneration?: number
    readonly conditions?: readonly Condition[]
  }
}

/**
 * How a request of `requestedAt` stands (flux2 2.9, reconcile): handled when the object says so, ended when its Ready condition is True or False for the
 * generation that it has. Pure.
 */
export function requestState(given: KubeObject, requestedAt: string | undefined): RequestState {
  const object = given as unknown as Requested
  const { status, metadata } = object
  const condition = (type: string): Condition | undefined => status?.conditions?.find((one) => one.type === type)
  const ready = condition('Ready')
  const progress = condition('Reconciling')
  const isHandled = requestedAt === undefined || status?.lastHandledReconcileAt === requestedAt
  if (!isHandled) {
    // What has failed before waits for its retry under that reason.
    return progress?.status === 'True' && progress.reason !== 'ProgressingWithRetry'
      ? { state: 'working', message: progress.message }
      : { state: 'pending', message: 'not taken up yet' }
  }
  // Somebody has looked, and it has to wait.
  const held = condition('Held')
  if (held?.status === 'True') return { state: 'failed', message: held.message }
  const isObserved = metadata.generation === undefined || status?.observedGeneration === metadata.generation
  if (ready?.status === 'False') return { state: 'failed', message: ready.message }
  if (ready?.status === 'True' && isObserved) return { state: 'ready', message: ready.message }
  return { state: 'working', message: ready?.message ?? progress?.message ?? 'it has begun' }
}

/** Pause between two looks. */
const pauseMs = 1_000
/** Silence after which it is said what may be wrong: a deployment scans every minute. */
const silenceMs = 75_000

/**
 * Waits until a request is answered.
 *
 * @returns the object as it is then. @throws EngineError `reconciliation-failed` with its message, `wait-timeout`, `not-found` where it is gone.
 */
export async function waitForRequest(
  cluster: Cluster,
  key: ObjectKey & { readonly kind: CliKind },
  requestedAt: string | undefined,
  progress: Progress,
): Promise<ObjectRow> {
  const name = `${key.kind} '${key.namespace}/${key.name}'`
  const start = Date.now()
  let hasWarned = false
  for (;;) {
    const object = await cluster.client.get<KubeObject>({ ...key, apiVersion: apiVersions[key.kind] })
    if (object === undefined) throw new EngineError(`${name} is gone`, { code: 'not-found', disposition: 'wait' })
    const { state, message } = requestState(object, requestedAt)
    if (state === 'ready') return objectRow(object)
    if (state === 'failed') {
      throw new EngineError(`${name} failed: ${shortRevision(message)}`, {
        code: 'reconciliation-failed',
        disposition: 'wait',
      })
    }
    const waited = Date.now() - start
    progress.wait(`waiting for ${name}: ${shortRevision(message)}`, Math.floor(waited / 1000))
    if (state === 'pending' && waited > silenceMs && !hasWarned) {
      hasWarned = true
      progress.warn(
        'nobody takes the request up: does a deployment, or Flux, serve this cluster? A deployment looks with its next scan',
      )
    }
    if (Date.now() + pauseMs > cluster.deadline) {
      throw new EngineError(
        `${name} is not ready after ${Math.round(waited / 1000)} seconds: ${shortRevision(message)}`,
        {
          code: 'wait-timeout',
          disposition: 'wait',
        },
      )
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
