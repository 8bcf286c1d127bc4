import type { Condition } from '../../api/index.ts'
import type { ObjectSummary } from './types.ts'

/**
 * How an object stands, in one word. `waiting`: for something that is on its way. `blocked`: by something that does not move by itself (failed,
 * suspended, missing), by a closed window, or until somebody approves. `suspended`: it, or everything in its cluster. `unknown`: no run has looked at it yet.
 */
export type ObjectState =
  'ready' | 'applying' | 'waiting' | 'blocked' | 'drifted' | 'failed' | 'suspended' | 'deleting' | 'unknown'

/** All states, what needs a human first. */
export const objectStates = [
  'failed',
  'blocked',
  'drifted',
  'waiting',
  'applying',
  'deleting',
  'suspended',
  'unknown',
  'ready',
] as const satisfies readonly ObjectState[]

/** Finds another object of the same cluster by its id. */
export type Lookup = (id: string) => ObjectSummary | undefined

/** `Kind/namespace/name`. */
export function idOfSummary(object: Pick<ObjectSummary, 'kind' | 'namespace' | 'name'>): string {
  return `${object.kind}/${object.namespace}/${object.name}`
}

/** The condition of a type, or undefined. */
export function conditionOf(object: ObjectSummary, type: string): Condition | undefined {
  return object.conditions.find((condition) => condition.type === type)
}

/** The state of an object, from its summary and those of what it depends on. */
export function stateOf(object: ObjectSummary, lookup: Lookup): ObjectState {
  if (object.deleting) return 'deleting'
  if (object.suspended || object.held?.kind === 'suspended') return 'suspended'
  if (heldText(object) !== undefined) return 'blocked'
  const ready = conditionOf(object, 'Ready')
  if (ready === undefined) return object.conditions.length === 0 && !hasStatus(object.kind) ? 'ready' : 'unknown'
  if (ready.status === 'True') {
    if (conditionOf(object, 'Drifted')?.status === 'True') return 'drifted'
    const isObserved = object.observedGeneration === undefined || object.observedGeneration >= object.generation
    return isObserved ? 'ready' : 'applying'
  }
  if (ready.status === 'False' && ready.reason === 'DependencyNotReady') {
    return object.blockers.some(({ id }) => isStuck(id, lookup, new Set([idOfSummary(object)]))) ? 'blocked' : 'waiting'
  }
  return ready.status === 'Unknown' ? 'applying' : 'failed'
}

/** Why an object is held back although nothing is wrong with it, from its cluster's switch or its own condition `Held`: `the cluster is suspended by ada: …`, `held by window …`. */
export function heldText(object: ObjectSummary): string | undefined {
  if (object.held !== undefined) return object.held.message
  const held = conditionOf(object, 'Held')
  return held?.status === 'True' ? held.message : undefined
}

/** Why nothing in a cluster is worked on, from what is known of its objects; undefined where it is. */
export function heldOf(objects: readonly { readonly summary: ObjectSummary }[]): ObjectSummary['held'] {
  return objects.find(({ summary }) => summary.held !== undefined)?.summary.held
}

/** Kinds without a status are what they are. */
function hasStatus(kind: string): boolean {
  return kind !== 'Alert' && kind !== 'Provider' && kind !== 'ExternalArtifact'
}

/** Whether what an object waits for does not become ready by itself: it is missing, suspended, failed, or waits for such a one (or for itself). */
function isStuck(id: string, lookup: Lookup, seen: ReadonlySet<string>): boolean {
  const object = lookup(id)
  if (object === undefined || seen.has(id)) return true
  if (object.suspended || object.deleting) return true
  const ready = conditionOf(object, 'Ready')
  if (ready?.status !== 'False') return false
  if (ready.reason !== 'DependencyNotReady') return true
  return object.blockers.some((blocker) => isStuck(blocker.id, lookup, new Set([...seen, id])))
}
