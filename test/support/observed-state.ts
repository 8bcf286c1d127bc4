import { createRunStore, type RunRequest } from '../../src/coordinator/index.ts'
import type { Json } from '../../src/base/index.ts'
import type { StateStore } from '../../src/ports/index.ts'
import type { NodeRecord, RunRecord } from '../../src/reconcile/index.ts'
import { createSummaryLog, saveSummaries } from '../../src/reconcile/summary/index.ts'
import { createWorld, idOf, type Managed } from '../../src/reconcile/world.ts'
import { createMemoryLogger, systemClock } from './memory-ports.ts'
import { gitRepository, helmRelease, kustomization, newCommit, oldCommit, readyCondition } from './summary-objects.ts'

/** Ids of the runs, older first. */
export const firstRun = '01aaaaaaaaaaaaaaaaaaaaaaaa'
export const pushRun = '01bbbbbbbbbbbbbbbbbbbbbbbb'
export const quietScan = '01cccccccccccccccccccccccc'
export const pushedAt = Date.UTC(2026, 10, 20, 10)

function request(id: string, trigger: RunRequest['trigger'], after?: string): RunRequest {
  const push = {
    provider: 'github',
    deliveryId: `delivery-${id}`,
    urls: ['https://git.example/team/app.git'],
    ref: 'refs/heads/main',
    actor: 'octo',
  }
  return {
    id,
    trigger,
    receivedAt: pushedAt,
    clusters: ['one', 'two'],
    ...(after === undefined ? {} : { push: { ...push, after } }),
  }
}

function node(object: Managed, change: Partial<NodeRecord> = {}): NodeRecord {
  return {
    kind: object.kind,
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
    state: 'ready',
    revision: `main@sha1:${newCommit}`,
    reason: 'ReconciliationSucceeded',
    message: `Applied revision: main@sha1:${newCommit}`,
    changes: [{ object: 'ConfigMap/apps/c0', action: 'configured' }],
    unchanged: 1,
    timings: {
      startedAt: pushedAt + 200,
      renderedAt: pushedAt + 300,
      appliedAt: pushedAt + 400,
      finishedAt: pushedAt + 600,
    },
    ...change,
  }
}

/** Saves a run as the engine and the coordinator do: its record, the summaries of its world and the notes of its commits. */
export async function saveRun(
  state: StateStore,
  asked: RunRequest,
  cluster: string,
  objects: readonly Managed[],
  nodes: readonly NodeRecord[],
  more: { readonly unaffected?: readonly (readonly [string, string])[] } = {},
): Promise<void> {
  const runs = createRunStore(state)
  await runs.putRequest(asked)
  const job = { kind: asked.trigger, runId: asked.id, cluster, receivedAt: asked.receivedAt }
  const caches = { summaries: createSummaryLog() }
  const deps = { state, clock: systemClock, logger: createMemoryLogger(), caches }
  const world = createWorld(new Map(objects.map((object) => [idOf(object), object])))
  for (const [id, revision] of more.unaffected ?? []) world.noteUnaffected(id, revision)
  const records = new Map(nodes.map((one) => [`${one.kind}/${one.namespace}/${one.name}`, one]))
  const sources = { fetchedAt: asked.receivedAt + 150 }
  const run = { deps, job: asked.push === undefined ? job : { ...job, push: asked.push }, world, sources }
  await saveSummaries(run, records, asked.receivedAt + 50)
  const record: RunRecord = {
    id: asked.id,
    cluster,
    trigger: asked.trigger,
    state: nodes.every((one) => one.state === 'ready') ? 'succeeded' : 'partial',
    receivedAt: asked.receivedAt,
    startedAt: asked.receivedAt + 50,
    finishedAt: asked.receivedAt + 700,
    nodes,
    timings: {
      fetchedAt: asked.receivedAt + 150,
      renderedAt: asked.receivedAt + 300,
      appliedAt: asked.receivedAt + 400,
      healthyAt: asked.receivedAt + 600,
    },
    requests: 12,
  }
  await runs.putRecord(record)
}

/**
 * What two clusters look like after two pushes: in `one` the new commit arrived everywhere but at `shop`, whose dependency `broken` failed; in `two` everything is still at
 * the old one, and it does not answer.
 */
export async function observedState(state: StateStore): Promise<void> {
  const old = [gitRepository(oldCommit), kustomization('infra'), helmRelease('redis')]
  for (const cluster of ['one', 'two'])
    await saveRun(state, request(firstRun, 'push', oldCommit), cluster, old, [
      node(kustomization('infra'), { revision: `main@sha1:${oldCommit}` }),
    ])
  const infra = kustomization('infra', { applied: newCommit })
  const broken = kustomization('broken', {
    attempted: newCommit,
    ready: readyCondition('False', 'BuildFailed', 'kustomization.yaml: no such file'),
  })
  const shop = kustomization('shop', {
    ready: readyCondition('False', 'DependencyNotReady', "dependency 'Kustomization/apps/broken' is not ready"),
    spec: { dependsOn: [{ name: 'broken' }] },
  })
  const cut = { startedAt: pushedAt + 200, finishedAt: pushedAt + 250 }
  const paused = kustomization('paused', { spec: { suspend: true } })
  await saveRun(
    state,
    request(pushRun, 'push', newCommit),
    'one',
    [gitRepository(newCommit), infra, broken, shop, paused, helmRelease('redis')],
    [
      node(infra),
      node(broken, { state: 'failed', reason: 'BuildFailed', message: 'no such file', changes: [], timings: cut }),
      node(shop, { state: 'blocked', reason: 'DependencyNotReady', revision: '', changes: [], timings: cut }),
    ],
  )
  await createRunStore(state).putRequest(request(quietScan, 'scan'))
  for (const cluster of ['one', 'two'])
    await createRunStore(state).putRecord({
      id: quietScan,
      cluster,
      trigger: 'scan',
      state: 'succeeded',
      receivedAt: pushedAt + 60_000,
      nodes: [],
      timings: {},
    })
  await state.put('clusters/one', { cluster: 'one', lastSeenAt: Date.now() })
  await state.put('clusters/two', {
    cluster: 'two',
    lastSeenAt: pushedAt,
    failingSince: pushedAt + 1_000,
    error: { code: 'cluster-unreachable', message: 'no route to host' },
  } as Json)
}
