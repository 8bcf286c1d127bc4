import assert from 'node:assert/strict'
import { test } from 'node:test'
import { combineFailures, type ObjectFailure } from '../../../src/kube/index.ts'
import { EngineError, type Disposition } from '../../../src/base/index.ts'
import { keepReason, policiesOf, skipReason } from '../../../src/kube/policies.ts'
import { mergePatch } from '../../../src/kube/status.ts'
import { splitStages, splitWaves } from '../../../src/kube/waves.ts'
import type { KubeObject } from '../../../src/resources/index.ts'

const group = 'kustomize.toolkit.fluxcd.io'
const object = (kind: string, name = 'a', apiVersion = 'v1'): KubeObject => ({ apiVersion, kind, metadata: { name } })

test('stages and waves', () => {
  const kinds = [
    'Ingress',
    'ValidatingWebhookConfiguration',
    'Deployment',
    'RoleBinding',
    'Role',
    'Secret',
    'StorageClass',
    'ClusterRole',
    'Namespace',
    'CustomResourceDefinition',
    'Widget',
    'Service',
    'Special',
  ]
  const stages = splitStages(
    kinds.map((kind) => object(kind)),
    new Set(['/Special']),
  )
  const order = stages.map(({ objects }) =>
    splitWaves(objects, (one) => String(one['kind'] as string)).map((wave) => wave.map((one) => one['kind'])),
  )
  assert.deepEqual(order, [
    [['CustomResourceDefinition', 'Namespace', 'ClusterRole']],
    [['StorageClass']],
    [['Special']],
    [
      ['Role', 'Secret'],
      ['RoleBinding', 'Service'],
      ['Deployment'],
      ['Ingress', 'Widget'],
      ['ValidatingWebhookConfiguration'],
    ],
  ])
})

test('policies: label or annotation, any case, unknown values mean the default', () => {
  const withPolicy = (part: string, key: string, value: string): KubeObject => ({
    metadata: { [part]: { [`${group}/${key}`]: value } },
  })
  assert.deepEqual(policiesOf(undefined, group), { ssa: 'Override', force: false, prune: true, reconcile: true })
  assert.equal(policiesOf(withPolicy('labels', 'ssa', 'ifnotpresent'), group).ssa, 'IfNotPresent')
  assert.equal(policiesOf(withPolicy('annotations', 'ssa', 'MERGE'), group).ssa, 'Merge')
  assert.equal(policiesOf(withPolicy('annotations', 'ssa', 'Merges'), group).ssa, 'Override')
  assert.equal(policiesOf(withPolicy('annotations', 'force', 'Enabled'), group).force, true)
  assert.equal(policiesOf(withPolicy('labels', 'prune', 'disabled'), group).prune, false)
  assert.equal(policiesOf({ metadata: null }, group).prune, true)
  assert.equal(policiesOf({ metadata: { labels: { [`${group}/prune`]: 1 } } }, group).prune, true)
  const plain = object('ConfigMap')
  assert.equal(skipReason(plain, plain, group), undefined)
  assert.match(skipReason(plain, withPolicy('labels', 'reconcile', 'disabled'), group) ?? '', /in the cluster/)
  assert.match(skipReason(withPolicy('labels', 'ssa', 'Ignore'), undefined, group) ?? '', /in the source/)
  assert.equal(skipReason(withPolicy('labels', 'ssa', 'IfNotPresent'), undefined, group), undefined)
  assert.equal(skipReason(plain, withPolicy('labels', 'ssa', 'IfNotPresent'), group), undefined)
  assert.ok(skipReason(withPolicy('labels', 'ssa', 'IfNotPresent'), plain, group))
})

test('what a prune keeps: both owner labels must be there', () => {
  const owner = { group, name: 'app', namespace: 'ns' }
  const labels = { [`${group}/name`]: 'app', [`${group}/namespace`]: 'ns' }
  assert.equal(keepReason({ metadata: { labels } }, owner), undefined)
  assert.match(
    keepReason({ metadata: { labels: { ...labels, [`${group}/namespace`]: 'other' } } }, owner) ?? '',
    /another owner/,
  )
  assert.match(keepReason({ metadata: {} }, owner) ?? '', /another owner/)
  assert.match(
    keepReason({ metadata: { labels, annotations: { [`${group}/prune`]: 'disabled' } } }, owner) ?? '',
    /prune/,
  )
})

test('the merge patch between two statuses', () => {
  const rows: [object, object, object | undefined][] = [
    [{ a: 1 }, { a: 1 }, undefined],
    [{ a: 1, b: { c: 1, d: 2 } }, { b: { c: 1, d: 3 } }, { a: null, b: { d: 3 } }],
    [{ list: [1, 2] }, { list: [1] }, { list: [1] }],
    [{ a: { b: 1 } }, { a: {} }, { a: { b: null } }],
    [{}, { a: { b: 1 } }, { a: { b: 1 } }],
    [{ a: [1] }, { a: { b: 1 } }, { a: { b: 1 } }],
  ]
  for (const [before, after, want] of rows) assert.deepEqual(mergePatch(before as never, after as never), want)
})

test('failures combined: every line, the most hopeful disposition', () => {
  const failure = (message: string, disposition: Disposition, file?: string): ObjectFailure => ({
    key: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'ns', name: message },
    phase: 'dry-run',
    error: new EngineError(message, { code: message, disposition, reason: 'ReconciliationFailed' }),
    ...(file === undefined ? {} : { origin: { file, line: 3 } }),
  })
  assert.equal(combineFailures([]), undefined)
  const one = combineFailures([failure('a', 'stall', 'x/y.yaml')])
  assert.deepEqual(
    [one?.message, one?.code, one?.disposition, one?.reason],
    ['x/y.yaml:3: a', 'a', 'stall', 'ReconciliationFailed'],
  )
  const two = combineFailures([failure('a', 'stall'), failure('b', 'retry'), failure('c', 'wait')])
  assert.deepEqual([two?.message, two?.code, two?.disposition], ['a\nb\nc', 'objects-failed', 'retry'])
  // What ends the run is no failure of the objects, whatever else was found out before.
  for (const code of ['cluster-unreachable', 'aborted'])
    assert.equal(combineFailures([failure('a', 'stall'), failure(code, 'retry')])?.code, code)
})
