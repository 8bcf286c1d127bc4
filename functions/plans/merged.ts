import { toEngineError } from '../../src/base/index.ts'
import type { PullRequest } from '../../src/forges/index.ts'
import { approvePlanNow } from '../approvals.ts'
import { holdsChanges } from '../changes-config.ts'
import type { FunctionDeps } from '../deps.ts'
import { replanAgain } from './accept.ts'
import type { PlanTarget } from './config.ts'
import { joinedPlan } from './joined.ts'
import { branchRef, readSummary, type PlanRecord, type RecordDeps } from './records.ts'
import { currentReplans, noteMerged, threadOf } from './replans.ts'

/** A pull request that was merged. */
interface Merged {
  readonly deps: FunctionDeps
  readonly records: RecordDeps
  readonly target: PlanTarget
  readonly pull: PullRequest
}

/**
 * Who merges has seen the plan of the commit that was merged, and so approves it: what is the same on a cluster afterwards is applied without asking. Not where a danger is to be approved by somebody (`block`), not
 * for another commit or branch than those that were planned, not what was planned after the merge, and not for a fork.
 *
 * @throws EngineError of the store and the queue.
 */
export async function approveMerged({ deps, records, pull }: Merged, plan: PlanRecord): Promise<void> {
  const { id, run, change, isFork, repository, number } = plan
  const summary = await readSummary(records, id)
  const isOfIt = change.head === pull.head.commit && change.branch === branchRef(pull.base.branch)
  if (summary?.run !== run || !isOfIt || isFork) return
  const { clock, runs } = deps
  // The verdict is the worst of it: something that cannot be rendered, or a cluster that is away, hides a danger.
  const { document, progress } = await joinedPlan({ ...records, runs, clock }, plan)
  if (document.dangers.some(({ severity }) => severity === 'block')) return
  // A part that comes now could have a danger of its own.
  const clusters = progress.filter((one) => one.progress.kind === 'done').map(({ cluster }) => cluster)
  try {
    const by = `the merge of ${repository}#${number}`
    const { mergedAt: seenAt } = pull
    await approvePlanNow(deps, id, { by, how: 'merge', clusters, ...(seenAt === undefined ? {} : { seenAt }) })
  } catch (caught) {
    const { code, message } = toEngineError(caught)
    if (code !== 'plan-unknown' && code !== 'approval-outdated') throw caught
    deps.logger.log('info', 'merged without a plan', { plan: id, error: message })
  }
}

/**
 * Notes as which commit a pull request was merged, and has plans told there that clusters have asked for since: the push that brought the commit may have come first, and then nobody knew whose it was.
 *
 * @throws EngineError of the store and the queue.
 */
export async function tellOfMerge({
  deps,
  records,
  target: { address },
  pull: { number, base, mergeCommit: commit },
}: Merged): Promise<void> {
  const clusters = deps.config.clusters.filter(holdsChanges)
  if (commit === undefined || clusters.length === 0) return
  // First: a plan that is noted from now on finds it.
  await noteMerged(records, { address, commit, number })
  for (const { name } of clusters)
    for (const plan of await currentReplans(records, threadOf(name, address, branchRef(base.branch))))
      if (plan.number === undefined && plan.change.head === commit)
        await replanAgain(deps, plan, { reason: 'waits', pullRequest: number })
}
