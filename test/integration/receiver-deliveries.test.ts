import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { afterEach, describe, it } from 'node:test'
import { createApp } from '../../functions/app.ts'
import { listDeliveries } from '../../functions/delivery-log.ts'
import type { FunctionDeps } from '../../functions/deps.ts'
import { EngineError } from '../../src/base/index.ts'
import type { KubeTransport } from '../../src/ports/index.ts'
import { runJob } from '../../src/reconcile/index.ts'
import { useCluster } from '../support/cluster.ts'
import { testConfig, testDeps } from '../support/function-deps.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const token = 'the token of these tests'
const requestedAt = 'reconcile.fluxcd.io/requestedAt'

interface Stage {
  readonly made: Scenario
  readonly deps: ReturnType<typeof testDeps>
  /** What happens to requests of the handlers: by default they go through. */
  readonly faults: { request?: (method: string, path: string, name: string) => void; queue?: () => void }
  readonly path: string
  /** Requests of the handlers to a cluster, `METHOD path`. */
  readonly seen: string[]
  deliver(id?: string): Promise<number>
  annotation(): Promise<string | undefined>
}

/** A delivery is handled for real, on two names of the test's API server; runs are only queued. */
describe('deliveries to Receiver objects', () => {
  let made: Scenario | undefined
  afterEach(async () => {
    await made?.close()
    made = undefined
  })

  const setUp = async (): Promise<Stage> => {
    made = await createScenario(cluster, { files: { 'app/a.yaml': '' } })
    const scenario = made
    const { namespace, client, deps: engine } = scenario
    await client.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'hook', namespace },
      stringData: { token },
    })
    await client.apply({
      apiVersion: 'notification.toolkit.fluxcd.io/v1',
      kind: 'Receiver',
      metadata: { name: 'hook', namespace },
      spec: { type: 'github', secretRef: { name: 'hook' }, resources: [{ kind: 'GitRepository', name: 'app' }] },
    })
    for (const name of ['one', 'two'])
      await runJob(
        { ...engine, cluster: { name } },
        { kind: 'scan', runId: `scan-${name}`, cluster: name, receivedAt: Date.now() },
      )
    const faults: Stage['faults'] = {}
    const seen: string[] = []
    const transport = (name: string): KubeTransport => ({
      cluster: name,
      send: async (request) => {
        seen.push(`${request.method} ${request.path}`)
        faults.request?.(request.method, request.path, name)
        return engine.transport.send(request)
      },
    })
    const base = testDeps({ state: engine.state })
    const change: Partial<FunctionDeps> = {
      config: testConfig({ clusters: [{ name: 'one' }, { name: 'two' }] }),
      state: engine.state,
      connectTo: async (name) => transport(name),
      queue: {
        send: async (message) => {
          faults.queue?.()
          await base.queue.send(message)
        },
      },
    }
    const deps = { ...testDeps(change), sent: base.sent }
    const path = `/hook/${createHash('sha256').update(`${token}hook${namespace}`).digest('hex')}`
    return {
      made: scenario,
      deps,
      faults,
      path,
      seen,
      deliver: async (id = 'd') => {
        const body = '{"ref":"refs/heads/main"}'
        const response = await createApp(deps).fetch(
          new Request(`http://sluice.test${path}`, {
            method: 'POST',
            body,
            headers: {
              'content-type': 'application/json',
              'x-github-event': 'push',
              'x-github-delivery': id,
              'x-hub-signature-256': `sha256=${createHmac('sha256', token).update(body).digest('hex')}`,
            },
          }),
        )
        assert.equal(await response.text(), '')
        await deps.settled()
        return response.status
      },
      annotation: async () => {
        const ref = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', namespace, name: 'app' }
        return (await client.get(ref)).metadata.annotations?.[requestedAt]
      },
    }
  }
  const runs = (stage: Stage): readonly string[] => [...new Set(stage.deps.sent.map(({ job }) => job.runId))]
  const unreachable = (): never => {
    throw new EngineError('no answer', { code: 'cluster-unreachable', disposition: 'retry' })
  }

  it('the same path in two clusters is one run for both, with the objects of the Receiver as its target', async () => {
    const stage = await setUp()
    assert.equal(await stage.deliver(), 200)
    assert.deepEqual(
      stage.deps.sent.map(({ job }) => [job.cluster, job.kind, job.target]),
      ['one', 'two'].map((name) => [
        name,
        'trigger',
        { objects: [{ kind: 'GitRepository', namespace: stage.made.namespace, name: 'app' }] },
      ]),
    )
    assert.equal(runs(stage).length, 1)
    const [record] = (await listDeliveries(stage.deps, { limit: 1 })).deliveries
    assert.deepEqual([record?.outcome, record?.run, record?.clusters], ['run', runs(stage)[0], ['one', 'two']])
    // Receiver, Secret and annotation: three requests for each cluster, besides what it serves.
    assert.equal(stage.seen.filter((line) => !/ \/apis?$/.test(line)).length, 6, stage.seen.join('\n'))
  })
  it('an unknown path is no work at any cluster', async () => {
    const stage = await setUp()
    const response = await createApp(stage.deps).fetch(
      new Request(`http://sluice.test/hook/${'0'.repeat(64)}`, { method: 'POST' }),
    )
    assert.equal(response.status, 404)
    assert.deepEqual(stage.seen, [])
  })
  it('many at the same time with one id are one run', async () => {
    const stage = await setUp()
    const statuses = await Promise.all(Array.from({ length: 10 }, () => stage.deliver('same')))
    assert.deepEqual([...new Set(statuses)], [200])
    assert.equal(runs(stage).length, 1)
    assert.equal(await stage.deliver('same'), 200)
    assert.equal((await listDeliveries(stage.deps, { limit: 1 })).deliveries[0]?.outcome, 'duplicate')
    assert.equal(runs(stage).length, 1)
    assert.equal(await stage.deliver('another'), 200)
    assert.equal(runs(stage).length, 2)
  })
  it('the queue fails: 503, and the sender tries again with the same annotation and run', async () => {
    const stage = await setUp()
    stage.faults.queue = unreachable
    assert.equal(await stage.deliver(), 503)
    const before = await stage.annotation()
    assert.ok(before)
    delete stage.faults.queue
    assert.equal(await stage.deliver(), 200)
    assert.equal(await stage.annotation(), before)
    assert.equal(runs(stage).length, 1)
    assert.equal((await stage.deps.runs.get(runs(stage)[0] ?? ''))?.state, 'queued')
  })
  it('nobody tries again: the scan finds the annotation', async () => {
    const stage = await setUp()
    stage.faults.queue = unreachable
    assert.equal(await stage.deliver(), 503)
    const annotation = await stage.annotation()
    await stage.made.scan()
    const { namespace, client } = stage.made
    const source = await client.get({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      namespace,
      name: 'app',
    })
    assert.equal(source['status'].lastHandledReconcileAt, annotation)
  })
  it('a cluster does not answer: 503, the other one is woken, and the next try wakes both', async () => {
    const stage = await setUp()
    stage.faults.request = (_method, _path, name) => (name === 'two' ? unreachable() : undefined)
    assert.equal(await stage.deliver(), 503)
    assert.deepEqual(
      stage.deps.sent.map(({ job }) => job.cluster),
      ['one'],
    )
    delete stage.faults.request
    assert.equal(await stage.deliver(), 200)
    assert.deepEqual(
      stage.deps.sent.map(({ job }) => job.cluster),
      ['one', 'one', 'two'],
    )
  })
  it('the annotation cannot be written: 500 and no run; the next try does everything', async () => {
    const stage = await setUp()
    stage.faults.request = (method) => (method === 'PATCH' ? unreachable() : undefined)
    assert.equal(await stage.deliver(), 500)
    assert.equal(await stage.annotation(), undefined)
    assert.equal(stage.deps.sent.length, 0)
    delete stage.faults.request
    assert.equal(await stage.deliver(), 200)
    assert.ok(await stage.annotation())
    assert.equal(stage.deps.sent.length, 2)
  })
  it('neither the state store nor the log holds the token or the path', async () => {
    const stage = await setUp()
    await stage.deliver()
    await stage.deliver('again')
    const entries = await stage.deps.state.list('', { limit: 1000 })
    for (const text of [JSON.stringify(entries), ...stage.deps.logger.lines, ...stage.made.logLines])
      for (const secret of [token, stage.path.slice('/hook/'.length)]) assert.ok(!text.includes(secret))
  })
})
