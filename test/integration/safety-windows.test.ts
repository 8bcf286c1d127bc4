import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createCaches, overrideWindows, type RunRecord, type WindowRule } from '../../src/reconcile/index.ts'
import { readClusters } from '../../src/observe/index.ts'
import type { AuditMark } from '../support/audit-log.ts'
import { useCluster } from '../support/cluster.ts'
import { createMemoryState, systemClock } from '../support/memory-ports.ts'
import { configMapTemplate, createReleaseScenario } from '../support/release-scenario.ts'
import { requestsOf } from '../support/requests.ts'
import { createScenario, nodeOf, type Scenario, type ScenarioOptions } from '../support/scenario.ts'

const cluster = useCluster()
const configMap = (name: string, color: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: $NAMESPACE }\ndata: { color: ${color} }\n`

/** One that is closed whenever the test runs, and for long. */
const freeze: WindowRule = { name: 'freeze', kind: 'deny', when: 'daily', timeZone: 'UTC' }

/** Requests with which objects of workloads were written. */
async function writesSince(mark: AuditMark, namespace: string): Promise<readonly string[]> {
  const { requests } = await cluster.requestCounts(mark)
  return requests
    .filter(({ verb, uri }) => !['get', 'list', 'watch'].includes(verb) && uri.includes(`/namespaces/${namespace}/`))
    .filter(({ uri }) => /\/(configmaps|secrets)(?:[/?]|$)/.test(uri) && !uri.includes('dryRun=All'))
    .map(({ verb, uri }) => `${verb} ${uri}`)
}

async function scenario(options: Partial<ScenarioOptions> = {}): Promise<Scenario> {
  return createScenario(cluster, { files: { 'app/a.yaml': configMap('a', 'blue') }, ...options })
}

/** The windows of the deployment from now on. */
function setWindows(made: Scenario, windows: readonly WindowRule[]): void {
  Object.assign(made.deps, { settings: { ...made.deps.settings, windows } })
}

const colorOf = async (made: Scenario, name = 'a'): Promise<unknown> =>
  (await made.client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name }))?.['data'].color

const statusOf = async (made: Scenario, name = 'app') => {
  const ref = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', namespace: made.namespace, name }
  return (await made.client.get(ref))['status']
}

const conditionOf = async (made: Scenario, type: string): Promise<{ status: string; message: string } | undefined> =>
  (await statusOf(made)).conditions.find((one: { type: string }) => one.type === type)

/** A scan for which every interval is over. */
async function dueScan(made: Scenario): Promise<RunRecord> {
  delete (made.deps.caches as { checks?: unknown }).checks
  for (const { key } of await made.deps.state.list('checks/')) await made.deps.state.delete(key)
  return made.scan()
}

async function disturb(made: Scenario): Promise<void> {
  const path = `/api/v1/namespaces/${made.namespace}/configmaps/a`
  await made.client.request('PATCH', path, {
    body: { data: { color: 'red' } },
    contentType: 'application/merge-patch+json',
  })
}

describe('a window that is closed', () => {
  it('holds what was pushed from every entry, says so, and lets the scan apply it when it opens', async () => {
    const made = await scenario()
    try {
      const { namespace } = made
      await made.kustomization()
      await made.pushed()
      setWindows(made, [freeze])
      const mark = await cluster.auditMark()
      const record = await made.push({ 'app/a.yaml': configMap('a', 'green') })
      const node = nodeOf(record, 'Kustomization/app')
      assert.equal(node.state, 'skipped')
      assert.equal(node.reason, 'HeldByWindow')
      assert.match(node.message ?? '', /^held by window 'freeze' with no opening in sight$/)
      const object = { kind: 'Kustomization', namespace, name: 'app' }
      await made.scan()
      await made.run({ kind: 'trigger', target: { object } })
      await made.run({ kind: 'trigger', target: 'cluster' })
      Object.assign(made.deps, { state: createMemoryState(), caches: createCaches() })
      await made.pushed()
      await made.scan()
      assert.deepEqual(await writesSince(mark, namespace), [])
      assert.equal(await colorOf(made), 'blue')
      const held = await conditionOf(made, 'Held')
      assert.match(held?.message ?? '', /^held by window 'freeze' .*: revision main@sha1:[0-9a-f]{40} waits$/)
      assert.equal((await conditionOf(made, 'Ready'))?.status, 'True')
      const [seen] = await readClusters({
        state: made.deps.state,
        clock: systemClock,
        clusters: ['test'],
        scanIntervalMs: 60_000,
      })
      assert.equal(seen?.objects.find(({ summary }) => summary.kind === 'Kustomization')?.state, 'blocked')
      setWindows(made, [])
      await made.scan()
      assert.equal(await colorOf(made), 'green')
      assert.equal(await conditionOf(made, 'Held'), undefined)
    } finally {
      await made.close()
    }
  })

  it('for changes lets drift be repaired, at the revision that is applied; one for drift does not', async () => {
    const made = await scenario()
    try {
      await made.kustomization()
      const first = await made.pushed()
      setWindows(made, [freeze])
      await made.push({ 'app/a.yaml': configMap('a', 'green') })
      await disturb(made)
      const record = await dueScan(made)
      const node = nodeOf(record, 'Kustomization/app')
      assert.equal(node.state, 'ready', node.message)
      assert.equal(node.revision, nodeOf(first, 'Kustomization/app').revision)
      assert.equal(await colorOf(made), 'blue')
      assert.equal((await conditionOf(made, 'Held'))?.status, 'True')
      setWindows(made, [{ ...freeze, holds: ['changes', 'drift', 'deletes'] }])
      await disturb(made)
      await dueScan(made)
      assert.equal(await colorOf(made), 'red')
    } finally {
      await made.close()
    }
  })

  it('holds deletions: those of a Kustomization, and what a new revision no longer has while the rest is applied', async () => {
    const made = await scenario({
      files: { 'app/a.yaml': configMap('a', 'blue'), 'app/b.yaml': configMap('b', 'blue') },
    })
    try {
      const { namespace, client } = made
      await made.kustomization()
      await made.pushed()
      setWindows(made, [{ ...freeze, holds: ['deletes'] }])
      await made.push({ 'app/a.yaml': configMap('a', 'green'), 'app/b.yaml': '' })
      assert.equal(await colorOf(made), 'green')
      assert.equal(await colorOf(made, 'b'), 'blue')
      assert.match((await conditionOf(made, 'Ready'))?.message ?? '', /held by window 'freeze'.*wait to be deleted/)
      const ref = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', namespace, name: 'app' }
      await client.delete(ref)
      await made.scan()
      assert.equal(await colorOf(made, 'b'), 'blue')
      assert.match((await conditionOf(made, 'Held'))?.message ?? '', /its deletion waits/)
      setWindows(made, [])
      await made.scan()
      assert.equal(await colorOf(made), undefined)
      assert.equal(await colorOf(made, 'b'), undefined)
      assert.equal(await client.find(ref), undefined)
    } finally {
      await made.close()
    }
  })

  it('of an object itself holds too, and one that cannot be read holds as well', async () => {
    const made = await scenario()
    try {
      await made.kustomization(
        'app',
        {},
        { 'sluice.dev/windows': 'deny daily 00:00-23:59 UTC; deny daily 23:00-01:00 UTC' },
      )
      await made.pushed()
      assert.equal(await colorOf(made), undefined)
      await made.kustomization('app', {}, { 'sluice.dev/windows': 'whenever' })
      await made.scan()
      assert.match((await conditionOf(made, 'Held'))?.message ?? '', /'whenever' is no window/)
      await made.kustomization('app', {}, {})
      await made.scan()
      assert.equal(await colorOf(made), 'blue')
    } finally {
      await made.close()
    }
  })

  it('is overridden with a reason for a while, unless it says that it cannot be', async () => {
    const made = await scenario()
    try {
      const { namespace } = made
      const object = { kind: 'Kustomization', namespace, name: 'app' }
      await made.kustomization()
      setWindows(made, [{ ...freeze, override: false }])
      await overrideWindows(requestsOf(made), object, { by: 'ada', reason: 'the fix' })
      await made.run({ kind: 'trigger', target: { object } })
      assert.equal(await colorOf(made), undefined)
      setWindows(made, [freeze])
      const stale = { ...systemClock, now: () => Date.now() - 3_600_000 }
      await overrideWindows(requestsOf(made, stale), object, { by: 'ada', reason: 'the fix' })
      await made.run({ kind: 'trigger', target: { object } })
      assert.equal(await colorOf(made), undefined)
      await overrideWindows(requestsOf(made), object, { by: 'ada', reason: 'the fix' })
      await made.run({ kind: 'trigger', target: { object } })
      assert.equal(await colorOf(made), 'blue')
      const ref = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', ...object }
      const notes = (await made.client.get(ref)).metadata.annotations ?? {}
      assert.equal(notes['sluice.dev/override-windows-reason'], 'the fix')
    } finally {
      await made.close()
    }
  })

  it('holds a HelmRelease', async () => {
    const made = await createReleaseScenario(cluster, { files: { 'templates/a.yaml': configMapTemplate('a') } })
    try {
      const { namespace } = made
      const settings = made.deps.settings as { windows: readonly WindowRule[] }
      settings.windows = [{ ...freeze, kinds: ['HelmRelease'] }]
      await made.release()
      const mark = await cluster.auditMark()
      const object = { kind: 'HelmRelease', namespace, name: 'app' }
      const { record } = await made.run({ kind: 'trigger', target: { object } })
      assert.equal(nodeOf(record, 'HelmRelease/app').reason, 'HeldByWindow')
      await made.scan()
      assert.deepEqual(await writesSince(mark, namespace), [])
      settings.windows = []
      await made.run({ kind: 'trigger', target: { object } })
      const ref = { apiVersion: 'helm.toolkit.fluxcd.io/v2', ...object }
      const { conditions } = (await made.client.get(ref))['status']
      assert.equal(conditions.find((one: { type: string }) => one.type === 'Ready').status, 'True')
      assert.equal(
        conditions.find((one: { type: string }) => one.type === 'Held'),
        undefined,
      )
    } finally {
      await made.close()
    }
  })
})
