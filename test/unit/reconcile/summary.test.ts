import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkedValue } from '../../../src/platforms/state-limits.ts'
import type { StateStore } from '../../../src/ports/index.ts'
import type { Job, NodeRecord } from '../../../src/reconcile/job.ts'
import {
  createSummaryLog,
  noteFailedPush,
  readShards,
  saveSummaries,
  type CommitNote,
} from '../../../src/reconcile/summary/index.ts'
import { createWorld, idOf, type Managed } from '../../../src/reconcile/world.ts'
import { EngineError } from '../../../src/base/index.ts'
import { Canaries } from '../../support/canaries.ts'
import { createMemoryLogger, createMemoryState, systemClock } from '../../support/memory-ports.ts'
import {
  gitRepository,
  helmRelease,
  kustomization,
  newCommit,
  oldCommit,
  readyCondition,
} from '../../support/summary-objects.ts'

const push = (runId: string, after = newCommit): Job => ({
  kind: 'push',
  runId,
  cluster: 'one',
  receivedAt: 1_000,
  push: { provider: 'github', deliveryId: 'd', urls: ['https://git.example/team/app'], ref: 'refs/heads/main', after },
})
const scan = (runId: string): Job => ({ kind: 'scan', runId, cluster: 'one', receivedAt: 5_000 })

function record(object: Managed, change: Partial<NodeRecord> = {}): NodeRecord {
  return {
    kind: object.kind,
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
    state: 'ready',
    reason: 'ReconciliationSucceeded',
    changes: [],
    unchanged: 2,
    timings: { startedAt: 1_100, renderedAt: 1_200, appliedAt: 1_300, finishedAt: 1_400 },
    ...change,
  }
}

/** What saving needs. Jobs that are to know of each other share `summaries`. */
function depsOf(
  state: StateStore,
  log = createSummaryLog(),
  logger = createMemoryLogger(),
): Parameters<typeof saveSummaries>[0]['deps'] {
  return { state, clock: systemClock, logger, caches: { summaries: log } }
}

async function save(
  state: StateStore,
  job: Job,
  objects: readonly Managed[],
  records: readonly NodeRecord[] = [],
  more: { readonly log?: ReturnType<typeof createSummaryLog>; readonly startedAt?: number } = {},
): Promise<void> {
  const world = createWorld(new Map(objects.map((object) => [idOf(object), object])))
  const byId = new Map(records.map((one) => [`${one.kind}/${one.namespace}/${one.name}`, one]))
  const run = { deps: depsOf(state, more.log), job, world, sources: { fetchedAt: 1_090 } }
  await saveSummaries(run, byId, more.startedAt ?? 1_050)
}

async function summaries(state: StateStore): Promise<ReturnType<typeof Object.fromEntries>> {
  const shards = await readShards(state, 'one')
  return Object.fromEntries([...shards.values()].flatMap((shard) => [...shard.objects]))
}

/** A store that notes the keys written. */
function counted(state: StateStore): StateStore & { readonly written: string[] } {
  const written: string[] = []
  return { ...state, written, put: (key, ...rest) => (written.push(key), state.put(key, ...rest)) }
}

describe('summaries of objects', () => {
  it('tell state, revision, source, blockers, chart and commits', async () => {
    const state = createMemoryState()
    const infra = kustomization('infra', { applied: newCommit })
    const shop = kustomization('shop', {
      ready: readyCondition('False', 'DependencyNotReady', 'waits'),
      spec: { dependsOn: [{ name: 'base' }, { name: 'infra' }], suspend: false },
    })
    await save(state, push('r1'), [gitRepository(newCommit), infra, shop, helmRelease('redis')], [record(infra)])
    const found = await summaries(state)
    const shown = found['Kustomization/apps/shop']
    assert.deepEqual(shown.dependsOn, ['Kustomization/apps/base', 'Kustomization/apps/infra'])
    assert.deepEqual(shown.blockers, [{ id: 'Kustomization/apps/base', message: 'not found' }])
    assert.equal(shown.inventory, 2)
    assert.deepEqual(shown.source, { kind: 'GitRepository', namespace: 'apps', name: 'app' })
    const release = found['HelmRelease/apps/redis']
    assert.deepEqual(release.chart, { name: 'redis', version: '1.2.3', appVersion: '7.4.0' })
    assert.deepEqual(release.commits, [newCommit])
    assert.equal(found['GitRepository/apps/app'].outcomes[0].revision, `main@sha1:${newCommit}`)
    assert.deepEqual(
      found['Kustomization/apps/infra'].outcomes.map((one: { run: string }) => one.run),
      ['r1'],
    )
  })

  it('are written only where something changed, and remember the last changes', async () => {
    const state = counted(createMemoryState())
    const objects = Array.from({ length: 20 }, (_, i) => kustomization(`k${i}`))
    const [first] = objects
    assert.ok(first)
    await save(
      state,
      scan('r1'),
      objects,
      objects.map((object) => record(object)),
    )
    assert.ok(state.written.some((key) => key.startsWith('objects/one/')))
    state.written.splice(0)
    await save(
      state,
      scan('r2'),
      objects,
      objects.map((object) => record(object)),
    )
    assert.equal(state.written.length, 0)
    const change = { object: 'ConfigMap/apps/c', action: 'configured', drift: [] }
    await save(state, scan('r3'), objects, [record(first, { changes: [change] })])
    assert.equal(state.written.filter((key) => key.startsWith('objects/')).length, 1)
    const found = await summaries(state)
    assert.equal(found['Kustomization/apps/k0'].lastChange.run, 'r3')
    assert.equal(found['Kustomization/apps/k0'].outcomes[0].configured, 1)
    await save(state, scan('r4'), objects.slice(1))
    assert.equal((await summaries(state))['Kustomization/apps/k0'], undefined)
  })

  it('keep at a push what it does not look at', async () => {
    const state = createMemoryState()
    const repository: Managed = {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'HelmRepository',
      metadata: { name: 'charts', namespace: 'apps' },
      spec: { url: 'https://charts.example', interval: '1h' },
    }
    await save(state, scan('r1'), [repository, kustomization('gone'), kustomization('a')])
    await save(state, push('r2'), [kustomization('a')])
    assert.deepEqual(Object.keys(await summaries(state)).toSorted(), [
      'HelmRepository/apps/charts',
      'Kustomization/apps/a',
    ])
    await save(state, scan('r3'), [kustomization('a')])
    assert.deepEqual(Object.keys(await summaries(state)), ['Kustomization/apps/a'])
  })

  it('fit into the state store, whatever messages say and however many objects there are', async () => {
    const state = createMemoryState()
    const long = readyCondition('False', 'BuildFailed', 'ä'.repeat(20_000))
    const objects = Array.from({ length: 9_000 }, (_, i) => kustomization(`k${i}`, { ready: long }))
    const few = objects.slice(0, 1_000)
    for (const set of [few, objects]) {
      await save(state, scan('r1'), set)
      const entries = await state.list('objects/one/', { limit: 100 })
      for (const { key, value } of entries) checkedValue(key, value)
      assert.ok(entries.length <= 32)
      const shards = [...(await readShards(state, 'one')).values()]
      const omitted = shards.reduce((sum, shard) => sum + shard.omitted, 0)
      const shown = shards.reduce((sum, shard) => sum + shard.objects.size, 0)
      assert.equal(shown + omitted, set.length)
    }
  })

  it('of jobs that go on at the same time are those of the later look at each object', async () => {
    const state = createMemoryState()
    const log = createSummaryLog()
    const at = (object: Managed, resourceVersion: string): Managed =>
      ({ ...object, metadata: { ...object.metadata, resourceVersion } }) as Managed
    const [a, b, gone] = [kustomization('a'), kustomization('b'), kustomization('gone')]
    const before = Date.now() - 1_000
    await save(state, scan('r0'), [at(a, '10'), at(b, '11'), at(gone, '12')])
    // Both begin here. The first changes a, makes another object and prunes one; the second has seen none of it, and ends later.
    const changed = at(kustomization('a', { applied: newCommit }), '21')
    await save(state, push('r1'), [changed, at(b, '11'), at(kustomization('made'), '22')], [record(changed)], {
      log,
      startedAt: before,
    })
    const ofSecond = at(kustomization('b', { applied: newCommit }), '23')
    await save(state, push('r2'), [at(a, '10'), ofSecond, at(gone, '12')], [record(ofSecond)], {
      log,
      startedAt: before,
    })
    const found = await summaries(state)
    assert.deepEqual(Object.keys(found).toSorted(), [
      'Kustomization/apps/a',
      'Kustomization/apps/b',
      'Kustomization/apps/made',
    ])
    for (const name of ['a', 'b'])
      assert.equal(found[`Kustomization/apps/${name}`].appliedRevision, `main@sha1:${newCommit}`, name)
    // A look that began after all of it is believed.
    await save(state, scan('r3'), [changed, ofSecond], [], { log, startedAt: Date.now() + 1_000 })
    assert.equal(Object.keys(await summaries(state)).length, 2)
  })

  it('are saved one after the other', async () => {
    const state = createMemoryState()
    const log = createSummaryLog()
    const made = Array.from({ length: 8 }, (_, i) => kustomization(`k${i}`))
    await Promise.all(
      made.map((object, i) =>
        save(state, scan(`r${i}`), made, [record(object, { changes: [{ object: 'x', action: 'created' }] })], { log }),
      ),
    )
    const found = await summaries(state)
    for (const [i, object] of made.entries()) assert.equal(found[idOf(object)].lastChange?.run, `r${i}`)
  })

  it('hold nothing of values, substitutions and credentials', async () => {
    const state = createMemoryState()
    const canaries = new Canaries()
    const release = helmRelease('redis', {
      values: { auth: { password: canaries.make('values') } },
      valuesFrom: [{ kind: 'Secret', name: 'redis', targetPath: 'auth.password' }],
    })
    const infra = kustomization('infra', {
      spec: {
        postBuild: { substitute: { TOKEN: canaries.make('substitute') } },
        patches: [{ patch: canaries.make('patch') }],
        commonMetadata: { annotations: { secret: canaries.make('annotation') } },
      },
    })
    const source = gitRepository(newCommit, {
      url: `https://user:${canaries.make('password')}@git.example/team/app?token=${canaries.make('query')}`,
    })
    await save(state, push('r1'), [source, infra, release], [record(infra), record(release)])
    await canaries.seeState(state)
    canaries.assertNone(3)
    const shown = (await summaries(state))['GitRepository/apps/app']
    assert.equal(shown.url, 'https://git.example/team/app')
  })
})

describe('notes of commits', () => {
  const noteOf = async (state: StateStore, run: string): Promise<CommitNote> =>
    (await state.get(`commits/${newCommit}/one/${run}`)) as unknown as CommitNote

  it('tell when each object reached which stage, over the continuations of a run', async () => {
    const state = createMemoryState()
    const infra = kustomization('infra', { applied: newCommit })
    const revision = `main@sha1:${newCommit}`
    const timings = { startedAt: 1_100, renderedAt: 1_200, appliedAt: 1_300, finishedAt: 1_400 }
    await save(state, push('r1'), [infra], [record(infra, { revision, state: 'waiting', timings })])
    const later = { startedAt: 2_100, renderedAt: 2_200, appliedAt: 2_300, finishedAt: 2_400 }
    await save(state, push('r1'), [infra], [record(infra, { revision, timings: later })])
    const note = await noteOf(state, 'r1')
    const [node] = note.nodes
    assert.deepEqual(
      [node?.state, node?.startedAt, node?.renderedAt, node?.appliedAt, node?.finishedAt],
      ['ready', 1_100, 1_200, 1_300, 2_400],
    )
    assert.deepEqual(
      [note.receivedAt, note.startedAt, note.fetchedAt, note.ref],
      [1_000, 1_050, 1_090, 'refs/heads/main'],
    )
  })

  it('of a scan are made only where something is new', async () => {
    const state = createMemoryState()
    const infra = kustomization('infra', { applied: newCommit })
    const revision = `main@sha1:${newCommit}`
    await save(state, scan('r1'), [infra], [record(infra, { revision, state: 'failed', reason: 'BuildFailed' })])
    await save(state, scan('r2'), [infra], [record(infra, { revision, state: 'failed', reason: 'BuildFailed' })])
    await save(state, scan('r3'), [infra], [record(infra, { revision })])
    assert.deepEqual(
      (await state.list('commits/')).map(({ key }) => key),
      [`commits/${newCommit}/one/r1`, `commits/${newCommit}/one/r3`],
    )
  })

  it('count a release to the commit of what applied it', async () => {
    const state = createMemoryState()
    const redis = helmRelease('redis')
    const infra = kustomization('infra', { applied: newCommit })
    await save(state, push('r1', oldCommit), [infra, redis], [record(redis, { revision: '1.2.3' })])
    assert.deepEqual(
      (await noteOf(state, 'r1')).nodes.map(({ kind }) => kind),
      ['HelmRelease'],
    )
  })

  it('tell of a cluster that did not answer, and of a ref that was deleted nothing', async () => {
    const state = createMemoryState()
    const deps = depsOf(state)
    const error = new EngineError('no route', { code: 'cluster-unreachable', disposition: 'retry' })
    await noteFailedPush(deps, push('r1'), 1_050, error)
    await noteFailedPush(deps, push('r2', '0'.repeat(40)), 1_050, error)
    await noteFailedPush(deps, scan('r3'), 1_050, error)
    assert.deepEqual((await noteOf(state, 'r1')).error, { code: 'cluster-unreachable', message: 'no route' })
    assert.equal((await state.list('commits/')).length, 1)
  })

  it('never fail a run', async () => {
    const logger = createMemoryLogger()
    const broken = (): Promise<never> => Promise.reject(new Error('disk full'))
    const state: StateStore = { ...createMemoryState(), list: broken, put: broken, get: broken }
    const world = createWorld(new Map())
    const run = {
      deps: depsOf(state, createSummaryLog(), logger),
      job: push('r1'),
      world,
      sources: { fetchedAt: undefined },
    }
    await saveSummaries(run, new Map(), 1)
    assert.match(logger.lines.join('\n'), /summary not saved/)
  })
})
