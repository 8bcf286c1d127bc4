import { EngineError, toEngineError, type Disposition } from '../base/index.ts'
import type { Clock, Logger } from '../ports/index.ts'
import type { Job, JobResult } from '../reconcile/index.ts'
import { mergeKey, pickNext } from './decide.ts'
import type { JobMessage } from './message.ts'
import { isFinal, type RunStore, type StoredRecord } from './run-store.ts'

/** How a submitted job ended. Plain data: it crosses from a Durable Object to its caller. */
export type SubmitResult =
  | { readonly kind: 'done' }
  | {
      readonly kind: 'failed'
      readonly error: { code: string; message: string; disposition: Disposition; retryAfterMs?: number }
    }

/** What a coordinator needs. */
export interface CoordinatorDeps {
  readonly cluster: string
  /** Does the work: `runJob` of the engine, with everything but the job already given. */
  readonly run: (job: Job, signal: AbortSignal, superseded: AbortSignal) => Promise<JobResult>
  readonly runs: RunStore
  /** Has `message` submitted again after `delayMs`. Durable once it resolved. */
  readonly scheduleFollowUp: (message: JobMessage, delayMs: number) => Promise<void>
  readonly clock: Clock
  readonly logger: Logger
  /** Milliseconds after which a run is cut off. It goes on from there when it is tried again. */
  readonly runTimeoutMs: number
}

/** Serialises the jobs of one cluster. Nothing in it is durable; losing it loses no job, for the queue still has the messages. */
export interface Coordinator {
  /**
   * Resolves when the job's record is stored, or says why it failed. Submitting a run that is waiting, running or finished does not run it
   * again. Never rejects.
   */
  submit(message: JobMessage): Promise<SubmitResult>
  /** Jobs waiting or running. */
  readonly size: number
  /** Cuts off what runs and refuses what comes: their messages stay in the queue. Resolves when nothing runs any more. */
  stop(): Promise<void>
}

interface Entry {
  message: JobMessage
  readonly since: number
  readonly result: Promise<SubmitResult>
  readonly settle: (result: SubmitResult) => void
}

/** Makes the coordinator of one cluster. */
export function createCoordinator(deps: CoordinatorDeps): Coordinator {
  return new ClusterCoordinator(deps)
}

class ClusterCoordinator implements Coordinator {
  readonly #deps: CoordinatorDeps
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  /** Tells the job that runs that something newer waits. */
  #superseding: AbortController | undefined
  readonly #waiting: Entry[] = []
  #running: Entry | undefined
  #loop: Promise<void> | undefined
  /** Continuations that this instance has scheduled, by merge key: a newer job for the same answers them too. */
  readonly #scheduled = new Map<string, JobMessage>()

  constructor(deps: CoordinatorDeps) {
    this.#deps = deps
    this.#logger = deps.logger.with({ cluster: deps.cluster })
  }

  get size(): number {
    return this.#waiting.length + (this.#running === undefined ? 0 : 1)
  }

  submit(message: JobMessage): Promise<SubmitResult> {
    if (this.#stopping.signal.aborted) return Promise.resolve(stopped())
    const entries = this.#running === undefined ? this.#waiting : [this.#running, ...this.#waiting]
    const same = entries.find((entry) => jobsOf(entry.message).some((job) => job.runId === message.job.runId))
    if (same !== undefined) return same.result
    const key = mergeKey(message.job)
    const mergeable = this.#waiting.find((entry) => mergeKey(entry.message.job) === key)
    if (mergeable !== undefined) {
      mergeable.message = mergeMessages(mergeable.message, message)
      if (isUrgent(message)) this.#superseding?.abort()
      return mergeable.result
    }
    const { promise, resolve } = Promise.withResolvers<SubmitResult>()
    this.#waiting.push({ message, since: this.#deps.clock.now(), result: promise, settle: resolve })
    if (isUrgent(message)) this.#superseding?.abort()
    this.#loop ??= this.#work()
    return promise
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    for (const entry of this.#waiting.splice(0)) entry.settle(stopped())
    await this.#loop
  }

  async #work(): Promise<void> {
    for (;;) {
      const index = pickNext(
        this.#waiting.map((entry) => ({
          job: entry.message.job,
          isFollowUp: (entry.message.followUp ?? 0) > 0,
          since: entry.since,
        })),
        this.#deps.clock.now(),
      )
      const entry = this.#waiting.splice(index, index < 0 ? 0 : 1)[0]
      if (entry === undefined) break
      this.#running = entry
      entry.settle(await this.#runEntry(entry))
      this.#running = undefined
    }
    this.#loop = undefined
  }

  async #runEntry(entry: Entry): Promise<SubmitResult> {
    try {
      const { job } = entry.message
      if (await this.#isAnswered(job)) return { kind: 'done' }
      const key = mergeKey(job)
      const scheduled = this.#scheduled.get(key)
      this.#scheduled.delete(key)
      if (scheduled !== undefined) entry.message = mergeMessages(scheduled, entry.message)
      await this.#execute(entry)
      return { kind: 'done' }
    } catch (caught) {
      const error = toEngineError(caught)
      this.#logger.log(error.disposition === 'bug' ? 'error' : 'warn', 'job failed', {
        run: entry.message.job.runId,
        code: error.code,
        error: error.message,
      })
      const { code, message, disposition, retryAfterMs } = error
      return {
        kind: 'failed',
        error: { code, message, disposition, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
      }
    }
  }

  /** Whether a run has ended, or goes on under another one's name. Queues deliver a message more than once. */
  async #isAnswered(job: Job): Promise<boolean> {
    const record = await this.#deps.runs.getRecord(job.runId, job.cluster)
    return record !== undefined && (isFinal(record) || record.mergedInto !== undefined)
  }

  async #execute(entry: Entry): Promise<void> {
    const deps = this.#deps
    const { job } = entry.message
    const startedAt = deps.clock.now()
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(deps.runTimeoutMs)])
    const superseded = new AbortController()
    this.#superseding = superseded
    if (this.#waiting.some((other) => isUrgent(other.message))) superseded.abort()
    const [{ record, requeueAfterMs }] = await Promise.all([
      deps.run(job, signal, superseded.signal),
      entry.message.followUp === undefined ? deps.runs.putRecord(runningRecord(job, startedAt)) : undefined,
    ])
    const stored: StoredRecord = requeueAfterMs === undefined ? record : { ...record, state: 'running' }
    const followUp: JobMessage = { ...entry.message, followUp: (entry.message.followUp ?? 0) + 1 }
    if (requeueAfterMs !== undefined) {
      await deps.scheduleFollowUp(followUp, requeueAfterMs)
      this.#scheduled.set(mergeKey(job), followUp)
    }
    await deps.runs.putRecord(stored)
    await Promise.all((entry.message.merged ?? []).map((merged) => this.#storeMerged(merged, stored)))
  }

  async #storeMerged(merged: Job, record: StoredRecord): Promise<void> {
    const known = await this.#deps.runs.getRecord(merged.runId, merged.cluster)
    if (isFinal(known) && known?.mergedInto === undefined) return
    const { actor: _actor, ...shared } = record
    await this.#deps.runs.putRecord({
      ...shared,
      id: merged.runId,
      trigger: merged.kind,
      receivedAt: merged.receivedAt,
      mergedInto: record.id,
      ...(merged.actor === undefined ? {} : { actor: merged.actor }),
    })
  }
}

/** Somebody waits for it: a push or a request that is new, not the continuation of one. */
function isUrgent(message: JobMessage): boolean {
  return message.job.kind !== 'scan' && message.followUp === undefined
}

function jobsOf(message: JobMessage): readonly Job[] {
  return [message.job, ...(message.merged ?? [])]
}

/** One message for two that ask for the same: the newer job runs, and the older ones end with it. */
function mergeMessages(a: JobMessage, b: JobMessage): JobMessage {
  const jobs = [...jobsOf(a), ...jobsOf(b)].toSorted((x, y) => y.receivedAt - x.receivedAt)
  const [job = a.job, ...merged] = [...new Map(jobs.map((one) => [one.runId, one])).values()]
  // A continuation stays one only while nothing newer takes its place.
  const followUp = [a, b].find((message) => message.job.runId === job.runId)?.followUp
  return { job, ...(merged.length === 0 ? {} : { merged }), ...(followUp === undefined ? {} : { followUp }) }
}

function runningRecord(job: Job, startedAt: number): StoredRecord {
  return {
    id: job.runId,
    cluster: job.cluster,
    trigger: job.kind,
    state: 'running',
    receivedAt: job.receivedAt,
    startedAt,
    ...(job.actor === undefined ? {} : { actor: job.actor }),
    nodes: [],
    timings: {},
  }
}

function stopped(): SubmitResult {
  const error = new EngineError('the coordinator is stopping', { code: 'coordinator-stopping', disposition: 'retry' })
  return { kind: 'failed', error: { code: error.code, message: error.message, disposition: error.disposition } }
}
