import { toEngineError } from '../../src/base/index.ts'
import { decideAfterFailure } from '../../src/coordinator/index.ts'
import type { PullRequest, PullRequests } from '../../src/forges/index.ts'
import type { QueueOutcome } from '../../src/ports/index.ts'
import { recordDelivery } from '../delivery-log.ts'
import type { FunctionDeps } from '../deps.ts'
import { applyCommand, isApply } from './apply-command.ts'
import { planTargetOf, type PlanTarget } from './config.ts'
import { decide, type Decision, type PlanCommand } from './decide.ts'
import { openTarget } from './forge.ts'
import { lookInTurn, type Turn } from './look-lock.ts'
import type { LookMessage } from './look-message.ts'
import { maxTitle, planRecord } from './plan-record.ts'
import {
  branchRef,
  planId,
  pullKey,
  readPlan,
  readPull,
  savePlan,
  savePull,
  type LatestReport,
  type PlanRecord,
  type PullRecord,
  type RecordDeps,
} from './records.ts'
import { queuePlan } from './queue-plan.ts'
import { recordCommand } from './record-command.ts'
import { approveMerged, tellOfMerge } from './merged.ts'
import { currentReplans } from './replans.ts'
import { hasOnlyIgnored, readJudgement } from './repository-config.ts'
import { notePending } from './tell.ts'

/** A look that is under way. */
interface Look {
  readonly deps: FunctionDeps
  readonly records: RecordDeps
  readonly message: LookMessage
  readonly target: PlanTarget
  /** Confirmed after each question to the forge, before anything is written. */
  readonly turn: Turn
  readonly pulls: PullRequests
  /** See {@link pullKey}. */
  readonly key: string
  readonly pull: PullRequest
  readonly known: PullRecord | undefined
  /** The plan that is reported. */
  readonly latest: PlanRecord | undefined
}

/**
 * Does what a message asks for: looks at a pull request and has it planned. May be cut off at any line and is done again then: what it does is noted under names that follow from the commits, a run that was queued twice is
 * done once, and the message goes only when all of it is done. Looks at one pull request come one after the other.
 */
export async function handleLook(
  deps: FunctionDeps,
  message: LookMessage,
  info: { readonly attempt: number },
): Promise<QueueOutcome> {
  const { plans = [], planKey } = deps.config
  const target = planTargetOf(plans, message.provider, message.urls)
  if (target === undefined || planKey === undefined) {
    deps.logger.log('info', 'pull request passed over', { why: 'no rule is for it any more', number: message.number })
    return { kind: 'ack' }
  }
  const key = pullKey(target.address, message.number)
  const records: RecordDeps = { state: deps.state, key: planKey, logger: deps.logger }
  try {
    const own = { of: key, message: message.id, attempt: info.attempt }
    return await lookInTurn(deps, own, (turn) => lookAt({ deps, message, target, key, records, turn }))
  } catch (caught) {
    return failedLook(deps, { message, target, caught, attempt: info.attempt })
  }
}

/** Says that a message was given up. */
export function dropLook(deps: FunctionDeps, { provider, number }: LookMessage): void {
  deps.logger.log('error', 'pull request not looked at', { provider, number, error: 'every attempt was cut off' })
}

function failedLook(
  deps: FunctionDeps,
  failed: {
    readonly message: LookMessage
    readonly target: PlanTarget
    readonly caught: unknown
    readonly attempt: number
  },
): QueueOutcome {
  const { message, target, caught, attempt } = failed
  const error = toEngineError(caught)
  const { code, message: text, disposition, retryAfterMs } = error
  const failure = { disposition, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  const decision = decideAfterFailure('trigger', failure, attempt)
  const repository = `${target.owner}/${target.name}`
  deps.logger.log('warn', 'pull request not looked at', {
    repository,
    number: message.number,
    attempt,
    code,
    error: text,
  })
  if (decision.kind === 'retry') return { kind: 'retry', delaySeconds: decision.delaySeconds }
  const reason = `pull request ${message.number} of ${repository}: ${text}`
  recordDelivery(deps, {
    provider: message.provider,
    deliveryId: '',
    event: '',
    verified: true,
    outcome: 'failed',
    reason,
  })
  return decision.kind === 'dead-letter' ? { kind: 'retry', delaySeconds: 0 } : { kind: 'ack' }
}

async function lookAt(start: Omit<Look, 'pulls' | 'pull' | 'known' | 'latest'>): Promise<void> {
  const { deps, message, target, records, key } = start
  const pulls = openTarget({ ...deps, forgeTokens: deps.memory.forgeTokens }, target)
  const [pull, known, command] = await Promise.all([
    pulls.read(message.number),
    readPull(records, key),
    readCommand(pulls, message),
  ])
  if (pull === undefined) {
    deps.logger.log('warn', 'pull request not found', { repository: target.address, number: message.number })
    return
  }
  const latest = known?.latest?.kind === 'plan' ? await readPlan(records, known.latest.plan) : undefined
  const look: Look = { ...start, pulls, pull, known, latest }
  await start.turn.confirm()
  if (command !== undefined && isApply(command.comment)) return apply(look, command)
  const decision = decide(pull, target.rule, { head: currentPlan(look)?.change.head }, command)
  await act(look, decision)
  await deps.plans?.tell(key)
}

/** The plan that is reported, where it is of the branch that the pull request is to be merged into now: somebody may have chosen another one since. */
function currentPlan({ latest, pull }: Look): PlanRecord | undefined {
  return latest?.change.branch === branchRef(pull.base.branch) ? latest : undefined
}

/** The comment that asks, and what its author may do: both as the forge says now. */
async function readCommand(pulls: PullRequests, { number, comment }: LookMessage): Promise<PlanCommand | undefined> {
  if (comment === undefined) return undefined
  const found = await pulls.readComment(number, comment)
  const permission = found === undefined ? 'none' : await pulls.permissionOf(found.author.login)
  return { id: comment, comment: found, permission }
}

/** Does what a comment asks that wants something applied, and notes where its author may not. */
async function apply(look: Look, { comment, permission }: PlanCommand): Promise<void> {
  const { deps, pulls, pull, message, target } = look
  const repository = `${target.owner}/${target.name}`
  const current = currentPlan(look)
  const plan = current === undefined ? undefined : { id: current.id, head: current.change.head }
  const { receivedAt } = message
  const replans = await currentReplans(look.records, look.key)
  const result = await applyCommand(deps, pulls, { repository, pull, comment, permission, plan, receivedAt, replans })
  const { by } = result
  const about = { repository: target.address, number: pull.number, by }
  if (result.kind === 'approved') {
    deps.logger.log('info', 'changes approved', { ...about, clusters: result.outcome.clusters.length })
    const run = result.outcome.clusters.find(({ applications }) => applications > 0)?.run
    recordCommand(look, { action: 'apply', by, outcome: 'done', ...(run === undefined ? {} : { run }) })
    return
  }
  // Its author's groups were asked for.
  await look.turn.confirm()
  deps.logger.log('info', 'command not followed', { ...about, why: result.why })
  recordCommand(look, { action: 'apply', by, outcome: 'refused', reason: result.why })
  await keepPull(look, { refused: { by, why: result.why, at: deps.clock.now() }, ...keptReport(look) })
}

async function act(look: Look, decision: Decision): Promise<void> {
  const { deps, pull, latest, records } = look
  switch (decision.kind) {
    case 'end': {
      const { state } = decision
      if (latest !== undefined && latest.state !== state) {
        if (state === 'merged') await approveMerged(look, latest)
        await savePlan(records, { ...latest, ...endOf(pull, state) })
      }
      await keepPull(look, { ...endOf(pull, state), ...keptReport(look) })
      return state === 'merged' ? tellOfMerge(look) : undefined
    }
    case 'gate':
      return report(look, { kind: 'gate', commit: pull.head.commit, forks: decision.forks })
    case 'refuse': {
      const { by, why } = decision
      deps.logger.log('info', 'command not followed', { repository: look.target.address, number: pull.number, by, why })
      recordCommand(look, { action: 'plan', by, outcome: 'refused', reason: why })
      return keepPull(look, { refused: { by, why, at: deps.clock.now() }, ...keptReport(look) })
    }
    case 'keep':
      return keepPull(look, keptReport(look))
    case 'plan':
      return plan(look, decision)
  }
}

function endOf(
  pull: PullRequest,
  state: 'merged' | 'closed',
): Pick<PlanRecord, 'mergeCommit'> & { state: typeof state } {
  const { mergeCommit } = pull
  return { state, ...(mergeCommit === undefined ? {} : { mergeCommit }) }
}

function keptReport({ known }: Look): Pick<PullRecord, 'latest'> {
  return known?.latest === undefined ? {} : { latest: known.latest }
}

/** Notes what the pull request is now. */
async function keepPull(look: Look, more: Partial<PullRecord>): Promise<void> {
  const { records, key, target, message, pull, deps } = look
  await savePull(records, key, {
    provider: message.provider,
    urls: target.urls,
    repository: `${target.owner}/${target.name}`,
    number: pull.number,
    title: pull.title.slice(0, maxTitle),
    author: pull.author.login,
    webUrl: pull.webUrl,
    isFork: pull.isFork,
    state: pull.state,
    lookedAt: deps.clock.now(),
    ...more,
  })
}

/** Has another report take the place of the one that stands. */
async function report(look: Look, next: LatestReport): Promise<void> {
  const { deps, records, latest, key } = look
  const isSame = next.kind === 'plan' && next.plan === latest?.id
  if (latest?.state === 'current' && !isSame) {
    await savePlan(records, { ...latest, state: 'superseded' })
    if (latest.change.head !== look.pull.head.commit && deps.plans !== undefined)
      deps.background(deps.plans.endSuperseded(latest))
  }
  await notePending(deps.state, key)
  await keepPull(look, { latest: next })
}

async function plan(look: Look, decision: Extract<Decision, { kind: 'plan' }>): Promise<void> {
  const { deps, records, pulls, pull, target, key, turn } = look
  const base = pull.mergeBase ?? pull.base.commit ?? (await pulls.readBranch(pull.base.branch))
  await turn.confirm()
  if (base === undefined) {
    deps.logger.log('warn', 'base branch not found', { repository: target.address, number: pull.number })
    return keepPull(look, keptReport(look))
  }
  const id = planId(key, { branch: branchRef(pull.base.branch), base, head: pull.head.commit })
  const known = await readPlan(records, id)
  const attempt = look.message.reason === 'again' ? `again ${look.message.id}` : (decision.attempt ?? 'delivery')
  const isAsked = attempt !== 'delivery' && known?.attempt !== attempt
  if (known?.isQueued === true && !isAsked) {
    if (known.state !== 'current') await savePlan(records, { ...known, state: 'current' })
    return report(look, { kind: 'plan', plan: id })
  }
  const judgement = await readJudgement(pulls, pull.base.branch, target.rule)
  const isIgnored = judgement.problems.length === 0 && (await hasOnlyIgnored(pulls, pull.number, judgement.ignore))
  await turn.confirm()
  if (isIgnored) return report(look, { kind: 'ignored', commit: pull.head.commit })
  const record = planRecord(look, { id, base, judgement, attempt, known: isAsked ? undefined : known }, decision, known)
  await savePlan(records, record)
  await report(look, { kind: 'plan', plan: id })
  // Its jobs take the place of those of an earlier plan.
  await turn.confirm()
  await queuePlan(deps, records, record, record.askedBy ?? record.author)
  if (record.askedBy !== undefined)
    recordCommand(look, { action: 'plan', by: record.askedBy, outcome: 'done', plan: id, run: record.run })
  deps.logger.log('info', 'plan queued', {
    plan: id,
    run: record.run,
    repository: record.repository,
    number: pull.number,
  })
}
