import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import {
  inventoryEntries,
  mergeInventory,
  pruneObjects,
  staleEntries,
  type InventoryEntry,
  type KubeClient,
  type Owner,
} from '../../src/kube/index.ts'
import type { Json } from '../../src/base/index.ts'
import { createCutTransport, type Cut } from '../support/cut-transport.ts'
import { endNamespace } from '../support/end-namespace.ts'
import { apply, configMap, createTestClient, deployment, ownerIn, useKube } from './kube-fixture.ts'

const kube = useKube()

/**
 * What a reconciler does with an inventory: merged and saved before the first write, narrowed after the prune. Saved in an object of
 * the same cluster, over the same connection, so that it is cut off like everything else.
 */
async function reconcile(client: KubeClient, owner: Owner, objects: readonly object[]): Promise<void> {
  const key = { apiVersion: 'v1', kind: 'ConfigMap', namespace: owner.namespace, name: 'inventory' }
  const saved = await client.get<{ data?: { entries: string } }>(key)
  const before = JSON.parse(saved?.data?.entries ?? '[]') as InventoryEntry[]
  const save = async (entries: readonly InventoryEntry[]): Promise<void> => {
    const body = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'inventory', namespace: owner.namespace },
      data: { entries: JSON.stringify(entries) },
    }
    await client.patch(key, { type: 'apply', body, force: true }, { fieldManager: 'test' })
  }
  const result = await apply(client, owner, objects, {
    force: true,
    beforeWrites: (plan) => save(mergeInventory(inventoryEntries(plan), before)),
  })
  const [failure] = result.errors
  if (failure) throw failure.error
  const now = inventoryEntries(result.changes)
  const pruned = await pruneObjects(client, { entries: staleEntries(before, now), owner, keep: now })
  await save(mergeInventory(now, pruned.survivors))
  if (pruned.errors[0]) throw pruned.errors[0].error
}

/** Everything that the owner has in the namespace, and the inventory that is saved, without what differs from run to run. */
async function stateOf(owner: Owner): Promise<Json> {
  const query = { labelSelector: `kustomize.toolkit.fluxcd.io/name=${owner.name}` }
  const lists = await Promise.all(
    ['v1/ConfigMap', 'v1/Service', 'v1/Secret', 'apps/v1/Deployment'].map((kind) => {
      const cut = kind.lastIndexOf('/')
      return kube.cluster.client.list(
        { apiVersion: kind.slice(0, cut), kind: kind.slice(cut + 1), namespace: owner.namespace },
        query,
      )
    }),
  )
  const saved = await kube.cluster.client.get({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: owner.namespace,
    name: 'inventory',
  })
  const objects = lists
    .flat()
    .map(
      (object) =>
        `${object.metadata.name} ${JSON.stringify(object['data'] ?? object['spec']?.ports ?? object['spec']?.template)} ${object['type'] ?? ''}`,
    )
  const entries = JSON.parse((saved['data'] as { entries: string }).entries) as InventoryEntry[]
  return { objects: objects.sort(), inventory: entries.map((entry) => entry.id.split('_')[1] ?? '').sort() }
}

/** The state that the test starts from: ten objects, among them one that kubectl has made, one to be recreated and two to be pruned. */
async function start(owner: Owner): Promise<object[]> {
  const { namespace } = owner
  const secret = (type: string): object => ({
    apiVersion: 'v1',
    kind: 'Secret',
    type,
    metadata: { name: 'key', namespace },
    stringData: { a: '1' },
  })
  const common = (value: string): object[] => [
    configMap(namespace, 'one', { value }),
    configMap(namespace, 'two', { value: 'same' }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
    },
  ]
  const path = await kube.cluster.client.path(
    { apiVersion: 'v1', kind: 'ConfigMap', namespace },
    { fieldManager: 'kubectl-edit' },
  )
  await kube.cluster.client.request('POST', path, { body: configMap(namespace, 'by-hand', { value: '1', extra: 'x' }) })
  await reconcile(createTestClient(kube.transport), owner, [
    ...common('1'),
    secret('Opaque'),
    configMap(namespace, 'old-a', {}),
    configMap(namespace, 'old-b', {}),
  ])
  return [
    ...common('2'),
    secret('example.com/new'),
    configMap(namespace, 'by-hand', { value: '2' }),
    configMap(namespace, 'new', {}),
    idle(namespace, 'web'),
  ]
}

for (const cut of ['before', 'after'] as const satisfies readonly Cut[]) {
  test(`cut off ${cut} the server has seen it, at every request: running again leads to the same state, and nothing is orphaned`, async () => {
    const whole = ownerIn(await bareNamespace())
    const counting = createCutTransport(kube.transport, Number.POSITIVE_INFINITY, cut)
    const wanted = await start(whole)
    await reconcile(createTestClient(counting), whole, wanted)
    const expected = JSON.stringify(await stateOf(whole)).replaceAll(whole.namespace, 'NS')
    assert.match(expected, /new/)
    assert.doesNotMatch(expected, /old-a|extra/)

    const total = counting.count
    assert.ok(total > 20, `${total} requests`)
    const results = await Promise.all(
      Array.from({ length: total }, async (_, index) => {
        const owner = ownerIn(await bareNamespace())
        const objects = await start(owner)
        const transport = createCutTransport(kube.transport, index + 1, cut)
        // A process that is killed does not try again.
        const failing = createTestClient(transport, { callTimeoutMs: 1 })
        await assert.rejects(reconcile(failing, owner, objects))
        await assertNoOrphans(owner)
        await reconcile(createTestClient(kube.transport), owner, objects)
        return JSON.stringify(await stateOf(owner)).replaceAll(owner.namespace, 'NS')
      }),
    )
    results.forEach((state, index) => assert.equal(state, expected, `cut at request ${index + 1} of ${total}`))
  })
}

const namespaces: string[] = []
afterEach(async () => {
  const ended = namespaces.splice(0)
  await Promise.all(ended.map((name) => endNamespace(kube.cluster.client, name)))
})

/** A namespace in which no Pod is going to run. */
async function bareNamespace(): Promise<string> {
  const name = `cut-${crypto.randomUUID().slice(0, 8)}`
  await kube.cluster.client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  namespaces.push(name)
  return name
}

function idle(namespace: string, name: string): object {
  const object = structuredClone(deployment(namespace, name)) as { spec: object }
  return { ...object, spec: { ...object.spec, replicas: 0 } }
}

/** Every object with the owner's labels is in the saved inventory. */
async function assertNoOrphans(owner: Owner): Promise<void> {
  const state = (await stateOf(owner)) as { objects: string[]; inventory: string[] }
  for (const object of state.objects)
    assert.ok(state.inventory.includes(object.split(' ')[0] ?? ''), `${object} is in no inventory`)
}
