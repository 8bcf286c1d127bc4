import {
  conditionOf,
  heldText,
  idOfSummary,
  stateOf,
  type Lookup,
  type ObjectState,
  type ObjectSummary,
} from '../reconcile/index.ts'
import type { ObservedCluster } from './objects.ts'

/** Another object of the cluster; without a state no run has seen it. */
export interface Relative {
  readonly id: string
  readonly state?: ObjectState
}

/** What one object waits for, and why that one is not ready. */
export interface ChainLink extends Relative {
  /** In words: what its own condition or its state says. */
  readonly why: string
}

/** How an object hangs together with others of its cluster, from what runs have saved. */
export interface Relations {
  readonly source?: Relative & { readonly revision?: string }
  readonly dependsOn: readonly Relative[]
  /** What depends on it, or is made from it. */
  readonly dependants: readonly Relative[]
  /** Objects of ours that it has applied. */
  readonly children: readonly Relative[]
  /** What it waits for, and what that waits for, down to what does not move by itself. Empty where it waits for nothing. */
  readonly chain: readonly ChainLink[]
}

/** Objects of one sort that are named. */
const maxRelatives = 500
/** Links of a chain. */
const maxChain = 20

/** The relations of an object. Pure. */
export function relationsOf(cluster: Pick<ObservedCluster, 'objects' | 'lookup'>, summary: ObjectSummary): Relations {
  const { objects, lookup } = cluster
  const id = idOfSummary(summary)
  const named = (isOne: (other: ObjectSummary) => boolean): readonly Relative[] =>
    objects
      .filter((other) => isOne(other.summary))
      .slice(0, maxRelatives)
      .map((other) => ({ id: idOfSummary(other.summary), state: other.state }))
  const source = summary.source === undefined ? undefined : lookup(idOfSummary(summary.source))
  return {
    ...(summary.source === undefined
      ? {}
      : {
          source: {
            ...relative(lookup, idOfSummary(summary.source)),
            ...(source?.appliedRevision === undefined ? {} : { revision: source.appliedRevision }),
          },
        }),
    dependsOn: summary.dependsOn.slice(0, maxRelatives).map((one) => relative(lookup, one)),
    dependants: named(
      (other) => other.dependsOn.includes(id) || (other.source !== undefined && idOfSummary(other.source) === id),
    ),
    children: named((other) => other.parent === id),
    chain: chainOf(lookup, summary),
  }
}

function relative(lookup: Lookup, id: string): Relative {
  const summary = lookup(id)
  return summary === undefined ? { id } : { id, state: stateOf(summary, lookup) }
}

/** Follows what an object waits for. Of several the one that does not move by itself is followed, since nothing else helps. */
function chainOf(lookup: Lookup, start: ObjectSummary): readonly ChainLink[] {
  const chain: ChainLink[] = []
  const seen = new Set([idOfSummary(start)])
  let at: ObjectSummary | undefined = start
  while (at !== undefined && chain.length < maxChain) {
    const links = at.blockers.map(({ id, message }) => ({ ...relative(lookup, id), message }))
    const next: (Relative & { readonly message: string }) | undefined =
      links.find(({ state }) => state === undefined || stuck.has(state)) ?? links[0]
    if (next === undefined) break
    const { message, ...found } = next
    const isCycle = seen.has(next.id)
    const summary = lookup(next.id)
    chain.push({ ...found, why: isCycle ? 'it waits for itself' : whyOf(summary, message) })
    seen.add(next.id)
    at = isCycle ? undefined : summary
  }
  return chain
}

const stuck: ReadonlySet<ObjectState> = new Set(['failed', 'blocked', 'suspended', 'deleting'])

function whyOf(summary: ObjectSummary | undefined, message: string): string {
  if (summary === undefined) return message
  const held = heldText(summary)
  if (held !== undefined) return held
  if (summary.suspended) return describeSuspended(summary)
  const ready = conditionOf(summary, 'Ready')
  return ready === undefined || ready.status === 'True' || ready.message === '' ? message : ready.message
}

/** `suspended by ada until 2026-01-31T18:00:00Z: the disk is full`, from what is written on the object. */
export function describeSuspended({ suspension }: Pick<ObjectSummary, 'suspension'>): string {
  const { by, reason, until } = suspension ?? {}
  const words = [
    'suspended',
    by === undefined ? '' : ` by ${by}`,
    until === undefined ? '' : ` until ${until}`,
    reason === undefined ? '' : `: ${reason}`,
  ]
  return words.join('')
}
