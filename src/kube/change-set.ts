import type { KubeObject } from '../resources/index.ts'
import { formatKey, keyOf } from './object-key.ts'

/** What happened, or will happen, to an object. `pending` only appears in plans: its stage has not been compared yet. */
export type ChangeAction = 'pending' | 'created' | 'configured' | 'unchanged' | 'skipped' | 'deleted'

/** A field that differs between the cluster and what is wanted. Values only as far as they may be shown (see describeDriftValue). */
export interface DriftPath {
  /** `.spec.template.spec.containers[name="app"].image`, list items by index where the schema is unknown. */
  readonly path: string
  /** Added, changed or removed by the apply. */
  readonly change: 'add' | 'replace' | 'remove'
  /** The field manager that last wrote the live value, where managedFields tell. */
  readonly manager?: string
  /** When that manager wrote last (RFC 3339): the value has been there since then, or longer. */
  readonly since?: string
  /** The path as a JSON pointer (RFC 6901), list items by index. */
  readonly pointer?: string
  /** What the cluster has, and what is wanted. */
  readonly live?: string
  readonly wanted?: string
}

/** One object of a change set. */
export interface Change {
  readonly apiVersion: string
  readonly kind: string
  /** '' for cluster-scoped kinds. */
  readonly namespace: string
  readonly name: string
  readonly action: ChangeAction
  /** `metadata.uid` of the live object, where there is one. */
  readonly uid?: string
  /** Why it was skipped, or that it was recreated. */
  readonly note?: string
  /** What differed, for `configured`. At most {@link maxDriftPaths}. */
  readonly drift?: readonly DriftPath[]
}

/** The outcome of an apply or a prune, in the order of applying. Inventory, events and records are derived from it. */
export type ChangeSet = readonly Change[]

/** Drift paths kept per object: enough to understand, bounded for a status page. */
export const maxDriftPaths = 50

/** A change of `object`. */
export function changeOf(
  object: KubeObject,
  action: ChangeAction,
  extra: Partial<Pick<Change, 'uid' | 'note' | 'drift'>> = {},
): Change {
  const key = keyOf(object)
  return {
    apiVersion: key.apiVersion,
    kind: key.kind,
    namespace: key.namespace ?? '',
    name: key.name,
    action,
    ...extra,
  }
}

/** `Kind/namespace/name created`: the line that Flux's events have for a change. */
export function formatChange(change: Change): string {
  return `${formatKey(change)} ${change.action}`
}

/** `.spec.replicas is 3, not 1 (by kubectl, since 2026-01-02T03:04:05Z)`. */
export function formatDrift({ path, change, manager, since, live, wanted }: DriftPath): string {
  const what = { add: 'is missing', remove: 'is too much', replace: 'differs' }[change]
  const values = live === undefined || wanted === undefined || live === wanted ? what : `is ${live}, not ${wanted}`
  const by = manager === undefined ? '' : ` (by ${manager}${since === undefined ? '' : `, since ${since}`})`
  return `${path} ${values}${by}`
}

/** Changes that are worth an event: those that wrote. */
export function effectiveChanges(changes: ChangeSet): ChangeSet {
  return changes.filter(
    (change) => change.action === 'created' || change.action === 'configured' || change.action === 'deleted',
  )
}
