import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { mapLimit } from '../../src/base/index.ts'
import type { KubeRequest, KubeTransport } from '../../src/ports/index.ts'
import { createCaches, runJob, type Job } from '../../src/reconcile/index.ts'
import { useCluster } from '../support/cluster.ts'
import {
  createCutTransport,
  createInjectingTransport,
  type Cut,
  type CutTransport,
  type Injection,
} from '../support/cut-transport.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []
after(async () => {
  for (const made of open) await made.close()
})

/** Every n-th request, and the last. `SLUICE_CUT_STEP=1` takes every one of them, which takes some minutes. */
const step = Number(process.env['SLUICE_CUT_STEP'] ?? '13')
const count = 30

const map = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n`
const paths = Array.from({ length: count }, (_, index) => `app/m${index}.yaml`)
const first = Object.fromEntries(paths.map((path, index) => [path, map(`m${index}`, '1')]))
/** Ten are changed, ten removed, ten new; ten stay. */
const second: { [path: string]: string | null } = {
  ...Object.fromEntries(paths.slice(0, 10).map((path, index) => [path, map(`m${index}`, '2')])),
  ...Object.fromEntries(paths.slice(10, 20).map((path) => [path, null])),
  ...Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`app/n${index}.yaml`, map(`n${index}`, '1')])),
}
const afterFirst = Array.from({ length: count }, (_, index) => `m${index}=1`).sort()
const afterSecond = [
  ...Array.from({ length: 10 }, (_, index) => `m${index}=2`),
  ...Array.from({ length: 10 }, (_, index) => `m${index + 20}=1`),
  ...Array.from({ length: 10 }, (_, index) => `n${index}=1`),
].sort()

interface Subject {
  readonly made: Scenario
  /** Successful writes of ConfigMaps that reached the server: `PATCH m1` and how often. */
  readonly writes: Map<string, number>
  /** Runs the job, until the signal of what `wrap` gives aborts. */
  run(wrap: (inner: KubeTransport) => KubeTransport & Partial<CutTransport>, requestTimeoutMs?: number): Promise<number>
}

async function subject(): Promise<Subject> {
  const writes = new Map<string, number>()
  let requests = 0
  let active: KubeTransport | undefined
  let counting: KubeTransport | undefined
  const made = await createScenario(cluster, {
    files: first,
    wrapTransport: (transport) => {
      counting = {
        cluster: transport.cluster,
        send: async (request) => {
          requests++
          const response = await transport.send(request)
          const name = writtenMap(request)
          if (name !== undefined && response.status < 300) writes.set(name, (writes.get(name) ?? 0) + 1)
          return response
        },
      }
      return { cluster: transport.cluster, send: (request) => (active ?? counting ?? transport).send(request) }
    },
  })
  open.push(made)
  await made.kustomization()
  return {
    made,
    writes,
    run: async (wrap, requestTimeoutMs = 30_000) => {
      assert.ok(counting)
      const wrapped = wrap(counting)
      active = wrapped
      requests = 0
      const job: Job = {
        kind: 'push',
        runId: crypto.randomUUID(),
        cluster: 'test',
        receivedAt: Date.now(),
        push: { provider: 'github', deliveryId: 'd', urls: [made.repository.url], ref: 'refs/heads/main' },
      }
      // Another process: nothing in memory is left.
      const deps = { ...made.deps, caches: createCaches(), limits: { ...made.deps.limits, requestTimeoutMs } }
      // The job failed as a whole, and is to be tried again: the queue does that.
      const signals = wrapped.signal === undefined ? {} : { stop: wrapped.signal }
      await runJob(deps, job, signals).catch((error: { code?: string; disposition?: string }) =>
        assert.equal(error.disposition, 'retry', error.code),
      )
      active = undefined
      return requests
    },
  }
}

function writtenMap(request: KubeRequest): string | undefined {
  const found = /\/configmaps\/([^/?]+)/.exec(request.path)
  if (found === null || request.method === 'GET' || request.path.includes('dryRun')) return undefined
  return `${request.method} ${found[1]}`
}

async function state(made: Scenario): Promise<string[]> {
  const selector = { labelSelector: 'kustomize.toolkit.fluxcd.io/name=app' }
  const maps = await made.client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace }, selector)
  return maps.map((one) => `${one.metadata.name}=${one['data'].value}`).sort()
}

async function expectEnd(one: Subject, expected: readonly string[], what: string, mostWrites: number): Promise<void> {
  const record = await one.made.pushed()
  assert.ok(record.state === 'succeeded', `${what}: ${JSON.stringify(record)}`)
  assert.deepEqual(await state(one.made), expected, `${what}: ${JSON.stringify(record)}`)
  const found = await one.made.client.get({
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    namespace: one.made.namespace,
    name: 'app',
  })
  assert.equal(found['status'].inventory.entries.length, count, what)
  const often = [...one.writes].filter(([, times]) => times > mostWrites)
  assert.deepEqual(often, [], `${what}: written more often than needed`)
}

const unchanged = (inner: KubeTransport): KubeTransport => inner

/** The phases: what is there before, and what must be there in the end. */
const phases = {
  create: { prepare: async (): Promise<void> => undefined, expected: afterFirst },
  'change and prune': {
    prepare: async (one: Subject): Promise<void> => {
      await one.run(unchanged)
      one.writes.clear()
      await one.made.repository.commit(second)
    },
    expected: afterSecond,
  },
}

const places = (requests: number): number[] =>
  Array.from({ length: requests }, (_, index) => index + 1).filter((at) => at % step === 0 || at === requests)

for (const [name, phase] of Object.entries(phases)) {
  describe(`thirty objects: ${name}`, () => {
    it('killed at a request and run again: equal end, no orphan, each object written once', async (t) => {
      const whole = await subject()
      await phase.prepare(whole)
      const requests = await whole.run(unchanged)
      t.diagnostic(`${requests} requests`)
      const cuts = places(requests).flatMap((at) => [[at, 'before'] as const, [at, 'after'] as const])
      await mapLimit(cuts, 6, async ([at, cut]: readonly [number, Cut]) => {
        const one = await subject()
        await phase.prepare(one)
        await one.run((inner) => createCutTransport(inner, at, cut))
        await expectEnd(one, phase.expected, `${at} ${cut}`, 1)
      })
    })

    const faults: { readonly [what: string]: (inner: KubeTransport, at: number) => KubeTransport } = {
      '409': (inner, at) => inject(inner, at, { status: 409, body: status(409, 'Conflict') }),
      '429 with Retry-After': (inner, at) =>
        inject(inner, at, { status: 429, body: status(429, 'TooManyRequests'), headers: { 'retry-after': '0' } }),
      '500': (inner, at) => inject(inner, at, { status: 500, body: status(500, 'InternalError') }),
      'a dropped connection': (inner, at) => inject(inner, at, new Error('socket hang up')),
      'an answer that never comes': (inner, at) => silent(inner, at),
    }
    for (const [what, fault] of Object.entries(faults)) {
      it(`${what} at a request: equal end, no orphan`, async () => {
        const whole = await subject()
        await phase.prepare(whole)
        const requests = await whole.run(unchanged)
        await mapLimit(places(requests), 6, async (at) => {
          const one = await subject()
          await phase.prepare(one)
          await one.run((inner) => fault(inner, at), what.startsWith('an answer') ? 1_500 : undefined)
          // A write whose answer was lost is sent once more within the same run.
          await expectEnd(one, phase.expected, `${what} at ${at}`, what.startsWith('an answer') ? 2 : 1)
        })
      })
    }
  })
}

function inject(inner: KubeTransport, at: number, answer: NonNullable<ReturnType<Injection>>): KubeTransport {
  return createInjectingTransport(inner, (_request, number) => (number === at ? answer : undefined))
}

function status(code: number, reason: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: 'injected by the test' }
}

/** The request is done, and its answer never arrives. */
function silent(inner: KubeTransport, at: number): KubeTransport {
  let number = 0
  return {
    cluster: inner.cluster,
    send: async (request) => {
      if (++number !== at) return inner.send(request)
      await (await inner.send(request)).text()
      return new Promise((_resolve, reject) =>
        request.signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true }),
      )
    },
  }
}
