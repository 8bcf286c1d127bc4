import assert from 'node:assert/strict'
import { mapLimit } from '../../src/base/index.ts'
import type { KubeTransport } from '../../src/ports/index.ts'
import { createCaches, runJob } from '../../src/reconcile/index.ts'
import type { TestCluster } from './cluster.ts'
import { createCutTransport, type Cut, type CutTransport } from './cut-transport.ts'
import { configMapTemplate, createReleaseScenario, hookTemplate, type ReleaseScenario } from './release-scenario.ts'

/** One object that stays, one that an upgrade removes, one that it adds; hooks before and after everything. */
const files = {
  'templates/kept.yaml': configMapTemplate('kept'),
  'templates/old.yaml': `{{- if eq .Values.value "one" }}\n${configMapTemplate('old')}{{- end }}\n`,
  'templates/new.yaml': `{{- if ne .Values.value "one" }}\n${configMapTemplate('new')}{{- end }}\n`,
  'templates/before.yaml': hookTemplate('before', { hook: 'pre-upgrade' }),
  'templates/after.yaml': hookTemplate('after', { hook: 'post-upgrade,post-install' }),
  'templates/gone.yaml': hookTemplate('gone', { hook: 'pre-delete' }),
}

/** A HelmRelease whose runs can be cut. */
export interface Cuttable {
  readonly made: ReleaseScenario
  /** Runs the cluster's job in a process of its own that ends at request `at`. */
  runCut(at: number, cut: Cut): Promise<CutTransport>
  /** Uids of the Jobs that hooks made, by name, over all of the scenario. */
  jobs(): Promise<Map<string, Set<string>>>
}

async function start(cluster: TestCluster): Promise<Cuttable> {
  let active: KubeTransport['send'] | undefined
  let inner: KubeTransport | undefined
  const made = await createReleaseScenario(cluster, {
    files,
    limits: { healthPollMs: 50, releaseLeaseMs: 600 },
    wrapTransport: (transport) => {
      inner = transport
      active = (request) => transport.send(request)
      return { cluster: transport.cluster, send: (request) => (active as KubeTransport['send'])(request) }
    },
  })
  const runs = { count: 0 }
  return {
    made,
    runCut: async (at, cut) => {
      assert.ok(inner)
      const transport = createCutTransport(inner, at, cut)
      active = (request) => transport.send(request)
      const deps = { ...made.deps, caches: createCaches() }
      const job = { runId: `cut-${(runs.count += 1)}`, cluster: 'test', receivedAt: Date.now() }
      for (let round = 0; round < 10; round++) {
        const result = await runJob(
          deps,
          { ...job, kind: 'trigger', target: 'cluster' },
          { stop: transport.signal },
        ).catch((error: { code?: string }) => {
          assert.ok(['cluster-unreachable', 'aborted'].includes(error.code ?? ''), error.code)
          return undefined
        })
        if (transport.isCut || result?.requeueAfterMs === undefined) break
      }
      const back = inner
      active = (request) => back.send(request)
      return transport
    },
    jobs: async () => {
      const events = await made.client.list({ apiVersion: 'v1', kind: 'Event', namespace: made.namespace })
      const found = new Map<string, Set<string>>()
      for (const event of events) {
        if (event['involvedObject'].kind !== 'Job' || event['reason'] !== 'SuccessfulCreate') continue
        const { name, uid } = event['involvedObject'] as { name: string; uid: string }
        found.set(name, (found.get(name) ?? new Set()).add(uid))
      }
      return found
    },
  }
}

/** The spec for a value. */
export const value = (text: string, more: object = {}): object => ({ values: { value: text }, ...more })

/** Every request of a phase is cut: before it is sent; every write also after it was done, its answer lost. */
export async function everyCut(
  cluster: TestCluster,
  requests: readonly string[],
  prepare: (one: Cuttable) => Promise<void>,
  check: (one: Cuttable, where: string) => Promise<void>,
): Promise<void> {
  const cuts = requests.flatMap((method, index): [number, Cut][] =>
    method === 'GET'
      ? [[index + 1, 'before']]
      : [
          [index + 1, 'before'],
          [index + 1, 'after'],
        ],
  )
  await mapLimit(cuts, 8, async ([at, cut]) => {
    const one = await start(cluster)
    try {
      await prepare(one)
      await one.runCut(at, cut)
      const { record } = await one.made.run({ kind: 'trigger', target: 'cluster' })
      await check(one, `${at} ${cut}: ${JSON.stringify(record.nodes)}`)
    } finally {
      await one.made.close()
    }
  })
}

/** Methods of the requests of a phase that nothing cuts. */
export async function requestsOf(
  cluster: TestCluster,
  prepare: (one: Cuttable) => Promise<void>,
): Promise<readonly string[]> {
  const one = await start(cluster)
  try {
    await prepare(one)
    return (await one.runCut(Number.POSITIVE_INFINITY, 'before')).methods
  } finally {
    await one.made.close()
  }
}

/** ConfigMaps of the release, `name=value`. */
export async function maps(made: ReleaseScenario): Promise<string[]> {
  const found = await made.client.list(
    { apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace },
    { labelSelector: 'helm.toolkit.fluxcd.io/name=app' },
  )
  return found.map((map) => `${map.metadata.name}=${map['data'].value}`).sort()
}

/** Jobs of hooks of these names were made once at most. */
export async function once(one: Cuttable, names: readonly string[], where: string): Promise<void> {
  const jobs = await one.jobs()
  for (const name of names)
    assert.ok((jobs.get(name)?.size ?? 1) === 1, `${name} ran ${jobs.get(name)?.size} times, ${where}`)
}
