import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mapLimit } from '../../src/base/index.ts'
import type { KubeTransport } from '../../src/ports/index.ts'
import { createCaches, runJob } from '../../src/reconcile/index.ts'
import { useCluster } from '../support/cluster.ts'
import { createCutTransport, type Cut, type CutTransport } from '../support/cut-transport.ts'
import {
  configMapTemplate,
  createReleaseScenario,
  hookTemplate,
  type ReleaseScenario,
} from '../support/release-scenario.ts'

const cluster = useCluster()

/** One object that stays, one that an upgrade removes, one that it adds; hooks before and after everything. */
const files = {
  'templates/kept.yaml': configMapTemplate('kept'),
  'templates/old.yaml': `{{- if eq .Values.value "one" }}\n${configMapTemplate('old')}{{- end }}\n`,
  'templates/new.yaml': `{{- if ne .Values.value "one" }}\n${configMapTemplate('new')}{{- end }}\n`,
  'templates/before.yaml': hookTemplate('before', { hook: 'pre-upgrade' }),
  'templates/after.yaml': hookTemplate('after', { hook: 'post-upgrade,post-install' }),
  'templates/gone.yaml': hookTemplate('gone', { hook: 'pre-delete' }),
}

interface Cuttable {
  readonly made: ReleaseScenario
  /** Runs the cluster's job in a process of its own that ends at request `at`. */
  runCut(at: number, cut: Cut): Promise<CutTransport>
  /** Uids of the Jobs that hooks made, by name, over all of the scenario. */
  jobs(): Promise<Map<string, Set<string>>>
}

async function start(): Promise<Cuttable> {
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
      const deps = { ...made.deps, caches: createCaches(), limits: { ...made.deps.limits, requestTimeoutMs: 300 } }
      const job = { runId: `cut-${(runs.count += 1)}`, cluster: 'test', receivedAt: Date.now() }
      for (let round = 0; round < 10; round++) {
        const result = await runJob(deps, { ...job, kind: 'trigger', target: 'cluster' }).catch(
          (error: { code?: string }) => {
            assert.ok(['cluster-unreachable', 'kube-timeout'].includes(error.code ?? ''), error.code)
            return undefined
          },
        )
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

const value = (text: string, more: object = {}): object => ({ values: { value: text }, ...more })

/** Every request of a phase is cut: before it is sent, or after it was done and its answer is lost. */
async function everyCut(
  requests: number,
  prepare: (one: Cuttable) => Promise<void>,
  check: (one: Cuttable, where: string) => Promise<void>,
): Promise<void> {
  const cuts = Array.from({ length: requests }, (_, index) => index + 1).flatMap((at): [number, Cut][] => [
    [at, 'before'],
    [at, 'after'],
  ])
  await mapLimit(cuts, 8, async ([at, cut]) => {
    const one = await start()
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

async function countRequests(prepare: (one: Cuttable) => Promise<void>): Promise<number> {
  const one = await start()
  try {
    await prepare(one)
    return (await one.runCut(Number.POSITIVE_INFINITY, 'before')).count
  } finally {
    await one.made.close()
  }
}

async function maps(made: ReleaseScenario): Promise<string[]> {
  const found = await made.client.list(
    { apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace },
    { labelSelector: 'helm.toolkit.fluxcd.io/name=app' },
  )
  return found.map((map) => `${map.metadata.name}=${map['data'].value}`).sort()
}

async function once(one: Cuttable, names: readonly string[], where: string): Promise<void> {
  const jobs = await one.jobs()
  for (const name of names)
    assert.ok((jobs.get(name)?.size ?? 1) === 1, `${name} ran ${jobs.get(name)?.size} times, ${where}`)
}

describe('a release whose run is killed at any request', () => {
  it('while installing: the next run ends as if nothing had happened', async (t) => {
    const prepare = (one: Cuttable): Promise<void> => one.made.release(value('one'))
    const requests = await countRequests(prepare)
    t.diagnostic(`${requests} requests`)
    await everyCut(requests, prepare, async (one, where) => {
      assert.deepEqual(await one.made.revisions(), ['v1 deployed'], where)
      assert.deepEqual(await maps(one.made), ['kept=one', 'old=one'], where)
      assert.equal(await one.made.condition('Ready'), 'True InstallSucceeded', where)
      await once(one, ['after'], where)
    })
  })

  it('while upgrading with hooks: the next run ends as if nothing had happened', async (t) => {
    const prepare = async (one: Cuttable): Promise<void> => {
      await one.made.release(value('one'))
      await one.made.reconcile()
      await one.made.release(value('two'))
    }
    const requests = await countRequests(prepare)
    t.diagnostic(`${requests} requests`)
    await everyCut(requests, prepare, async (one, where) => {
      assert.deepEqual(await one.made.revisions(), ['v1 superseded', 'v2 deployed'], where)
      assert.deepEqual(await maps(one.made), ['kept=two', 'new=two'], where)
      assert.equal(await one.made.condition('Ready'), 'True UpgradeSucceeded', where)
      await once(one, ['before'], where)
    })
  })

  it('while rolling back: the next run ends in the old release', async (t) => {
    const upgrade = { timeout: '300ms', remediation: { retries: 0, remediateLastFailure: true } }
    const bad = { values: { value: 'two' }, upgrade }
    const prepare = async (one: Cuttable): Promise<void> => {
      await one.made.chart({ 'templates/after.yaml': null, 'templates/before.yaml': null, 'templates/gone.yaml': null })
      await one.made.release(value('one', { upgrade }))
      await one.made.reconcile()
      await one.made.chart({
        'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.1\n',
        'templates/pod.yaml':
          '{{- if eq .Values.value "two" }}\napiVersion: v1\nkind: Pod\nmetadata:\n  name: stuck\n  annotations: { fake-kubelet.sluice.dev/behaviour: never-ready }\nspec: { containers: [{ name: c, image: example/app:1 }] }\n{{- end }}\n',
      })
      await one.made.release(bad)
    }
    const requests = await countRequests(prepare)
    t.diagnostic(`${requests} requests`)
    await everyCut(requests, prepare, async (one, where) => {
      assert.match((await one.made.revisions()).at(-1) ?? '', /^v3 deployed$/, where)
      assert.deepEqual(await maps(one.made), ['kept=one', 'old=one'], where)
      assert.equal(await one.made.condition('Remediated'), 'True RollbackSucceeded', where)
    })
  })

  it('while uninstalling: the next run leaves nothing', async (t) => {
    const prepare = async (one: Cuttable): Promise<void> => {
      await one.made.release(value('one'))
      await one.made.reconcile()
      const { namespace } = one.made
      await one.made.client.delete({
        apiVersion: 'helm.toolkit.fluxcd.io/v2',
        kind: 'HelmRelease',
        namespace,
        name: 'app',
      })
    }
    const requests = await countRequests(prepare)
    t.diagnostic(`${requests} requests`)
    await everyCut(requests, prepare, async (one, where) => {
      assert.deepEqual(await one.made.revisions(), [], where)
      assert.deepEqual(await maps(one.made), [], where)
      await once(one, ['gone'], where)
    })
  })
})
