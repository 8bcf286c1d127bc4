import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { runSchedule } from '../../../functions/schedule.ts'
import { recordingEngine, testConfig, testDeps, triggerToken } from '../../support/function-deps.ts'

const ask = async (
  deps: FunctionDeps,
  path: string,
  options: { body?: unknown; token?: string; method?: string } = {},
): Promise<{ status: number; body: Record<string, unknown> }> => {
  const token = options.token ?? triggerToken
  const response = await createApp(deps).fetch(
    new Request(`http://sluice.test${path}`, {
      method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
      headers: token === '' ? {} : { authorization: `Bearer ${token}` },
      ...(options.body === undefined
        ? {}
        : { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) }),
    }),
  )
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}
const source = { kind: 'GitRepository', namespace: 'apps', name: 'web' }

void describe('trigger', () => {
  void it('asks every cluster, one cluster, a source, an object', async () => {
    const rows = [
      { body: '', clusters: ['one', 'two'], target: 'cluster' },
      { body: {}, clusters: ['one', 'two'], target: 'cluster' },
      { body: { all: true, cluster: 'two' }, clusters: ['two'], target: 'cluster' },
      { body: { source }, clusters: ['one', 'two'], target: { source } },
      {
        body: { cluster: 'one', object: { ...source, kind: 'Kustomization' } },
        clusters: ['one'],
        target: { object: { ...source, kind: 'Kustomization' } },
      },
    ]
    for (const { body, clusters, target } of rows) {
      const deps = testDeps()
      const answer = await ask(deps, '/trigger', { body })
      assert.equal(answer.status, 202)
      assert.deepEqual(
        deps.sent.map(({ job }) => [job.kind, job.runId, job.cluster, job.target]),
        clusters.map((cluster) => ['trigger', answer.body['run'], cluster, target]),
      )
    }
  })
  const refused: { name: string; body: unknown; status: number; code: string; token?: string }[] = [
    { name: 'no token', body: {}, token: '', status: 401, code: 'unauthorized' },
    { name: 'wrong token', body: {}, token: `${triggerToken}x`, status: 401, code: 'unauthorized' },
    { name: 'unknown cluster', body: { cluster: 'three' }, status: 404, code: 'cluster-unknown' },
    { name: 'not JSON', body: '{', status: 400, code: 'request-invalid' },
    { name: 'two targets', body: { all: true, source }, status: 400, code: 'request-invalid' },
    { name: 'manifests', body: { manifests: 'kind: Pod' }, status: 400, code: 'request-invalid' },
    { name: 'endless wait', body: { wait: 1e9 }, status: 400, code: 'request-invalid' },
    { name: 'too large', body: { actor: 'x'.repeat(100_000) }, status: 413, code: 'body-too-large' },
  ]
  for (const row of refused) {
    void it(`refuses: ${row.name}`, async () => {
      const deps = testDeps()
      const answer = await ask(deps, '/trigger', {
        body: row.body,
        ...(row.token === undefined ? {} : { token: row.token }),
      })
      assert.equal(answer.status, row.status)
      assert.equal((answer.body['error'] as { code: string }).code, row.code)
      assert.equal(deps.sent.length, 0)
    })
  }
  void it('without tokens configured nobody gets in', async () => {
    const deps = testDeps({ config: testConfig({ triggerTokens: [] }) })
    for (const token of ['', 'undefined', triggerToken]) assert.equal((await ask(deps, '/runs', { token })).status, 401)
  })
  void it('waits for the end, or says that it goes on', async () => {
    const deps = testDeps()
    const engine = recordingEngine()
    const working: FunctionDeps = {
      ...deps,
      queue: {
        send: async (message) => {
          const { job } = message as unknown as { job: Parameters<typeof engine.run>[0] }
          setTimeout(() => void engine.run(job).then(({ record }) => deps.runs.putRecord(record)), 40)
        },
      },
    }
    const done = await ask(working, '/trigger', { body: { wait: 5 } })
    assert.equal(done.status, 200)
    assert.equal(done.body['state'], 'succeeded')
    const late = await ask(deps, '/trigger', { body: { wait: 0.1 } })
    assert.equal(late.status, 504)
    assert.equal(late.body['state'], 'queued')
    assert.equal((late.body['error'] as { code: string }).code, 'wait-timeout')
  })
})

void describe('runs', () => {
  void it('aggregates clusters: one that failed makes it partial, one that is tried again keeps it running', async () => {
    const deps = testDeps()
    const { body } = await ask(deps, '/trigger', { body: {} })
    const id = body['run'] as string
    const { record } = await recordingEngine().run({ kind: 'trigger', runId: id, cluster: 'one', receivedAt: 1 })
    await deps.runs.putRecord(record)
    assert.equal((await ask(deps, `/runs/${id}`)).body['state'], 'running')
    const error = { code: 'cluster-unreachable', message: 'x' }
    await deps.runs.putRecord({ ...record, cluster: 'two', state: 'failed', error })
    assert.equal((await ask(deps, `/runs/${id}`)).body['state'], 'running')
    await deps.runs.putRecord({ ...record, cluster: 'two', state: 'failed', error, givenUp: true })
    assert.equal((await ask(deps, `/runs/${id}`)).body['state'], 'partial')
  })
  void it('lists the newest first, in pages', async () => {
    let now = 1_700_000_000_000
    const deps = testDeps({ clock: { now: () => now++, sleep: () => Promise.resolve() } })
    const ids: unknown[] = []
    for (let i = 0; i < 5; i++) ids.unshift((await ask(deps, '/trigger', { body: {} })).body['run'])
    const idsOf = (answer: { body: Record<string, unknown> }): unknown[] =>
      (answer.body['runs'] as { id: string }[]).map((run) => run.id)
    assert.deepEqual(idsOf(await ask(deps, '/runs')), ids)
    assert.deepEqual(idsOf(await ask(deps, '/runs?limit=2')), ids.slice(0, 2))
    assert.deepEqual(idsOf(await ask(deps, `/runs?limit=2&before=${String(ids[1])}`)), ids.slice(2, 4))
    for (const limit of ['-1', 'x', '1e99', '']) assert.equal((await ask(deps, `/runs?limit=${limit}`)).status, 200)
  })
  void it('says 404 for what is not there, 401 to strangers', async () => {
    const deps = testDeps()
    for (const id of ['0123456789abcdef', '..%2Frequests', 'x'.repeat(5000)]) {
      assert.equal((await ask(deps, `/runs/${id}`)).status, 404)
      assert.equal((await ask(deps, `/runs/${id}`, { token: 'other' })).status, 401)
    }
    assert.equal((await ask(deps, '/healthz', { token: '' })).status, 200)
  })
})

void describe('schedule', () => {
  void it('queues a scan for each cluster', async () => {
    const deps = testDeps()
    const id = await runSchedule(deps)
    assert.deepEqual(
      deps.sent.map(({ job }) => [job.kind, job.runId, job.cluster]),
      [
        ['scan', id, 'one'],
        ['scan', id, 'two'],
      ],
    )
  })
})
