import {
  actions,
  type PlanDocument,
  type PlannedAction,
  type PlannedApplication,
  type PlannedObject,
} from '../document.ts'

/** `failed`: something cannot be rendered or is refused. `incomplete`: there are clusters that could not be planned for. `blocked`: a danger that somebody must approve. `dangers`: to be looked at. `changes`, `nothing`: as they say. */
export type Verdict = 'failed' | 'incomplete' | 'blocked' | 'dangers' | 'changes' | 'nothing'

/** The worst that is to be said of a plan. */
export function verdictOf(plan: PlanDocument): Verdict {
  if (plan.applications.some(({ state }) => state === 'failed')) return 'failed'
  if ((plan.unplanned ?? []).length > 0) return 'incomplete'
  if (plan.dangers.some(({ severity }) => severity === 'block')) return 'blocked'
  if (plan.dangers.some(({ severity }) => severity !== 'info')) return 'dangers'
  return plan.applications.some(hasEffect) ? 'changes' : 'nothing'
}

/** Whether an apply would do anything for this application. */
export function hasEffect({ objects, chart, state }: PlannedApplication): boolean {
  return (
    objects.some(({ action }) => action !== 'skip' && action !== 'keep') || chart !== undefined || state === 'failed'
  )
}

/** How many objects each action is planned for; drift alone is counted apart, and a move where the object arrives. */
export function countActions(objects: readonly PlannedObject[]): ReadonlyMap<PlannedAction | 'drift', number> {
  const counts = new Map<PlannedAction | 'drift', number>()
  for (const { action, origin, to } of objects) {
    if (action === 'move' && to !== undefined) continue
    const key = origin === 'drift' && action !== 'delete' ? 'drift' : action
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

const words: { readonly [action in PlannedAction | 'drift']: string } = {
  create: 'to create',
  change: 'to change',
  replace: 'to replace',
  delete: 'to delete',
  move: 'to move',
  refuse: 'refused',
  skip: 'skipped',
  keep: 'kept',
  drift: 'drifted',
}

/** `2 to create, 1 to delete`; '' for none. Words of ours and numbers only. */
export function countsText(objects: readonly PlannedObject[]): string {
  const counts = countActions(objects)
  return [...actions, 'drift' as const]
    .flatMap((action) => (counts.has(action) ? [`${counts.get(action)} ${words[action]}`] : []))
    .join(', ')
}

/** One sentence for each verdict. */
export const verdictTexts: { readonly [verdict in Verdict]: string } = {
  failed: 'This change cannot be applied as it is',
  incomplete: 'What this change does is not known for every cluster',
  blocked: 'This change needs an approval',
  dangers: 'This change needs a careful look',
  changes: 'This change can be applied',
  nothing: 'This change does nothing to any cluster',
}

/** Whether the cluster was asked, where it was not. */
export const liveTexts: { readonly [live in Exclude<PlannedApplication['live'], 'read'>]: string } = {
  'not-asked': 'Git only; the cluster was not asked',
  denied: 'Git only; this change may not ask the cluster',
  unreachable: 'Git only; the cluster does not answer',
}
