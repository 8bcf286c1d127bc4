import { EngineError, toEngineError, type Disposition } from '../base/index.ts'
import type { Clock, Logger, Random } from '../ports/index.ts'
import type { Job, JobResult, JobSignals } from '../reconcile/index.ts'
import { createBreaker, deadCodes } from './breaker.ts'
import type { ClusterStatusKeeper } from './cluster-status.ts'
import { fairKey, mergeKey, pickNext } from './decide.ts'
import { jobsOf, mergeMessages } from './merge-messages.ts'
import type { JobMessage } from './message.ts'
import { abortedRecord, type AbortOutcome } from './abort.ts'
import { isFinal, queuedRecord, runningRecord, type RunStore, type StoredRecord } from './run-store.ts'

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
  readonly run: (job: Job, signals: JobSignals) => Promise<JobResult>
  readonly runs: RunStore
  readonly status: ClusterStatusKeeper
  /** Has `message` submitted again after `delayMs`. Durable once it resolved. */
  readonly scheduleFollowUp: (message: JobMessage, delayMs: number) => Promise<void>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Milliseconds after which a run is cut off. It goes on from there when it is tried again. */
  readonly runTimeoutMs: number
  /** Jobs that go on at the same time; default 4. */
  readonly parallelJobs?: number
}

/** Does the jobs of one cluster. Nothing in it is durable; losing it loses no job, for the queue still has the messages. */
export interface Coordinator {
  /**
   * Resolves when the job's record is stored, or says why it failed. Submitting a run that is waiting, running or finished does not run it
   * again. A cluster that does not answer is no failure of the job: the job is put off, durably, until the cluster is asked again. Never rejects.
   */
  submit(message: JobMessage): Promise<SubmitResult>
  /**
   * Ends a run in this cluster for somebody: one that waits does not begin, one that runs is stopped where it is, one that was put off or waits for health does not go on. Its record says who ended
   * it; runs that were merged into it end with it. What it has done stays. @throws EngineError of the state store.
   */
  abort(runId: string, by: string): Promise<AbortOutcome>
  /** Jobs waiting or running. */
  readonly size: number
  /** Cuts off what runs and refuses what comes: their messages stay in the queue. Resolves when nothing runs any more. */
  stop(): Promise<void>
}

interface Entry {
  message: JobMessage
  /** Who wants it ended. */
  abortedBy?: string
  readonly key: string
  readonly since: number
  readonly result: Promise<SubmitResult>
  readonly settle: (result: SubmitResult) => void
}

interface Running {
  readonly entry: Entry
  readonly aborting: AbortController
  readonly done: Promise<void>
  readonly superseding: AbortController
  readonly replacing: AbortController
}

/** Jobs of different kinds that go on at the same time. What they do to one object comes one after the other, see ObjectLocks. */
const defaultParallelJobs = 4

/** Jobs that may wait here; those that come on top stay in the queue. */
const maxWaiting = 500

/** Milliseconds after which a job is tried again for which there was no place, or whose cluster another replica works on. */
const busyMs = 2_000

/** Milliseconds that whoever aborts a run waits for its end. */
const abortPatienceMs = 10_000

/** Codes of a run that did not take place, although nothing is wrong with it. */
const puttingOff: ReadonlySet<string> = new Set([...deadCodes, 'cluster-busy'])

/** Codes of a run that has failed for what the API server answered, besides those of the client (`kube-…`). */
const answers: ReadonlySet<string> = new Set(['hold-unreadable', 'cluster-busy'])

/** Makes the coordinator of one cluster. */
export function createCoordinator(deps: CoordinatorDeps): Coordinator {
  return new ClusterCoordinator(deps)
}

class ClusterCoordinator implements Coordinator {
  readonly #deps: CoordinatorDeps
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  readonly #waiting: Entry[] = []
  readonly #running = new Map<string, Running>()
  readonly #breaker = createBreaker()
  #lastFailure: EngineError | undefined
  /** When a job of each source was begun last, as a running number: nobody is served twice while others wait. */
  readonly #served = new Map<string, number>()
  #serial = 0
  /** Continuations that this instance has scheduled, by merge key: a newer job for the same answers them too. */
  readonly #scheduled = new Map<string, JobMessage>()

  constructor(deps: CoordinatorDeps) {
    this.#deps = deps
    this.#logger = deps.logger.with({ cluster: deps.cluster })
  }

  get size(): number {
    return this.#waiting.length + this.#running.size
  }

  submit(message: JobMessage): Promise<SubmitResult> {
    if (this.#stopping.signal.aborted) return Promise.resolve(stopped())
    const entries = [...[...this.#running.values()].map((one) => one.entry), ...this.#waiting]
    const same = entries.find((entry) => jobsOf(entry.message).some((job) => job.runId === message.job.runId))
    if (same !== undefined) return same.result
    const key = mergeKey(message.job)
    const mergeable = this.#waiting.find((entry) => entry.key === key)
    if (mergeable !== undefined) {
      this.#merge(mergeable, message)
      this.#hurry(message, key)
      return mergeable.result
    }
    if (this.#waiting.length >= maxWaiting) return Promise.resolve(busy())
    const { promise, resolve } = Promise.withResolvers<SubmitResult>()
    this.#waiting.push({ message, key, since: this.#deps.clock.now(), result: promise, settle: resolve })
    this.#startMore()
    this.#hurry(message, key)
    return promise
  }

  async abort(runId: string, by: string): Promise<AbortOutcome> {
    const { runs } = this.#deps
    const record = await runs.getRecord(runId, this.#deps.cluster)
    if (isFinal(record)) return { kind: 'finished' }
    if (record?.mergedInto !== undefined) return { kind: 'merged', into: record.mergedInto }
    if (!(await this.#abortHere(runId, by))) {
      const known = record ?? (await runs.get(runId))?.records.find((one) => one.cluster === this.#deps.cluster)
      if (known === undefined) return { kind: 'unknown' }
      await runs.putRecord(abortedRecord(known, by, this.#deps.clock.now()))
      // It may have come from the queue meanwhile.
      await this.#abortHere(runId, by)
    }
    this.#logger.log('info', 'run aborted', { run: runId, by })
    return { kind: 'aborted' }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    for (const entry of this.#waiting.splice(0)) entry.settle(stopped())
    await Promise.all([...this.#running.values()].map((one) => one.done))
  }

  /** Ends a run that waits or runs here. @returns false where it does neither. */
  async #abortHere(runId: string, by: string): Promise<boolean> {
    const { clock } = this.#deps
    const isOf = (entry: Entry): boolean => entry.message.job.runId === runId
    const running = [...this.#running.values()].find(({ entry }) => isOf(entry))
    if (running !== undefined) {
      running.entry.abortedBy = by
      running.aborting.abort()
      await Promise.race([running.done, clock.sleep(abortPatienceMs)])
      return true
    }
    const waiting = this.#waiting.find(isOf)
    if (waiting !== undefined) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
      await this.#endAborted(waiting, by)
      waiting.settle({ kind: 'done' })
      return true
    }
    const entries = [...this.#waiting, ...[...this.#running.values()].map(({ entry }) => entry)]
    const carrier = entries.find(({ message }) => jobsOf(message).some((job) => job.runId === runId))
    const job = carrier?.message.merged?.find((one) => one.runId === runId)
    if (carrier === undefined || job === undefined) return false
    carrier.message = { ...carrier.message, merged: (carrier.message.merged ?? []).filter((one) => one !== job) }
    await this.#storeAborted(job, by)
    return true
  }

  /** Writes down that a job and those that were merged into it have been ended. */
  async #endAborted(entry: Entry, by: string): Promise<void> {
    await Promise.all(jobsOf(entry.message).map((job) => this.#storeAborted(job, by)))
  }

  async #storeAborted(job: Job, by: string): Promise<void> {
    const { runs, clock } = this.#deps
    const known = await runs.getRecord(job.runId, job.cluster)
    await runs.putRecord(abortedRecord(known ?? queuedRecord(job), by, clock.now()))
  }

  /** Tells those that run what waits: the older job for the same ends soon, and where all places are taken nobody waits for health only. */
  #hurry(message: JobMessage, key: string): void {
    if (!isUrgent(message) || !this.#waiting.some((entry) => entry.key === key)) return
    this.#running.get(key)?.replacing.abort()
    this.#running.get(key)?.superseding.abort()
    if (this.#running.size < this.#places) return
    for (const { superseding } of this.#running.values()) superseding.abort()
  }

  get #places(): number {
    return this.#deps.parallelJobs ?? defaultParallelJobs
  }

  #startMore(): void {
    while (this.#running.size < this.#places && !this.#stopping.signal.aborted) {
      const index = pickNext(
        this.#waiting.map((entry) => ({
          job: entry.message.job,
          isFollowUp: (entry.message.followUp ?? 0) > 0,
          since: entry.since,
          isBlocked: this.#running.has(entry.key),
          served: this.#served.get(fairKey(entry.message.job)) ?? 0,
        })),
        this.#deps.clock.now(),
      )
      const entry = this.#waiting.splice(index, index < 0 ? 0 : 1)[0]
      if (entry === undefined) return
      this.#serial += 1
      this.#served.set(fairKey(entry.message.job), this.#serial)
      const superseding = new AbortController()
      const replacing = new AbortController()
      const aborting = new AbortController()
      const signals = { stop: aborting.signal, superseded: superseding.signal, replaced: replacing.signal }
      const done = this.#runEntry(entry, signals).then((settle) => {
        this.#running.delete(entry.key)
        settle()
        if (this.size === 0) this.#served.clear()
        this.#startMore()
      })
      this.#running.set(entry.key, { entry, done, aborting, superseding, replacing })
    }
  }

  /** Runs a job to its end. @returns what tells those who wait for it. */
  async #runEntry(entry: Entry, signals: Required<JobSignals>): Promise<() => void> {
    try {
      const { job } = entry.message
      const known = await this.#deps.runs.getRecord(job.runId, job.cluster)
      if (await this.#isAnswered(entry.message, known)) return () => entry.settle({ kind: 'done' })
      const scheduled = this.#scheduled.get(entry.key)
      this.#scheduled.delete(entry.key)
      if (scheduled !== undefined) this.#merge(entry, scheduled)
      const waitMs = this.#breaker.enter(this.#deps.clock.now(), entry)
      if (waitMs > 0) return await this.#putOff(entry, this.#lastFailure ?? unreachable(), waitMs)
      const newer = await this.#execute(entry, known, signals)
      if (newer === undefined) return () => entry.settle({ kind: 'done' })
      return () => void newer.result.then(entry.settle)
    } catch (caught) {
      const error = toEngineError(caught)
      if (isAnswer(error)) await this.#noteAnswer()
      const { abortedBy } = entry
      if (abortedBy !== undefined)
        return this.#endAborted(entry, abortedBy).then(
          () => () => entry.settle({ kind: 'done' }),
          (failure: unknown) => this.#fail(entry, failure),
        )
      if (puttingOff.has(error.code) && !this.#stopping.signal.aborted)
        return this.#putOff(entry, error, this.#noteDead(error)).catch((failure: unknown) => this.#fail(entry, failure))
      return this.#fail(entry, error)
    } finally {
      this.#breaker.leave(entry)
    }
  }

  #fail(entry: Entry, caught: unknown): () => void {
    const error = toEngineError(caught)
    this.#logger.log(error.disposition === 'bug' ? 'error' : 'warn', 'job failed', {
      run: entry.message.job.runId,
      code: error.code,
      error: error.message,
    })
    return () => entry.settle(failed(error))
  }

  /** Whether a run has ended, or goes on under another one's name. Queues deliver a message more than once. */
  async #isAnswered({ merged = [] }: JobMessage, record: StoredRecord | undefined): Promise<boolean> {
    if (record === undefined) return false
    if (!isFinal(record)) return record.mergedInto !== undefined
    // Aborted between two looks, or the process was cut before it was written: those that were merged into it end with it.
    await Promise.all(
      merged.map(async (one) => {
        if (!isFinal(await this.#deps.runs.getRecord(one.runId, one.cluster))) await this.#storeMerged(one, record)
      }),
    )
    return true
  }

  /** @returns the newer entry for the same that does the rest, where this one has ended early for it. */
  async #execute(
    entry: Entry,
    known: StoredRecord | undefined,
    signals: Required<JobSignals>,
  ): Promise<Entry | undefined> {
    const deps = this.#deps
    const { record, requeueAfterMs, left } = await this.#attempt(entry.message, known, signals)
    this.#breaker.close()
    await this.#keepStatus(() => deps.status.seen(deps.clock.now()))
    const { abortedBy } = entry
    if (abortedBy !== undefined && (left !== undefined || requeueAfterMs !== undefined)) {
      await this.#endAborted(entry, abortedBy)
      return undefined
    }
    const newer = this.#waiting.find((other) => other.key === entry.key)
    if (left !== undefined && newer !== undefined) {
      await deps.runs.putRecord({ ...record, state: 'running' })
      this.#merge(newer, entry.message)
      return newer
    }
    const goesOnMs = left === undefined ? requeueAfterMs : 0
    const stored: StoredRecord = goesOnMs === undefined ? record : { ...record, state: 'running' }
    if (goesOnMs !== undefined) {
      const followUp: JobMessage = { ...entry.message, followUp: (entry.message.followUp ?? 0) + 1 }
      await deps.scheduleFollowUp(followUp, goesOnMs)
      this.#scheduled.set(entry.key, followUp)
    }
    await deps.runs.putRecord(stored)
    await Promise.all((entry.message.merged ?? []).map((merged) => this.#storeMerged(merged, stored)))
    return undefined
  }

  /**
   * Has the job done, and its record say that it runs. `known` is the record of earlier attempts: what they have done stays in it, and is there before the run reads
   * it. Where there is nothing to be kept the run does not wait; it ends before this does.
   */
  async #attempt(
    { job, followUp }: JobMessage,
    known: StoredRecord | undefined,
    signals: Required<JobSignals>,
  ): Promise<JobResult> {
    const { run, runs, clock, runTimeoutMs } = this.#deps
    const unnoted = new AbortController()
    const noted = followUp === undefined ? runs.putRecord(runningRecord(job, clock.now(), known)) : Promise.resolve()
    if (known !== undefined && known.nodes.length > 0) await noted
    const stop = AbortSignal.any([
      this.#stopping.signal,
      signals.stop,
      unnoted.signal,
      AbortSignal.timeout(runTimeoutMs),
    ])
    const [ended, noting] = await Promise.allSettled([
      run(job, { ...signals, stop }),
      noted.catch((error: unknown) => {
        unnoted.abort()
        throw error
      }),
    ])
    // One that has come to its end has a record that says more.
    if (ended.status === 'fulfilled') return ended.value
    throw noting.status === 'rejected' ? noting.reason : ended.reason
  }

  /** Notes that the cluster answers, where it did not: it may have refused what was asked, but it is there. */
  async #noteAnswer(): Promise<void> {
    if (this.#breaker.failingSince === undefined) return
    this.#breaker.close()
    await this.#keepStatus(() => this.#deps.status.seen(this.#deps.clock.now()))
  }

  /** Notes that the cluster does not answer. @returns milliseconds until it is asked again. */
  #noteDead(error: EngineError): number {
    if (!deadCodes.has(error.code)) return error.retryAfterMs ?? busyMs
    const now = this.#deps.clock.now()
    const wasDead = this.#breaker.failingSince !== undefined
    this.#lastFailure = error
    const waitMs = this.#breaker.open(now)
    if (!wasDead) this.#logger.log('warn', 'the cluster does not answer', { error: error.message })
    return Math.max(waitMs, error.retryAfterMs ?? 0)
  }

  /**
   * Leaves a job for later: its message is sent again, as often as it takes, which counts as no attempt. A scan is not: the next one comes anyway.
   */
  async #putOff(entry: Entry, error: EngineError, waitMs: number): Promise<() => void> {
    const { runs, scheduleFollowUp, clock, random, status } = this.#deps
    const now = clock.now()
    const { failingSince } = this.#breaker
    const { code, message } = error
    if (failingSince !== undefined && deadCodes.has(code))
      await this.#keepStatus(() => status.failed({ failingSince, error: { code, message }, retryAt: now + waitMs }))
    if (entry.message.job.kind === 'scan') {
      if (code === 'cluster-busy') {
        // The other replica scans too.
        await runs.putRecord({ ...queuedRecord(entry.message.job), state: 'succeeded', finishedAt: now })
        return () => entry.settle({ kind: 'done' })
      }
      const text = `${message}; the next scan looks again`
      return () => entry.settle(failed(new EngineError(text, { code, disposition: 'stall' })))
    }
    // Not all at the same moment: half of a second at most, so that those for the same still meet.
    const delayMs = Math.ceil(waitMs + (random.bytes(1)[0] ?? 0) * 2)
    await scheduleFollowUp(entry.message, delayMs)
    await Promise.all(
      jobsOf(entry.message).map(async (job) => {
        const known = await runs.getRecord(job.runId, job.cluster)
        if (isFinal(known)) return
        await runs.putRecord({
          ...(known ?? queuedRecord(job)),
          state: 'queued',
          error: { code, message },
          retryAt: now + delayMs,
        })
      }),
    )
    return () => entry.settle({ kind: 'done' })
  }

  #merge(entry: Entry, message: JobMessage): void {
    const { message: merged, dropped } = mergeMessages(entry.message, message)
    entry.message = merged
    for (const job of dropped) void this.#endDropped(job, merged.job).catch(() => undefined)
  }

  /** A run that newer ones have pushed out of the queue before it began. */
  async #endDropped(job: Job, by: Job): Promise<void> {
    const { runs, clock } = this.#deps
    const error = {
      code: 'superseded',
      message: `newer requests took its place before it began, the last one ${by.runId}`,
    }
    const known = await runs.getRecord(job.runId, job.cluster)
    if (isFinal(known)) return
    const finishedAt = clock.now()
    await runs.putRecord({ ...(known ?? queuedRecord(job)), state: 'failed', error, finishedAt, givenUp: true })
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
      mergedInto: record.mergedInto ?? record.id,
      ...(merged.actor === undefined ? {} : { actor: merged.actor }),
    })
  }

  /** The status is for those who read; that it cannot be written fails no job. */
  async #keepStatus(write: () => Promise<void>): Promise<void> {
    await write().catch((error: unknown) =>
      this.#logger.log('warn', 'status of the cluster not written', { error: toEngineError(error).message }),
    )
  }
}

/** Somebody waits for it: a push or a request that is new, not the continuation of one. */
function isUrgent(message: JobMessage): boolean {
  return message.job.kind !== 'scan' && message.followUp === undefined
}

/** Whether the API server has said something to the run that has failed with it. */
function isAnswer({ code }: EngineError): boolean {
  return answers.has(code) || (code.startsWith('kube-') && !deadCodes.has(code))
}

function failed({ code, message, disposition, retryAfterMs }: EngineError): SubmitResult {
  return {
    kind: 'failed',
    error: { code, message, disposition, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  }
}

function stopped(): SubmitResult {
  return failed(new EngineError('the coordinator is stopping', { code: 'coordinator-stopping', disposition: 'retry' }))
}

function busy(): SubmitResult {
  const text = `more than ${maxWaiting} jobs wait for this cluster`
  return failed(new EngineError(text, { code: 'coordinator-busy', disposition: 'retry', retryAfterMs: busyMs }))
}

function unreachable(): EngineError {
  return new EngineError('the cluster does not answer', { code: 'cluster-unreachable', disposition: 'retry' })
}
