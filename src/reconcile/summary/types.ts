import type { Condition } from '../../api/index.ts'
import type { Blocker } from '../dependencies.ts'
import type { Job, NodeState, ObjectKey, RecordedChange, RunRecord } from '../job.ts'
import type { Held } from '../safety/decide.ts'
import type { Pin } from '../safety/pin.ts'

/** What a run did to an object, where that was news. */
export interface Outcome {
  readonly run: string
  readonly trigger: Job['kind']
  /** Milliseconds since 1970. */
  readonly at: number
  readonly state: NodeState
  readonly revision?: string
  readonly reason?: string
  readonly message?: string
  readonly created: number
  readonly configured: number
  readonly deleted: number
  /** Objects that differed from what Git says although nothing had changed there. */
  readonly drifted: number
}

/** What one run did to one of our objects, for its page. Values are those that records of runs show. */
export interface HistoryEntry extends Outcome {
  /** Who pushed or asked. */
  readonly actor?: string
  /** Milliseconds since 1970: when the request came in, and when each stage ended. */
  readonly receivedAt: number
  readonly startedAt?: number
  readonly renderedAt?: number
  readonly appliedAt?: number
  readonly changes: readonly RecordedChange[]
  /** Changes that are not listed. */
  readonly changesOmitted?: number
}

/** What is told about one of our objects without asking its cluster. Nothing of its values, substitutions or Secrets is in it. */
export interface ObjectSummary extends ObjectKey {
  readonly generation: number
  /** The API server's version of the object when it was looked at; 0 where it is not known. */
  readonly version: number
  readonly observedGeneration?: number
  readonly suspended: boolean
  /** Who suspended it, why, and until when (RFC 3339), where that is written on it. */
  readonly suspension?: { readonly by?: string; readonly reason?: string; readonly until?: string }
  /** Windows of its own, as its annotation has them. */
  readonly windows?: string
  /** Why nothing in its cluster is worked on. */
  readonly held?: Held
  /** What it is pinned to, although its source goes on. */
  readonly pin?: Pin
  readonly deleting: boolean
  readonly conditions: readonly Condition[]
  /** What was last tried, and what was last applied (of a source: fetched). */
  readonly attemptedRevision?: string
  readonly appliedRevision?: string
  /** A later revision of its source that changes nothing for it, and so is not applied. */
  readonly unaffectedBy?: string
  readonly source?: ObjectKey
  /** Where a source is fetched from, without credentials. */
  readonly url?: string
  readonly path?: string
  readonly chart?: { readonly name: string; readonly version?: string; readonly appVersion?: string }
  /** Ids of what must be ready first, and what keeps the object from starting now. */
  readonly dependsOn: readonly string[]
  readonly blockers: readonly Blocker[]
  /** Id of the Kustomization that applied it. */
  readonly parent?: string
  /** Number of objects in its inventory. */
  readonly inventory?: number
  /** Commits (or digests of artifacts) that its state comes from. */
  readonly commits: readonly string[]
  /** The last run that changed something in the cluster. */
  readonly lastChange?: { readonly run: string; readonly at: number }
  /** Newest first. */
  readonly outcomes: readonly Outcome[]
}

/** One object in the note of a commit. */
export interface CommitNode extends ObjectKey {
  readonly state: NodeState
  readonly revision?: string
  readonly reason?: string
  readonly message?: string
  readonly changes: number
  /** Milliseconds since 1970: when the object was first taken up for the commit, and when each stage ended. */
  readonly startedAt: number
  readonly renderedAt?: number
  readonly appliedAt?: number
  readonly finishedAt: number
}

/** What one run did about one commit in one cluster, in the state store under `commits/<sha>/<cluster>/<run>`. */
export interface CommitNote {
  readonly run: string
  readonly cluster: string
  readonly trigger: Job['kind']
  readonly receivedAt: number
  readonly startedAt?: number
  readonly fetchedAt?: number
  readonly finishedAt?: number
  /** The forge's name of the ref that was pushed. */
  readonly ref?: string
  readonly error?: RunRecord['error']
  readonly nodes: readonly CommitNode[]
  /** Objects that did not fit. */
  readonly omitted?: number
}
