import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findHeads, idOfSummary, matrixOf, readClusters, readHeads } from '../../../src/observe/index.ts'
import { createMemoryState, systemClock } from '../../support/memory-ports.ts'
import { observedState, saveRun } from '../../support/observed-state.ts'
import { gitRepository, kustomization, newCommit, oldCommit, readyCondition } from '../../support/summary-objects.ts'

const depsOf = (
  state: ReturnType<typeof createMemoryState>,
  clusters = ['one', 'two'],
): Parameters<typeof readHeads>[0] => ({
  state,
  clock: systemClock,
  clusters,
  scanIntervalMs: 60_000,
})
const scan = (id: string): Parameters<typeof saveRun>[1] => ({ id, trigger: 'scan', receivedAt: 1, clusters: ['one'] })

describe('heads of objects', () => {
  it('say the same as the summaries, and are made of them where an older program has saved no heads', async () => {
    const state = createMemoryState()
    await observedState(state)
    const deps = depsOf(state)
    const whole = (await readClusters(deps)).flatMap(({ objects }) =>
      objects.map(({ cluster, summary, state: stands }) => `${cluster} ${idOfSummary(summary)} ${stands}`),
    )
    const flat = async (): Promise<readonly string[]> =>
      (await readHeads(deps)).flatMap(({ health, heads }) =>
        heads.map((head) => `${health.cluster} ${idOfSummary(head)} ${head.state}`),
      )
    assert.ok(whole.length > 8)
    assert.deepEqual((await flat()).toSorted(), whole.toSorted())
    for (const { key } of await state.list('heads/', { limit: 1000 })) await state.delete(key)
    assert.deepEqual((await flat()).toSorted(), whole.toSorted())
  })

  it('follow what happens in another shard, and what an older program has written meanwhile', async () => {
    const state = createMemoryState()
    const waiting = kustomization('shop', {
      ready: readyCondition('False', 'DependencyNotReady', 'waits'),
      spec: { dependsOn: [{ name: 'base' }] },
    })
    const base = (ready: Parameters<typeof readyCondition>): ReturnType<typeof kustomization> =>
      kustomization('base', { ready: readyCondition(...ready) })
    const stateOf = async (name: string): Promise<string | undefined> => {
      const [found] = await findHeads({ state }, ['one'], { kind: 'Kustomization', namespace: 'apps', name })
      return found?.head.state
    }
    await saveRun(
      state,
      scan('01a'),
      'one',
      [gitRepository(newCommit), waiting, base(['Unknown', 'Progressing', ''])],
      [],
    )
    assert.deepEqual([await stateOf('shop'), await stateOf('base')], ['waiting', 'applying'])
    await saveRun(
      state,
      scan('01b'),
      'one',
      [gitRepository(newCommit), waiting, base(['False', 'BuildFailed', ''])],
      [],
    )
    assert.deepEqual([await stateOf('shop'), await stateOf('base')], ['blocked', 'failed'])
    for (const { key } of await state.list('heads/', { limit: 1000 })) await state.put(key, [])
    await saveRun(
      state,
      scan('01c'),
      'one',
      [gitRepository(newCommit), waiting, base(['False', 'BuildFailed', ''])],
      [],
    )
    assert.deepEqual([await stateOf('shop'), await stateOf('base')], ['blocked', 'failed'])
    await saveRun(state, scan('01d'), 'one', [gitRepository(newCommit), base(['True', 'Succeeded', ''])], [])
    assert.deepEqual([await stateOf('shop'), await stateOf('base')], [undefined, 'ready'])
  })

  it('say what is behind its source, and not what the newer commit changes nothing for', async () => {
    const state = createMemoryState()
    const objects = [
      gitRepository(newCommit),
      kustomization('there', { applied: newCommit }),
      kustomization('late', { applied: oldCommit }),
      kustomization('unaffected', { applied: oldCommit }),
    ]
    await saveRun(state, scan('01a'), 'one', objects, [], {
      unaffected: [['Kustomization/apps/unaffected', `main@sha1:${newCommit}`]],
    })
    const [cluster] = await readHeads(depsOf(state, ['one']))
    const behind = cluster?.heads.filter((head) => head.behind === true).map(({ name }) => name)
    assert.deepEqual(behind, ['late'])
  })
})

describe('the matrix', () => {
  const made = (names: readonly string[], count: number): Parameters<typeof matrixOf>[0] =>
    names.map((cluster, number) => ({
      health: { cluster, health: number === 1 ? 'stale' : 'seen' },
      heads: Array.from({ length: count }, (_, i) => ({
        kind: i % 10 === 9 ? 'GitRepository' : 'Kustomization',
        namespace: `team-${i % 3}`,
        name: `app-${String(i).padStart(4, '0')}`,
        state: i === 500 && number === 2 ? 'failed' : i === 600 ? 'drifted' : 'ready',
        ...(i === 7 ? { behind: true as const } : {}),
      })),
    }))
  const clusters = made(['one', 'two', 'three'], 1_000)

  it('has what is worst first, and pages', () => {
    const first = matrixOf(clusters, {})
    assert.deepEqual(
      first.rows.slice(0, 3).map(({ name }) => name),
      ['app-0500', 'app-0600', 'app-0000'],
    )
    assert.deepEqual([first.total, first.pages, first.rows.length], [900, 18, 50])
    assert.deepEqual(
      [first.counts.all, first.counts.byState.failed, first.counts.behind, first.counts.stale],
      [2700, 1, 3, 900],
    )
    const seen = new Set(
      Array.from({ length: 18 }, (_, i) => matrixOf(clusters, {}, { page: i + 1 }).rows)
        .flat()
        .map(({ id }) => id),
    )
    assert.equal(seen.size, 900)
    assert.equal(matrixOf(clusters, {}, { page: 999 }).page, 18)
    assert.equal(matrixOf(clusters, {}, { page: Number.NaN }).page, 1)
  })

  it('has fewer rows on a page with many clusters, and the same ones beside every part of them', () => {
    const names = Array.from({ length: 40 }, (_, i) => `c${i}`)
    const many = made(names, 100)
    assert.equal(matrixOf(many.slice(0, 12), {}).rows.length, 50)
    assert.equal(matrixOf(many.slice(0, 20), {}).rows.length, 30)
    const [left, right] = [1, 2].map((columns) => matrixOf(many, {}, { columns, page: 2 }))
    assert.deepEqual([left?.rows.length, left?.clusters.length, right?.clusters.length], [25, 24, 16])
    assert.deepEqual(
      left?.rows.map(({ id }) => id),
      right?.rows.map(({ id }) => id),
    )
  })

  const rows: readonly (readonly [string, Parameters<typeof matrixOf>[1], number])[] = [
    ['failed', { state: 'failed' }, 1],
    ['behind', { behind: true }, 1],
    ['stale', { stale: true }, 900],
    ['of a namespace', { namespace: 'team-1' }, 300],
    ['of a cluster, failed', { cluster: 'one', state: 'failed' }, 0],
    ['by text, in any case', { text: 'APP-0500' }, 1],
    ['sources', { show: 'sources' }, 100],
    ['all of it together', { namespace: 'team-2', text: '0500', state: 'failed' }, 1],
  ]
  for (const [name, filter, total] of rows) {
    it(`shows what is wanted: ${name}`, () => assert.equal(matrixOf(clusters, filter).total, total))
  }

  it('shows so many clusters at a time', () => {
    const many = made(
      Array.from({ length: 60 }, (_, i) => `c${i}`),
      5,
    )
    const parts = [1, 2, 3, 4].map((columns) => matrixOf(many, {}, { columns }))
    assert.deepEqual(
      parts.map((part) => [part.clusters.length, part.columns]),
      [
        [24, 1],
        [24, 2],
        [12, 3],
        [12, 3],
      ],
    )
  })
})
