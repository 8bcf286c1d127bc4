import type { RunStore } from '../src/coordinator/index.ts'
import type { Queue, Random } from '../src/ports/index.ts'
import { createFeedback, type FeedbackDeps } from './feedback.ts'
import { planAgain, replanAgain } from './plans/accept.ts'
import { createPlanReports, type PlanReportDeps, type PlanReports } from './plans/tell.ts'

/** What telling forges of runs and plans needs. */
export interface ToldRunsDeps extends Omit<PlanReportDeps, 'again' | 'replanAgain' | 'config'> {
  readonly config: PlanReportDeps['config'] & FeedbackDeps['config']
  readonly queue: Pick<Queue, 'send'>
  readonly random: Random
}

/** The store of runs as the deployment uses it: forges are told of what changes in it. */
export interface ToldRuns {
  readonly runs: RunStore
  readonly retryFeedback: () => Promise<void>
  readonly plans: PlanReports
}

/** Puts what tells forges around a store of runs. */
export function createToldRuns(deps: ToldRunsDeps): ToldRuns {
  const { queue, clock, random } = deps
  const sender = { queue, clock, random }
  const plans = createPlanReports({
    ...deps,
    again: (pull) => planAgain(sender, pull),
    replanAgain: (plan) => replanAgain(sender, plan),
  })
  const { runs, retry } = createFeedback({ ...deps, runs: plans.runs })
  return { runs, retryFeedback: retry, plans }
}
