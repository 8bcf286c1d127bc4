import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DeploymentRequests, Job, NodeRecord, RunRecord } from '../../src/reconcile/index.ts'
import { useCluster } from '../support/cluster.ts'
import { setPolicy } from '../support/planned.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const configMap = (color: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { color: ${color} }\n`
const minute = 60_000

type RunWish = Parameters<DeploymentRequests['run']>[0]

/** Two clusters, as two namespaces, that follow one repository and share a state store; the second one waits for the first. */
interface Fleet {
  readonly staging: Scenario
  readonly prod: Scenario
  readonly asked: RunWish[]
  /** Sets the clock of the second cluster forward. */
  forward(ms: number): void
  commit(files: { readonly [path: string]: string }): Promise<void>
  run(name: 'staging' | 'prod', job?: Partial<Job>): Promise<RunRecord>
  close(): Promise<void>
}

async function createFleet(healthyForMs: number): Promise<Fleet> {
  const staging = await createScenario(cluster, { files: { 'app/a.yaml': configMap('blue') } })
  const prod = await createScenario(cluster, { files: { 'app/a.yaml': configMap('none') } })
  await prod.client.apply({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'app', namespace: prod.namespace },
    spec: { interval: '1m', url: staging.repository.url, ref: { branch: 'main' } },
  })
  let ahead = 0
  const { clock } = prod.deps
  const asked: RunWish[] = []
  const requests: DeploymentRequests = { run: async (wish) => void asked.push(wish) }
  setPolicy(staging, undefined, { cluster: { name: 'staging' }, followers: ['prod'], requests })
  setPolicy(prod, undefined, {
    cluster: { name: 'prod' },
    state: staging.deps.state,
    clock: { ...clock, now: () => clock.now() + ahead },
    requests,
  })
  const scenarios = { staging, prod }
  const push = () => ({
    provider: 'github',
    deliveryId: crypto.randomUUID(),
    urls: [staging.repository.url],
    ref: 'refs/heads/main',
  })
  const run: Fleet['run'] = async (name, job = { kind: 'push', push: push() }) =>
    (await scenarios[name].run({ cluster: name, ...job })).record
  for (const name of ['staging', 'prod'] as const) {
    await scenarios[name].kustomization()
    await run(name)
  }
  setPolicy(prod, { after: ['staging'], healthyForMs })
  asked.length = 0
  return {
    staging,
    prod,
    asked,
    run,
    forward: (ms) => {
      ahead += ms
    },
    commit: (files) => staging.repository.commit(files).then(() => undefined),
    close: async () => {
      await prod.close()
      await staging.close()
    },
  }
}

const colorOf = async ({ client, namespace }: Scenario): Promise<unknown> =>
  (await client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'a' }))?.['data'].color

async function heldIn({ client, namespace }: Scenario): Promise<string> {
  const ref = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', namespace, name: 'app' }
  const { conditions } = (await client.get(ref))['status']
  return conditions.find((one: { type: string }) => one.type === 'Held')?.message ?? ''
}

/** What was asked for since the last time. */
function takeAll(asked: RunWish[]): readonly RunWish[] {
  return asked.splice(0)
}

const nodeIn = (record: RunRecord): NodeRecord => nodeOf(record, 'Kustomization/app')

describe('a cluster that follows another one', () => {
  it('waits until that one has the revision and was healthy for a time, and is woken', async () => {
    const fleet = await createFleet(10 * minute)
    try {
      const { staging, prod, asked } = fleet
      const { namespace } = prod
      await fleet.commit({ 'app/a.yaml': configMap('green') })
      const early = nodeIn(await fleet.run('prod'))
      assert.equal(early.reason, 'WaitingForCluster')
      assert.match(
        early.message ?? '',
        /^waits for staging: GitRepository \S+ has not fetched main@sha1:[0-9a-f]{12} yet$/,
      )
      assert.equal(await colorOf(prod), 'blue')
      assert.deepEqual(asked, [])
      await fleet.run('staging')
      assert.equal(await colorOf(staging), 'green')
      const objects = [{ kind: 'Kustomization', namespace, name: 'app' }]
      assert.deepEqual(asked.splice(0), [{ cluster: 'prod', objects, delayMs: 0, actor: 'wave' }])
      await fleet.run('prod', { kind: 'trigger', target: { objects } })
      assert.equal(await colorOf(prod), 'blue')
      assert.match(
        await heldIn(prod),
        /^waits for staging: healthy since \S+, and to be so for 10m0s, until \S+: revision main@/,
      )
      const later = takeAll(asked).map(({ delayMs, ...rest }) => ({ ...rest, isLater: delayMs > 9 * minute }))
      assert.deepEqual(later, [{ cluster: 'prod', objects, isLater: true, actor: 'wave' }])
      // Another look changes nothing, and asks for nothing.
      await fleet.run('prod', { kind: 'scan' })
      assert.deepEqual(asked, [])
      fleet.forward(11 * minute)
      assert.equal(nodeIn(await fleet.run('prod', { kind: 'trigger', target: { objects } })).state, 'ready')
      assert.equal(await colorOf(prod), 'green')
      // Nothing waits any more, so nobody is woken.
      await fleet.commit({ 'README.md': 'nothing new for anybody\n' })
      await fleet.run('staging')
      assert.deepEqual(asked, [])
    } finally {
      await fleet.close()
    }
  })

  it('goes no further while something is not healthy there, and repairs drift meanwhile', async () => {
    const fleet = await createFleet(0)
    try {
      const { prod, staging, asked } = fleet
      await fleet.commit({ 'app/a.yaml': 'apiVersion: v1\nkind: Unknown\nmetadata: { name: a }\n' })
      await fleet.run('staging')
      assert.match(
        nodeIn(await fleet.run('prod')).message ?? '',
        /^waits for staging: Kustomization \S+\/app failed \(\w+\)$/,
      )
      await prod.client.request('PATCH', `/api/v1/namespaces/${prod.namespace}/configmaps/a`, {
        body: { data: { color: 'red' } },
        contentType: 'application/merge-patch+json',
      })
      delete (prod.deps.caches as { checks?: unknown }).checks
      for (const { key } of await prod.deps.state.list('checks/prod')) await prod.deps.state.delete(key)
      fleet.forward(11 * minute)
      assert.equal(nodeIn(await fleet.run('prod', { kind: 'scan' })).state, 'ready')
      assert.equal(await colorOf(prod), 'blue')
      await fleet.commit({ 'app/a.yaml': configMap('green') })
      await fleet.run('staging')
      assert.equal(await colorOf(staging), 'green')
      assert.equal(asked.at(-1)?.cluster, 'prod')
      await fleet.run('prod')
      assert.equal(await colorOf(prod), 'green')
    } finally {
      await fleet.close()
    }
  })

  it('asks no other cluster: what its runs have saved is enough', async () => {
    const fleet = await createFleet(0)
    try {
      await fleet.commit({ 'app/a.yaml': configMap('green') })
      await fleet.run('staging')
      const mark = await cluster.auditMark()
      await fleet.run('prod')
      assert.equal(await colorOf(fleet.prod), 'green')
      const { requests } = await cluster.requestCounts(mark)
      assert.deepEqual(
        requests.filter(({ uri }) => uri.includes(fleet.staging.namespace)),
        [],
      )
    } finally {
      await fleet.close()
    }
  })
})
