import { sha256Hex } from '../../src/base/index.ts'
import { planTtlSeconds } from '../../src/reconcile/index.ts'
import { readPlan, type AfterMergeNote, type PlanRecord, type RecordDeps } from './records.ts'

/** A plan that was made after a merge. */
export type Replan = PlanRecord & { readonly afterMerge: AfterMergeNote }

/** Plans of one pull request, or of one cluster and branch, that are looked through. */
const maxListed = 100

/** Begins the keys under which such plans are told: the pull request has a comment of its own for them. */
const topicPrefix = 'after-'

/** Where a plan is told: with its pull request, or among what was planned after its merge. */
export function topicOf({ pull, afterMerge }: Pick<PlanRecord, 'pull' | 'afterMerge'>): string {
  return afterMerge === undefined ? pull : topicPrefix + pull
}

/** The pull request whose plans after the merge a topic is; undefined for another topic. */
export function replannedPull(topic: string): string | undefined {
  return topic.startsWith(topicPrefix) ? topic.slice(topicPrefix.length) : undefined
}

/** Cluster, repository and branch as one key. */
export function threadOf(cluster: string, address: string, branch: string): string {
  return sha256Hex(`replan\n${cluster}\n${address}\n${branch}`).slice(0, 32)
}

/** Lists a plan with its thread and its pull request. Done before the plan itself is stored, so that none is missed. @throws EngineError of the store. */
export async function listReplan(
  { state }: RecordDeps,
  { id, pull, afterMerge }: Pick<Replan, 'id' | 'pull' | 'afterMerge'>,
): Promise<void> {
  for (const list of new Set([afterMerge.thread, pull]))
    await state.put(`plans/replans/${list}/${id}`, true, { ttlSeconds: planTtlSeconds })
}

/** The plans after a merge of a thread or a pull request that no newer one has taken the place of, oldest first. @throws EngineError of the store. */
export async function currentReplans(deps: RecordDeps, list: string): Promise<readonly Replan[]> {
  const entries = await deps.state.list(`plans/replans/${list}/`, { limit: maxListed })
  const plans = await Promise.all(entries.map(({ key }) => readPlan(deps, key.split('/').at(-1) ?? '')))
  return plans
    .filter((plan) => plan !== undefined)
    .filter(isReplan)
    .filter(({ state, pull, afterMerge: { thread } }) => state === 'current' && (pull === list || thread === list))
    .toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
}

/** Notes as which commit a pull request was merged: what is planned after it belongs to it. @throws EngineError of the store. */
export async function noteMerged({ state }: RecordDeps, merged: MergedPull): Promise<void> {
  await state.put(mergedKey(merged), merged.number, { ttlSeconds: planTtlSeconds })
}

/** The number of the pull request that was merged as a commit, as far as it was noted. For asking the forge, not for believing. @throws EngineError of the store. */
export async function mergedAs({ state }: RecordDeps, merged: Omit<MergedPull, 'number'>): Promise<number | undefined> {
  const number = await state.get(mergedKey(merged))
  return typeof number === 'number' ? number : undefined
}

interface MergedPull {
  /** URL of the repository at the forge. */
  readonly address: string
  readonly commit: string
  readonly number: number
}

function mergedKey({ address, commit }: Omit<MergedPull, 'number'>): string {
  return `plans/merged/${sha256Hex(`${address}\n${commit}`).slice(0, 32)}`
}

/** Whether a plan was made after the merge. */
export function isReplan(plan: PlanRecord): plan is Replan {
  return plan.afterMerge !== undefined
}
