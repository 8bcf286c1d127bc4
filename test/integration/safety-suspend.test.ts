import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  approveCluster,
  createCaches,
  resumeCluster,
  suspendCluster,
  suspendObject,
  type Job,
  type RunRecord,
} from '../../src/reconcile/index.ts'
import { readClusters } from '../../src/observe/index.ts'
import type { AuditMark } from '../support/audit-log.ts'
import { useCluster } from '../support/cluster.ts'
import { createMemoryState, systemClock } from '../support/memory-ports.ts'
import { requestsOf } from '../support/requests.ts'
import { createScenario, nodeOf, type Scenario, type ScenarioOptions } from '../support/scenario.ts'

const cluster = useCluster()
const configMap = (color: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: $NAMESPACE }\ndata: { color: ${color} }\n`

/** Requests with which something in the namespace was written, whoever sent them; the switch itself is not counted. */
async function writesSince(mark: AuditMark, namespace: string): Promise<readonly string[]> {
  const { requests } = await cluster.requestCounts(mark)
  return requests
    .filter(({ verb, uri }) => !['get', 'list', 'watch'].includes(verb) && uri.includes(namespace))
    .filter(({ uri }) => !uri.includes('dryRun=All') && !uri.includes('/configmaps/sluice-hold'))
    .map(({ verb, uri }) => `${verb} ${uri}`)
}

/** A scenario whose switch is in its own namespace. */
async function scenario(settings: ScenarioOptions['settings'] = {}): Promise<Scenario> {
  const holder = await cluster.namespace()
  return createScenario(cluster, {
    files: { 'app/a.yaml': configMap('blue') },
    settings: { holdNamespace: holder, ...settings },
  })
}

const appOf = (made: Scenario) => ({ kind: 'Kustomization', namespace: made.namespace, name: 'app' })
const holdOf = (made: Scenario): string => made.deps.settings.holdNamespace

const colorOf = async (made: Scenario): Promise<unknown> =>
  (await made.client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'a' }))?.['data']
    .color

async function commit(made: Scenario, color: string): Promise<void> {
  await made.repository.commit({ 'app/a.yaml': configMap(color).replace('$NAMESPACE', made.namespace) })
}

/** What is left when the deployment is made again: nothing but the cluster. */
function loseState(made: Scenario): void {
  Object.assign(made.deps, { state: createMemoryState(), caches: createCaches() })
}

/** Everything that brings work: a push, a scan, a trigger for everything and for one object. */
async function everyEntry(made: Scenario): Promise<readonly RunRecord[]> {
  const { namespace } = made
  const object = { kind: 'Kustomization', namespace, name: 'app' }
  const jobs: readonly Partial<Job>[] = [
    { kind: 'scan' },
    { kind: 'trigger', target: 'cluster', actor: 'ada' },
    { kind: 'trigger', target: { object }, actor: 'ada' },
    { kind: 'trigger', target: { source: { ...object, kind: 'GitRepository' } } },
    { kind: 'trigger', target: { objects: [object] } },
  ]
  const records = [await made.pushed()]
  for (const job of jobs) records.push((await made.run(job)).record)
  return records
}

describe('a cluster that is suspended', () => {
  it('is written to by nothing, also not by a deployment that knows nothing of it; resumed, it catches up with what was pushed', async () => {
    const made = await scenario()
    try {
      const { namespace, client } = made
      await made.kustomization()
      await made.pushed()
      assert.equal(await colorOf(made), 'blue')
      const ctx = requestsOf(made)
      const wish = { by: 'ada', reason: 'the disk is full', until: Date.now() + 3_600_000 }
      assert.equal((await suspendCluster(ctx, holdOf(made), wish)).unchanged, false)
      assert.equal((await suspendCluster(ctx, holdOf(made), wish)).unchanged, true)
      await commit(made, 'green')
      const path = `/api/v1/namespaces/${namespace}/configmaps/a`
      await client.request('PATCH', path, {
        body: { data: { color: 'red' } },
        contentType: 'application/merge-patch+json',
      })
      const mark = await cluster.auditMark()
      for (const record of await everyEntry(made)) {
        assert.equal(record.state, 'succeeded', JSON.stringify(record))
        for (const node of record.nodes) {
          assert.equal(node.state, 'skipped')
          assert.match(node.message ?? '', /^the cluster is suspended by ada until .*: the disk is full$/)
        }
      }
      loseState(made)
      const pushed = await made.pushed()
      assert.equal(nodeOf(pushed, 'GitRepository/app').reason, 'Suspended')
      await made.scan()
      assert.deepEqual(await writesSince(mark, namespace), [])
      assert.equal(await colorOf(made), 'red')
      const [seen] = await readClusters({
        state: made.deps.state,
        clock: systemClock,
        clusters: ['test'],
        scanIntervalMs: 60_000,
      })
      const app = seen?.objects.find(({ summary }) => summary.kind === 'Kustomization')
      assert.equal(app?.state, 'suspended')
      assert.match(app?.summary.held?.message ?? '', /the disk is full/)
      assert.equal((await resumeCluster(ctx, holdOf(made), 'ada')).unchanged, false)
      assert.equal((await resumeCluster(ctx, holdOf(made), 'ada')).unchanged, true)
      await made.scan()
      assert.equal(await colorOf(made), 'green')
    } finally {
      await made.close()
    }
  })

  it('that forgot no push: the first scan after it fetches, whatever the interval', async () => {
    const made = await scenario()
    try {
      await made.kustomization()
      await made.pushed()
      const ctx = requestsOf(made)
      await suspendCluster(ctx, holdOf(made), { by: 'ada' })
      await commit(made, 'green')
      await made.pushed()
      await resumeCluster(ctx, holdOf(made), 'ada')
      assert.equal(await colorOf(made), 'blue')
      // The interval of the source is a minute, and it was looked at a moment ago.
      await made.scan()
      assert.equal(await colorOf(made), 'green')
    } finally {
      await made.close()
    }
  })

  it('goes on by itself when its time is over', async () => {
    const made = await scenario()
    try {
      await made.kustomization()
      await suspendCluster(requestsOf(made), holdOf(made), { by: 'ada', until: Date.now() + 600_000 })
      await made.scan()
      assert.equal(await colorOf(made), undefined)
      Object.assign(made.deps, { clock: { ...made.deps.clock, now: () => Date.now() + 660_000 } })
      await made.scan()
      assert.equal(await colorOf(made), 'blue')
      const key = { apiVersion: 'v1', kind: 'ConfigMap', namespace: holdOf(made), name: 'sluice-hold' }
      assert.equal((await made.client.get(key))['data'].suspended, 'false')
    } finally {
      await made.close()
    }
  })

  const renewed: readonly {
    readonly what: string
    readonly place: RegExp
    readonly suspend: (made: Scenario, until: number) => Promise<unknown>
    readonly isSuspended: (made: Scenario) => Promise<boolean>
  }[] = [
    {
      what: 'the cluster',
      place: /sluice-hold/,
      suspend: (made, until) => suspendCluster(requestsOf(made), holdOf(made), { by: 'ada', until }),
      isSuspended: async (made) => {
        const key = { apiVersion: 'v1', kind: 'ConfigMap', namespace: holdOf(made), name: 'sluice-hold' }
        return (await made.client.get(key))['data'].suspended === 'true'
      },
    },
    {
      what: 'an object',
      place: /\/kustomizations\b/,
      suspend: (made, until) => suspendObject(requestsOf(made), appOf(made), { by: 'ada', until }),
      isSuspended: async (made) => {
        const apiVersion = 'kustomize.toolkit.fluxcd.io/v1'
        return (await made.client.get({ apiVersion, ...appOf(made) }))['spec'].suspend === true
      },
    },
  ]
  for (const { what, place, suspend, isSuspended } of renewed)
    it(`stays where it is suspended for longer while its end is noticed: ${what}`, async () => {
      const made = await scenario()
      try {
        await made.kustomization()
        await suspend(made, Date.now() + 600_000)
        const { transport } = made.deps
        let isRenewed = false
        const meanwhile: typeof transport = {
          cluster: transport.cluster,
          send: async (request) => {
            const response = await transport.send(request)
            if (request.method !== 'GET' || isRenewed || !place.test(request.path)) return response
            isRenewed = true
            const text = await response.text()
            await suspend({ ...made, deps: { ...made.deps, transport } }, Date.now() + 7_200_000)
            return { status: response.status, headers: response.headers, text: async () => text, body: null }
          },
        }
        const clock = { ...made.deps.clock, now: () => Date.now() + 660_000 }
        Object.assign(made.deps, { clock, transport: meanwhile })
        await made.scan()
        assert.ok(isRenewed)
        assert.ok(await isSuspended(made))
      } finally {
        await made.close()
      }
    })

  it('by the configuration of the deployment, whatever the cluster says', async () => {
    const made = await scenario({ suspended: { reason: 'the audit', by: 'ops' } })
    try {
      await made.kustomization()
      const mark = await cluster.auditMark()
      const records = await everyEntry(made)
      assert.ok(records[0]?.nodes.every(({ message }) => message === 'the deployment is suspended by ops: the audit'))
      assert.deepEqual(await writesSince(mark, made.namespace), [])
      assert.equal(await colorOf(made), undefined)
    } finally {
      await made.close()
    }
  })

  it('fails closed: where the switch cannot be read nothing is written, and the error says what to grant', async () => {
    const made = await scenario()
    try {
      await made.kustomization()
      const { transport } = made.deps
      const refused = JSON.stringify({
        kind: 'Status',
        status: 'Failure',
        code: 403,
        reason: 'Forbidden',
        message: 'no',
      })
      const blind: typeof transport = {
        cluster: transport.cluster,
        send: (request) =>
          request.path.includes('sluice-hold')
            ? Promise.resolve(new Response(refused, { status: 403, headers: { 'content-type': 'application/json' } }))
            : transport.send(request),
      }
      Object.assign(made.deps, { transport: blind })
      const mark = await cluster.auditMark()
      await assert.rejects(made.pushed(), (error: Error) => {
        assert.match(error.message, /cannot be read whether the cluster is suspended.*get the ConfigMap sluice-hold/)
        return true
      })
      assert.deepEqual(await writesSince(mark, made.namespace), [])
    } finally {
      await made.close()
    }
  })
})

describe('the first run of a cluster', () => {
  it('is planned, and waits for approval, which outlives the deployment', async () => {
    const made = await scenario({ firstRun: 'plan' })
    try {
      const { namespace } = made
      await made.kustomization()
      const mark = await cluster.auditMark()
      const planned = await made.scan()
      assert.equal(planned.plan, true)
      assert.deepEqual(
        nodeOf(planned, 'Kustomization/app').changes.map(({ object, action }) => [object, action]),
        [[`ConfigMap/${namespace}/a`, 'created']],
      )
      // A scan plans once; a push says what it would do now.
      assert.equal((await made.scan()).plan, undefined)
      assert.equal((await made.pushed()).plan, true)
      loseState(made)
      await everyEntry(made)
      assert.deepEqual(await writesSince(mark, namespace), [])
      const [seen] = await readClusters({
        state: made.deps.state,
        clock: systemClock,
        clusters: ['test'],
        scanIntervalMs: 60_000,
      })
      assert.ok(seen?.objects.every(({ state }) => state === 'blocked'))
      assert.equal((await approveCluster(requestsOf(made), holdOf(made), 'ada')).unchanged, false)
      loseState(made)
      await made.scan()
      assert.equal(await colorOf(made), 'blue')
      // A suspension afterwards takes no approval away.
      await suspendCluster(requestsOf(made), holdOf(made), { by: 'ada' })
      await resumeCluster(requestsOf(made), holdOf(made), 'ada')
      await commit(made, 'green')
      await made.pushed()
      assert.equal(await colorOf(made), 'green')
    } finally {
      await made.close()
    }
  })
})
