import { plansPage, planPage } from '../../src/ui/index.ts'
import type { FunctionDeps } from '../deps.ts'
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
export async function showPlan(deps: FunctionDeps, view: View, id: string): Promise<Page | undefined> {
  const found = await findPlan(deps, id)
  return found && planPage(view, found)
}
