import { approvalStoreOf } from '../approvals.ts'
import type { ActionTarget, ObjectTarget } from '../authorize-action.ts'
import type { FunctionDeps } from '../deps.ts'
import { listPlanned } from '../../src/reconcile/index.ts'
import { readPlan, readPull, isPlanId, type PlanRecord, type PullRecord } from './records.ts'
import { recordsOf } from './views.ts'

type PlanTarget = Extract<ActionTarget, { readonly plan: string }>

/** A plan and its pull request as they are stored; undefined where there is no such plan. A plan after a merge may have none. @throws EngineError of the store. */
export async function readPlanAndPull(
  deps: FunctionDeps,
  id: string,
): Promise<{ readonly plan: PlanRecord; readonly pull?: PullRecord } | undefined> {
  const records = recordsOf(deps)
  if (records === undefined || !isPlanId(id)) return undefined
  const plan = await readPlan(records, id)
  const pull = plan && (await readPull(records, plan.pull))
  if (plan === undefined || (pull === undefined && plan.afterMerge === undefined)) return undefined
  return { plan, ...(pull === undefined ? {} : { pull }) }
}

/**
 * What an action on a plan is about: the applications that it touches on every cluster. Where that is not known of a cluster, or there is no such plan, it is about everything.
 *
 * @throws EngineError of the store.
 */
export async function targetOfPlan(deps: FunctionDeps, id: string): Promise<PlanTarget> {
  const found = await readPlanAndPull(deps, id)
  if (found === undefined) return { plan: id }
  const parts = await listPlanned(approvalStoreOf(deps), id)
  const known = new Set(parts.map(({ cluster }) => cluster))
  if (found.plan.clusters.some((cluster) => !known.has(cluster))) return { plan: id }
  const objects = parts.flatMap(({ cluster, applications }): readonly ObjectTarget[] =>
    applications.map(({ kind, namespace, name }) => ({ cluster, kind, namespace, name })),
  )
  return { plan: id, objects }
}
