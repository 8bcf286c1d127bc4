import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EngineError } from '../../../src/base/index.ts'
import {
  createClusterStatusKeeper,
  createCoordinator,
  createRunStore,
  type Coordinator,
  type JobMessage,
} from '../../../src/coordinator/index.ts'
import type { StateStore } from '../../../src/ports/index.ts'
import { pushMessage, resultOf } from '../../support/coordinator-jobs.ts'
import { createMemoryLogger, createMemoryState, systemClock, systemRandom } from '../../support/memory-ports.ts'

/** Each of a repository of its own. */
const push = (runId: string): JobMessage => pushMessage(runId, runId)

const dead = new EngineError('no route', { code: 'cluster-unreachable', disposition: 'retry' })

const until = async (isThere: () => boolean): Promise<void> => {
  const end = Date.now() + 2_000
  while (!isThere()) {
    assert.ok(Date.now() < end, 'it did not come to that within two seconds')
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

interface Stage {
  readonly coordinator: Coordinator
  readonly state: StateStore
  readonly started: string[]
  readonly followUps: JobMessage[]
  /** Lets milliseconds go by. */
  readonly pass: (ms: number) => void
  /** Ends a run that goes on: with `error`, or well. */
  readonly end: (runId: string, error?: Error) => Promise<void>
}

function stage(options: { readonly runTimeoutMs?: number } = {}): Stage {
  let passed = 0
  const clock = { ...systemClock, now: () => Date.now() + passed }
  const state = createMemoryState()
  const started: string[] = []
  const followUps: JobMessage[] = []
  const going = new Map<string, (error: Error | undefined) => void>()
  const coordinator = createCoordinator({
    cluster: 'c',
    runs: createRunStore(state),
    status: createClusterStatusKeeper(state, 'c'),
    clock,
    random: systemRandom,
    logger: createMemoryLogger(),
    runTimeoutMs: options.runTimeoutMs ?? 60_000,
    parallelJobs: 4,
    scheduleFollowUp: async (message) => void followUps.push(message),
    run: (job, { stop }) => {
      started.push(job.runId)
      return new Promise((resolve, reject) => {
        going.set(job.runId, (error) => (error === undefined ? resolve(resultOf(job)) : reject(error)))
        stop?.addEventListener('abort', () => reject(new EngineError('cut off', { code: 'aborted' })))
      })
    },
  })
  const end = async (runId: string, error?: Error): Promise<void> => {
    await until(() => going.has(runId))
    going.get(runId)?.(error)
    going.delete(runId)
  }
  return { coordinator, state, started, followUps, end, pass: (ms) => void (passed += ms) }
}

/** A cluster that has not answered `first`, which is under way again: the only one that is let through. */
async function probing(options?: {
  readonly runTimeoutMs?: number
}): Promise<Stage & { readonly probe: Promise<unknown> }> {
  const staged = stage(options)
  const { coordinator, started, end, pass } = staged
  const first = coordinator.submit(push('first'))
  await end('first', dead)
  await first
  pass(1_000)
  const probe = coordinator.submit(push('first'))
  await until(() => started.length === 2)
  return { ...staged, probe }
}

describe('a run that was let through to see whether the cluster is back', () => {
  const ends: { readonly [how: string]: Error } = {
    'an answer that the account may not read the switch': new EngineError('may not', {
      code: 'hold-unreadable',
      disposition: 'wait',
    }),
    'an answer of a server that is starting': new EngineError('starting', {
      code: 'kube-unavailable',
      disposition: 'retry',
    }),
    'a cluster on which another replica works': new EngineError('busy', {
      code: 'cluster-busy',
      disposition: 'retry',
      retryAfterMs: 1_000,
    }),
    'an error that nobody expected': new Error('boom'),
    'a state store that fails': new EngineError('no store', { code: 'state-unavailable', disposition: 'retry' }),
  }
  for (const [how, error] of Object.entries(ends)) {
    it(`ends with ${how}: the next one is let through`, async () => {
      const { coordinator, started, probe, end } = await probing()
      await end('first', error)
      await probe
      const next = coordinator.submit(push('next'))
      await end('next')
      assert.deepEqual(await next, { kind: 'done' })
      assert.deepEqual(started, ['first', 'first', 'next'])
    })
  }

  it('is aborted by somebody: the next one is let through', async () => {
    const { coordinator, started, probe, end } = await probing()
    assert.deepEqual(await coordinator.abort('first', 'ada'), { kind: 'aborted' })
    await probe
    const next = coordinator.submit(push('next'))
    await end('next')
    await next
    assert.deepEqual(started, ['first', 'first', 'next'])
  })

  it('is cut off after the longest time of a run: the next one is let through', async () => {
    const { coordinator, started, probe, end } = await probing({ runTimeoutMs: 300 })
    await probe
    const next = coordinator.submit(push('next'))
    await end('next')
    await next
    assert.deepEqual(started, ['first', 'first', 'next'])
  })

  it('goes on: nobody else is let through', async () => {
    const { coordinator, started, probe, followUps, end } = await probing()
    assert.deepEqual(await coordinator.submit(push('next')), { kind: 'done' })
    assert.deepEqual(
      followUps.map(({ job }) => job.runId),
      ['first', 'next'],
    )
    await end('first')
    await probe
    assert.deepEqual(started, ['first', 'first'])
  })

  it('that has had an answer, whichever, shows that the cluster is back: all go on, and its status says so', async () => {
    const { coordinator, started, probe, state, end } = await probing()
    assert.notEqual(((await state.get('clusters/c')) as { failingSince?: number }).failingSince, undefined)
    await end('first', new EngineError('who are you', { code: 'kube-unauthorized', disposition: 'wait' }))
    await probe
    const status = (await state.get('clusters/c')) as { failingSince?: number; lastSeenAt?: number }
    assert.deepEqual([status.failingSince, typeof status.lastSeenAt], [undefined, 'number'])
    const both = [coordinator.submit(push('one')), coordinator.submit(push('other'))]
    await until(() => started.length === 4)
    await Promise.all([end('one'), end('other')])
    await Promise.all(both)
  })

  it('that has had no answer leaves it at one at a time', async () => {
    const { coordinator, started, probe, end } = await probing()
    await end('first', new Error('boom'))
    await probe
    const both = [coordinator.submit(push('one')), coordinator.submit(push('other'))]
    await Promise.race(both)
    assert.deepEqual(started, ['first', 'first', 'one'])
    await end('one')
    await Promise.all(both)
  })
})

describe('a cluster that lets requests go unanswered', () => {
  const silent = new EngineError('the API server did not answer within 30000 ms', {
    code: 'kube-timeout',
    disposition: 'retry',
  })

  it('counts as dead: the job is put off without an attempt, and one at a time asks', async () => {
    const { coordinator, state, started, followUps, end, pass } = stage()
    const first = coordinator.submit(push('first'))
    await end('first', silent)
    assert.deepEqual(await first, { kind: 'done' })
    assert.deepEqual(await coordinator.submit(push('other')), { kind: 'done' })
    assert.deepEqual(
      followUps.map(({ job }) => job.runId),
      ['first', 'other'],
    )
    assert.deepEqual(started, ['first'])
    const runs = createRunStore(state)
    for (const id of ['first', 'other']) {
      const record = await runs.getRecord(id, 'c')
      assert.deepEqual(
        [record?.state, record?.error?.code, record?.failedAttempts],
        ['queued', 'kube-timeout', undefined],
      )
    }
    const status = (await state.get('clusters/c')) as { failingSince?: number; error?: { code: string } }
    assert.deepEqual([typeof status.failingSince, status.error?.code], ['number', 'kube-timeout'])
    pass(1_000)
    const probe = coordinator.submit(push('first'))
    await until(() => started.length === 2)
    await coordinator.submit(push('other'))
    await end('first', silent)
    await probe
    await coordinator.submit(push('other'))
    assert.deepEqual(started, ['first', 'first'])
  })
})
