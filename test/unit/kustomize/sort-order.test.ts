import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findings, manifest, objectsOf } from './support.ts'

void describe('sortOptions', () => {
  const kinds = ['Secret', 'Deployment', 'MutatingWebhookConfiguration', 'Widget', 'Namespace', 'ConfigMap']
  const files = Object.fromEntries(kinds.map((kind) => [`${kind}.yaml`, manifest(kind, 'x')]))
  const orderOf = (sortOptions: object | undefined, reorder?: 'legacy' | 'none'): readonly unknown[] =>
    objectsOf(
      { ...files, 'kustomization.yaml': JSON.stringify({ resources: Object.keys(files), sortOptions }) },
      reorder === undefined ? {} : { reorder },
    ).map((one) => one['kind'])
  const legacy = ['Namespace', 'ConfigMap', 'Secret', 'Deployment', 'Widget', 'MutatingWebhookConfiguration']
  const rows: readonly (readonly [
    name: string,
    options: object | undefined,
    reorder: 'legacy' | 'none' | undefined,
    want: readonly string[],
  ])[] = [
    ['the order of the files is the default', undefined, undefined, kinds],
    ['the caller may want the legacy order', undefined, 'legacy', legacy],
    ['fifo', { order: 'fifo' }, 'legacy', kinds],
    ['legacy', { order: 'legacy' }, 'none', legacy],
    [
      'an order of its own replaces the built-in one',
      { order: 'legacy', legacySortOptions: { orderFirst: ['Widget'], orderLast: ['Secret'] } },
      undefined,
      ['Widget', 'Deployment', 'ConfigMap', 'MutatingWebhookConfiguration', 'Namespace', 'Secret'],
    ],
  ]
  for (const [name, options, reorder, want] of rows)
    void it(name, () => assert.deepEqual(orderOf(options, reorder), want))
  void it('refuses other orders, and lists that nothing uses', () => {
    for (const bad of [{ order: 'random' }, { order: 'fifo', legacySortOptions: { orderFirst: ['Widget'] } }])
      assert.deepEqual(
        findings(() => orderOf(bad)).map((one) => one.code),
        ['kustomize-sort-order'],
      )
  })
})
