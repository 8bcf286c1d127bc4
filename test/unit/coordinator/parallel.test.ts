import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createBreaker } from '../../../src/coordinator/breaker.ts'
import {
  createClusterStatusKeeper,
  createCoordinator,
  createRunStore,
  type JobMessage,
} from '../../../src/coordinator/index.ts'
import { createMemoryLogger, createMemoryState, systemClock, systemRandom } from '../../support/memory-ports.ts'

const push = (runId: string, url: string, ref = 'refs/heads/main'): JobMessage => ({
  job: {
    kind: 'push',
    runId,
    cluster: 'c',
    receivedAt: 1,
    push: { provider: 'github', deliveryId: runId, urls: [url], ref },
  },
})

const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 3))

describe('jobs of different sources', () => {
  it('go on at the same time, as many as there are places; of those that wait, each source has its turn', async () => {
    const state = createMemoryState()
    const started: string[] = []
    const ends = new Map<string, () => void>()
    const coordinator = createCoordinator({
      cluster: 'c',
      runs: createRunStore(state),
      status: createClusterStatusKeeper(state, 'c'),
      clock: systemClock,
      random: systemRandom,
      logger: createMemoryLogger(),
      runTimeoutMs: 60_000,
      parallelJobs: 2,
      scheduleFollowUp: () => Promise.resolve(),
      run: ({ runId, cluster, kind, receivedAt }) => {
        started.push(runId)
        return new Promise((resolve) =>
          ends.set(runId, () =>
            resolve({
              record: { id: runId, cluster, trigger: kind, state: 'succeeded', receivedAt, nodes: [], timings: {} },
            }),
          ),
        )
      },
    })
    const all = [
      ...['1', '2', '3', '4'].map((n) => coordinator.submit(push(`loud-${n}`, 'loud', `refs/heads/${n}`))),
      coordinator.submit(push('quiet', 'quiet')),
      coordinator.submit(push('other', 'other')),
    ]
    await tick()
    assert.deepEqual(started, ['loud-1', 'loud-2'])
    assert.equal(coordinator.size, 6)
    for (let at = 0; at < 6; at++) {
      ends.get(started[at] ?? '')?.()
      await tick()
    }
    await Promise.all(all)
    assert.deepEqual(started, ['loud-1', 'loud-2', 'quiet', 'other', 'loud-3', 'loud-4'])
  })
})

describe('the breaker', () => {
  it('lets one through when it is time, waits longer each time, and closes with the first answer', () => {
    const breaker = createBreaker()
    const one = {}
    assert.equal(breaker.enter(0, one), 0)
    assert.equal(breaker.enter(0, one), 0, 'while it is closed, everybody')
    assert.equal(breaker.open(100), 1_000)
    assert.equal(breaker.open(110), 990, 'the second of those that were under way is no second failure')
    assert.equal(breaker.failingSince, 100)
    assert.equal(breaker.enter(600, one), 500)
    assert.equal(breaker.enter(1_100, one), 0, 'one tries')
    assert.equal(breaker.enter(1_100, one), 1_000, 'the others wait for it')
    assert.equal(breaker.open(1_200), 2_000)
    let now = 1_200
    for (let failures = 0; failures < 10; failures++) {
      now += breaker.enter(now, one)
      assert.equal(breaker.enter(now, one), 0)
      assert.ok(breaker.open(now) <= 50_000)
    }
    assert.equal(breaker.open(now), 50_000)
    now += 50_000
    assert.equal(breaker.enter(now, one), 0)
    breaker.close()
    assert.deepEqual([breaker.enter(now, one), breaker.failingSince], [0, undefined])
  })

  it('lets the next one through when the one that tried has left without an answer; others that leave change nothing', () => {
    const breaker = createBreaker()
    const [one, other] = [{}, {}]
    assert.equal(breaker.open(0), 1_000)
    assert.equal(breaker.enter(1_000, one), 0)
    breaker.leave(other)
    assert.equal(breaker.enter(1_000, other), 1_000)
    breaker.leave(one)
    assert.equal(breaker.failingSince, 0)
    assert.equal(breaker.enter(1_000, other), 0)
    assert.equal(breaker.enter(1_000, one), 1_000)
  })
})
