import { sha256Hex, type Json } from '../../src/base/index.ts'
import { openRecord, sealRecord, type Severity, type Verdict } from '../../src/plan/index.ts'
import type { Logger, StateStore } from '../../src/ports/index.ts'
import { planTtlSeconds, type ChangeRef, type ReplanReason } from '../../src/reconcile/index.ts'

/** What is known of a pull request: what was asked last, and which report is to stand at the forge. */
export interface PullRecord {
  /** Provider and URLs under which it came in, by which its rule is found again. */
  readonly provider: string
  readonly urls: readonly string[]
  /** `owner/name`. */
  readonly repository: string
  readonly number: number
  /** Text of its author: hostile. */
  readonly title: string
  readonly author: string
  readonly webUrl: string
  readonly isFork: boolean
  readonly state: 'open' | 'merged' | 'closed'
  readonly mergeCommit?: string
  /** What is reported. */
  readonly latest?: LatestReport
  /** Why the last command was not followed. */
  readonly refused?: { readonly by: string; readonly why: string; readonly at: number }
  /** Milliseconds since 1970 of the last look at the forge. */
  readonly lookedAt: number
}

/** `gate`: a fork that is not planned (yet). `ignored`: only files that the repository's own configuration leaves out. */
export type LatestReport =
  | { readonly kind: 'plan'; readonly plan: string }
  | { readonly kind: 'gate'; readonly commit: string; readonly forks: 'never' | 'maintainer' }
  | { readonly kind: 'ignored'; readonly commit: string }

/** One plan: a base and a head of a pull request, or of what was merged and waits. */
export interface PlanRecord {
  readonly id: string
  /** Key of its pull request, see {@link pullKey}; of a plan after the merge whose pull request is not known, that of its thread. */
  readonly pull: string
  readonly repository: string
  /** Missing where the pull request is not known. */
  readonly number?: number
  readonly title: string
  readonly author: string
  readonly webUrl: string
  readonly isFork: boolean
  readonly change: ChangeRef
  /** What asked for it: `delivery`, or the id of the comment. The same is not planned twice. */
  readonly attempt: string
  readonly askedBy?: string
  /** Id of the run that makes its parts; sorts by time. */
  readonly run: string
  /** The same of its first attempt, under which it is listed. */
  readonly listedAs: string
  /** Milliseconds since 1970 of what asked for it: the delivery, or the comment's. */
  readonly receivedAt?: number
  /** Milliseconds since 1970 at which the forge had been asked, and the plan was to be made. */
  readonly at: number
  readonly clusters: readonly string[]
  /** Set once the jobs of all clusters are queued. */
  readonly isQueued?: true
  readonly state: 'current' | 'superseded' | 'merged' | 'closed'
  readonly mergeCommit?: string
  /** What is wrong with the configuration that the repository has on its base branch. */
  readonly problems: readonly string[]
  readonly severities?: { readonly [rule: string]: Severity }
  /** Set for a plan that was made after the merge. */
  readonly afterMerge?: AfterMergeNote
}

/** What a plan says of itself that was made because something waits after a merge. */
export interface AfterMergeNote {
  /** Cluster, repository and branch as one key: a newer plan of these takes the place of an older one. */
  readonly thread: string
  /** What waited when it was asked for, and why. */
  readonly waiting: readonly ReplanReason[]
}

/** What a list shows of a plan that has come to its end. */
export interface PlanSummary {
  readonly run: string
  readonly verdict: Verdict
  readonly dangers: number
  readonly touched: number
  /** Milliseconds since 1970 at which this plan was told at the forge first. */
  readonly toldAt?: number
}

/** What records are kept with. */
export interface RecordDeps {
  readonly state: StateStore
  readonly key: Uint8Array
  readonly logger: Logger
}

/** Tells pull requests of all forges apart, and fits into a key of the store. */
export function pullKey(address: string, number: number): string {
  return sha256Hex(`${address}\n${number}`).slice(0, 32)
}

/**
 * Id of the plan of a base and a head: the same delivery leads to the same plan, however often it comes. The branch they are planned for belongs to it: clusters follow one and not another, and its own file judges what is dangerous.
 */
export function planId(pull: string, commits: Pick<ChangeRef, 'branch' | 'base' | 'head'>): string {
  const { branch, base, head } = commits
  return sha256Hex(`plan\n${pull}\n${branch}\n${base}\n${head}`).slice(0, 32)
}

/** A branch as plans name it. */
export function branchRef(branch: string): string {
  return `refs/heads/${branch}`
}

/** Whether a text can be the id of a plan. */
export function isPlanId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text)
}

const pullName = (pull: string): string => `plans/pulls/${pull}`
const planName = (id: string): string => `plans/records/${id}`
const indexPrefix = 'plans/index/'

/** The record of a pull request; undefined where there is none, or one that we have not written. @throws EngineError of the store. */
export async function readPull(deps: RecordDeps, pull: string): Promise<PullRecord | undefined> {
  return (await readSealed(deps, pullName(pull))) as unknown as PullRecord | undefined
}

/** @throws EngineError of the store. */
export async function savePull(deps: RecordDeps, pull: string, record: PullRecord): Promise<void> {
  await saveSealed(deps, pullName(pull), record)
}

/** The record of a plan; undefined where there is none, or one that we have not written. @throws EngineError of the store. */
export async function readPlan(deps: RecordDeps, id: string): Promise<PlanRecord | undefined> {
  return (await readSealed(deps, planName(id))) as unknown as PlanRecord | undefined
}

/** Stores the record of a plan, its place in the list, and where it is found by its commits: the one that is planned, and the one that brought it. @throws EngineError of the store. */
export async function savePlan(deps: RecordDeps, record: PlanRecord): Promise<void> {
  await saveSealed(deps, planName(record.id), record)
  const options = { ttlSeconds: planTtlSeconds }
  await deps.state.put(indexPrefix + record.listedAs, record.id, options)
  for (const commit of commitsOf(record))
    await deps.state.put(`${commitPrefix(commit)}${record.listedAs}`, record.id, options)
}

const commitPrefix = (commit: string): string => `plans/commits/${commit.toLowerCase()}/`

function commitsOf({ change, mergeCommit }: PlanRecord): readonly string[] {
  return [...new Set([change.head, ...(mergeCommit === undefined ? [] : [mergeCommit])])]
}

/** Plans of which a commit is the head, or the one that brought them, newest first. What the list says is believed only where the sealed record says so too. @throws EngineError of the store. */
export async function listPlansOfCommit(
  deps: RecordDeps,
  commit: string,
  limit: number,
): Promise<readonly PlanRecord[]> {
  const entries = await deps.state.list(commitPrefix(commit), { limit, reverse: true })
  const ids = entries.flatMap(({ value }) => (typeof value === 'string' && isPlanId(value) ? [value] : []))
  const plans = await Promise.all([...new Set(ids)].map((id) => readPlan(deps, id)))
  return plans.filter((plan) => plan !== undefined).filter((plan) => commitsOf(plan).includes(commit))
}

/** Plans, newest first, older than `before` where it is given; `next` leads to those behind them. @throws EngineError of the store. */
export async function listPlans(
  deps: RecordDeps,
  options: { readonly limit: number; readonly before?: string },
): Promise<{ readonly plans: readonly PlanRecord[]; readonly next?: string }> {
  const { limit, before } = options
  const after = before === undefined ? {} : { after: indexPrefix + before }
  const entries = await deps.state.list(indexPrefix, { limit: limit + 1, reverse: true, ...after })
  const ids = entries.slice(0, limit).flatMap(({ value }) => (typeof value === 'string' ? [value] : []))
  const plans = await Promise.all(ids.map((id) => readPlan(deps, id)))
  const last = entries[limit - 1]?.key.slice(indexPrefix.length)
  return {
    plans: plans.filter((plan) => plan !== undefined),
    ...(entries.length <= limit || last === undefined ? {} : { next: last }),
  }
}

/** The summary of a plan; undefined where there is none. @throws EngineError of the store. */
export async function readSummary(deps: RecordDeps, id: string): Promise<PlanSummary | undefined> {
  return (await readSealed(deps, `plans/summaries/${id}`)) as unknown as PlanSummary | undefined
}

/** @throws EngineError of the store. */
export async function saveSummary(deps: RecordDeps, id: string, summary: PlanSummary): Promise<void> {
  await saveSealed(deps, `plans/summaries/${id}`, summary)
}

async function readSealed(deps: RecordDeps, name: string): Promise<Json | undefined> {
  const stored = await deps.state.get(name)
  if (stored === undefined) return undefined
  const value = openRecord(deps.key, name, stored)
  if (value === undefined) deps.logger.log('error', 'record of a plan is not ours', { record: name })
  return value
}

async function saveSealed(deps: RecordDeps, name: string, record: object): Promise<void> {
  await deps.state.put(name, sealRecord(deps.key, name, record), { ttlSeconds: planTtlSeconds })
}
