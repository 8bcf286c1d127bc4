import type {
  BlobStore,
  Clock,
  ClusterAccessProviders,
  HttpClient,
  KubeConnector,
  KubeTransport,
  Logger,
  Random,
  SshClient,
  StateStore,
} from '../ports/index.ts'
import type { CloudLogins } from '../cloud/index.ts'
import type { DriftPath } from '../kube/index.ts'
import type { Limits, Settings } from './settings.ts'
import type { CoordinatorCaches } from './caches.ts'
import type { ChangeRef } from './change/types.ts'
import type { ChangesPolicy } from './approval/policy.ts'
import type { DeploymentRequests } from './approval/types.ts'

/** Names one object of a cluster. */
export interface ObjectKey {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** What a verified push webhook says. It never decides what is fetched: it only says which repository's ref to look at. */
export interface PushNotice {
  readonly provider: string
  readonly deliveryId: string
  /** Every URL under which the forge knows the repository (clone, ssh, html). */
  readonly urls: readonly string[]
  /** Full ref name, `refs/heads/main`. */
  readonly ref: string
  readonly before?: string
  readonly after?: string
  readonly actor?: string
}

/**
 * What a trigger asks for: a source and everything that is made from it, one object, everything, or a look at some objects: sources among them are fetched, and what is made from
 * them is worked on where that brought something new.
 */
export type TriggerTarget =
  | { readonly source: ObjectKey }
  | { readonly object: ObjectKey }
  | { readonly objects: readonly ObjectKey[] }
  | 'cluster'

/** One unit of work for one cluster. The same job may run any number of times: what is already done is found in the cluster. */
export interface Job {
  readonly kind: 'push' | 'scan' | 'trigger'
  readonly runId: string
  readonly cluster: string
  /** Milliseconds since 1970 at which the request came in. */
  readonly receivedAt: number
  readonly push?: PushNotice
  readonly target?: TriggerTarget
  readonly actor?: string
  /** Only say what would change: nothing is written to the cluster. */
  readonly plan?: true
  /** With `plan`: the two commits that are compared. */
  readonly change?: ChangeRef
}

/** How a node of a run ended. `skipped`: suspended or nothing to do. `waiting`: health or a dependency is not there yet. */
export type NodeState = 'ready' | 'waiting' | 'blocked' | 'failed' | 'skipped'

/** One applied, pruned or skipped object, for the run's record. */
export interface RecordedChange {
  readonly object: string
  readonly action: string
  /** Fields that differed from what Git says although nothing changed there. Paths only, never values. */
  readonly drift?: readonly DriftPath[]
  /** Why it was skipped, and the like. */
  readonly note?: string
}

/** What happened to one object of ours in a run. */
export interface NodeRecord {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly state: NodeState
  readonly revision?: string
  readonly reason?: string
  readonly message?: string
  /** Objects created, configured or deleted; unchanged ones are only counted. */
  readonly changes: readonly RecordedChange[]
  readonly unchanged: number
  /** Milliseconds since 1970 of each stage's end. */
  readonly timings: {
    readonly startedAt: number
    readonly renderedAt?: number
    readonly appliedAt?: number
    readonly finishedAt: number
  }
}

/** The record of a run on one cluster, as `GET /runs/<id>` shows it. */
export interface RunRecord {
  readonly id: string
  readonly cluster: string
  readonly trigger: Job['kind']
  readonly state: 'queued' | 'running' | 'succeeded' | 'partial' | 'failed'
  readonly receivedAt: number
  readonly startedAt?: number
  readonly finishedAt?: number
  readonly actor?: string
  readonly nodes: readonly NodeRecord[]
  /** When the last node reached each stage. */
  readonly timings: {
    readonly fetchedAt?: number
    readonly renderedAt?: number
    readonly appliedAt?: number
    readonly healthyAt?: number
  }
  readonly error?: { readonly code: string; readonly message: string }
  /** Requests made to the cluster's API server. */
  readonly requests?: number
  /** Kustomizations of the sources in this run that the new revision does not concern. */
  readonly unaffected?: number
  /** The run has only looked: its changes are those that a run would make. */
  readonly plan?: true
}

/** Everything a run needs from outside, for one cluster. */
export interface EngineDeps {
  readonly cluster: { readonly name: string }
  readonly transport: KubeTransport
  /** Opens connections to clusters that objects name (`spec.kubeConfig`); without it such objects fail with a clear error. */
  readonly connect?: KubeConnector
  /** Logs in to managed clusters that ConfigMaps name. */
  readonly clusterAccess?: ClusterAccessProviders
  readonly http: HttpClient
  /** For Git over SSH; absent on platforms that cannot open sockets. */
  readonly ssh?: SshClient
  /** Logs in at clouds, for sources whose provider is one; without it such sources need a Secret. */
  readonly cloud?: CloudLogins
  /** URL of an artifact's file by its path, where the deployment serves them; otherwise `settings.publicUrl` is put before the path. */
  readonly artifactUrl?: (path: string, options: { readonly hasFile: boolean }) => string
  readonly state: StateStore
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Owned by the coordinator of the cluster, kept between its runs; may be thrown away at any time. */
  readonly caches: CoordinatorCaches
  readonly limits: Limits
  readonly settings: Settings
  /** Keys placeholders of secrets and digests in plans of changes; without it no change can be planned. At least 16 bytes. */
  readonly planKey?: Uint8Array
  /** What the cluster does with changes that nobody has approved, and which clusters go first; without it everything is applied as it comes. */
  readonly changes?: ChangesPolicy
  /** Clusters that wait for this one. */
  readonly followers?: readonly string[]
  /** Work that a run asks for elsewhere; without it scans find what there is to do. */
  readonly requests?: DeploymentRequests
  /** Lets notifications be sent while the run ends; without it they are waited for. What is cut off is sent by the next run. */
  readonly background?: (work: Promise<void>) => void
}

/** What a run leaves behind. With `requeueAfterMs` the same job must run again after that time. */
export interface JobResult {
  readonly record: RunRecord
  readonly requeueAfterMs?: number
  /** Set where nodes were left to the newer job that has replaced this one. */
  readonly left?: number
}

/** What stops a job, or a part of it, before its end. */
export interface JobSignals {
  /** Ends the job as it is; it goes on from there when it is tried again. */
  readonly stop?: AbortSignal
  /** Something newer waits: objects that only wait for health are left to the next run. */
  readonly superseded?: AbortSignal
  /** A newer job for the same waits: no further node is begun. */
  readonly replaced?: AbortSignal
}
