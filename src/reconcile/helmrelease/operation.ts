import { parseDuration } from '../../base/index.ts'
import type { HelmRelease } from '../../api/index.ts'
import type { Release, Values } from '../../helm/index.ts'
import type { LiveReader } from '../../kube/index.ts'
import type { RunContext, StepControl } from '../context.ts'
import { admitRelease } from './admit-release.ts'
import { saveStatus, type Attempt } from './attempt.ts'
import type { ResolvedChart } from './chart.ts'
import type { ReleaseLock } from './lock.ts'
import type { Operation, OperationMark } from './operation-mark.ts'
import { createReleaseStorage, type ReleaseStorage } from './storage.ts'
import type { ManifestReader, ObjectsContext } from './objects.ts'
import type { WaitContext } from './wait.ts'

/** What an action works on. */
export interface ActionRequest {
  readonly ctx: RunContext
  readonly attempt: Attempt
  readonly storage: ReleaseStorage
  readonly lock: ReleaseLock
  readonly control: StepControl
}

/** What actions that render need besides. */
export interface ReleaseRequest extends ActionRequest {
  readonly chart: ResolvedChart
  readonly values: Values
}

/**
 * `done`: look at the state again. `waiting`: the run's time is over, the next run goes on. An action that has changed nothing rejects instead; what it
 * has done and failed at is in the status.
 */
export type ActionResult = { readonly state: 'done' } | { readonly state: 'waiting'; readonly message: string }

/** Everything that the parts of an operation need. */
export interface OperationContext extends WaitContext {
  readonly storage: ReleaseStorage
  readonly manifests: ManifestReader
  readonly method: 'ssa' | 'csa'
  readonly validate: boolean
  readonly live: LiveReader | undefined
  readonly fence: number
  /** Milliseconds that each wait may take. */
  readonly timeoutMs: number
  /** Refuses a release with objects or hooks that the tenant may not have. */
  readonly admit: (release: Release) => Promise<void>
  /** A fresh mark of this operation. */
  newMark(): OperationMark
}

/** The storage of a release of the attempt's HelmRelease, read and written as its identity. */
export function openStorage(ctx: RunContext, attempt: Attempt, namespace: string, name: string): ReleaseStorage {
  const { printer, bodies } = ctx.deps.caches.helm
  const owner = ownerOf(attempt.object)
  const deps = { client: attempt.client, index: ctx.helm.index, printer, bodies, owner, signal: ctx.signal }
  return createReleaseStorage(deps, namespace, name)
}

/** For reading objects of manifests as the attempt's identity. */
export function objectsContext(ctx: RunContext, attempt: Attempt): ObjectsContext {
  return { client: attempt.client, manifests: ctx.helm.manifests, signal: ctx.signal }
}

/** `namespace/name`: whose operation a mark is. */
export function ownerOf(object: HelmRelease): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`
}

/** Milliseconds that an action may take: its own timeout, or the object's, or five minutes. */
export function timeoutMsOf(object: HelmRelease, operation: Operation): number {
  const { spec } = object
  const action = operation === 'uninstall-remediation' ? spec.uninstall : spec[operation]
  return parseDuration(action?.timeout ?? spec.timeout ?? '5m')
}

/** The context of an operation that began at `startedAt`. */
export function operationContext(
  request: ActionRequest,
  operation: Operation,
  startedAt: number,
  settings: { readonly method: 'ssa' | 'csa'; readonly validate: boolean },
): OperationContext {
  const { ctx, attempt, storage, lock } = request
  const { clock, limits } = ctx.deps
  const timeoutMs = timeoutMsOf(attempt.object, operation)
  return {
    client: attempt.client,
    storage,
    manifests: ctx.helm.manifests,
    watch: ctx.helm.watch,
    clock,
    signal: ctx.signal,
    deadline: ctx.deadline,
    giveUpAt: startedAt + timeoutMs,
    pollMs: limits.healthPollMs,
    concurrency: limits.applyConcurrency,
    strategy: attempt.object.spec.waitStrategy?.name ?? 'poller',
    ...(attempt.customHealth === undefined ? {} : { custom: attempt.customHealth }),
    keep: () => lock.keep(),
    ...settings,
    live: ctx.isBulk ? ctx.helm.live : undefined,
    fence: lock.fence,
    timeoutMs,
    admit: (release) => admitRelease(ctx, attempt, release),
    newMark: () => ({ operation, owner: ownerOf(attempt.object), fence: lock.fence, startedAt, done: [] }),
    announce: () => saveStatus(ctx, attempt),
  }
}
