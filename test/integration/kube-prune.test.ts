import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkTermination, inventoryEntries, pruneObjects } from '../../src/kube/index.ts'
import { createInjectingTransport } from '../support/cut-transport.ts'
import { apply, configMap, createTestClient, ownerIn, summary, useKube } from './kube-fixture.ts'

const kube = useKube()
const prefix = 'kustomize.toolkit.fluxcd.io'

test('prunes what is its own; metadata in the cluster decides', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const client = kube.client()
  const names = ['plain', 'gone', 'moved', 'keep-prune', 'keep-reconcile', 'keep-ssa', 'not-in-cluster']
  const annotations: { [name: string]: { [key: string]: string } } = {
    'not-in-cluster': { [`${prefix}/prune`]: 'disabled' },
  }
  const applied = await apply(
    client,
    owner,
    names.map((name) => configMap(namespace, name, {}, annotations[name])),
  )
  const edit = (name: string, metadata: object): Promise<unknown> =>
    kube.cluster.client.patch({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name }, { metadata })
  await kube.cluster.client.delete({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'gone' })
  await apply(client, ownerIn(namespace, 'other'), [configMap(namespace, 'moved', {})])
  await edit('keep-prune', { annotations: { [`${prefix}/prune`]: 'Disabled' } })
  await edit('keep-reconcile', { labels: { [`${prefix}/reconcile`]: 'disabled' } })
  await edit('keep-ssa', { annotations: { [`${prefix}/ssa`]: 'ignore' } })
  // In the source it was not to be pruned, in the cluster somebody has removed that.
  await edit('not-in-cluster', { annotations: { [`${prefix}/prune`]: null } })

  const entries = [
    ...inventoryEntries(applied.changes),
    { id: `${namespace}_x_nowhere.example.com_Gone`, v: 'v1' },
    { id: 'malformed', v: 'v1' },
  ]
  const result = await pruneObjects(client, { entries, owner })
  assert.deepEqual(summary(result).sort(), [
    'ConfigMap/gone deleted',
    'ConfigMap/keep-prune skipped',
    'ConfigMap/keep-reconcile skipped',
    'ConfigMap/keep-ssa skipped',
    'ConfigMap/moved skipped',
    'ConfigMap/not-in-cluster deleted',
    'ConfigMap/plain deleted',
    'Gone/x deleted',
  ])
  assert.deepEqual(result.survivors, [{ id: 'malformed', v: 'v1' }])
  assert.match(result.errors[0]?.error.message ?? '', /not an inventory id/)
  const left = await kube.cluster.client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace })
  assert.deepEqual(
    left
      .map((object) => object.metadata.name)
      .filter((name) => name !== 'kube-root-ca.crt')
      .sort(),
    ['keep-prune', 'keep-reconcile', 'keep-ssa', 'moved'],
  )
})

test('survivors: a failure keeps its entry and does not stop the others', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const applied = await apply(
    kube.client(),
    owner,
    ['a', 'b', 'c'].map((name) => configMap(namespace, name, {})),
  )
  const forbidden = { status: 403, body: { kind: 'Status', reason: 'Forbidden', message: 'no' } }
  const client = createTestClient(
    createInjectingTransport(kube.transport, ({ method, path }) =>
      method === 'DELETE' && path.endsWith('/b') ? forbidden : undefined,
    ),
  )
  const result = await pruneObjects(client, { entries: inventoryEntries(applied.changes), owner })
  assert.deepEqual(summary(result), ['ConfigMap/c deleted', 'ConfigMap/a deleted'])
  assert.deepEqual(result.survivors, [{ id: `${namespace}_b__ConfigMap`, v: 'v1' }])
  assert.match(result.errors[0]?.error.message ?? '', /^ConfigMap\/.*\/b delete failed \(Forbidden\): no$/)
  const again = await pruneObjects(kube.client(), { entries: result.survivors, owner })
  assert.deepEqual(again.survivors, [])
})

test('an object that was replaced between the look and the delete survives', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const applied = await apply(kube.client(), owner, [configMap(namespace, 'a', {})])
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'a' }
  let isReplaced = false
  const transport = createInjectingTransport(kube.transport, () => undefined)
  const client = createTestClient({
    cluster: 'test',
    send: async (request) => {
      if (request.method === 'DELETE' && !isReplaced) {
        isReplaced = true
        await kube.cluster.client.delete(ref)
        await kube.cluster.client.create(configMap(namespace, 'a', { mine: 'now' }))
      }
      return transport.send(request)
    },
  })
  const result = await pruneObjects(client, { entries: inventoryEntries(applied.changes), owner })
  assert.equal(result.survivors.length, 1)
  assert.deepEqual((await kube.cluster.client.get(ref))['data'], { mine: 'now' })
})

test('cluster-scoped objects: an entry with a namespace is the same object', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const client = kube.client()
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: `${namespace}:reader`, namespace },
    rules: [],
  }
  const applied = await apply(client, owner, [role])
  const keep = inventoryEntries(applied.changes)
  assert.deepEqual(keep, [{ id: `_${namespace}__reader_rbac.authorization.k8s.io_ClusterRole`, v: 'v1' }])
  const other = { id: `${namespace}${keep[0]?.id}`, v: 'v1' }
  assert.deepEqual(summary(await pruneObjects(client, { entries: [other], owner, keep })), [
    `ClusterRole/${namespace}:reader skipped`,
  ])
  assert.deepEqual(summary(await pruneObjects(client, { entries: [other], owner })), [
    `ClusterRole/${namespace}:reader deleted`,
  ])
})

test('an object with a finalizer goes when its finalizer does', async () => {
  const namespace = await kube.cluster.namespace()
  const owner = ownerIn(namespace)
  const client = kube.client()
  const object = {
    ...configMap(namespace, 'slow', {}),
    metadata: { name: 'slow', namespace, finalizers: ['example.com/slow'] },
  }
  const applied = await apply(client, owner, [object])
  await pruneObjects(client, { entries: inventoryEntries(applied.changes), owner })
  const key = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'slow' }
  assert.deepEqual(await checkTermination(client, [key], { budgetMs: 0 }), [key])
  await kube.cluster.client.patch(key, { metadata: { finalizers: null } })
  assert.deepEqual(await checkTermination(client, [key], { budgetMs: 2_000, pollMs: 50 }), [])
})
