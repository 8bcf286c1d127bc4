import { toEngineError } from '../../src/base/index.ts'
import { decideAfterFailure, newRunId } from '../../src/coordinator/index.ts'
import type { PullRequest, PullRequests } from '../../src/forges/index.ts'
import type { QueueOutcome } from '../../src/ports/index.ts'
import { isPassed, listPlanned, waitingFor, type ChangeRef, type ReplanWish } from '../../src/reconcile/index.ts'
import { approvalStoreOf } from '../approvals.ts'
import type { FunctionDeps } from '../deps.ts'
import { planTargetAt, type PlanTarget } from './config.ts'
import { openTarget } from './forge.ts'
import { lookInTurn, type Turn } from './look-lock.ts'
import { maxTitle } from './plan-record.ts'
import { queuePlan } from './queue-plan.ts'
import { branchRef, planId, pullKey, readPlan, readPull, savePlan, type RecordDeps } from './records.ts'
import { currentReplans, listReplan, mergedAs, threadOf, topicOf, type Replan } from './replans.ts'
import type { ReplanMessage } from './replan-message.ts'
import { readJudgement, type Judgement } from './repository-config.ts'
import { notePending } from './tell.ts'

/** Attempts for which a forge that fails is waited for. */
const patientAttempts = 5
/** Letters of a repository's name that are kept. */
const maxRepository = 300

/** A new plan that is being asked for. */
interface Asked {
  readonly deps: FunctionDeps
  readonly records: RecordDeps
  readonly message: ReplanMessage
  /** The rule for its repository; undefined where there is none, and then nobody is told at a forge. */
  readonly target: PlanTarget | undefined
  readonly thread: string
  readonly id: string
  /** How often the message has come, from 1. */
  readonly attempt: number
  /** Confirmed after each question to the forge, before anything is written. */
  readonly turn: Turn
}

/**
 * Has what was merged and waits planned once more, for the cluster that it waits on: what is applied there against what the branch says. May be cut off at any line and is done again then: the id of the plan follows from
 * cluster, repository, branch and commits, so that the same wish leads to one plan and one run.
 */
export async function handleReplan(
  deps: FunctionDeps,
  message: ReplanMessage,
  info: { readonly attempt: number },
): Promise<QueueOutcome> {
  const { plans = [], planKey, clusters } = deps.config
  const { cluster, url, branch, base, head } = message.wish
  if (planKey === undefined || clusters.every(({ name }) => name !== cluster)) {
    deps.logger.log('info', 'new plan passed over', {
      cluster,
      why: 'the configuration has no such cluster, or no key',
    })
    return { kind: 'ack' }
  }
  const target = planTargetAt(plans, url)
  const thread = threadOf(cluster, target?.address ?? url, branch)
  const id = planId(thread, { branch, base, head })
  const records = { state: deps.state, key: planKey, logger: deps.logger }
  const { attempt } = info
  try {
    const own = { of: id, message: message.id, attempt }
    const asked = { deps, records, message, target, thread, id, attempt }
    return await lookInTurn(deps, own, (turn) => replan({ ...asked, turn }))
  } catch (caught) {
    return failed(deps, message, caught, attempt)
  }
}

/** Says that a message was given up. */
export function dropReplan(deps: FunctionDeps, { wish: { cluster, head } }: ReplanMessage): void {
  deps.logger.log('error', 'not planned after the merge', { cluster, head, error: 'every attempt was cut off' })
}

function failed(deps: FunctionDeps, { wish }: ReplanMessage, caught: unknown, attempt: number): QueueOutcome {
  const { code, message: error, disposition, retryAfterMs } = toEngineError(caught)
  const { cluster, head } = wish
  deps.logger.log('warn', 'not planned after the merge', { cluster, head, attempt, code, error })
  const failure = { disposition, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  const decision = decideAfterFailure('trigger', failure, attempt)
  if (decision.kind === 'retry') return { kind: 'retry', delaySeconds: decision.delaySeconds }
  return decision.kind === 'dead-letter' ? { kind: 'retry', delaySeconds: 0 } : { kind: 'ack' }
}

async function replan(asked: Asked): Promise<void> {
  const { deps, records, message, id, turn } = asked
  const known = await readPlan(records, id)
  // The merge may have been approved since. What was begun is ended in any case: its plan is told of as one that nothing waits for.
  if (known === undefined && message.reason === 'waits' && (await isPassed(approvalStoreOf(deps), message.wish))) {
    const { cluster, head } = message.wish
    deps.logger.log('info', 'new plan passed over', { cluster, head, why: 'nothing waits for it any more' })
    return
  }
  const attempt = message.reason === 'again' ? `again ${message.id}` : 'waits'
  const isAgain = message.reason === 'again' && known?.attempt !== attempt
  const { cluster } = message.wish
  let record = await recordOf(asked, known as Replan | undefined, { attempt, isAgain })
  await turn.confirm()
  await listReplan(records, record)
  await savePlan(records, record)
  // Its pull request may have been merged meanwhile; who notes that has looked for this plan in vain.
  if (record.number === undefined && (await mergedNumber(asked)) !== undefined) {
    record = await recordOf(asked, record, { attempt, isAgain: false })
    await turn.confirm()
    await listReplan(records, record)
    await savePlan(records, record)
  }
  await supersede(asked, record)
  await notePending(deps.state, topicOf(record))
  if (known?.isQueued !== true || isAgain) {
    // Older plans that were ended were told of.
    await turn.confirm()
    await queuePlan(deps, records, record, 'after the merge')
    deps.logger.log('info', 'plan queued', { plan: id, run: record.run, cluster, repository: record.repository })
  }
  await deps.plans?.tell(topicOf(record))
}

/** The record as it is to be: what is there already stays, but for a pull request that was not known before. */
async function recordOf(
  asked: Asked,
  known: Replan | undefined,
  { attempt, isAgain }: { readonly attempt: string; readonly isAgain: boolean },
): Promise<Replan> {
  const { deps, thread, message, id } = asked
  const { wish } = message
  const { pull, judgement } = await askForge(asked)
  const found = pull ?? known ?? unknownPull(asked)
  if (known !== undefined && !isAgain)
    return { ...known, ...pullPart(found), change: { ...known.change, ...numberPart(found) } }
  const run = newRunId(deps.clock, deps.random)
  const part = pullPart(found)
  return {
    id,
    ...part,
    change: changeOf(asked, part, judgement.severities),
    attempt,
    run,
    listedAs: known?.listedAs ?? run,
    at: deps.clock.now(),
    clusters: [wish.cluster],
    state: 'current',
    problems: judgement.problems,
    afterMerge: { thread, waiting: known?.afterMerge.waiting ?? wish.waiting },
  }
}

type PullPart = Pick<Replan, 'pull' | 'repository' | 'number' | 'title' | 'author' | 'webUrl' | 'isFork'>

function pullPart({ pull, repository, number, title, author, webUrl, isFork }: PullPart): PullPart {
  return { pull, repository, ...(number === undefined ? {} : { number }), title, author, webUrl, isFork }
}

function numberPart({ number }: PullPart): Pick<ChangeRef, 'pullRequest'> {
  return number === undefined ? {} : { pullRequest: number }
}

/** What the forge says of the pull request and of how findings are judged. A plan does not depend on it: a forge that goes on failing is left out, and then the pull request is not told. */
async function askForge(asked: Asked): Promise<{
  readonly pull?: PullPart | undefined
  readonly judgement: Pick<Judgement, 'severities' | 'problems'>
}> {
  const { deps, target, message, attempt } = asked
  if (target === undefined) return { judgement: { severities: {}, problems: [] } }
  try {
    const pulls = openTarget({ ...deps, forgeTokens: deps.memory.forgeTokens }, target)
    const branch = message.wish.branch.replace(/^refs\/heads\//, '')
    const judgement = await readJudgement(pulls, branch, target.rule)
    return { pull: await mergedPull(asked, target, pulls), judgement }
  } catch (caught) {
    const { code, message: error, disposition } = toEngineError(caught)
    if (disposition === 'retry' && attempt < patientAttempts) throw caught
    deps.logger.log('warn', 'planned without the forge', { repository: target.address, code, error })
    const problems = [`the forge could not be asked (${code}): severities of the repository do not count`]
    return { judgement: { severities: target.rule.severities ?? {}, problems } }
  }
}

/** The pull request of the wish, where we have planned it and the forge says that it is merged: whose plan is compared with need not have brought what waits. */
async function mergedPull(
  asked: Asked,
  target: PlanTarget,
  pulls: Pick<PullRequests, 'read'>,
): Promise<PullPart | undefined> {
  const {
    records,
    message: { wish },
  } = asked
  const number = (await mergedNumber(asked)) ?? wish.pullRequest
  if (number === undefined) return undefined
  const key = pullKey(target.address, number)
  if ((await readPull(records, key)) === undefined) return undefined
  const pull: PullRequest | undefined = await pulls.read(number)
  if (pull?.state !== 'merged' || branchRef(pull.base.branch) !== wish.branch) return undefined
  return {
    pull: key,
    repository: `${target.owner}/${target.name}`,
    number: pull.number,
    title: pull.title.slice(0, maxTitle),
    author: pull.author.login,
    webUrl: pull.webUrl,
    isFork: pull.isFork,
  }
}

/** The pull request that was merged as the very commit that waits. */
async function mergedNumber({ records, target, message: { wish } }: Asked): Promise<number | undefined> {
  return target && mergedAs(records, { address: target.address, commit: wish.head })
}

function unknownPull({ target, thread, message: { wish } }: Asked): PullPart {
  const repository = target === undefined ? pathOf(wish.url) : `${target.owner}/${target.name}`
  return { pull: thread, repository, title: 'Planned after the merge', author: '', webUrl: '', isFork: false }
}

/** `owner/name` of the URL of a source, of whatever form. */
function pathOf(url: string): string {
  const path = URL.canParse(url) ? new URL(url).pathname : url.replace(/^[^:]*:/, '')
  return path.replace(/^\/+|\/+$|\.git$/g, '').slice(0, maxRepository)
}

/** What was merged is nobody's proposal any more: the cluster is asked, and secrets take part, as in the run that waits. */
function changeOf(
  { id, target, message: { wish } }: Asked,
  pull: PullPart,
  severities: NonNullable<ChangeRef['severities']>,
): ChangeRef {
  const { url, branch, base, head } = wish
  return {
    plan: id,
    urls: [url],
    repository: pull.repository,
    ...numberPart(pull),
    branch,
    base,
    head,
    // The source has fetched it from there: no commit that was not merged is planned.
    headRef: branch,
    live: target?.rule.live === false ? 'denied' : 'read',
    secrets: 'used',
    ...(Object.keys(severities).length === 0 ? {} : { severities }),
    afterMerge: true,
  }
}

/**
 * Ends older plans of the same cluster and branch. One that something still waits for, exactly as it says, stays: the newer one has nothing of it. So does one that was approved: its comment goes on to say by whom.
 */
async function supersede({ deps, records, message, thread }: Asked, record: Replan): Promise<void> {
  const { head }: ReplanWish = message.wish
  for (const older of await currentReplans(records, thread)) {
    // What applications have applied may differ: plans of one head belong together. A message that comes late ends nothing that is newer.
    if (older.id === record.id || older.change.head === head || older.at > record.at) continue
    const store = approvalStoreOf(deps)
    const waiting = await waitingFor(store, older.id, message.wish.cluster)
    if (waiting.length > 0) continue
    if ((await listPlanned(store, older.id)).some(({ approved }) => approved !== undefined)) continue
    await savePlan(records, { ...older, state: 'superseded' })
    await notePending(deps.state, topicOf(older))
    if (topicOf(older) !== topicOf(record)) await deps.plans?.tell(topicOf(older))
  }
}
