import { planJson, planMarkdown, planSarif } from '../../src/plan/index.ts'
import { EngineError, sluiceVersion } from '../../src/base/index.ts'
import type { PlanHead, PlanView } from '../../src/ui/index.ts'
import type { FunctionDeps } from '../deps.ts'
import { joinedPlan } from './joined.ts'
import {
  isPlanId,
  listPlans,
  readPlan,
  readPull,
  readSummary,
  type PlanRecord,
  type PlanSummary,
  type RecordDeps,
} from './records.ts'
import { summaryOf } from './report.ts'

/** Bytes of a plan as Markdown that is downloaded. */
const maxMarkdownBytes = 1 << 20

/** Where records of plans are; undefined where the deployment has no key for them. */
export function recordsOf(deps: FunctionDeps): RecordDeps | undefined {
  const { planKey } = deps.config
  return planKey === undefined ? undefined : { state: deps.state, key: planKey, logger: deps.logger }
}

/** Plans, newest first, older than `before` where it is given. @throws EngineError of the store. */
export async function listPlanHeads(
  deps: FunctionDeps,
  options: { readonly limit: number; readonly before?: string },
): Promise<{ readonly plans: readonly PlanHead[]; readonly next?: string }> {
  const records = recordsOf(deps)
  if (records === undefined) return { plans: [] }
  const { plans, next } = await listPlans(records, options)
  const heads = await Promise.all(
    plans.map(async (plan) => {
      const summary = await readSummary(records, plan.id)
      return headOf(plan, summary?.run === plan.run ? summary : undefined)
    }),
  )
  return { plans: heads, ...(next === undefined ? {} : { next }) }
}

/** A plan with everything that is known of it; undefined where there is none. A part that is not the one which was made is planned again. @throws EngineError of the store. */
export async function findPlan(deps: FunctionDeps, id: string): Promise<PlanView | undefined> {
  const records = recordsOf(deps)
  const plan = records === undefined || !isPlanId(id) ? undefined : await readPlan(records, id)
  if (records === undefined || plan === undefined) return undefined
  const [joined, pull] = await Promise.all([
    joinedPlan({ ...records, runs: deps.runs, clock: deps.clock }, plan),
    readPull(records, plan.pull),
  ])
  if (joined.isForged && plan.state === 'current' && deps.plans !== undefined)
    deps.background(deps.plans.tell(plan.pull))
  const { document, isPending } = joined
  const { refused } = pull ?? {}
  return {
    head: headOf(plan, isPending ? undefined : summaryOf(plan, document)),
    document,
    isPending,
    problems: plan.problems,
    ...(refused === undefined ? {} : { refused }),
  }
}

function headOf(plan: PlanRecord, summary: PlanSummary | undefined): PlanHead {
  const { id, repository, number, title, author, webUrl, isFork, state, run, at, change, mergeCommit, askedBy } = plan
  const { branch, base, head, live, secrets } = change
  return {
    id,
    repository,
    number,
    title,
    author,
    webUrl,
    isFork,
    branch,
    base,
    head,
    state,
    run,
    at,
    live,
    secrets,
    ...(mergeCommit === undefined ? {} : { mergeCommit }),
    ...(askedBy === undefined ? {} : { askedBy }),
    ...(summary === undefined ? {} : { verdict: summary.verdict, touched: summary.touched, dangers: summary.dangers }),
  }
}

/** The forms in which a plan is downloaded. */
export const exportFormats = ['json', 'markdown', 'sarif'] as const
export type ExportFormat = (typeof exportFormats)[number]

/** A plan as a file. @throws EngineError `not-found`, those of the store. */
export async function exportPlan(
  deps: FunctionDeps,
  id: string,
  format: ExportFormat,
): Promise<{ readonly type: string; readonly name: string; readonly body: string }> {
  const found = await findPlan(deps, id)
  if (found === undefined) throw new EngineError('there is no such plan', { code: 'not-found' })
  const { document } = found
  switch (format) {
    case 'json':
      return { type: 'application/json; charset=utf-8', name: `plan-${id}.json`, body: planJson(document) }
    case 'sarif':
      return {
        type: 'application/sarif+json',
        name: `plan-${id}.sarif`,
        body: planSarif(document, { version: sluiceVersion }),
      }
    case 'markdown':
      return {
        type: 'text/markdown; charset=utf-8',
        name: `plan-${id}.md`,
        body: planMarkdown(document, { id: 'export', maxBytes: maxMarkdownBytes }),
      }
  }
}
