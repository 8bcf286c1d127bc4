import { idOfSummary } from '../reconcile/index.ts'
import type { CommitObject, Stages } from './commit-cluster.ts'
import type { ObservedCluster } from './objects.ts'

/** What an object could not start before: something that it depends on was healthy, or what applies it was applied. */
interface Gate {
  readonly id: string
  readonly at: number
}

/**
 * Says of each object how long it waited for another one, and marks the critical path: the chain of objects that ends with the one that was healthy last, where each began when
 * the one before let it. Without those, nothing would have been faster.
 */
export function withWaits(
  objects: readonly CommitObject[],
  cluster: ObservedCluster,
  fetchedAt: Stages['fetchedAt'],
): readonly CommitObject[] {
  const byId = new Map(objects.map((object) => [idOfSummary(object), object]))
  const gateOf = (id: string): Gate | undefined => lastGate(id, byId, cluster)
  const critical = criticalPath(objects, gateOf)
  return objects.map((object) => {
    const id = idOfSummary(object)
    const gate = gateOf(id)
    const waited = isWorked(object) && gate !== undefined ? waitFor(gate, fetchedAt) : undefined
    return {
      ...object,
      ...(waited === undefined ? {} : { waited }),
      ...(critical.has(id) ? { isCritical: true as const } : {}),
    }
  })
}

function isWorked({ outcome, isCurrent }: CommitObject): boolean {
  return isCurrent && outcome !== undefined && outcome !== 'skipped'
}

function waitFor({ id, at }: Gate, fetchedAt: number | undefined): CommitObject['waited'] {
  return fetchedAt === undefined || at <= fetchedAt ? undefined : { on: id, ms: at - fetchedAt }
}

function lastGate(id: string, byId: ReadonlyMap<string, CommitObject>, cluster: ObservedCluster): Gate | undefined {
  const summary = cluster.lookup(id)
  if (summary === undefined) return undefined
  const gates = summary.dependsOn.flatMap((other): readonly Gate[] => {
    const found = byId.get(other)
    const at = found !== undefined && isWorked(found) ? found.stages.healthyAt : undefined
    return at === undefined ? [] : [{ id: other, at }]
  })
  const parent = summary.parent === undefined ? undefined : byId.get(summary.parent)
  const appliedAt = parent !== undefined && isWorked(parent) ? parent.stages.appliedAt : undefined
  const all =
    summary.parent === undefined || appliedAt === undefined ? gates : [...gates, { id: summary.parent, at: appliedAt }]
  return all.toSorted((a, b) => b.at - a.at)[0]
}

function criticalPath(objects: readonly CommitObject[], gateOf: (id: string) => Gate | undefined): ReadonlySet<string> {
  const done = objects.filter((object) => isWorked(object) && object.stages.healthyAt !== undefined)
  const last = done.toSorted((a, b) => (b.stages.healthyAt ?? 0) - (a.stages.healthyAt ?? 0))[0]
  const path = new Set<string>()
  // One object alone is no path that anybody has to see.
  if (last === undefined || done.length < 2) return path
  for (let id: string | undefined = idOfSummary(last); id !== undefined && !path.has(id); id = gateOf(id)?.id)
    path.add(id)
  return path
}
