import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  checkInventorySize,
  inventoryEntries,
  inventoryEntryOf,
  inventoryKey,
  isSameInventory,
  mergeInventory,
  sortInventory,
  staleEntries,
  type Change,
  type ChangeAction,
  type InventoryEntry,
} from '../../../src/kube/index.ts'

const change = (apiVersion: string, kind: string, namespace: string, name: string, action: ChangeAction): Change => ({
  apiVersion,
  kind,
  namespace,
  name,
  action,
})
const entry = (id: string, v = 'v1'): InventoryEntry => ({ id, v })

test('entries of a change set: all but what was deleted, in its order, versions without their group', () => {
  const changes = [
    change('v1', 'Namespace', '', 'prod', 'created'),
    change('apps/v1', 'Deployment', 'default', 'app', 'unchanged'),
    change('v1', 'ConfigMap', 'default', 'gone', 'deleted'),
    change('rbac.authorization.k8s.io/v1', 'ClusterRole', '', 'system:reader', 'skipped'),
    change('example.com/v2beta1', 'Widget', 'a', 'w', 'pending'),
  ]
  assert.deepEqual(inventoryEntries(changes), [
    entry('_prod__Namespace'),
    entry('default_app_apps_Deployment'),
    entry('_system__reader_rbac.authorization.k8s.io_ClusterRole'),
    entry('a_w_example.com_Widget', 'v2beta1'),
  ])
})

test('an entry and its object', () => {
  const object = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'a:b', namespace: 'ns' },
  }
  const { id, ...key } = inventoryKey(inventoryEntryOf(object)) ?? { id: undefined }
  assert.deepEqual(key, { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', name: 'a:b', namespace: 'ns' })
  assert.equal(id?.group, 'rbac.authorization.k8s.io')
  assert.equal(inventoryKey(entry('nonsense')), undefined)
})

test('merge, difference, sameness, order', () => {
  const a = entry('ns_a__ConfigMap')
  const b = entry('ns_b__ConfigMap')
  const newer = entry('ns_b__ConfigMap', 'v2')
  assert.deepEqual(mergeInventory([a], [b, a, b]), [a, b])
  assert.deepEqual(mergeInventory([newer], [b]), [newer])
  assert.deepEqual(staleEntries([a, b], [newer]), [a])
  assert.deepEqual(staleEntries([], [a]), [])
  assert.ok(isSameInventory([a, b], [b, a]))
  assert.ok(!isSameInventory([a, b], [a, newer]))
  assert.ok(!isSameInventory([a], [a, b]))
  assert.deepEqual(
    sortInventory([entry('x'), entry('ns_d_apps_Deployment'), b, a, entry('_ns__Namespace')]).map(({ id }) => id),
    ['_ns__Namespace', 'ns_a__ConfigMap', 'ns_b__ConfigMap', 'ns_d_apps_Deployment', 'x'],
  )
})

test('an inventory that no status can hold is refused before anything is applied', () => {
  const many = Array.from({ length: 20_000 }, (_, index) =>
    entry(`some-namespace_some-quite-long-name-${index}__ConfigMap`),
  )
  assert.throws(() => checkInventorySize(many), { code: 'inventory-too-large', disposition: 'stall' })
  checkInventorySize(many.slice(0, 5_000))
})
