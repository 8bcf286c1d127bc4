import { plansPage, planPage, type Offer } from '../../src/ui/index.ts'
import { approvalsOf } from '../approvals.ts'
import { noticeOf } from '../actions/notice.ts'
import { offerFor } from '../actions/offer.ts'
import type { FunctionDeps } from '../deps.ts'
import { holdsChanges } from '../changes-config.ts'
import { planTargetOf } from './config.ts'
import { readPlanAndPull, targetOfPlan } from './plan-target.ts'
import { findPlan, listPlanHeads } from './views.ts'

type View = Parameters<typeof plansPage>[0]
type Page = ReturnType<typeof plansPage>

/** The list of plans. */
export async function showPlans(deps: FunctionDeps, view: View, before: string | undefined): Promise<Page> {
  const from = /^[0-9a-z]{10,64}$/.exec(before ?? '')?.[0]
  const page = await listPlanHeads(deps, { limit: 30, ...(from === undefined ? {} : { before: from }) })
  return plansPage(view, { ...page, isConfigured: (deps.config.plans ?? []).length > 0 })
}

/** One plan; undefined where there is none. */
export async function showPlan(
  deps: FunctionDeps,
  view: View,
  request: Request,
  id: string,
): Promise<Page | undefined> {
  const found = await findPlan(deps, id)
  if (found === undefined) return undefined
  const [offer, notice, approvals] = await Promise.all([
    offerForPlan(deps, request, id),
    noticeOf(deps, request),
    approvalsOf(deps, id),
  ])
  return planPage(view, found, { offer, notice, approvals })
}

/** What whoever looks may do, without what the configuration leaves no way to do. */
async function offerForPlan(deps: FunctionDeps, request: Request, id: string): Promise<Offer | undefined> {
  if (deps.reader?.how !== 'session') return undefined
  const found = await readPlanAndPull(deps, id)
  const offer = found && (await offerFor(deps, request, await targetOfPlan(deps, id)))
  if (found === undefined || offer === undefined) return undefined
  const { plans = [] } = deps.config
  const { pull } = found
  const possible: { readonly [action: string]: boolean } = {
    revert: pull !== undefined && planTargetOf(plans, pull.provider, pull.urls) !== undefined,
    approve: deps.config.clusters.some(holdsChanges),
  }
  return { ...offer, may: (action) => possible[action] === true && offer.may(action) }
}
