import { toEngineError, type EngineError, type Json } from '../base/index.ts'
import type { Clock, Logger, QueueOutcome } from '../ports/index.ts'
import type { Job } from '../reconcile/index.ts'
import type { AbortOutcome } from './abort.ts'
import type { SubmitResult } from './coordinator.ts'
import { decideAfterFailure, type FailureDecision } from './decide.ts'
import { clusterOfMessage, parseMessage, type JobMessage } from './message.ts'
import { isFinal, queuedRecord, type RunStore, type StoredRecord } from './run-store.ts'

/** The coordinator of a cluster as its callers see it: here, or behind a Durable Object. May reject when it cannot be reached. */
export interface CoordinatorClient {
  submit(message: JobMessage): Promise<SubmitResult>
  /** See Coordinator. */
  abort(runId: string, by: string): Promise<AbortOutcome>
}

/** What consuming messages needs. */
export interface ConsumerDeps {
  /** The coordinator of a cluster; undefined when the configuration has no such cluster (any more). */
  readonly coordinatorOf: (cluster: string) => Pick<CoordinatorClient, 'submit'> | undefined
  readonly runs: RunStore
  readonly clock: Clock
  readonly logger: Logger
  /** Puts a message that a newer version has written into the queue again: a retry would count against its attempts. */
  readonly putBack: (body: Json, delaySeconds: number) => Promise<void>
}

/** Seconds after which a message that this version does not understand is looked at again, perhaps by a newer one. */
const unknownMessageDelaySeconds = 30

/** Seconds after which a message of a newer version is looked at again: whether that version is back is seen soon enough. */
const newerMessageDelaySeconds = 300

type FailedResult = Extract<SubmitResult, { kind: 'failed' }>

/**
 * Takes one message of the queue to its coordinator. Acknowledges it only when the run's record is stored. A failure is noted in the record
 * (what went wrong, when it is tried again) before the message goes back. A message that a newer version has written is put back as often as
 * needed: after a rollback it waits for the version that understands it.
 */
export async function handleMessage(
  deps: ConsumerDeps,
  body: Json,
  info: { readonly attempt: number },
): Promise<QueueOutcome> {
  let message: JobMessage
  try {
    message = parseMessage(body)
  } catch (caught) {
    if (await isKept(deps, body, caught)) return { kind: 'ack' }
    deps.logger.log('error', 'message refused', { error: toEngineError(caught).message, attempt: info.attempt })
    return { kind: 'retry', delaySeconds: unknownMessageDelaySeconds }
  }
  const result = await submit(deps, message)
  if (result.kind === 'done') return { kind: 'ack' }
  // Not a failure of the job: whoever starts next takes the message up again.
  if (result.error.code === 'coordinator-stopping') return { kind: 'retry', delaySeconds: 0 }
  const decision = decideAfterFailure(message.job.kind, result.error, info.attempt)
  await noteFailure(deps, message, result.error, decision, info.attempt)
  switch (decision.kind) {
    case 'retry':
      return { kind: 'retry', delaySeconds: decision.delaySeconds }
    case 'dead-letter':
      return { kind: 'retry', delaySeconds: 0 } // The last attempt: the queue moves it to the dead letters.
    case 'give-up':
      return { kind: 'ack' }
  }
}

/** Marks the runs of a dead letter as failed, also where the last attempt died without a word. */
export async function handleDeadLetter(deps: ConsumerDeps, body: Json): Promise<void> {
  let message: JobMessage
  try {
    message = parseMessage(body)
  } catch (caught) {
    if (await isKept(deps, body, caught)) return
    deps.logger.log('error', 'dead letter dropped', { error: toEngineError(caught).message })
    return
  }
  const error = {
    code: 'job-abandoned',
    message: 'every attempt was cut off before it could say why; the next scan looks again',
  }
  deps.logger.log('error', 'job abandoned', { run: message.job.runId, cluster: message.job.cluster })
  await noteFailure(deps, message, error, { kind: 'dead-letter' }, undefined)
}

/** Whether a message that could not be read is of a newer version, and has been put back for it. */
async function isKept(deps: ConsumerDeps, body: Json, caught: unknown): Promise<boolean> {
  const error = toEngineError(caught)
  if (error.code !== 'message-newer') return false
  await deps.putBack(body, newerMessageDelaySeconds)
  deps.logger.log('warn', 'message kept', { error: error.message, cluster: clusterOfMessage(body) })
  return true
}

async function submit(deps: ConsumerDeps, message: JobMessage): Promise<SubmitResult> {
  const { cluster } = message.job
  const coordinator = deps.coordinatorOf(cluster)
  if (coordinator === undefined) {
    const text = `the cluster ${cluster} is not in the configuration`
    return { kind: 'failed', error: { code: 'cluster-unknown', message: text, disposition: 'stall' } }
  }
  try {
    return await coordinator.submit(message)
  } catch (caught) {
    const error: EngineError = toEngineError(caught, { code: 'coordinator-unreachable', disposition: 'retry' })
    return { kind: 'failed', error: { code: error.code, message: error.message, disposition: error.disposition } }
  }
}

async function noteFailure(
  deps: ConsumerDeps,
  message: JobMessage,
  error: Pick<FailedResult['error'], 'code' | 'message'>,
  decision: FailureDecision,
  attempt: number | undefined,
): Promise<void> {
  const now = deps.clock.now()
  const note = async (job: Job): Promise<void> => {
    const known = await deps.runs.getRecord(job.runId, job.cluster)
    if (isFinal(known)) return
    const base: StoredRecord = known ?? queuedRecord(job)
    await deps.runs.putRecord({
      ...base,
      error: { code: error.code, message: error.message },
      ...(attempt === undefined ? {} : { failedAttempts: attempt }),
      ...(decision.kind === 'retry'
        ? { state: 'queued', retryAt: now + decision.delaySeconds * 1000 }
        : { state: 'failed', finishedAt: now, givenUp: true }),
    })
  }
  await Promise.all([message.job, ...(message.merged ?? [])].map(note))
}
