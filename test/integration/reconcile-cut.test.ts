import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { mapLimit } from '../../src/base/index.ts'
import type { KubeTransport } from '../../src/ports/index.ts'
import { createCaches, runJob } from '../../src/reconcile/index.ts'
import { useCluster } from '../support/cluster.ts'
import { createCutTransport, type Cut, type CutTransport } from '../support/cut-transport.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []
after(async () => {
  for (const made of open) await made.close()
})

const configMap = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n`
const service = `apiVersion: v1\nkind: Service\nmetadata:\n  name: s\nspec:\n  ports: [{ port: 80 }]\n`

const first = { 'app/a.yaml': configMap('a', '1'), 'app/b.yaml': configMap('b', '1'), 'app/s.yaml': service }
/** Changes a, adds c, removes b and the Service. */
const second = {
  'app/a.yaml': configMap('a', '2'),
  'app/b.yaml': null,
  'app/s.yaml': null,
  'app/c.yaml': configMap('c', '1'),
}

/** A scenario whose transport can be exchanged between runs, as between processes. */
async function start(): Promise<{ made: Scenario; use: (wrap: (inner: KubeTransport) => KubeTransport) => void }> {
  let active: (request: Parameters<KubeTransport['send']>[0]) => ReturnType<KubeTransport['send']>
  let inner: KubeTransport | undefined
  const made = await createScenario(cluster, {
    files: first,
    wrapTransport: (transport) => {
      inner = transport
      active = (request) => transport.send(request)
      return { cluster: transport.cluster, send: (request) => active(request) }
    },
  })
  open.push(made)
  await made.kustomization()
  return {
    made,
    use: (wrap) => {
      assert.ok(inner)
      const wrapped = wrap(inner)
      active = (request) => wrapped.send(request)
    },
  }
}

/** Runs the push in a process of its own that ends at request `at`. */
async function runCut(
  made: Scenario,
  use: (wrap: (inner: KubeTransport) => KubeTransport) => void,
  at: number,
  cut: Cut,
): Promise<CutTransport> {
  let transport: CutTransport | undefined
  use((inner) => (transport = createCutTransport(inner, at, cut)))
  assert.ok(transport)
  const deps = { ...made.deps, caches: createCaches() }
  const job = {
    kind: 'push' as const,
    runId: `cut-${at}`,
    cluster: 'test',
    receivedAt: Date.now(),
    push: { provider: 'github', deliveryId: 'd', urls: [made.repository.url], ref: 'refs/heads/main' },
  }
  await runJob(deps, job, { stop: transport.signal }).catch((error: { code?: string }) =>
    assert.ok(['cluster-unreachable', 'aborted'].includes(error.code ?? ''), error.code),
  )
  use((inner) => inner)
  return transport
}

/** What of ours is in the namespace: `Kind/name value`. */
async function state(made: Scenario): Promise<string[]> {
  const selector = { labelSelector: 'kustomize.toolkit.fluxcd.io/name=app' }
  const maps = await made.client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace }, selector)
  const services = await made.client.list({ apiVersion: 'v1', kind: 'Service', namespace: made.namespace }, selector)
  return [
    ...maps.map((map) => `${map.metadata.name}=${map['data'].value}`),
    ...services.map((found) => found.metadata.name),
  ].sort()
}

/** What the source says of itself, for a failure's message. */
async function sourceState(made: Scenario): Promise<string> {
  const source = await made.client.get({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    namespace: made.namespace,
    name: 'app',
  })
  return JSON.stringify(source['status'])
}

async function inventory(made: Scenario): Promise<string[]> {
  const object = await made.client.get({
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    namespace: made.namespace,
    name: 'app',
  })
  return (object['status'].inventory.entries as { id: string }[]).map((entry) => entry.id.split('_')[1] ?? '').sort()
}

/** Requests of one uninterrupted run of a phase: where there is something to cut. */
async function countRequests(prepare: boolean): Promise<number> {
  const { made, use } = await start()
  if (prepare) {
    await made.pushed()
    await made.repository.commit(second)
  }
  return (await runCut(made, use, Number.POSITIVE_INFINITY, 'before')).count
}

async function everyCut(requests: number, work: (at: number, cut: Cut) => Promise<void>): Promise<void> {
  const cuts = Array.from({ length: requests }, (_, index) => index + 1).flatMap((at) => [
    [at, 'before'] as const,
    [at, 'after'] as const,
  ])
  await mapLimit(cuts, 8, async ([at, cut]) => await work(at, cut))
}

describe('a run that is killed at any request', () => {
  it('while creating: the next run ends as if nothing had happened', async (t) => {
    const requests = await countRequests(false)
    t.diagnostic(`${requests} requests`)
    await everyCut(requests, async (at, cut) => {
      const { made, use } = await start()
      await runCut(made, use, at, cut)
      const record = await made.pushed()
      assert.ok(record.state === 'succeeded', `${at} ${cut}: ${JSON.stringify(record)}`)
      assert.deepEqual(await state(made), ['a=1', 'b=1', 's'], `${at} ${cut}`)
      assert.deepEqual(await inventory(made), ['a', 'b', 's'], `${at} ${cut}`)
    })
  })

  it('while changing and pruning: the next run ends as if nothing had happened', async (t) => {
    const requests = await countRequests(true)
    t.diagnostic(`${requests} requests`)
    await everyCut(requests, async (at, cut) => {
      const { made, use } = await start()
      await made.pushed()
      await made.repository.commit(second)
      await runCut(made, use, at, cut)
      const record = await made.pushed()
      assert.ok(record.state === 'succeeded', `${at} ${cut}: ${JSON.stringify(record)}`)
      assert.deepEqual(await state(made), ['a=2', 'c=1'], `${at} ${cut}: ${await sourceState(made)}`)
      assert.deepEqual(await inventory(made), ['a', 'c'], `${at} ${cut}`)
    })
  })

  it('while creating, and the next commit no longer has the objects: none is orphaned', async () => {
    const requests = await countRequests(false)
    await everyCut(requests, async (at, cut) => {
      const { made, use } = await start()
      await runCut(made, use, at, cut)
      await made.push({ 'app/a.yaml': null, 'app/s.yaml': null })
      assert.deepEqual(await state(made), ['b=1'], `${at} ${cut}`)
      assert.deepEqual(await inventory(made), ['b'], `${at} ${cut}`)
    })
  })
})
