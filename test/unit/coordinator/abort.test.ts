import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  createClusterStatusKeeper,
  createCoordinator,
  createRunStore,
  type Coordinator,
  type JobMessage,
} from '../../../src/coordinator/index.ts'
import { EngineError } from '../../../src/base/index.ts'
import type { Job, JobResult, JobSignals } from '../../../src/reconcile/index.ts'
import { createMemoryLogger, createMemoryState, systemClock, systemRandom } from '../../support/memory-ports.ts'

const message = (runId: string, name: string, receivedAt = 1): JobMessage => ({
  job: {
    kind: 'trigger',
    runId,
    cluster: 'c',
    receivedAt,
    target: { object: { kind: 'Kustomization', namespace: 'apps', name } },
  },
})

const resultOf = ({ runId, cluster, kind, receivedAt }: Job, more: Partial<JobResult> = {}): JobResult => ({
  record: { id: runId, cluster, trigger: kind, state: 'succeeded', receivedAt, nodes: [], timings: {} },
  ...more,
})

/** Resolves when a job is told to stop. */
const stopped = ({ stop }: JobSignals): Promise<never> =>
  new Promise((_resolve, reject) =>
    stop?.addEventListener('abort', () => reject(new EngineError('the run was aborted', { code: 'aborted' }))),
  )

function stage(run: (job: Job, signals: JobSignals) => Promise<JobResult>): {
  readonly coordinator: Coordinator
  readonly runs: ReturnType<typeof createRunStore>
  readonly followUps: JobMessage[]
} {
  const state = createMemoryState()
  const runs = createRunStore(state)
  const followUps: JobMessage[] = []
  const coordinator = createCoordinator({
    cluster: 'c',
    runs,
    status: createClusterStatusKeeper(state, 'c'),
    clock: systemClock,
    random: systemRandom,
    logger: createMemoryLogger(),
    runTimeoutMs: 60_000,
    parallelJobs: 1,
    scheduleFollowUp: (followUp) => {
      followUps.push(followUp)
      return Promise.resolve()
    },
    run,
  })
  return { coordinator, runs, followUps }
}

const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 3))

describe('aborting a run', () => {
  it('stops one that runs where it is; its record says who it was, and the message is done', async () => {
    const { coordinator, runs } = stage((_job, signals) => stopped(signals))
    const submitted = coordinator.submit(message('run-1', 'app'))
    await tick()
    assert.deepEqual(await coordinator.abort('run-1', 'ada (page)'), { kind: 'aborted' })
    assert.deepEqual(await submitted, { kind: 'done' })
    const record = await runs.getRecord('run-1', 'c')
    assert.deepEqual([record?.state, record?.error?.code, record?.givenUp], ['failed', 'run-aborted', true])
    assert.match(record?.error?.message ?? '', /^aborted by ada \(page\);/)
    assert.equal(coordinator.size, 0)
    // The queue delivers it once more.
    assert.deepEqual(await coordinator.submit(message('run-1', 'app')), { kind: 'done' })
    assert.equal((await runs.getRecord('run-1', 'c'))?.error?.code, 'run-aborted')
    assert.deepEqual(await coordinator.abort('run-1', 'bob'), { kind: 'finished' })
  })

  it('keeps one that waits from beginning, with those that were merged into it', async () => {
    const started: string[] = []
    const { coordinator, runs } = stage((job, signals) => {
      started.push(job.runId)
      return stopped(signals)
    })
    void coordinator.submit(message('first', 'one'))
    const waiting = [coordinator.submit(message('older', 'two', 1)), coordinator.submit(message('newer', 'two', 2))]
    await tick()
    assert.deepEqual(await coordinator.abort('newer', 'ada'), { kind: 'aborted' })
    assert.deepEqual(await Promise.all(waiting), [{ kind: 'done' }, { kind: 'done' }])
    assert.deepEqual(started, ['first'])
    for (const id of ['older', 'newer']) assert.equal((await runs.getRecord(id, 'c'))?.error?.code, 'run-aborted', id)
    await coordinator.stop()
  })

  it('of an older one that is merged into another ends only that one', async () => {
    const ends: (() => void)[] = []
    const { coordinator, runs } = stage((job) => new Promise((resolve) => ends.push(() => resolve(resultOf(job)))))
    void coordinator.submit(message('first', 'one'))
    void coordinator.submit(message('older', 'two', 1))
    const newer = coordinator.submit(message('newer', 'two', 2))
    await tick()
    assert.deepEqual(await coordinator.abort('older', 'ada'), { kind: 'aborted' })
    ends[0]?.()
    await tick()
    ends[1]?.()
    assert.deepEqual(await newer, { kind: 'done' })
    assert.equal((await runs.getRecord('newer', 'c'))?.state, 'succeeded')
    assert.equal((await runs.getRecord('older', 'c'))?.error?.code, 'run-aborted')
  })

  it('keeps one that waits for health from going on', async () => {
    let looks = 0
    const { coordinator, runs, followUps } = stage((job) => {
      looks += 1
      return Promise.resolve(resultOf(job, { requeueAfterMs: 1_000 }))
    })
    await coordinator.submit(message('run-1', 'app'))
    assert.equal((await runs.getRecord('run-1', 'c'))?.state, 'running')
    assert.deepEqual(await coordinator.abort('run-1', 'ada'), { kind: 'aborted' })
    const [followUp] = followUps
    assert.ok(followUp !== undefined)
    assert.deepEqual(await coordinator.submit(followUp), { kind: 'done' })
    assert.equal(looks, 1)
    assert.equal((await runs.getRecord('run-1', 'c'))?.error?.code, 'run-aborted')
  })

  it('of one that comes to its end before it notices leaves what it did', async () => {
    const { coordinator, runs } = stage(async (job, { stop }) => {
      await new Promise<void>((resolve) => stop?.addEventListener('abort', () => resolve()))
      return resultOf(job)
    })
    const submitted = coordinator.submit(message('run-1', 'app'))
    await tick()
    await coordinator.abort('run-1', 'ada')
    await submitted
    assert.equal((await runs.getRecord('run-1', 'c'))?.state, 'succeeded')
  })

  it('says that there is no such run', async () => {
    const { coordinator } = stage((job) => Promise.resolve(resultOf(job)))
    assert.deepEqual(await coordinator.abort('nobody', 'ada'), { kind: 'unknown' })
  })
})
