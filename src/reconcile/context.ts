import type { KubeClient, LiveReader } from '../kube/index.ts'
import type { Identities } from './identity.ts'
import type { EventSink } from './events.ts'
import type { JobLocks } from './object-locks.ts'
import type { EngineDeps, Job } from './job.ts'
import type { SourceResults } from './source/index.ts'
import type { HelmRun } from './helmrelease/shared.ts'
import type { WatchedConfigs } from './watched-configs.ts'
import type { RunApprovals } from './approval/gate.ts'
import type { Held } from './safety/decide.ts'
import type { Safety } from './safety/safety.ts'
import type { World } from './world.ts'

/** Everything the steps of one run share. */
export interface RunContext {
  readonly deps: EngineDeps
  readonly job: Job
  /** The deployment's own identity: for our own objects and what they refer to, never for a tenant's objects. */
  readonly client: KubeClient
  /** Whose identity, and which cluster, an object's objects are applied with. */
  readonly identities: Identities
  readonly world: World
  /** Labelled ConfigMaps and Secrets; only a scan looks at them. */
  readonly configs: WatchedConfigs | undefined
  readonly sources: SourceResults
  readonly events: EventSink
  readonly live: LiveReader
  /** What the releases of the run share. */
  readonly helm: HelmRun
  /** Inventory ids that Kustomizations of this run have built, by their id: who asks first has them built. */
  readonly claims: Map<string, Promise<ReadonlySet<string>>>
  /** Many nodes: requests are saved where a local comparison is exact. */
  readonly isBulk: boolean
  /** Aborts when the run must end (its coordinator is stopping). */
  readonly signal: AbortSignal
  /** Aborts when something newer waits for this cluster: what only waits for health ends then, and goes on later. */
  readonly superseded: AbortSignal | undefined
  /** Aborts when a newer job for the same waits: no further node is begun, for the newer one does it. */
  readonly replaced: AbortSignal | undefined
  /** What may be done now: switches and windows. */
  readonly safety: Safety
  /** What was approved, and which clusters go first; undefined where the cluster has no policy for changes. */
  readonly approvals?: RunApprovals | undefined
  /** Set while only drift may be repaired: the revision that the node has applied, and nothing else is to be applied. */
  readonly frozenAt?: string
  /** Why nothing else is. */
  readonly frozenBy?: Held
  /** What other jobs of the cluster work on. */
  readonly locks: JobLocks
  /** Milliseconds since 1970 after which no step waits any more. */
  readonly deadline: number
}

/** What a step has done to an object of the cluster. */
export interface AppliedChange {
  readonly action: string
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string | undefined
  readonly name: string
}

/** What a step of one node tells the run. */
export interface StepControl {
  /** The cycle of dependencies that this node is part of, as a path that starts and ends with the same id. */
  readonly cycle: readonly string[] | undefined
  /** Says that the node's objects are applied; resolves when the run knows of objects of ours among them. */
  applied(changes: readonly AppliedChange[]): Promise<void>
}
