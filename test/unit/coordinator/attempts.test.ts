import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EngineError } from '../../../src/base/index.ts'
import {
  createClusterStatusKeeper,
  createCoordinator,
  createRunStore,
  type Coordinator,
  type JobMessage,
  type RunStore,
} from '../../../src/coordinator/index.ts'
import type { Job, JobResult, JobSignals, NodeRecord } from '../../../src/reconcile/index.ts'
import { pushMessage as push, resultOf } from '../../support/coordinator-jobs.ts'
import { createMemoryLogger, createMemoryState, systemClock, systemRandom } from '../../support/memory-ports.ts'

const applied: NodeRecord = {
  kind: 'Kustomization',
  namespace: 'apps',
  name: 'one',
  state: 'ready',
  changes: [{ action: 'created', object: 'ConfigMap/apps/one' }],
  unchanged: 0,
  timings: { startedAt: 1, finishedAt: 2 },
}

const noStore = (): EngineError => new EngineError('no store', { code: 'state-unavailable', disposition: 'retry' })

const tick = (ms = 3): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

interface Stage {
  readonly coordinator: Coordinator
  readonly runs: RunStore
}

function stage(
  run: (job: Job, signals: JobSignals) => Promise<JobResult>,
  putRecord: (runs: RunStore, record: Parameters<RunStore['putRecord']>[0]) => Promise<void> = (runs, record) =>
    runs.putRecord(record),
): Stage {
  const state = createMemoryState()
  const runs = createRunStore(state)
  const coordinator = createCoordinator({
    cluster: 'c',
    runs: { ...runs, putRecord: (record) => putRecord(runs, record) },
    status: createClusterStatusKeeper(state, 'c'),
    clock: systemClock,
    random: systemRandom,
    logger: createMemoryLogger(),
    runTimeoutMs: 60_000,
    scheduleFollowUp: () => Promise.resolve(),
    run,
  })
  return { coordinator, runs }
}

/** The record of a run whose first attempt has failed after it had applied something. */
const failedOnce = (runs: RunStore): Promise<void> =>
  runs.putRecord({
    id: 'a',
    cluster: 'c',
    trigger: 'push',
    state: 'queued',
    receivedAt: 1,
    nodes: [applied],
    timings: {},
    error: { code: 'x', message: 'went wrong' },
    failedAttempts: 1,
    retryAt: 2,
  })

describe('a further attempt', () => {
  it('finds what earlier ones have done in the record, which says that it runs', async () => {
    const { coordinator, runs } = stage(async (job) => {
      await tick()
      return resultOf(job, (await runs.getRecord(job.runId, job.cluster))?.nodes)
    })
    await failedOnce(runs)
    const submitted = coordinator.submit(push('a'))
    await tick(1)
    const running = await runs.getRecord('a', 'c')
    assert.deepEqual([running?.state, running?.failedAttempts], ['running', 1])
    assert.deepEqual([running?.error, running?.retryAt], [undefined, undefined])
    await submitted
    assert.deepEqual((await runs.getRecord('a', 'c'))?.nodes, [applied])
  })
  it('does not begin while the record is being written: it is not written over what the attempt saves', async () => {
    const written = Promise.withResolvers<void>()
    const started: string[] = []
    const { coordinator, runs } = stage(
      (job) => {
        started.push(job.runId)
        return Promise.resolve(resultOf(job, [applied]))
      },
      async (store, record) => {
        if (record.state === 'running') await written.promise
        await store.putRecord(record)
      },
    )
    await failedOnce(runs)
    const submitted = coordinator.submit(push('a'))
    await tick()
    assert.deepEqual(started, [])
    written.resolve()
    await submitted
    assert.deepEqual(started, ['a'])
  })
})

describe('the first attempt', () => {
  it('does not wait for the record that says that it runs', async () => {
    const written = Promise.withResolvers<void>()
    const started: string[] = []
    const { coordinator } = stage(
      (job) => {
        started.push(job.runId)
        return Promise.resolve(resultOf(job))
      },
      async (store, record) => {
        if (record.state === 'running') await written.promise
        await store.putRecord(record)
      },
    )
    const submitted = coordinator.submit(push('a'))
    await tick()
    assert.deepEqual(started, ['a'])
    written.resolve()
    assert.deepEqual(await submitted, { kind: 'done' })
  })
  it('is ended, and waited for, where that record cannot be written: no other attempt goes on beside it', async () => {
    let going = 0
    const { coordinator, runs } = stage(
      async (_job, { stop }) => {
        going += 1
        await new Promise<void>((resolve) => stop?.addEventListener('abort', () => resolve()))
        await tick()
        going -= 1
        throw new EngineError('cut off', { code: 'aborted', disposition: 'retry' })
      },
      (store, record) => (record.state === 'running' ? Promise.reject(noStore()) : store.putRecord(record)),
    )
    const result = await coordinator.submit(push('a'))
    assert.deepEqual(result.kind === 'failed' && result.error.code, 'state-unavailable')
    assert.equal(going, 0)
    await coordinator.stop()
    assert.equal(await runs.getRecord('a', 'c'), undefined)
  })
  it('that comes to its end although that record could not be written is done', async () => {
    const { coordinator, runs } = stage(
      async (job) => {
        await tick()
        return resultOf(job, [applied])
      },
      (store, record) => (record.state === 'running' ? Promise.reject(noStore()) : store.putRecord(record)),
    )
    assert.deepEqual(await coordinator.submit(push('a')), { kind: 'done' })
    assert.deepEqual((await runs.getRecord('a', 'c'))?.nodes, [applied])
  })
  it('that fails at once while that record is being written tells why, when both have ended', async () => {
    const { coordinator } = stage(
      () => Promise.reject(new EngineError('refused', { code: 'kube-forbidden', disposition: 'wait' })),
      async (store, record) => {
        await tick()
        await store.putRecord(record)
      },
    )
    const result = await coordinator.submit(push('a'))
    assert.deepEqual(result.kind === 'failed' && result.error.code, 'kube-forbidden')
  })
})

describe('a message that comes again after its run has ended', () => {
  const merged: Job = { ...push('older').job, receivedAt: 0, actor: 'ada' }
  const message: JobMessage = { ...push('a'), merged: [merged], followUp: 1 }
  const neverRun = (): Promise<JobResult> => Promise.reject(new Error('it runs again'))

  for (const [state, more] of [
    ['succeeded', {}],
    ['partial', {}],
    ['failed', { error: { code: 'x', message: 'went wrong' }, givenUp: true }],
  ] as const) {
    it(`ends those that were merged into it as well, where the process was cut before: ${state}`, async () => {
      const { coordinator, runs } = stage(neverRun)
      const { record } = resultOf(message.job, [applied])
      await runs.putRecord({ ...record, id: 'older', receivedAt: 0, state: 'running', mergedInto: 'a' })
      await runs.putRecord({ ...record, state, ...more })
      assert.deepEqual(await coordinator.submit(message), { kind: 'done' })
      const ended = await runs.getRecord('older', 'c')
      assert.deepEqual(ended, {
        ...record,
        ...more,
        id: 'older',
        receivedAt: 0,
        actor: 'ada',
        state,
        mergedInto: 'a',
      })
    })
  }
  it('leaves those that have ended as they are', async () => {
    const written: string[] = []
    const { coordinator, runs } = stage(neverRun, (store, record) => {
      written.push(record.id)
      return store.putRecord(record)
    })
    const { record } = resultOf(message.job)
    await runs.putRecord(record)
    await runs.putRecord({ ...record, id: 'older', state: 'partial', mergedInto: 'another' })
    assert.deepEqual(await coordinator.submit(message), { kind: 'done' })
    assert.deepEqual(written, [])
  })
  it('where its own work was done under another name, names that one', async () => {
    const { coordinator, runs } = stage(neverRun)
    const { record } = resultOf(message.job, [applied])
    await runs.putRecord({ ...record, mergedInto: 'newest' })
    await coordinator.submit(message)
    const ended = await runs.getRecord('older', 'c')
    assert.deepEqual([ended?.state, ended?.mergedInto], ['succeeded', 'newest'])
  })
})
