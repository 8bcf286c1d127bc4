import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EngineError, type Json } from '../../../src/base/index.ts'
import {
  createClusterStatusKeeper,
  createCoordinator,
  createRunStore,
  clusterOfMessage,
  encodeMessage,
  handleDeadLetter,
  handleMessage,
  maxAttempts,
  messageVersion,
  parseMessage,
  type Coordinator,
  type JobMessage,
  type RunStore,
} from '../../../src/coordinator/index.ts'
import type { StateStore } from '../../../src/ports/index.ts'
import type { ChangeRef, Job, JobResult } from '../../../src/reconcile/index.ts'
import { createMemoryLogger, createMemoryState, systemClock, systemRandom } from '../../support/memory-ports.ts'

interface Setup {
  readonly coordinator: Coordinator
  readonly runs: RunStore
  readonly started: string[]
  /** Runs that were told of a newer one for the same. */
  readonly replaced: string[]
  readonly state: StateStore
  readonly followUps: { message: JobMessage; delayMs: number }[]
  /** Ends the run that is under way. */
  readonly finish: (result?: Partial<JobResult['record']> & { requeueAfterMs?: number; left?: number }) => Promise<void>
  readonly fail: (error: Error) => Promise<void>
}

const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2))

function setUp(): Setup {
  const state = createMemoryState()
  const runs = createRunStore(state)
  const started: string[] = []
  const replacedRuns: string[] = []
  const followUps: Setup['followUps'] = []
  let current: { job: Job; resolve: (result: JobResult) => void; reject: (error: Error) => void } | undefined
  const coordinator = createCoordinator({
    cluster: 'c',
    runs,
    clock: systemClock,
    random: systemRandom,
    status: createClusterStatusKeeper(state, 'c'),
    logger: createMemoryLogger(),
    runTimeoutMs: 60_000,
    parallelJobs: 1,
    scheduleFollowUp: async (message, delayMs) => void followUps.push({ message, delayMs }),
    run: (job, { stop, replaced }) => {
      assert.equal(current, undefined, 'two runs at the same time')
      started.push(job.runId)
      return new Promise((resolve, reject) => {
        current = { job, resolve, reject }
        replaced?.addEventListener('abort', () => replacedRuns.push(job.runId))
        stop?.addEventListener('abort', () => {
          current = undefined
          reject(new EngineError('cut off', { code: 'aborted', disposition: 'retry' }))
        })
      })
    },
  })
  const settle = async (how: (run: NonNullable<typeof current>) => void): Promise<void> => {
    await tick()
    const run = current
    assert.ok(run !== undefined, 'nothing runs')
    current = undefined
    how(run)
    await tick()
  }
  return {
    coordinator,
    runs,
    started,
    replaced: replacedRuns,
    state,
    followUps,
    finish: ({ requeueAfterMs, left, ...change } = {}) =>
      settle(({ job, resolve }) => {
        const record = {
          id: job.runId,
          cluster: 'c',
          trigger: job.kind,
          state: 'succeeded' as const,
          receivedAt: job.receivedAt,
          nodes: [],
          timings: {},
        }
        resolve({
          record: { ...record, ...change },
          ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
          ...(left === undefined ? {} : { left }),
        })
      }),
    fail: (error) => settle(({ reject }) => reject(error)),
  }
}

const push = (runId: string, receivedAt: number, ref = 'refs/heads/main'): JobMessage => ({
  job: {
    kind: 'push',
    runId,
    cluster: 'c',
    receivedAt,
    actor: `by-${runId}`,
    push: { provider: 'github', deliveryId: runId, urls: ['u'], ref },
  },
})

void describe('coordinator', () => {
  void it('one at a time, and the record is stored before the job counts as done', async () => {
    const { coordinator, runs, started, finish } = setUp()
    const a = coordinator.submit(push('a', 1))
    const b = coordinator.submit(push('b', 2, 'refs/heads/other'))
    await tick()
    assert.deepEqual(started, ['a'])
    assert.equal((await runs.getRecord('a', 'c'))?.state, 'running')
    await finish()
    assert.deepEqual(await a, { kind: 'done' })
    assert.equal((await runs.getRecord('a', 'c'))?.state, 'succeeded')
    await finish()
    await b
    assert.deepEqual(started, ['a', 'b'])
    assert.equal(coordinator.size, 0)
  })
  void it('pushes behind a running one become one run; each id ends with a record', async () => {
    const { coordinator, runs, started, finish } = setUp()
    const all = ['a', 'b', 'c', 'd'].map((id, index) => coordinator.submit(push(id, index)))
    await finish()
    await finish({ state: 'partial' })
    await Promise.all(all)
    assert.deepEqual(started, ['a', 'd'], 'the newest runs; a, already running, is not touched')
    for (const id of ['b', 'c']) {
      const record = await runs.getRecord(id, 'c')
      assert.deepEqual([record?.id, record?.state, record?.mergedInto, record?.actor], [id, 'partial', 'd', `by-${id}`])
    }
    assert.equal((await runs.getRecord('a', 'c'))?.state, 'succeeded')
  })
  void it('the newest wins also when it arrives first', async () => {
    const { coordinator, started, finish } = setUp()
    void coordinator.submit(push('a', 1))
    const late = [coordinator.submit(push('c', 3)), coordinator.submit(push('b', 2))]
    await finish()
    await finish()
    await Promise.all(late)
    assert.deepEqual(started, ['a', 'c'])
  })
  void it('the same run is done once: while waiting, while running, and afterwards', async () => {
    const { coordinator, started, finish } = setUp()
    const results = [coordinator.submit(push('a', 1)), coordinator.submit(push('a', 1))]
    await tick()
    results.push(coordinator.submit(push('a', 1)))
    await finish()
    await Promise.all(results)
    assert.deepEqual(await coordinator.submit(push('a', 1)), { kind: 'done' })
    assert.deepEqual(started, ['a'])
  })
  void it('a run that waits for something goes on later, under the same id', async () => {
    const { coordinator, runs, started, followUps, finish } = setUp()
    const first = coordinator.submit(push('a', 1))
    await finish({ requeueAfterMs: 2000 })
    assert.deepEqual(await first, { kind: 'done' })
    assert.equal((await runs.getRecord('a', 'c'))?.state, 'running')
    assert.deepEqual([followUps[0]?.delayMs, followUps[0]?.message.followUp], [2000, 1])
    const second = coordinator.submit(followUps[0]?.message ?? push('x', 0))
    await finish()
    await second
    assert.deepEqual(started, ['a', 'a'])
    assert.equal((await runs.getRecord('a', 'c'))?.state, 'succeeded')
    assert.deepEqual(await coordinator.submit(followUps[0]?.message ?? push('x', 0)), { kind: 'done' })
    assert.equal(started.length, 2, 'a message delivered twice is not run twice')
  })
  void it('a newer push answers a run that waits; its continuation then has nothing to do', async () => {
    const { coordinator, runs, started, followUps, finish } = setUp()
    void coordinator.submit(push('a', 1))
    await finish({ requeueAfterMs: 2000 })
    const newer = coordinator.submit(push('b', 2))
    await finish()
    await newer
    assert.equal((await runs.getRecord('a', 'c'))?.mergedInto, 'b')
    assert.equal((await runs.getRecord('a', 'c'))?.state, 'succeeded')
    await coordinator.submit(followUps[0]?.message ?? push('x', 0))
    assert.deepEqual(started, ['a', 'b'])
  })
  void it('merged runs end with the continuation of the one that took them in', async () => {
    const { coordinator, runs, followUps, finish } = setUp()
    void coordinator.submit(push('a', 1))
    void coordinator.submit(push('b', 2))
    void coordinator.submit(push('c', 3))
    await finish()
    await finish({ requeueAfterMs: 10 })
    assert.equal((await runs.getRecord('b', 'c'))?.state, 'running')
    const message = parseMessage(encodeMessage(followUps[0]?.message ?? push('x', 0)))
    const later = coordinator.submit(message)
    await finish()
    await later
    assert.equal((await runs.getRecord('b', 'c'))?.state, 'succeeded')
  })
  void it('a failure is told to everybody, and the same run is run again afterwards', async () => {
    const { coordinator, started, fail, finish } = setUp()
    void coordinator.submit(push('z', 0))
    const a = coordinator.submit(push('a', 1))
    const b = coordinator.submit(push('b', 2))
    await finish()
    await fail(new EngineError('no store', { code: 'state-unavailable', disposition: 'retry', retryAfterMs: 5000 }))
    const error = { code: 'state-unavailable', message: 'no store', disposition: 'retry', retryAfterMs: 5000 }
    assert.deepEqual(
      [await a, await b],
      [
        { kind: 'failed', error },
        { kind: 'failed', error },
      ],
    )
    const again = coordinator.submit(push('a', 1))
    await finish()
    await again
    assert.deepEqual(started, ['z', 'b', 'a'])
  })
  void it('stops: what runs is cut off, what waits is refused, both to be tried again', async () => {
    const { coordinator } = setUp()
    const running = coordinator.submit(push('a', 1))
    const waiting = coordinator.submit(push('b', 2, 'refs/heads/other'))
    await tick()
    await coordinator.stop()
    const codes = await Promise.all([running, waiting, coordinator.submit(push('c', 3))])
    assert.deepEqual(
      codes.map((result) => result.kind === 'failed' && result.error.disposition),
      ['retry', 'retry', 'retry'],
    )
  })
})

void describe('a newer push to the same', () => {
  void it('tells the older run, which ends early and with the newer one', async () => {
    const { coordinator, runs, started, replaced, finish } = setUp()
    const older = coordinator.submit(push('a', 1))
    await tick()
    const newer = coordinator.submit(push('b', 2))
    assert.deepEqual(replaced, ['a'])
    await finish({ left: 3 })
    await finish()
    assert.deepEqual([await older, await newer], [{ kind: 'done' }, { kind: 'done' }])
    assert.deepEqual(started, ['a', 'b'])
    const record = await runs.getRecord('a', 'c')
    assert.deepEqual([record?.state, record?.mergedInto], ['succeeded', 'b'])
  })
  void it('does not tell the run of another source', async () => {
    const { coordinator, replaced, finish } = setUp()
    const first = coordinator.submit(push('a', 1))
    const other = coordinator.submit(push('b', 2, 'refs/heads/other'))
    await finish()
    await finish()
    await Promise.all([first, other])
    assert.deepEqual(replaced, [])
  })
})

void describe('a cluster that does not answer', () => {
  const dead = new EngineError('no route', { code: 'cluster-unreachable', disposition: 'retry' })

  void it('is asked by one job at a time; the others are put off without an attempt, and durably', async () => {
    const { coordinator, runs, started, followUps, state, fail, finish } = setUp()
    const first = coordinator.submit(push('a', 1))
    const second = coordinator.submit(push('b', 2, 'refs/heads/other'))
    await fail(dead)
    assert.deepEqual([await first, await second], [{ kind: 'done' }, { kind: 'done' }])
    assert.deepEqual(started, ['a'], 'the second has made no request')
    assert.deepEqual(
      followUps.map(({ message }) => [message.job.runId, message.followUp]),
      [
        ['a', undefined],
        ['b', undefined],
      ],
    )
    const record = await runs.getRecord('b', 'c')
    assert.deepEqual([record?.state, record?.error?.code], ['queued', 'cluster-unreachable'])
    const status = (await state.get('clusters/c')) as { failingSince?: number; retryAt?: number }
    assert.ok(status.failingSince !== undefined && status.retryAt !== undefined)
    assert.ok(
      followUps.every(({ delayMs }) => delayMs > 500 && delayMs < 2_000),
      JSON.stringify(followUps),
    )
    await new Promise((resolve) => setTimeout(resolve, 1_050))
    const again = followUps.map(({ message }) => coordinator.submit(message))
    await finish()
    await finish()
    await Promise.all(again)
    assert.deepEqual(started, ['a', 'a', 'b'])
    const alive = (await state.get('clusters/c')) as { failingSince?: number; lastSeenAt?: number }
    assert.deepEqual([alive.failingSince, typeof alive.lastSeenAt], [undefined, 'number'])
  })
  void it('fails a scan, which comes again anyway', async () => {
    const { coordinator, followUps, fail } = setUp()
    const scan = coordinator.submit({ job: { kind: 'scan', runId: 's', cluster: 'c', receivedAt: 1 } })
    await fail(dead)
    const result = await scan
    assert.deepEqual([result.kind === 'failed' && result.error.disposition, followUps], ['stall', []])
  })
  void it('does not make messages without an end: the oldest of very many are given up, and say so', async () => {
    const { coordinator, runs, finish } = setUp()
    void coordinator.submit(push('z', 0, 'refs/heads/other'))
    await tick()
    const all = Array.from({ length: 203 }, (_, index) => coordinator.submit(push(`r${index}`, index + 1)))
    await finish()
    await finish()
    await Promise.all(all)
    const [dropped, kept] = await Promise.all([runs.getRecord('r0', 'c'), runs.getRecord('r2', 'c')])
    assert.deepEqual([dropped?.state, dropped?.error?.code], ['failed', 'superseded'])
    assert.deepEqual([kept?.state, kept?.mergedInto], ['succeeded', 'r202'])
  })
})

void describe('messages', () => {
  const failing = (disposition: 'retry' | 'stall') => ({
    submit: () =>
      Promise.resolve({ kind: 'failed' as const, error: { code: 'x', message: 'went wrong', disposition } }),
  })
  const deps = (coordinator: Pick<Coordinator, 'submit'> | undefined) => {
    const runs = createRunStore(createMemoryState())
    const putBack: { body: Json; delaySeconds: number }[] = []
    return {
      runs,
      clock: systemClock,
      logger: createMemoryLogger(),
      coordinatorOf: () => coordinator,
      kept: putBack,
      putBack: async (message: Json, delaySeconds: number) => void putBack.push({ body: message, delaySeconds }),
    }
  }
  const body = encodeMessage(push('a', 1))

  void it('a failure is noted before the message goes back', async () => {
    const consumer = deps(failing('retry'))
    assert.deepEqual(await handleMessage(consumer, body, { attempt: 3 }), { kind: 'retry', delaySeconds: 4 })
    const record = await consumer.runs.getRecord('a', 'c')
    assert.deepEqual([record?.state, record?.failedAttempts, record?.error?.message], ['queued', 3, 'went wrong'])
  })
  void it('the last attempt ends in the dead letters, the record failed', async () => {
    const consumer = deps(failing('retry'))
    assert.equal((await handleMessage(consumer, body, { attempt: maxAttempts })).kind, 'retry')
    const record = await consumer.runs.getRecord('a', 'c')
    assert.deepEqual([record?.state, record?.givenUp], ['failed', true])
    await handleDeadLetter(consumer, body)
    assert.equal((await consumer.runs.getRecord('a', 'c'))?.error?.code, 'x', 'the known reason stays')
  })
  void it('a dead letter whose attempts never came back is marked', async () => {
    const consumer = deps(failing('retry'))
    await handleDeadLetter(consumer, body)
    assert.equal((await consumer.runs.getRecord('a', 'c'))?.error?.code, 'job-abandoned')
  })
  void it('what needs a human, and a cluster that is gone, end at once', async () => {
    for (const coordinator of [failing('stall'), undefined]) {
      const consumer = deps(coordinator)
      assert.deepEqual(await handleMessage(consumer, body, { attempt: 1 }), { kind: 'ack' })
      assert.equal((await consumer.runs.getRecord('a', 'c'))?.givenUp, true)
    }
  })
  void it('a coordinator that cannot be reached is asked again', async () => {
    const consumer = deps({ submit: () => Promise.reject(new Error('network lost')) })
    assert.deepEqual(await handleMessage(consumer, body, { attempt: 1 }), { kind: 'retry', delaySeconds: 1 })
  })
  void it('says which version it is of; one without is of the first', () => {
    assert.equal((body as { version?: unknown }).version, 1)
    const { version: _, ...old } = body as { [name: string]: Json }
    assert.equal(parseMessage(old).job.runId, 'a')
  })
  void it('a plan of a change is of the second version: an older program would plan everything as it is', () => {
    const change: ChangeRef = {
      plan: 'p',
      urls: ['https://git.example/a'],
      repository: 'a',
      pullRequest: 7,
      branch: 'refs/heads/main',
      base: 'a',
      head: 'b',
      live: 'read',
      secrets: 'used',
      severities: { 'replicas-zero': 'block' },
    }
    const job = { kind: 'trigger', runId: 'a', cluster: 'c', receivedAt: 1, plan: true, change } as const
    const message = { job }
    const encoded = encodeMessage(message)
    assert.equal((encoded as { version?: unknown }).version, 2)
    assert.deepEqual(parseMessage(encoded), message)
  })
  void it('what a newer version has written is put back for it as often as it comes, also from the dead letters', async () => {
    const newer: Json = { version: messageVersion + 1, job: { kind: 'dance', cluster: 'c' } }
    const consumer = deps(failing('retry'))
    assert.deepEqual(await handleMessage(consumer, newer, { attempt: maxAttempts }), { kind: 'ack' })
    await handleDeadLetter(consumer, newer)
    assert.deepEqual(
      consumer.kept.map((one) => one.body),
      [newer, newer],
    )
    assert.ok(consumer.kept.every(({ delaySeconds }) => delaySeconds >= 60))
    assert.equal(clusterOfMessage(newer), 'c', 'its lane is known')
  })
  void it('what is not a job is kept for another version, then buried', async () => {
    for (const strange of [null, {}, { job: { kind: 'dance' } }, [], 'x']) {
      assert.equal((await handleMessage(deps(undefined), strange, { attempt: 1 })).kind, 'retry')
      await handleDeadLetter(deps(undefined), strange)
    }
  })
})
