import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import { loadConfig } from '../../../functions/config.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { withRunEnd } from '../../../functions/run-end.ts'
import { EngineError } from '../../../src/base/index.ts'
import { createNodeHttpClient } from '../../../src/platforms/node/index.ts'
import type { Job, JobSignals, NodeRecord, RunRecord } from '../../../src/reconcile/index.ts'
import { readToken, testConfig, testDeps, triggerToken } from '../../support/function-deps.ts'
import { hostileState } from '../../support/hostile-state.ts'
import { observedState } from '../../support/observed-state.ts'
import { createMemoryLogger, systemClock } from '../../support/memory-ports.ts'
import { parsePrometheusText, type Sample } from '../../support/prometheus-text.ts'
import { newCommit } from '../../support/summary-objects.ts'

async function metrics(deps: FunctionDeps, token = readToken): Promise<readonly Sample[]> {
  const response = await createApp(deps).fetch(
    new Request('http://sluice.test/metrics', { headers: { authorization: `Bearer ${token}` } }),
  )
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  return parsePrometheusText(await response.text())
}

function valueOf(
  samples: readonly Sample[],
  name: string,
  labels: { readonly [name: string]: string },
): number | undefined {
  return samples.find(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )?.value
}

const push: Job = {
  kind: 'push',
  runId: 'r1',
  cluster: 'one',
  receivedAt: 10_000,
  push: { provider: 'github', deliveryId: 'd', urls: [], ref: 'refs/heads/main', after: newCommit },
}
const node = (name: string, ms: number): NodeRecord => ({
  kind: 'Kustomization',
  namespace: 'apps',
  name,
  state: 'ready',
  changes: [{ object: 'ConfigMap/apps/a', action: 'configured', drift: [{ path: '.data', change: 'replace' }] }],
  unchanged: 0,
  timings: { startedAt: 11_000, renderedAt: 11_100, appliedAt: 11_200, finishedAt: 11_000 + ms },
})
const finished = (nodes: readonly NodeRecord[]): RunRecord => ({
  id: 'r1',
  cluster: 'one',
  trigger: 'push',
  state: 'succeeded',
  receivedAt: 10_000,
  startedAt: 10_500,
  finishedAt: 12_000,
  nodes,
  timings: { fetchedAt: 10_900, renderedAt: 11_100, appliedAt: 11_200, healthyAt: 11_800 },
  requests: 30,
})

type Runtime = Parameters<typeof withRunEnd>[0]
function runtimeOf(deps: FunctionDeps, change: Partial<Runtime> = {}): Runtime {
  return {
    cluster: 'one',
    config: deps.config,
    state: deps.state,
    http: createNodeHttpClient({ egress: { allowPrivate: true } }),
    read: () => undefined,
    logger: createMemoryLogger(),
    clock: systemClock,
    ...change,
  }
}
const signals = (): JobSignals => ({ stop: new AbortController().signal })

describe('metrics', () => {
  it('are those of the objects, with the labels of Flux', async () => {
    const deps = testDeps()
    await observedState(deps.state)
    const samples = await metrics(deps)
    const infra = samples.find(({ name, labels }) => name === 'gotk_resource_info' && labels['name'] === 'infra')
    assert.deepEqual(infra?.labels, {
      cluster: 'one',
      customresource_group: 'kustomize.toolkit.fluxcd.io',
      customresource_kind: 'Kustomization',
      customresource_version: 'v1',
      exported_namespace: 'apps',
      name: 'infra',
      ready: 'True',
      suspended: 'false',
      revision: `main@sha1:${newCommit}`,
      source_name: 'app',
      state: 'ready',
    })
    const redis = samples.find(({ labels }) => labels['name'] === 'redis')
    assert.deepEqual([redis?.labels['chart_name'], redis?.labels['revision']], ['redis', '1.2.3'])
    assert.equal(valueOf(samples, 'sluice_cluster_up', { cluster: 'one' }), 1)
    assert.equal(valueOf(samples, 'sluice_cluster_up', { cluster: 'two' }), 0)
    assert.equal(valueOf(samples, 'sluice_objects', { cluster: 'one', state: 'failed' }), 1)
    assert.equal(valueOf(samples, 'sluice_recent_runs', { cluster: 'two', state: 'queued' }), 1)
  })

  it('count runs over restarts, as they end', async () => {
    const deps = testDeps()
    await observedState(deps.state)
    const results: (() => Promise<{ record: RunRecord; requeueAfterMs?: number }>)[] = [
      async () => ({ record: { ...finished([node('infra', 300)]), state: 'running' }, requeueAfterMs: 10 }),
      async () => ({ record: finished([node('infra', 800), node('shop', 70_000)]) }),
      async () => {
        throw new EngineError('no route', { code: 'cluster-unreachable', disposition: 'retry' })
      },
    ]
    for (const result of results) {
      // A runtime for each: nothing is kept in memory.
      const run = withRunEnd(runtimeOf(deps), result)
      await run(push, signals()).catch(() => undefined)
    }
    const samples = await metrics(deps)
    const one = { cluster: 'one' }
    assert.equal(valueOf(samples, 'sluice_runs_total', { ...one, trigger: 'push', state: 'succeeded' }), 1)
    assert.equal(valueOf(samples, 'sluice_run_errors_total', { ...one, code: 'cluster-unreachable' }), 1)
    assert.equal(valueOf(samples, 'sluice_api_requests_total', one), 60)
    assert.equal(valueOf(samples, 'sluice_run_api_requests_bucket', { ...one, le: '50' }), 3)
    assert.equal(valueOf(samples, 'sluice_drifted_objects_total', one), 2)
    assert.equal(valueOf(samples, 'sluice_push_to_applied_seconds_sum', one), 1.2)
    assert.equal(valueOf(samples, 'sluice_push_to_healthy_seconds_bucket', { ...one, le: '2.5' }), 1)
    assert.equal(valueOf(samples, 'sluice_push_to_healthy_seconds_bucket', { ...one, le: '1' }), 0)
    const infra = { ...one, kind: 'Kustomization', name: 'infra', namespace: 'apps' }
    assert.equal(valueOf(samples, 'gotk_reconcile_duration_seconds_count', infra), 1)
    assert.equal(valueOf(samples, 'gotk_reconcile_duration_seconds_bucket', { ...infra, le: '0.5' }), 0)
    assert.equal(valueOf(samples, 'gotk_reconcile_duration_seconds_sum', infra), 0.8)
  })

  it('stay readable whatever objects are called', async () => {
    const deps = testDeps()
    await hostileState(deps.state)
    const samples = await metrics(deps)
    const evil = samples.find(({ name, labels }) => name === 'gotk_resource_info' && labels['name'] === 'evil')
    assert.match(evil?.labels['revision'] ?? '', /<script>/)
  })

  it('have a token of their own, which reads nothing else', async () => {
    const deps = testDeps({
      config: testConfig({
        reading: { tokens: [readToken], metricsTokens: ['metrics-only-token'], isPublic: false, sessionKeys: [] },
      }),
    })
    for (const token of ['metrics-only-token', readToken, triggerToken]) await metrics(deps, token)
    const status = async (path: string, token: string): Promise<number> => {
      const request = new Request(`http://sluice.test${path}`, { headers: { authorization: `Bearer ${token}` } })
      return (await createApp(deps).fetch(request)).status
    }
    assert.equal(await status('/metrics', 'another-token'), 401)
    assert.equal(await status('/api/clusters', 'metrics-only-token'), 401)
    assert.equal(await status('/ui', 'metrics-only-token'), 303)
  })
})

/** A collector that notes what it is sent, and answers with `status`; 0 never. */
async function startCollector(status: number): Promise<{
  url: string
  seen: { path: string; headers: IncomingMessage['headers']; body: string }[]
  close(): void
}> {
  const seen: { path: string; headers: IncomingMessage['headers']; body: string }[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      seen.push({ path: request.url ?? '', headers: request.headers, body })
      if (status > 0) response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, seen, close: () => void (server.closeAllConnections(), server.close()) }
}

interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
}

describe('traces', () => {
  const configured = (url: string): FunctionDeps['config'] => {
    const { reading } = loadConfig((name) => {
      if (name === 'CLUSTERS') return '[{"name":"one","server":"https://one.example"}]'
      if (name === 'OTEL_EXPORTER_OTLP_ENDPOINT') return url
      return name === 'OTEL_EXPORTER_OTLP_HEADERS' ? 'x-key=a%20secret%20key' : undefined
    })
    return testConfig({ reading })
  }

  it('of a finished run are sent as OTLP, twice with the same ids', async () => {
    const collector = await startCollector(200)
    const deps = testDeps({ config: configured(collector.url) })
    const run = withRunEnd(runtimeOf(deps), async () => ({ record: finished([node('infra', 800)]) }))
    await run(push, signals())
    await run(push, signals())
    collector.close()
    const [first, second] = collector.seen
    assert.equal(first?.path, '/v1/traces')
    assert.equal(first.headers['x-key'], 'a secret key')
    assert.equal(first.body, second?.body)
    const spans = (
      JSON.parse(first.body) as { resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[] }
    ).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
    const [root] = spans
    assert.match(root?.traceId ?? '', /^[0-9a-f]{32}$/)
    assert.deepEqual(
      spans.map(({ name, startTimeUnixNano, endTimeUnixNano }) => [name, startTimeUnixNano, endTimeUnixNano]),
      [
        ['push one', '10000000000', '12000000000'],
        ['received', '10000000000', '10500000000'],
        ['fetched', '10500000000', '10900000000'],
        ['rendered', '10900000000', '11100000000'],
        ['applied', '11100000000', '11200000000'],
        ['healthy', '11200000000', '11800000000'],
        ['Kustomization apps/infra', '11000000000', '11800000000'],
        ['render', '11000000000', '11100000000'],
        ['apply', '11100000000', '11200000000'],
        ['health', '11200000000', '11800000000'],
      ],
    )
    const ids = new Set(spans.map(({ spanId }) => spanId))
    assert.equal(ids.size, spans.length)
    assert.ok(spans.every(({ parentSpanId }) => parentSpanId === undefined || ids.has(parentSpanId)))
    assert.equal(root?.parentSpanId, undefined)
  })

  it('are not sent of what goes on later, or of a scan that had nothing to do', async () => {
    const collector = await startCollector(200)
    const deps = testDeps({ config: configured(collector.url) })
    const runtime = runtimeOf(deps)
    await withRunEnd(runtime, async () => ({ record: finished([]), requeueAfterMs: 5 }))(push, signals())
    await withRunEnd(runtime, async () => ({ record: finished([]) }))({ ...push, kind: 'scan' }, signals())
    collector.close()
    assert.equal(collector.seen.length, 0)
  })

  it('never fail a run, whatever the collector does', async () => {
    const refusing = await startCollector(503)
    const silent = await startCollector(0)
    for (const url of [refusing.url, silent.url, 'http://127.0.0.1:9']) {
      const deps = testDeps({ config: configured(url) })
      const logger = createMemoryLogger()
      const run = withRunEnd(runtimeOf(deps, { logger }), async () => ({ record: finished([]) }))
      assert.equal((await run(push, signals())).record.state, 'succeeded')
      assert.match(logger.lines.join('\n'), /trace not sent/)
      assert.match(logger.lines.join('\n'), /"run":"r1"|r1/)
      assert.doesNotMatch(logger.lines.join('\n'), /secret key/)
    }
    refusing.close()
    silent.close()
  })
})
