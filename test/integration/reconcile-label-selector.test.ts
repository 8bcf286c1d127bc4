import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isReady } from '../support/take-over.ts'
import { useCluster } from '../support/cluster.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()

const configMap = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: { value: ${value} }\n`
const ours = { 'sharding.fluxcd.io/key': 'sluice' }
const kustomization = (made: Scenario, name: string) => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  namespace: made.namespace,
  name,
})
const source = (made: Scenario) => ({ ...kustomization(made, 'app'), ...gitRepository })
const gitRepository = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository' }

describe('watchLabelSelector', () => {
  it('serves what matches, and neither writes to the rest nor overlooks it', async () => {
    const made = await createScenario(cluster, {
      files: { 'app/a.yaml': configMap('ours', 'one'), 'theirs/a.yaml': configMap('theirs', 'one') },
    })
    try {
      const { client, namespace, repository } = made
      await made.kustomization('ours', { dependsOn: [{ name: 'theirs' }] })
      await made.kustomization('theirs', { path: './theirs' })
      // All that is there is brought up by whoever serves everything; from now on only what is labelled is ours.
      assert.equal((await made.pushed()).state, 'succeeded')
      await client.patch(kustomization(made, 'ours'), { metadata: { labels: ours } })
      const sharded = {
        ...made.deps,
        settings: { ...made.deps.settings, watchLabelSelector: 'sharding.fluxcd.io/key=sluice' },
      }
      Object.assign(made.deps, { settings: sharded.settings })
      await repository.commit({ 'app/a.yaml': configMap('ours', 'two'), 'theirs/a.yaml': configMap('theirs', 'two') })
      const before = await client.get(source(made))
      const theirs = await client.get(kustomization(made, 'theirs'))
      const mark = await cluster.auditMark()
      // The source is somebody else's: its push changes nothing for us before they have fetched it.
      for (const job of [{ kind: 'scan' }, { kind: 'trigger', target: 'cluster' }] as const) {
        const { record } = await made.run(job)
        assert.deepEqual(
          record.nodes.map(({ name }) => name),
          job.kind === 'scan' ? [] : ['ours'],
        )
      }
      assert.deepEqual(await client.get(source(made)), before)
      const head = (await repository.head()) ?? ''
      const status = (object: { [key: string]: unknown }): { [key: string]: unknown } =>
        object['status'] as { [key: string]: unknown }
      const artifact = { ...(status(before)['artifact'] as object), revision: `main@sha1:${head}` }
      await client.patch(source(made), { status: { artifact } }, { subresource: 'status' })
      // The dependency is at the old commit, as far as is known of somebody else's object.
      const { record: waiting } = await made.run({ kind: 'scan' })
      assert.deepEqual(
        waiting.nodes.map(({ name, state, reason }) => `${name} ${state} ${reason}`),
        ['ours blocked DependencyNotReady'],
      )
      await client.patch(
        kustomization(made, 'theirs'),
        { status: { lastAppliedRevision: `main@sha1:${head}` } },
        { subresource: 'status' },
      )
      const { record } = await made.run({ kind: 'scan' })
      assert.deepEqual(
        record.nodes.map(({ name, state }) => `${name} ${state}`),
        ['ours ready'],
      )
      assert.ok(isReady(await client.get(kustomization(made, 'ours'))))
      const valueOf = async (name: string): Promise<unknown> =>
        (await client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name }))['data']
      assert.deepEqual([await valueOf('ours'), await valueOf('theirs')], [{ value: 'two' }, { value: 'one' }])
      const { requests } = await cluster.requestCounts(mark)
      const writes = requests.filter(
        ({ verb, namespace: where, userAgent }) =>
          !['get', 'list', 'watch'].includes(verb) && where === namespace && userAgent !== '',
      )
      assert.deepEqual(
        [...new Set(writes.map(({ name, resource }) => `${resource} ${name}`))].filter(
          (line) => /theirs|gitrepositories/.test(line) && !/\/status/.test(line),
        ),
        [],
      )
      assert.equal((theirs.metadata as { resourceVersion?: string }).resourceVersion === undefined, false)
      // Deleted objects of others keep their finalizer: theirs to clean up.
      await client.delete(kustomization(made, 'theirs'))
      await made.run({ kind: 'scan' })
      assert.ok(await client.find(kustomization(made, 'theirs')))
      assert.ok(await client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'theirs' }))
      Object.assign(made.deps, { settings: { ...made.deps.settings, watchLabelSelector: '' } })
      await made.run({ kind: 'scan' })
      assert.equal(await client.find(kustomization(made, 'theirs')), undefined)
    } finally {
      await made.close()
    }
  })
})
