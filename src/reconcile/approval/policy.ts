import { globOf } from '../safety/windows.ts'
import type { ObjectKey } from '../job.ts'

/** What a cluster does with what was merged and is not what was approved. */
export const afterMerges = ['apply', 'plan', 'hold'] as const
export type AfterMerge = (typeof afterMerges)[number]

/** What a cluster does with changes (`CLUSTERS[].changes`): of the deployment alone, for whoever may write to Git must not be able to weaken it. */
export interface ChangesPolicy {
  /** `apply`: as Git says, and tell. `plan`: wait, and make a new plan. `hold`: wait for somebody. Left out: nothing is compared. */
  readonly afterMerge?: AfterMerge | undefined
  /** Other policies for some applications; the first that matches counts. */
  readonly rules?: readonly ChangesRule[] | undefined
  /** Clusters that must have the same revision, all healthy, before. */
  readonly after?: readonly string[] | undefined
  /** For how long they must have been, in milliseconds. */
  readonly healthyForMs?: number | undefined
}

/** A policy for the applications that it names; `*` stands for any letters, and what is left out matches all. */
export interface ChangesRule {
  readonly afterMerge: AfterMerge
  readonly namespaces?: readonly string[] | undefined
  readonly kinds?: readonly string[] | undefined
  readonly names?: readonly string[] | undefined
}

/** The policy for one application; undefined where nothing is compared. */
export function afterMergeOf({ afterMerge, rules = [] }: ChangesPolicy, key: ObjectKey): AfterMerge | undefined {
  const isIn = (globs: readonly string[] | undefined, text: string): boolean =>
    globs === undefined || globs.some((glob) => globOf(glob)(text))
  const rule = rules.find(
    ({ namespaces, kinds, names }) => isIn(namespaces, key.namespace) && isIn(kinds, key.kind) && isIn(names, key.name),
  )
  return rule?.afterMerge ?? afterMerge
}

/** Whether any application of the cluster is compared with what was approved. */
export function comparesAny({ afterMerge, rules = [] }: ChangesPolicy): boolean {
  return afterMerge !== undefined || rules.length > 0
}
