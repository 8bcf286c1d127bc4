import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createClusterStatusKeeper,
  createCoordinator,
  createRunStore,
  type JobMessage,
} from '../../../src/coordinator/index.ts'
import type { Job } from '../../../src/reconcile/index.ts'
import { createMemoryLogger, createMemoryState, systemClock, systemRandom } from '../../support/memory-ports.ts'

const message = (runId: string, kind: Job['kind'], followUp?: number): JobMessage => ({
  job: {
    kind,
    runId,
    cluster: 'c',
    receivedAt: 1,
    ...(kind === 'push'
      ? { push: { provider: 'github', deliveryId: runId, urls: [runId], ref: 'refs/heads/main' } }
      : {}),
  },
  ...(followUp === undefined ? {} : { followUp }),
})

test('a push that finds no place tells the runs that go on; a scan, and the continuation of a run, do not', async () => {
  const signals = new Map<string, AbortSignal>()
  const ends: (() => void)[] = []
  const coordinator = createCoordinator({
    cluster: 'c',
    runs: createRunStore(createMemoryState()),
    clock: systemClock,
    random: systemRandom,
    status: createClusterStatusKeeper(createMemoryState(), 'c'),
    logger: createMemoryLogger(),
    runTimeoutMs: 60_000,
    parallelJobs: 1,
    scheduleFollowUp: () => Promise.resolve(),
    run: (job, { superseded }) => {
      if (superseded !== undefined) signals.set(job.runId, superseded)
      return new Promise((resolve) => {
        ends.push(() =>
          resolve({
            record: {
              id: job.runId,
              cluster: 'c',
              trigger: job.kind,
              state: 'succeeded',
              receivedAt: 1,
              nodes: [],
              timings: {},
            },
          }),
        )
      })
    },
  })
  const until = async (isThere: () => boolean): Promise<void> => {
    while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const all = [coordinator.submit(message('first', 'push'))]
  await until(() => signals.has('first'))
  all.push(coordinator.submit(message('scan', 'scan')), coordinator.submit(message('again', 'push', 1)))
  assert.equal(signals.get('first')?.aborted, false)
  all.push(coordinator.submit(message('second', 'push')))
  assert.equal(signals.get('first')?.aborted, true)
  for (let done = 0; done < 4; done++) {
    await until(() => ends.length > done)
    ends[done]?.()
  }
  await Promise.all(all)
  assert.equal(signals.get('second')?.aborted, false)
})
