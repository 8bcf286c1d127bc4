import type { RuleName, Severity } from './dangers/names.ts'
import type { Shown } from './shown.ts'

/**
 * What a change would do, for people and for machines. Every text in it is redacted. It is plain data: stored, sent and printed as it is.
 */
export interface PlanDocument {
  readonly version: 1
  readonly change: {
    readonly repository: Shown
    readonly pullRequest?: number
    readonly base: Shown
    readonly head: Shown
  }
  /** Names the approved content for people; see publicReference. */
  readonly reference?: Shown
  /** Dangers of all applications, the worst first. */
  readonly dangers: readonly Danger[]
  readonly applications: readonly PlannedApplication[]
  /** Applications that stay as they are and are not listed, because there are too many. */
  readonly omitted?: number
  /** Clusters of which nothing is known: what the change does there is not in this plan. */
  readonly unplanned?: readonly UnplannedCluster[]
}

/** A cluster that could not be planned for. */
export interface UnplannedCluster {
  readonly cluster: Shown
  readonly reason: Shown
}

/** `held`: suspended, pinned, or outside its window. `blocked`: depends on what can never be ready. */
export type ApplicationState = 'planned' | 'unaffected' | 'failed' | 'held' | 'blocked'

export interface PlannedApplication {
  readonly cluster: Shown
  readonly kind: Shown
  readonly namespace: Shown
  readonly name: Shown
  readonly tenant?: Shown
  readonly state: ApplicationState
  readonly reason?: Shown
  readonly errors: readonly PlanError[]
  /** Whether the cluster was asked. */
  readonly live: 'read' | 'not-asked' | 'denied' | 'unreachable'
  readonly chart?: VersionChange
  readonly images: readonly ImageChange[]
  /** Objects to which something happens. */
  readonly objects: readonly PlannedObject[]
  /** How many stay as they are. */
  readonly unchanged: number
  /** Objects to which something happens beyond those listed. */
  readonly omittedObjects?: number
}

export interface PlanError {
  readonly message: Shown
  readonly phase: Shown
  readonly file?: Shown
  readonly line?: number
  readonly object?: Shown
}

/** A version before and after; one side is missing where there was none. */
export interface VersionChange {
  readonly name: Shown
  readonly before?: Shown
  readonly after?: Shown
}

/** Containers that get another image; those with the same change are counted. */
export interface ImageChange {
  readonly before?: Shown
  readonly after?: Shown
  /** `Deployment/shop/web: app`. */
  readonly containers: readonly Shown[]
}

/** Group, kind, namespace and name. */
export interface ObjectRef {
  readonly group: Shown
  readonly kind: Shown
  readonly namespace: Shown
  readonly name: Shown
}

/**
 * `replace`: deleted and created again, because a field cannot be changed. `refuse`: the API server does not take it. `move`: another application takes it over; nothing happens to the object itself but what the
 * differences say. `skip`: left alone on request. `keep`: gone from Git, and stays in the cluster.
 */
export const actions = ['create', 'change', 'replace', 'delete', 'move', 'refuse', 'skip', 'keep'] as const
export type PlannedAction = (typeof actions)[number]

/** `change`: this change does it. `drift`: the cluster had already drifted, and an apply repairs it. `both`: this change, on a field that had drifted. `settled`: this change, and the cluster has it already. */
export const origins = ['change', 'drift', 'both', 'settled'] as const
export type Origin = (typeof origins)[number]

export interface PlannedObject {
  readonly ref: ObjectRef
  readonly action: PlannedAction
  readonly origin: 'change' | 'drift' | 'both'
  readonly note?: Shown
  readonly file?: Shown
  readonly line?: number
  /** For moves: where it comes from, or goes to. */
  readonly from?: Shown
  readonly to?: Shown
  readonly differences: readonly FieldDifference[]
  /** Differences beyond those listed. */
  readonly omitted: number
}

export interface FieldDifference {
  readonly path: Shown
  readonly change: 'add' | 'replace' | 'remove'
  readonly origin: Origin
  readonly before?: Shown
  readonly after?: Shown
  /** The values are secret: that something changed is all that is told, and the cluster was not compared. */
  readonly isHidden?: true
}

/** One finding of a rule. */
export interface Danger {
  readonly rule: RuleName
  readonly severity: Exclude<Severity, 'off'>
  readonly message: Shown
  readonly cluster: Shown
  /** `HelmRelease/shop/web`. */
  readonly application: Shown
  readonly object?: ObjectRef
  readonly origin: 'change' | 'drift' | 'both'
  readonly file?: Shown
  readonly line?: number
}
