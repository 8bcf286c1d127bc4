import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRunStore, type RunRequest } from '../../../src/coordinator/index.ts'
import { isEngineError } from '../../../src/base/index.ts'
import { traceCommit, type CommitTrace } from '../../../src/observe/index.ts'
import type { StateStore } from '../../../src/ports/index.ts'
import { createMemoryState, systemClock } from '../../support/memory-ports.ts'
import { observedState, pushedAt, saveRun } from '../../support/observed-state.ts'
import { gitRepository, kustomization, newCommit, oldCommit } from '../../support/summary-objects.ts'

function trace(state: StateStore, commit: string): Promise<CommitTrace> {
  const deps = { state, clock: systemClock, clusters: ['one', 'two'], scanIntervalMs: 60_000 }
  return traceCommit({ ...deps, runs: createRunStore(state) }, commit)
}
const progressOf = ({ clusters }: CommitTrace): readonly string[] => clusters.map(({ progress }) => progress)
const request = (id: string, after: string): RunRequest => ({
  id,
  trigger: 'push',
  receivedAt: pushedAt,
  clusters: ['one', 'two'],
  push: { provider: 'github', deliveryId: id, urls: [], ref: 'refs/heads/main', after },
})
const id = (name: string): string => `01${name.repeat(24)}`

describe('the way of a commit', () => {
  it('tells where it is and what is missing there', async () => {
    const state = createMemoryState()
    await observedState(state)
    const found = await trace(state, newCommit.slice(0, 7))
    assert.equal(found.commit, newCommit)
    assert.deepEqual(progressOf(found), ['failed', 'queued'])
    const [one] = found.clusters
    assert.deepEqual(one?.missing, ['Kustomization/apps/broken', 'Kustomization/apps/shop'])
    assert.deepEqual(one.stages, { receivedAt: pushedAt, fetchedAt: pushedAt + 150 })
    assert.deepEqual(one.objects.find(({ name }) => name === 'shop')?.waitsFor, ['Kustomization/apps/broken'])
  })

  it('tells that everything has moved on, except where it has not', async () => {
    const state = createMemoryState()
    await observedState(state)
    const found = await trace(state, oldCommit)
    // In two it is what is applied; in one only an object that has failed for a newer one is still at it.
    assert.deepEqual(progressOf(found)[1], 'healthy')
    assert.deepEqual(found.clusters[0]?.missing, [])
    assert.equal(found.clusters[0]?.objects.find(({ name }) => name === 'infra')?.isCurrent, false)
  })

  it('does not wait for what it changes nothing about, or for what is suspended', async () => {
    const state = createMemoryState()
    const asked = request(id('d'), newCommit)
    const at = (name: string): ReturnType<typeof kustomization> => kustomization(name)
    const paused = kustomization('paused', { spec: { suspend: true } })
    await saveRun(state, asked, 'one', [gitRepository(newCommit), at('same'), paused], [], {
      unaffected: [['Kustomization/apps/same', `main@sha1:${newCommit}`]],
    })
    const [one] = (await trace(state, newCommit)).clusters
    assert.deepEqual([one?.missing, one?.unaffected, one?.progress], [[], 1, 'healthy'])
  })

  it('waits for an object whose source has it, until it has it too', async () => {
    const state = createMemoryState()
    await saveRun(state, request(id('d'), newCommit), 'one', [gitRepository(newCommit), kustomization('late')], [])
    const [one] = (await trace(state, newCommit)).clusters
    assert.deepEqual([one?.missing, one?.progress], [['Kustomization/apps/late'], 'applying'])
  })

  it('waits where it is held back by a window, although the run has ended well', async () => {
    const state = createMemoryState()
    const at = { startedAt: pushedAt, finishedAt: pushedAt + 100 }
    const skipped = { state: 'skipped', changes: [], unchanged: 0, timings: at } as const
    const held = { kind: 'Kustomization', namespace: 'apps', name: 'held', ...skipped }
    await saveRun(
      state,
      request(id('d'), newCommit),
      'one',
      [gitRepository(newCommit), kustomization('held')],
      [{ ...held, reason: 'HeldByWindow', message: "held by window 'weekend'" }],
    )
    const [one] = (await trace(state, newCommit)).clusters
    assert.deepEqual([one?.missing, one?.progress], [['Kustomization/apps/held'], 'applying'])
    assert.equal(one?.objects[0]?.message, "held by window 'weekend'")
  })

  it('is not at its end while a run of its push goes on, whatever an earlier run has found', async () => {
    const state = createMemoryState()
    const runs = createRunStore(state)
    const asked = request(id('d'), newCommit)
    await saveRun(state, asked, 'one', [gitRepository(newCommit), kustomization('infra', { applied: newCommit })], [])
    assert.equal(progressOf(await trace(state, newCommit))[0], 'healthy')
    const record = { id: asked.id, cluster: 'one', trigger: 'push', receivedAt: 1, nodes: [], timings: {} } as const
    await runs.putRecord({ ...record, state: 'running' })
    assert.equal(progressOf(await trace(state, newCommit))[0], 'applying')
  })

  it('of a push that was done together with a newer one is superseded', async () => {
    const state = createMemoryState()
    const runs = createRunStore(state)
    const asked = request(id('d'), 'd'.repeat(40))
    await runs.putRequest(asked)
    const record = { id: asked.id, cluster: 'one', trigger: 'push', receivedAt: 1, nodes: [], timings: {} } as const
    await runs.putRecord({ ...record, state: 'succeeded', mergedInto: id('e') })
    assert.deepEqual(progressOf(await trace(state, 'd'.repeat(40))), ['superseded', 'queued'])
  })

  it('is not told where it is not known, or where more than one begins so', async () => {
    const state = createMemoryState()
    const codeOf = async (commit: string): Promise<unknown> => {
      const error = await trace(state, commit).catch((caught: unknown) => caught)
      return isEngineError(error) ? error.code : error
    }
    assert.equal(await codeOf('abcdef1'), 'not-found')
    const similar = [`abcdef1${'0'.repeat(33)}`, `abcdef1${'1'.repeat(33)}`]
    for (const [i, commit] of similar.entries()) await createRunStore(state).putRequest(request(id(`${i}`), commit))
    assert.equal(await codeOf('abcdef1'), 'request-invalid')
    assert.equal((await trace(state, 'ABCDEF10')).commit, similar[0])
  })
})
