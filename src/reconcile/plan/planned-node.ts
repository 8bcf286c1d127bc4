import type { Clock } from '../../ports/index.ts'
import type { NodeRecord, NodeState } from '../job.ts'
import { keyOf, type Workload } from '../world.ts'
import { recordedChange, type PlannedObject } from './differences.ts'

/** What a run would do with a Kustomization or HelmRelease. */
export interface PlannedNode {
  /** As the record of the run has it: `ready` where all could be looked at; its message counts, or says what is wrong. */
  readonly record: NodeRecord
  /** The same changes, with values. */
  readonly objects: readonly PlannedObject[]
  /** What would be done with the release of a HelmRelease: a new revision, even where no object differs. */
  readonly action?: string
}

/** What a plan has found out by its end. */
export interface PlanOutcome {
  readonly startedAt: number
  readonly state: NodeState
  readonly revision?: string | undefined
  readonly reason: string
  /** Said before the counts. */
  readonly message?: string | undefined
  readonly objects?: readonly PlannedObject[]
  /** See {@link PlannedNode}. */
  readonly action?: string
}

/** The node of an outcome. */
export function plannedNode(object: Workload, clock: Clock, outcome: PlanOutcome): PlannedNode {
  const { startedAt, state, revision, reason, objects = [] } = outcome
  const changed = objects.filter((one) => one.action !== 'unchanged')
  const words = [outcome.message, objects.length > 0 ? countChanges(objects) : undefined]
  return {
    record: {
      ...keyOf(object),
      state,
      reason,
      message: words.filter((word) => word !== undefined && word !== '').join('; '),
      changes: changed.map(recordedChange),
      unchanged: objects.length - changed.length,
      ...(revision === undefined ? {} : { revision }),
      timings: { startedAt, finishedAt: clock.now() },
    },
    objects,
    ...(outcome.action === undefined ? {} : { action: outcome.action }),
  }
}

/** `2 created, 1 configured, 4 unchanged`; '' for none. */
export function countChanges(changes: readonly { readonly action: string }[]): string {
  const counts = new Map<string, number>()
  for (const { action } of changes) counts.set(action, (counts.get(action) ?? 0) + 1)
  return [...counts].map(([action, count]) => `${count} ${action}`).join(', ')
}

/** Whether a run would change anything of the node. */
export function wouldChange(node: PlannedNode): boolean {
  return node.action !== undefined || node.objects.some(({ action }) => action !== 'unchanged' && action !== 'skipped')
}
