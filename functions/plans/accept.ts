import { EngineError } from '../../src/base/index.ts'
import { newRunId } from '../../src/coordinator/index.ts'
import type { Clock, Queue, Random } from '../../src/ports/index.ts'
import type { ChangeNotice, Decoded } from '../../src/receivers/index.ts'
import type { FunctionDeps } from '../deps.ts'
import { planTargetOf } from './config.ts'
import { encodeLook, type LookMessage } from './look-message.ts'
import type { PullRecord } from './records.ts'
import { encodeReplan, type ReplanMessage } from './replan-message.ts'
import type { Replan } from './replans.ts'

/**
 * Takes in what a verified delivery says of a pull request: has it looked at, in the background of the answer and durably. Nothing of the delivery decides anything; the forge is asked.
 *
 * @returns whether there is something to look at: a rule is for the repository, and plans depend on what has happened. @throws EngineError `queue-unavailable`: the sender tries again.
 */
export async function acceptChange(deps: FunctionDeps, decoded: Decoded): Promise<boolean> {
  const { change } = decoded
  const { plans = [] } = deps.config
  if (change === undefined || !isRelevant(change)) return false
  const target = planTargetOf(plans, change.provider, change.urls)
  if (target === undefined) return false
  const { provider, number, comment } = change
  await sendLook(deps, {
    provider,
    urls: target.urls,
    number,
    ...(comment === undefined ? { reason: 'delivery' } : { reason: 'command', comment: comment.id }),
  })
  return true
}

/** Plans do not depend on reviews, nor on comments without a command. */
function isRelevant({ action, comment }: ChangeNotice): boolean {
  if (action === 'reviewed') return false
  return action !== 'commented' || comment !== undefined
}

/** What sending needs. */
export interface LookSender {
  readonly queue: Queue
  readonly clock: Clock
  readonly random: Random
}

/** Has a pull request looked at. Durable once it resolved. @throws EngineError `queue-unavailable`. */
export async function sendLook(deps: LookSender, look: Omit<LookMessage, 'id' | 'receivedAt'>): Promise<void> {
  const message: LookMessage = { ...look, id: newRunId(deps.clock, deps.random), receivedAt: deps.clock.now() }
  try {
    await deps.queue.send(encodeLook(message))
  } catch (caught) {
    const text = 'the pull request could not be queued; send it again'
    throw new EngineError(text, { code: 'queue-unavailable', disposition: 'retry', cause: caught })
  }
}

/** Has a pull request planned again that is known. */
export function planAgain(deps: LookSender, { provider, urls, number }: PullRecord): Promise<void> {
  return sendLook(deps, { provider, urls, number, reason: 'again' })
}

/** Has made again what a cluster waits for after a merge; `waits` has it told only, with the pull request where it was not known. */
export async function replanAgain(
  deps: LookSender,
  { change, clusters, afterMerge }: Replan,
  {
    reason = 'again',
    pullRequest = change.pullRequest,
  }: Partial<Pick<ReplanMessage, 'reason'>> & {
    readonly pullRequest?: number
  } = {},
): Promise<void> {
  const { urls, branch, base, head } = change
  const [[cluster = ''], [url = '']] = [clusters, urls]
  const { waiting } = afterMerge
  const number = pullRequest === undefined ? {} : { pullRequest }
  const wish = { cluster, url, branch, base, head, waiting, ...number }
  const id = newRunId(deps.clock, deps.random)
  await deps.queue.send(encodeReplan({ id, wish, reason, receivedAt: deps.clock.now() }))
}
