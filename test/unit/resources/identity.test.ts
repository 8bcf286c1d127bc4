import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  applyStage,
  compareForApply,
  compareForHelmInstall,
  compareForHelmUninstall,
  formatApiVersion,
  formatInventoryId,
  formatObject,
  gvkOf,
  objectIdKey,
  objectIdOf,
  parseApiVersion,
  parseInventoryId,
} from '../../../src/resources/index.ts'

void describe('apiVersion', () => {
  for (const [text, group, version] of [
    ['', '', ''],
    ['v1', '', 'v1'],
    ['apps/v1', 'apps', 'v1'],
    ['a/b/c', 'a', 'b/c'],
  ] as const) {
    void it(`parses ${JSON.stringify(text)}`, () => {
      assert.deepEqual(parseApiVersion(text), { group, version })
      assert.equal(formatApiVersion({ group, version }), text)
    })
  }
})

void describe('inventory id', () => {
  const rows = [
    {
      name: 'namespace object',
      id: { group: '', kind: 'Namespace', namespace: '', name: 'prod' },
      text: '_prod__Namespace',
    },
    {
      name: 'namespaced',
      id: { group: 'apps', kind: 'Deployment', namespace: 'default', name: 'app' },
      text: 'default_app_apps_Deployment',
    },
    {
      name: 'colon in an RBAC name',
      id: { group: 'rbac.authorization.k8s.io', kind: 'ClusterRole', namespace: '', name: 'system:node:x' },
      text: '_system__node__x_rbac.authorization.k8s.io_ClusterRole',
    },
    {
      name: 'core group',
      id: { group: '', kind: 'ConfigMap', namespace: 'ns', name: 'a.b-c' },
      text: 'ns_a.b-c__ConfigMap',
    },
  ]
  for (const row of rows) {
    void it(row.name, () => {
      assert.equal(formatInventoryId(row.id), row.text)
      assert.deepEqual(parseInventoryId(row.text), row.id)
    })
  }
  for (const text of ['', 'a', 'a_b', 'a_b_']) {
    void it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseInventoryId(text), undefined))
  }
})

void describe('object', () => {
  const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a', namespace: 'n' } }
  void it('has a gvk and an id', () => {
    assert.deepEqual(gvkOf(object), { group: 'apps', version: 'v1', kind: 'Deployment' })
    assert.deepEqual(objectIdOf(object), { group: 'apps', kind: 'Deployment', namespace: 'n', name: 'a' })
    assert.equal(formatObject(objectIdOf(object)), 'Deployment/n/a')
    assert.equal(formatObject({ kind: 'Namespace', namespace: '', name: 'x' }), 'Namespace/x')
  })
  void it('tolerates malformed metadata', () => {
    for (const metadata of [null, 'x', [], { name: null }, { name: {} }]) {
      assert.deepEqual(objectIdOf({ kind: 'A', metadata }), { group: '', kind: 'A', namespace: '', name: '' })
    }
  })
  void it('has a key that tells ids apart', () => {
    assert.notEqual(
      objectIdKey({ group: 'a', kind: 'b', namespace: '', name: 'c' }),
      objectIdKey({ group: '', kind: 'a', namespace: 'b', name: 'c' }),
    )
  })
})

void describe('orders', () => {
  const id = (kind: string, name = 'x', namespace = '', group = '') => ({ group, kind, namespace, name })
  void it('applies as Flux does', () => {
    const kinds = [
      'ValidatingWebhookConfiguration',
      'Foo',
      'Deployment',
      'Namespace',
      'Bar',
      'MutatingWebhookConfiguration',
      'CustomResourceDefinition',
      'Service',
    ]
    assert.deepEqual(
      kinds
        .map((kind) => id(kind))
        .sort(compareForApply)
        .map((one) => one.kind),
      [
        'CustomResourceDefinition',
        'Namespace',
        'Service',
        'Deployment',
        'Bar',
        'Foo',
        'MutatingWebhookConfiguration',
        'ValidatingWebhookConfiguration',
      ],
    )
  })
  void it('breaks ties by group, kind, namespace and name', () => {
    const list = [
      id('Foo', 'b', 'n2', 'g'),
      id('Foo', 'a', 'n2', 'g'),
      id('Foo', 'z', 'n1', 'g'),
      id('Zed', 'a', 'n', 'f'),
      id('Abc', 'a', 'n', 'g'),
    ]
    assert.deepEqual(
      list.sort(compareForApply).map((one) => `${one.group}/${one.kind}/${one.namespace}/${one.name}`),
      ['f/Zed/n/a', 'g/Abc/n/a', 'g/Foo/n1/z', 'g/Foo/n2/a', 'g/Foo/n2/b'],
    )
  })
  void it('installs and uninstalls as Helm does', () => {
    const kinds = ['Widget', 'Deployment', 'Service', 'Namespace', 'Apple']
    assert.deepEqual(kinds.toSorted(compareForHelmInstall), ['Namespace', 'Service', 'Deployment', 'Apple', 'Widget'])
    assert.deepEqual(kinds.toSorted(compareForHelmUninstall), ['Service', 'Deployment', 'Namespace', 'Apple', 'Widget'])
  })
  for (const [kind, group, stage] of [
    ['Namespace', '', 'definitions'],
    ['ClusterRole', 'rbac.authorization.k8s.io', 'definitions'],
    ['GatewayClass', 'gateway.networking.k8s.io', 'classes'],
    ['Widget', 'example.com', 'custom'],
    ['Widget', 'other.com', 'rest'],
    ['Deployment', 'apps', 'rest'],
  ] as const) {
    void it(`${kind} of ${group || 'core'} is in stage ${stage}`, () => {
      const custom = new Set(['example.com/Widget'])
      assert.equal(applyStage({ group, version: 'v1', kind }, custom), stage)
      assert.equal(applyStage({ apiVersion: `${group}/v1`, kind, metadata: { name: 'a' } }, custom), stage)
    })
  }
})
