import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adoptIgnoredFields, withoutFields } from '../../../src/kube/ignore-fields.ts'

const object = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd', annotations: { 'a/b': '1' } },
  spec: { replicas: 1, template: { containers: [{ image: 'a' }, { image: 'b' }] } },
}

test('fields at pointers are taken out; what identifies the object never is', () => {
  const rows: readonly (readonly [string[], unknown])[] = [
    [['/spec/replicas'], { ...object, spec: { template: object.spec.template } }],
    [['/metadata/annotations/a~1b'], { ...object, metadata: { name: 'd', annotations: {} } }],
    [
      ['/spec/template/containers/0', '/spec/template/containers/1'],
      { ...object, spec: { replicas: 1, template: { containers: [] } } },
    ],
    [['/spec'], { apiVersion: 'apps/v1', kind: 'Deployment', metadata: object.metadata }],
    [['/nothing/here', '/spec/template/containers/7', '', 'no-pointer'], object],
    [['/metadata', '/kind', '/apiVersion', '/metadata/name'], object],
  ]
  for (const [pointers, expected] of rows) assert.deepEqual(withoutFields(object, pointers), expected, pointers.join())
})

test('an ignored field keeps the live value, unless another manager has applied it', () => {
  const entry = (manager: string, fields: object): object => ({
    manager,
    operation: 'Apply',
    apiVersion: 'apps/v1',
    fieldsType: 'FieldsV1',
    fieldsV1: fields,
  })
  const replicas = { 'f:spec': { 'f:replicas': {} } }
  const live = (managers: readonly object[], spec: object) =>
    ({ ...object, metadata: { ...object.metadata, managedFields: managers }, spec }) as never
  const spec = { replicas: 5, template: object.spec.template }
  const adopt = (managers: readonly object[], found: object) =>
    adoptIgnoredFields(object, live(managers, found), ['/spec/replicas'], 'kustomize-controller')
  assert.deepEqual(adopt([entry('kustomize-controller', replicas)], spec)['spec'], spec)
  assert.deepEqual(adopt([entry('autoscaler', replicas)], spec)['spec'], { template: object.spec.template })
  assert.deepEqual(adopt([], { template: object.spec.template })['spec'], { template: object.spec.template })
  assert.deepEqual(adopt([], object.spec)['spec'], object.spec)
})
