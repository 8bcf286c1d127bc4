import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { writesSince } from '../support/change-plans.ts'
import { useCluster } from '../support/cluster.ts'
import { configMapTemplate, createReleaseScenario, makeReady } from '../support/release-scenario.ts'
import { createScenario, nodeOf } from '../support/scenario.ts'

const cluster = useCluster()

const configMap = (name: string, data: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata: ${data}\n`

describe('a plan', () => {
  it('of a Kustomization says what would be created, changed, deleted and left; the cluster carries out nothing', async () => {
    const made = await createScenario(cluster, {
      files: {
        'app/kustomization.yaml': 'resources: [a.yaml, b.yaml, keep.yaml]\n',
        'app/a.yaml': configMap('a', '{ color: blue }'),
        'app/b.yaml': configMap('b', '{ x: "1" }'),
        'app/keep.yaml': configMap('keep', '{ x: "1" }').replace(
          'name: keep',
          'name: keep\n  annotations: { kustomize.toolkit.fluxcd.io/prune: disabled }',
        ),
      },
    })
    try {
      await made.kustomization()
      await made.pushed()
      const { namespace, client } = made
      await made.repository.commit({
        'app/kustomization.yaml': 'resources: [a.yaml, c.yaml, ns.yaml]\n',
        'app/a.yaml': configMap('a', '{ color: green }'),
        'app/c.yaml': configMap('c', '{ x: "1" }'),
        'app/ns.yaml': configMap('elsewhere', '{ x: "1" }'),
      })
      const ref = { kind: 'Kustomization', namespace, name: 'app' }
      const before = await client.get({ apiVersion: 'kustomize.toolkit.fluxcd.io/v1', ...ref })
      const mark = await cluster.auditMark()
      const source = { kind: 'GitRepository', namespace, name: 'app' }
      const { record } = await made.run({ kind: 'trigger', target: { source }, plan: true })
      assert.equal(record.plan, true)
      assert.equal(record.state, 'succeeded', JSON.stringify(record))
      const node = nodeOf(record, 'Kustomization/app')
      assert.deepEqual(
        node.changes.map(({ object, action }) => `${object.split('/').at(-1)} ${action}`),
        ['a configured', 'c created', 'elsewhere created', 'keep skipped', 'b deleted'],
      )
      assert.deepEqual(
        node.changes[0]?.drift?.map(({ path, change }) => [path, change]),
        [['.data.color', 'replace']],
      )
      assert.equal(JSON.stringify(record).includes('green'), false)
      assert.match(node.message ?? '', /1 configured, 2 created, 1 skipped, 1 deleted/)
      assert.deepEqual(await writesSince(cluster, mark, namespace), [])
      assert.deepEqual(await client.get({ apiVersion: 'kustomize.toolkit.fluxcd.io/v1', ...ref }), before)
      for (const name of ['b', 'keep'])
        assert.ok(await client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name }))
      const now = await client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'a' })
      assert.equal(now['data'].color, 'blue')
      // Of the object, at the revision that its source has: nothing to do.
      const again = await made.run({ kind: 'trigger', target: { object: ref }, plan: true })
      assert.deepEqual(nodeOf(again.record, 'Kustomization/app').changes, [])
      assert.equal(nodeOf(again.record, 'Kustomization/app').unchanged, 3)
      assert.deepEqual(await writesSince(cluster, mark, namespace), [])
    } finally {
      await made.close()
    }
  })

  it('names what the server refuses, a prune that needs to be confirmed, and what is not there', async () => {
    const made = await createScenario(cluster, {
      files: { 'app/a.yaml': configMap('a', '{ x: "1" }') },
    })
    try {
      await made.kustomization()
      await made.pushed()
      const { namespace } = made
      const source = { kind: 'GitRepository', namespace, name: 'app' }
      await made.repository.commit({ 'app/a.yaml': configMap('a', '{ x: [1] }') })
      const refused = await made.run({ kind: 'trigger', target: { source }, plan: true })
      assert.equal(refused.record.state, 'failed')
      assert.match(nodeOf(refused.record, 'Kustomization/app').message ?? '', /ConfigMap\/.*\/a dry-run failed/)
      await made.repository.commit({ 'app/a.yaml': '---\n', 'app/kustomization.yaml': 'resources: []\n' })
      const pruned = await made.run({ kind: 'trigger', target: { source }, plan: true })
      assert.equal(nodeOf(pruned.record, 'Kustomization/app').reason, 'PruneFailed')
      assert.match(nodeOf(pruned.record, 'Kustomization/app').message ?? '', /confirm it: kubectl/)
      const object = { kind: 'Kustomization', namespace, name: 'none' }
      const missing = await made.run({ kind: 'trigger', target: { object }, plan: true })
      assert.equal(missing.record.state, 'failed')
      assert.match(nodeOf(missing.record, 'Kustomization/none').message ?? '', /was not found/)
    } finally {
      await made.close()
    }
  })

  it('of a source reads the charts that are made from it as they would be after a look', async () => {
    const made = await createReleaseScenario(cluster, {
      files: { 'templates/a.yaml': configMapTemplate('a'), 'templates/b.yaml': configMapTemplate('b') },
    })
    try {
      const { namespace, client } = made
      await made.pushed()
      await made.release()
      await makeReady(made)
      const chart = {
        apiVersion: 'source.toolkit.fluxcd.io/v1',
        kind: 'HelmChart',
        namespace,
        name: `${namespace}-app`,
      }
      const before = await client.get(chart)
      await made.chart({
        'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.1.0\n',
        'templates/b.yaml': null,
        'templates/c.yaml': configMapTemplate('c'),
      })
      const mark = await cluster.auditMark()
      const source = { kind: 'GitRepository', namespace, name: 'app' }
      const { record } = await made.run({ kind: 'trigger', target: { source }, plan: true })
      const node = nodeOf(record, 'HelmRelease/app')
      assert.match(node.message ?? '', /^upgrade of app@1\.1\.0/)
      assert.deepEqual(
        node.changes.map(({ object, action }) => `${object.split('/').at(-1)} ${action}`),
        ['c created', 'b deleted'],
      )
      assert.deepEqual(await writesSince(cluster, mark, namespace), [])
      assert.ok(await made.find('ConfigMap', 'b'))
      assert.deepEqual(await client.get(chart), before)
      // What was planned is what a run does.
      await made.pushed()
      await makeReady(made)
      assert.equal(await made.find('ConfigMap', 'b'), undefined)
      assert.ok(await made.find('ConfigMap', 'c'))
    } finally {
      await made.close()
    }
  })

  it('of a HelmRelease: install, then nothing, then an upgrade with what it deletes', async () => {
    const made = await createReleaseScenario(cluster, {
      files: {
        'templates/a.yaml': configMapTemplate('a'),
        'templates/b.yaml': `{{- if ne .Values.value "new" }}\n${configMapTemplate('b')}{{- end }}\n`,
        'templates/c.yaml': `{{- if eq .Values.value "new" }}\n${configMapTemplate('c')}{{- end }}\n`,
      },
    })
    try {
      const { namespace } = made
      const object = { kind: 'HelmRelease', namespace, name: 'app' }
      const plan = async (): Promise<string[]> => {
        const { record } = await made.run({ kind: 'trigger', target: { object }, plan: true })
        const node = nodeOf(record, 'HelmRelease/app')
        assert.equal(node.state, 'ready', node.message)
        return [node.message ?? '', ...node.changes.map((one) => `${one.object.split('/').at(-1)} ${one.action}`)]
      }
      await made.release()
      const mark = await cluster.auditMark()
      const [message, ...changes] = await plan()
      assert.match(message ?? '', /^install of .*2 created/)
      assert.deepEqual(changes, ['a created', 'b created'])
      assert.deepEqual(await writesSince(cluster, mark, namespace), [])
      await made.reconcile()
      assert.match((await plan())[0] ?? '', /the release is as wanted/)
      const chart = {
        apiVersion: 'source.toolkit.fluxcd.io/v1',
        kind: 'HelmChart',
        namespace,
        name: `${namespace}-app`,
      }
      const chartVersion = async (): Promise<string> => {
        const { resourceVersion } = (await made.client.get(chart)).metadata
        assert.ok(resourceVersion)
        return resourceVersion
      }
      await made.release({ values: { value: 'new' } })
      const stored = await chartVersion()
      const atUpgrade = await cluster.auditMark()
      const upgraded = await plan()
      assert.match(upgraded[0] ?? '', /^upgrade of app@1\.0\.0/)
      assert.deepEqual(upgraded.slice(1), ['a configured', 'c created', 'b deleted'])
      assert.deepEqual(await writesSince(cluster, atUpgrade, namespace), [])
      assert.ok(await made.find('ConfigMap', 'b'))
      assert.equal(await chartVersion(), stored)
      // The chart is another one now, and the HelmChart that stands for it is not written either.
      await made.repository.commit({
        'charts/next/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 2.0.0\n',
        'charts/next/templates/a.yaml': configMapTemplate('a', 'value: next'),
      })
      await made.run({
        kind: 'trigger',
        target: { source: { kind: 'GitRepository', namespace, name: 'app' } },
        plan: true,
      })
      await made.pushed()
      await made.reconcile()
      const sourceRef = { kind: 'GitRepository', name: 'app' }
      await made.release({ chart: { spec: { chart: './charts/next', sourceRef } } })
      const storedNext = await chartVersion()
      const atNext = await cluster.auditMark()
      assert.match((await plan())[0] ?? '', /^upgrade of app@2\.0\.0/)
      assert.deepEqual(await writesSince(cluster, atNext, namespace), [])
      assert.equal(await chartVersion(), storedNext)
    } finally {
      await made.close()
    }
  })
})
