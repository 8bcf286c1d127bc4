import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { useCluster } from '../support/cluster.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []

after(async () => {
  for (const made of open) await made.close()
})

const configMap = (value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: $NAMESPACE\ndata:\n  value: "${value}"\n`

async function scenario(): Promise<Scenario> {
  const made = await createScenario(cluster, { files: { 'app/a.yaml': configMap('1') } })
  open.push(made)
  await made.kustomization()
  assert.equal((await made.pushed()).state, 'succeeded')
  return made
}

/** A delivery about any ref, as webhooks of a repository send them for each of its branches and pull requests. */
const pushTo = async (made: Scenario, ref: string, after?: string) =>
  (
    await made.run({
      push: {
        provider: 'github',
        deliveryId: crypto.randomUUID(),
        urls: [made.repository.url],
        ref,
        ...(after === undefined ? {} : { after }),
      },
    })
  ).record

const repositoryOf = (made: Scenario, name: string, ref: object) => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name, namespace: made.namespace },
  spec: { interval: '10m', url: made.repository.url, ref },
})

describe('a push to a ref that no source follows', () => {
  it('asks the cluster for its GitRepositories and nothing else, and is recorded as one that concerns nothing', async () => {
    const made = await scenario()
    const commit = 'c0ffee'.padEnd(40, '0')
    const record = await pushTo(made, 'refs/pull/7/head', commit)
    assert.deepEqual([record.state, record.nodes, record.error], ['succeeded', [], undefined])
    assert.equal(record.requests, 1)
    assert.equal(record.timings.fetchedAt, undefined)
    const [note] = await made.deps.state.list(`commits/${commit}/`, { limit: 10 })
    const { ref, nodes, cluster: name } = (note?.value ?? {}) as { ref?: string; nodes?: unknown; cluster?: string }
    assert.deepEqual([ref, nodes, name], ['refs/pull/7/head', [], 'test'])
    const stored = await made.deps.state.get(`runs/${record.id}/test`)
    assert.deepEqual(JSON.parse(JSON.stringify(record)), stored)
  })

  it('is worked on as soon as a source follows it, also one that nobody has seen before', async () => {
    const made = await scenario()
    const pull = 'refs/pull/7/head'
    await made.repository.setBranch('proposal')
    const head = await made.repository.commit(
      { 'app/a.yaml': configMap('2').replaceAll('$NAMESPACE', made.namespace) },
      { branch: 'proposal' },
    )
    await made.repository.git('update-ref', pull, head)
    assert.equal((await pushTo(made, pull)).nodes.length, 0)
    await made.client.apply(repositoryOf(made, 'preview', { name: pull }))
    await made.kustomization('preview', { sourceRef: { kind: 'GitRepository', name: 'preview' } })
    const record = await pushTo(made, pull)
    assert.equal(nodeOf(record, 'Kustomization/preview').state, 'ready', JSON.stringify(record))
    assert.match(nodeOf(record, 'Kustomization/preview').revision ?? '', new RegExp(`${head}$`))
  })

  it('is worked on when a source that followed another ref has been told to follow this one', async () => {
    const made = await scenario()
    await made.repository.setBranch('next')
    assert.equal((await pushTo(made, 'refs/heads/next')).requests, 1)
    await made.client.apply(repositoryOf(made, 'app', { branch: 'next' }))
    const record = await pushTo(made, 'refs/heads/next')
    assert.notEqual(record.timings.fetchedAt, undefined)
    // What the cluster was known to follow is asked for again.
    await made.client.apply(repositoryOf(made, 'app', { branch: 'main' }))
    const late = await pushTo(made, 'refs/heads/next')
    assert.deepEqual([late.nodes, late.timings.fetchedAt], [[], undefined])
    assert.equal((await pushTo(made, 'refs/heads/next')).requests, 1)
  })

  it('gives a source that is being deleted its last look', async () => {
    const made = await scenario()
    const key = {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      namespace: made.namespace,
      name: 'app',
    }
    await made.client.delete(key)
    assert.notEqual(await made.client.find(key), undefined, 'its finalizer holds it')
    await pushTo(made, 'refs/heads/other')
    assert.equal(await made.client.find(key), undefined)
  })
})
