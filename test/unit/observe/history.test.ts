import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readDrift, readClusterHealth, readCluster, relationsOf } from '../../../src/observe/index.ts'
import { rememberDrift } from '../../../src/reconcile/drift-memory.ts'
import { ignoreRules, readHistory } from '../../../src/reconcile/index.ts'
import { createMemoryState, systemClock } from '../../support/memory-ports.ts'
import { firstRun, observedState, pushRun } from '../../support/observed-state.ts'

const observing = (state: ReturnType<typeof createMemoryState>) => ({
  state,
  clock: systemClock,
  clusters: ['one', 'two'],
  scanIntervalMs: 60_000,
})

describe('the history of an object', () => {
  it('is told newest first, with who pushed, the times of its stages and what changed', async () => {
    const state = createMemoryState()
    await observedState(state)
    const history = await readHistory(state, 'one', 'Kustomization/apps/infra', { limit: 50 })
    assert.deepEqual(
      history.map(({ run, actor, trigger }) => [run, actor, trigger]),
      [
        [pushRun, 'octo', 'push'],
        [firstRun, 'octo', 'push'],
      ],
    )
    const [latest] = history
    assert.deepEqual(latest?.changes, [{ object: 'ConfigMap/apps/c0', action: 'configured' }])
    assert.ok((latest.receivedAt ?? 0) < (latest.renderedAt ?? 0) && (latest.renderedAt ?? 0) < (latest.appliedAt ?? 0))
    assert.equal((await readHistory(state, 'one', 'Kustomization/apps/infra', { limit: 1 })).length, 1)
    assert.deepEqual(await readHistory(state, 'one', 'Kustomization/apps/inf', { limit: 50 }), [])
  })
})

describe('relations', () => {
  it('follow what an object waits for to what does not move by itself', async () => {
    const state = createMemoryState()
    await observedState(state)
    const [health] = await readClusterHealth(observing(state))
    assert.ok(health !== undefined)
    const cluster = await readCluster({ state }, health)
    const shop = cluster.lookup('Kustomization/apps/shop')
    assert.ok(shop !== undefined)
    const { chain, source } = relationsOf(cluster, shop)
    assert.deepEqual(chain, [
      { id: 'Kustomization/apps/broken', state: 'failed', why: 'kustomization.yaml: no such file' },
    ])
    assert.equal(source?.id, 'GitRepository/apps/app')
    const broken = cluster.lookup('Kustomization/apps/broken')
    assert.ok(broken !== undefined)
    assert.deepEqual(relationsOf(cluster, broken).dependants, [{ id: 'Kustomization/apps/shop', state: 'blocked' }])
    const infra = cluster.lookup('Kustomization/apps/infra')
    assert.ok(infra !== undefined)
    assert.deepEqual(
      relationsOf(cluster, infra).children.map(({ id }) => id),
      ['HelmRelease/apps/redis'],
    )
  })
})

describe('drift over all clusters', () => {
  it('tells field, values, manager, since when and how often, of applications that are there', async () => {
    const state = createMemoryState()
    await observedState(state)
    const found = {
      object: 'Deployment/apps/web',
      action: 'configured',
      drift: [
        {
          path: '.spec.replicas',
          pointer: '/spec/replicas',
          change: 'replace' as const,
          manager: 'kubectl',
          since: '2026-11-20T10:00:00Z',
          live: '3',
          wanted: '1',
        },
        { path: '.spec.paused', pointer: '/spec/paused', change: 'add' as const },
      ],
    }
    for (const cluster of ['one', 'gone'])
      for (let look = 0; look < 2; look++)
        await rememberDrift({ state, clock: systemClock, cluster: { name: cluster } }, 'Kustomization/apps/infra', [
          found,
        ])
    await rememberDrift({ state, clock: systemClock, cluster: { name: 'one' } }, 'Kustomization/apps/deleted', [found])
    // Notes of older versions tell no fields.
    await state.put('drift/one/HelmRelease/apps/redis', { 'Deployment/apps/redis .spec.x': { count: 3, since: 1 } })
    const { applications, stale } = await readDrift(observing(state))
    assert.deepEqual(
      applications.map(({ cluster, id }) => [cluster, id]),
      [['one', 'Kustomization/apps/infra']],
    )
    const [first] = applications[0]?.differences ?? []
    assert.deepEqual(
      [first?.path, first?.live, first?.wanted, first?.manager, first?.writtenAt, first?.count, first?.action],
      ['.spec.replicas', '3', '1', 'kubectl', '2026-11-20T10:00:00Z', 2, 'configured'],
    )
    assert.deepEqual(
      stale.map(({ cluster }) => cluster),
      ['two'],
    )
    assert.deepEqual(ignoreRules(applications[0]?.differences ?? []), [
      { paths: ['/spec/replicas', '/spec/paused'], target: { kind: 'Deployment', name: 'web', namespace: 'apps' } },
    ])
  })
})
