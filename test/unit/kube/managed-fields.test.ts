import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDrift } from '../../../src/kube/change-set.ts'
import { compareDryRun } from '../../../src/kube/drift.ts'
import { detectDrift } from '../../../src/kube/index.ts'
import { replacedManagers, takeOverPatch, type ManagedFieldsEntry } from '../../../src/kube/managed-fields.ts'
import type { KubeMap, KubeObject } from '../../../src/resources/index.ts'

const own = 'kustomize-controller'
const group = 'kustomize.toolkit.fluxcd.io'
const entry = (
  manager: string,
  operation: 'Apply' | 'Update',
  fieldsV1: object,
  extra: object = {},
): ManagedFieldsEntry => ({
  manager,
  operation,
  apiVersion: 'v1',
  fieldsType: 'FieldsV1',
  fieldsV1: fieldsV1 as KubeMap,
  ...extra,
})
const object = (managedFields: readonly ManagedFieldsEntry[], rest: object = {}, metadata: object = {}): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', resourceVersion: '9', managedFields, ...metadata },
    ...rest,
  }) as unknown as KubeObject
const takeOver = (live: KubeObject, overrides?: string[]): ReturnType<typeof takeOverPatch> =>
  takeOverPatch(live, own, group, replacedManagers(own, overrides))
const version = { op: 'replace', path: '/metadata/resourceVersion', value: '9' }

test('taking over fields', async (t) => {
  const f = (name: string): object => ({ 'f:data': { [`f:${name}`]: {} } })
  const rows: {
    name: string
    entries: ManagedFieldsEntry[]
    overrides?: string[]
    want: ManagedFieldsEntry[] | undefined
  }[] = [
    { name: 'nothing to do', entries: [entry(own, 'Apply', f('a')), entry('hpa', 'Update', f('b'))], want: undefined },
    {
      name: 'kubectl’s fields are united with ours',
      entries: [entry('kubectl-edit', 'Update', f('b')), entry(own, 'Apply', f('a'))],
      want: [entry(own, 'Apply', { 'f:data': { 'f:a': {}, 'f:b': {} } })],
    },
    {
      name: 'the first becomes ours where we own nothing yet',
      entries: [
        entry('kubectl', 'Apply', f('a')),
        entry('kubectl-create', 'Update', f('b')),
        entry('x', 'Update', f('c')),
      ],
      want: [entry('x', 'Update', f('c')), entry(own, 'Apply', { 'f:data': { 'f:a': {}, 'f:b': {} } })],
    },
    {
      name: 'what was there before the first apply, and our own updates',
      entries: [entry('before-first-apply', 'Update', f('a')), entry(own, 'Update', f('b'))],
      want: [entry(own, 'Apply', { 'f:data': { 'f:a': {}, 'f:b': {} } })],
    },
    {
      name: 'not before-first-apply as Apply',
      entries: [entry('before-first-apply', 'Apply', f('a'))],
      want: undefined,
    },
    {
      name: 'not subresources',
      entries: [entry('kubectl', 'Update', f('a'), { subresource: 'status' })],
      want: undefined,
    },
    {
      name: 'not flux-client-side-apply',
      entries: [entry('flux-client-side-apply', 'Update', f('a'))],
      want: undefined,
    },
    {
      name: 'unless the operator says so',
      entries: [entry('flux-client-side-apply', 'Update', f('a'))],
      overrides: ['flux-client'],
      want: [entry(own, 'Apply', f('a'))],
    },
  ]
  for (const { name, entries, overrides, want } of rows) {
    await t.test(name, () => {
      const expected = want && [{ op: 'replace', path: '/metadata/managedFields', value: want }, version]
      assert.deepEqual(takeOver(object(entries), overrides), expected)
    })
  }
  await t.test('legacy metadata', () => {
    const metadata = {
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', [`${group}/checksum`]: 'x', keep: 'y' },
      labels: { 'fluxcd.io/sync-gc-mark': 'x' },
    }
    assert.deepEqual(takeOver(object([], {}, metadata)), [
      { op: 'remove', path: `/metadata/annotations/${group}~1checksum` },
      { op: 'remove', path: '/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration' },
      { op: 'remove', path: '/metadata/labels/fluxcd.io~1sync-gc-mark' },
      version,
    ])
  })
})

test('differences between the live object and a dry-run', async (t) => {
  const rows: { name: string; live: object; dryRun: object; want: string[] }[] = [
    {
      name: 'status and other metadata do not count',
      live: { metadata: { generation: 1 }, status: { a: 1 } },
      dryRun: { metadata: { generation: 2 } },
      want: [],
    },
    {
      name: 'labels and annotations do',
      live: { metadata: { labels: { a: '1', b: '1' } } },
      dryRun: { metadata: { labels: { a: '2' }, annotations: { 'x/y': '1' } } },
      want: ['replace .metadata.labels.a', 'remove .metadata.labels.b', 'add .metadata.annotations["x/y"]'],
    },
    { name: 'empty labels are none', live: { metadata: { labels: {} } }, dryRun: { metadata: {} }, want: [] },
    {
      name: 'an empty map in a spec is something',
      live: { spec: {} },
      dryRun: { spec: { emptyDir: {} } },
      want: ['add .spec.emptyDir'],
    },
    { name: 'null is not absent', live: { spec: { a: null } }, dryRun: { spec: {} }, want: ['remove .spec.a'] },
    {
      name: 'items are matched by name',
      live: {
        spec: {
          c: [
            { name: 'a', v: 1 },
            { name: 'b', v: 1 },
          ],
        },
      },
      dryRun: { spec: { c: [{ name: 'b', v: 2 }, { name: 'a', v: 1 }, { name: 'n' }] } },
      want: ['replace .spec.c[name="b"].v', 'add .spec.c[name="n"]'],
    },
    {
      name: 'the same items in another order',
      live: { spec: { c: [{ name: 'a' }, { name: 'b' }] } },
      dryRun: { spec: { c: [{ name: 'b' }, { name: 'a' }] } },
      want: ['replace .spec.c'],
    },
    {
      name: 'other items by position',
      live: { spec: { c: [1, 2, 3] } },
      dryRun: { spec: { c: [1, 5] } },
      want: ['replace .spec.c[1]', 'remove .spec.c[2]'],
    },
    { name: 'another type', live: { spec: { c: 1 } }, dryRun: { spec: { c: [1] } }, want: ['replace .spec.c'] },
  ]
  for (const { name, live, dryRun, want } of rows) {
    await t.test(name, () => {
      const found = compareDryRun(live as KubeObject, dryRun as KubeObject)
      assert.deepEqual(
        found.map(({ path, change }) => `${change} ${path}`),
        want,
      )
    })
  }
  await t.test('texts never appear, their length, their manager and the time do', () => {
    const time = '2026-01-02T03:04:05Z'
    const owned = { ...entry('someone', 'Update', { 'f:data': { 'f:a': {} } }), time }
    const live = object([owned], { data: { a: 'canary' } })
    const [live1, wanted] = ['a text of 6 characters', 'a text of 3 characters']
    const found = compareDryRun(live, object([], { data: { a: 'new' } }))
    assert.deepEqual(found, [
      { path: '.data.a', pointer: '/data/a', change: 'replace', manager: 'someone', since: time, live: live1, wanted },
    ])
    assert.deepEqual(found.map(formatDrift), [`.data.a is ${live1}, not ${wanted} (by someone, since ${time})`])
  })
  const shown: readonly [name: string, object: object, value: unknown, other: unknown, want: string][] = [
    ['a number', { kind: 'Deployment' }, { replicas: 3 }, { replicas: 1 }, '.spec.replicas is 3, not 1'],
    ['an image', { kind: 'Pod' }, { image: 'a:1' }, { image: 'a:2' }, '.spec.image is "a:1", not "a:2"'],
    [
      'free text',
      { kind: 'Pod' },
      { value: 'abc' },
      { value: 'abcd' },
      '.spec.value is a text of 3 characters, not a text of 4 characters',
    ],
    ['texts of one length', { kind: 'Pod' }, { value: 'abc' }, { value: 'abd' }, '.spec.value differs'],
    ['more than there should be', { kind: 'Pod' }, { a: 1, b: [1] }, { a: 1 }, '.spec.b is too much'],
    ['a Secret', { kind: 'Secret' }, { image: 'a:1' }, { image: 'a:2' }, '.spec.image differs'],
  ]
  for (const [name, kind, value, other, want] of shown) {
    await t.test(`what is shown of ${name}`, () => {
      const object = (spec: unknown): KubeObject => ({ apiVersion: 'v1', ...kind, spec }) as KubeObject
      assert.deepEqual(compareDryRun(object(value), object(other)).map(formatDrift), [want])
    })
  }
})

test('local comparison', async (t) => {
  const fields = {
    'f:metadata': { 'f:labels': { 'f:l': {} } },
    'f:spec': {
      'f:atomic': {},
      'f:c': { 'k:{"name":"a"}': { '.': {}, 'f:name': {}, 'f:v': {} }, 'k:{"name":"b"}': { '.': {}, 'f:name': {} } },
      'f:set': { 'v:"x"': {} },
    },
  }
  const spec = { atomic: { k: [1] }, c: [{ name: 'a', v: 1 }, { name: 'b' }], set: ['x'] }
  const desired = (change: object = {}, metadata: object = { labels: { l: '1' } }): KubeObject =>
    ({
      apiVersion: 'v1',
      kind: 'X',
      metadata: { name: 'a', ...metadata },
      spec: { ...spec, ...change },
    }) as unknown as KubeObject
  const live = (change: object = {}): KubeObject =>
    object(
      [entry(own, 'Apply', fields), entry('other', 'Update', {})],
      { kind: 'X', spec: { ...spec, foreign: 1, ...change } },
      { labels: { l: '1', foreign: '2' } },
    )
  const rows: { name: string; desired: KubeObject; live: KubeObject; want: string[] }[] = [
    { name: 'proven', desired: desired(), live: live(), want: [] },
    {
      name: 'foreign items in between',
      desired: desired(),
      live: live({ c: [{ name: 'a', v: 1, w: 2 }, { name: 'z' }, { name: 'b' }], set: ['y', 'x'] }),
      want: [],
    },
    {
      name: 'a value',
      desired: desired(),
      live: live({ c: [{ name: 'a', v: 2 }, { name: 'b' }] }),
      want: ['replace .spec.c[name="a"].v'],
    },
    {
      name: 'an atomic value',
      desired: desired(),
      live: live({ atomic: { k: [1, 2] } }),
      want: ['replace .spec.atomic'],
    },
    {
      name: 'an item is missing',
      desired: desired(),
      live: live({ c: [{ name: 'a', v: 1 }] }),
      want: ['add .spec.c[name="b"]'],
    },
    {
      name: 'another order',
      desired: desired(),
      live: live({ c: [{ name: 'b' }, { name: 'a', v: 1 }] }),
      want: ['replace .spec.c[name="b"]'],
    },
    { name: 'a field more', desired: desired({ more: 1 }), live: live(), want: ['add .spec.more'] },
    {
      name: 'a field more that somebody else has set to the same',
      desired: desired({ foreign: 1 }),
      live: live(),
      want: ['replace .spec.foreign'],
    },
    { name: 'a field less', desired: desired({}, {}), live: live(), want: ['remove .metadata'] },
    {
      name: 'an item less',
      desired: desired({ c: [{ name: 'a', v: 1 }] }),
      live: live(),
      want: ['remove .spec.c["k:{\\"name\\":\\"b\\"}"]'],
    },
    { name: 'not ours', desired: desired(), live: object([], { spec }), want: ['replace .metadata.managedFields'] },
    {
      name: 'another API version',
      desired: { ...desired(), apiVersion: 'v2' },
      live: live(),
      want: ['replace .metadata.managedFields'],
    },
  ]
  for (const row of rows) {
    await t.test(row.name, () => {
      const result = detectDrift(row.desired, row.live, own)
      const found = result.verdict === 'unchanged' ? [] : result.suspects.map(({ path, change }) => `${change} ${path}`)
      assert.deepEqual(found, row.want)
    })
  }
})
