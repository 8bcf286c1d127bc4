import type { DigestApplication } from '../../plan/index.ts'
import type { Clock, StateStore } from '../../ports/index.ts'
import type { ChangeRef } from '../change/types.ts'
import type { ObjectKey } from '../job.ts'

/** Where approvals are kept, and the secret of the deployment that keys and signs them ({@link EngineDeps.planKey}). */
export interface ApprovalStore {
  readonly state: StateStore
  readonly clock: Pick<Clock, 'now'>
  readonly key: Uint8Array
}

/** A cluster's part of a plan, as it is remembered until somebody approves it. */
export interface PlannedPart {
  readonly change: ChangeRef
  readonly cluster: string
  /** What the cluster's applications would be, those that the change touches. */
  readonly digests: readonly DigestApplication[]
}

/** How an approval was given: by merging, by a comment, from a page, through the trigger or the command line. */
export type ApprovalWay = 'merge' | 'command' | 'page' | 'trigger'

/** Who approves. */
export interface ApprovalWish {
  /** Who, as far as is proven; goes into records. */
  readonly by: string
  readonly how: ApprovalWay
  /** Only on these clusters; left out: on all that the plan is about. */
  readonly clusters?: readonly string[]
  /** Only parts that were there by then, in milliseconds since 1970: what was made since, nobody can have seen. */
  readonly seenAt?: number
}

/** What an approval lets through, so that a run can take it up at once. */
export interface Approved {
  readonly clusters: readonly ApprovedCluster[]
}

export interface ApprovedCluster {
  readonly cluster: string
  readonly applications: readonly ObjectKey[]
}

/** Digests of one application, see `ClusterDigest`. */
export interface ApplicationDigest {
  readonly desired: string
  readonly artifacts: string
  readonly live: string
}

/** Who approved, how and when (milliseconds since 1970). */
export interface ApprovalNote {
  readonly by: string
  readonly how: ApprovalWay
  readonly at: number
}

/** The parts of a digest that can differ from what was approved. */
export type DigestPart = keyof ApplicationDigest

/** What a run asks the deployment for besides its own cluster. Each is durable once it resolved, and may be asked for more than once. */
export interface DeploymentRequests {
  /** A look at objects of a cluster, now or after a while. */
  readonly run: (wish: {
    readonly cluster: string
    readonly objects: readonly ObjectKey[]
    readonly delayMs: number
    readonly actor: string
  }) => Promise<void>
  /** A plan of what the cluster has applied (`base`) against what its branch says now (`head`). Left out where the deployment makes no plans. */
  readonly plan?: (wish: ReplanWish) => Promise<void>
}

/** What is to be planned again, because it is not what was approved. */
export interface ReplanWish {
  readonly cluster: string
  /** The URL of the source, and the full name of the branch it follows. */
  readonly url: string
  readonly branch: string
  readonly base: string
  readonly head: string
  /** The pull request whose plan it was compared with, as far as plans tell: nothing is proven by it. */
  readonly pullRequest?: number
  readonly waiting: readonly ReplanReason[]
}

/** An application that waits, and what of it is not what was approved. */
export interface ReplanReason {
  /** `Kind/namespace/name`. */
  readonly application: string
  readonly why: string
}
