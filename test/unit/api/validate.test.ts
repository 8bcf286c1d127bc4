import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseResource, validateResource, withDefaults, type Kind } from '../../../src/api/index.ts'
import { isEngineError } from '../../../src/base/index.ts'
import { minimalSpecs, resourceCases, resourceOf } from '../../support/resource-cases.ts'

describe('validateResource', () => {
  for (const row of resourceCases) {
    it(row.name, () => {
      const findings = validateResource(withDefaults(resourceOf(row, 'one', 'default')))
      if (row.refused === undefined) return assert.deepEqual(findings, [])
      assert.equal(findings.length, 1, JSON.stringify(findings))
      const [found] = findings
      // A mapping with free keys is named with the key that is wrong.
      assert.equal((found?.field ?? '').replace(/\[[a-z]\w*\]$/, ''), row.refused.field)
      assert.equal(found?.object, `${row.kind}/default/one`)
      assert.notEqual(found?.message, '')
      if (/\.url|\.proxy|Duplicate/.test(`${row.refused.field}${row.refused.message}`)) return
      assert.match(found?.message ?? '', row.refused.message)
    })
  }

  it('answers every finding', () => {
    const object = resourceOf(
      { name: '', kind: 'Kustomization', spec: { interval: '1', prune: undefined, wait: 'yes' } },
      'one',
      'default',
    )
    assert.deepEqual(
      validateResource(object).map((finding) => finding.field),
      ['spec.interval', 'spec.prune', 'spec.wait'],
    )
  })

  it('reports unknown fields only when asked', () => {
    const object = resourceOf(
      { name: '', kind: 'Kustomization', spec: { Prune: true, sourceRef: { kind: 'Bucket', name: 'b', url: 'x' } } },
      'one',
      'default',
    )
    assert.deepEqual(validateResource(object), [])
    assert.deepEqual(
      validateResource(object, { unknownFields: 'report' }).map(({ field, message }) => `${field} ${message}`),
      ['spec.sourceRef.url is not a field; remove it', 'spec.Prune is not a field; write prune'],
    )
  })

  it('never quotes an address, which may hold credentials', () => {
    const object = resourceOf(
      { name: '', kind: 'GitRepository', spec: { url: 'ftp://user:hunter2@example.com' } },
      'one',
      'default',
    )
    assert.doesNotMatch(JSON.stringify(validateResource(object)), /hunter2/)
  })

  for (const { name, value, field } of [
    { name: 'nothing', value: undefined, field: 'kind' },
    { name: 'a kind of somebody else', value: { apiVersion: 'apps/v1', kind: 'Deployment' }, field: 'kind' },
    {
      name: 'a version that is not served',
      value: { apiVersion: 'kustomize.toolkit.fluxcd.io/v1beta2', kind: 'Kustomization' },
      field: 'kind',
    },
    { name: 'a name of a prototype', value: { apiVersion: 'v1', kind: 'constructor' }, field: 'kind' },
    {
      name: 'no name',
      value: { ...resourceOf({ name: '', kind: 'Provider' }, '', 'default') },
      field: 'metadata.name',
    },
    {
      name: 'no spec',
      value: { ...resourceOf({ name: '', kind: 'Provider' }, 'one', 'default'), spec: undefined },
      field: 'spec',
    },
    {
      name: 'a spec that is text',
      value: { ...resourceOf({ name: '', kind: 'Provider' }, 'one', 'default'), spec: 'x' },
      field: 'spec',
    },
    {
      name: 'a duration that Go cannot hold',
      value: resourceOf({ name: '', kind: 'Kustomization', spec: { interval: '9999999999h' } }, 'one', 'default'),
      field: 'spec.interval',
    },
    {
      name: 'a status that somebody broke',
      value: {
        ...resourceOf({ name: '', kind: 'Kustomization' }, 'one', 'default'),
        status: { inventory: { entries: [{ id: 'a' }] } },
      },
      field: 'status.inventory.entries[0].v',
    },
    {
      name: 'a condition without time',
      value: {
        ...resourceOf({ name: '', kind: 'Kustomization' }, 'one', 'default'),
        status: {
          conditions: [{ type: 'Ready', status: 'True', reason: 'A', message: '', lastTransitionTime: 'today' }],
        },
      },
      field: 'status.conditions[0].lastTransitionTime',
    },
  ]) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(
        validateResource(value).map((finding) => finding.field),
        [field],
      )
    })
  }
})

describe('parseResource', () => {
  it('answers the object with its defaults', () => {
    const repository = parseResource('GitRepository', resourceOf({ name: '', kind: 'GitRepository' }, 'one', 'default'))
    assert.equal(repository.spec.timeout, '60s')
    assert.equal(repository.status?.observedGeneration, -1)
  })

  it('throws every finding', () => {
    const object = resourceOf(
      { name: '', kind: 'Bucket', spec: { bucketName: undefined, endpoint: undefined } },
      'one',
      'default',
    )
    assert.throws(
      () => parseResource('Bucket', object),
      (error) => isEngineError(error) && error.code === 'resource-invalid' && error.message.split('\n').length === 2,
    )
  })

  it('throws for another kind', () => {
    const object = resourceOf({ name: '', kind: 'Bucket' }, 'one', 'default')
    assert.throws(() => parseResource('Kustomization', object), /Bucket\/default\/one: kind: is not a Kustomization/)
  })
})

/** Defaults that the server fills in, per kind, laid over the smallest spec. */
const defaults: readonly { kind: Kind; spec?: { [field: string]: unknown }; want: { [field: string]: unknown } }[] = [
  { kind: 'GitRepository', want: { timeout: '60s' } },
  {
    kind: 'GitRepository',
    spec: { verify: { secretRef: { name: 'k' } } },
    want: { timeout: '60s', verify: { mode: 'HEAD', secretRef: { name: 'k' } } },
  },
  { kind: 'OCIRepository', spec: { verify: {} }, want: { verify: { provider: 'cosign' } } },
  { kind: 'HelmRepository', want: { provider: 'generic' } },
  { kind: 'HelmChart', want: { version: '*', reconcileStrategy: 'ChartVersion' } },
  { kind: 'Bucket', want: { provider: 'generic', timeout: '60s' } },
  { kind: 'Kustomization', want: { force: false } },
  {
    kind: 'Kustomization',
    spec: { force: null, postBuild: { substituteFrom: [{ kind: 'Secret', name: 's' }] } },
    want: { force: false, postBuild: { substituteFrom: [{ kind: 'Secret', name: 's', optional: false }] } },
  },
  { kind: 'HelmRelease', spec: { uninstall: {} }, want: { uninstall: { deletionPropagation: 'background' } } },
  { kind: 'Receiver', want: { interval: '10m' } },
  { kind: 'Alert', want: { eventSeverity: 'info' } },
  { kind: 'Provider', want: {} },
]

describe('withDefaults', () => {
  for (const { kind, spec, want } of defaults) {
    it(`${kind} ${JSON.stringify(spec ?? {})}`, () => {
      const input = resourceOf({ name: '', kind, ...(spec === undefined ? {} : { spec }) }, 'one', 'default')
      const before = structuredClone(input)
      const complete = withDefaults(input)
      assert.deepEqual(complete.spec, { ...minimalSpecs[kind], ...spec, ...want })
      assert.deepEqual(withDefaults(complete), complete)
      assert.deepEqual(input, before)
    })
  }

  it('leaves objects of others alone', () => {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', spec: {} }
    assert.equal(withDefaults(object), object)
  })

  it('keeps a field called __proto__', () => {
    const object = JSON.parse(
      '{"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization","metadata":{"name":"a"},"spec":{"__proto__":{"x":1}}}',
    ) as { apiVersion: string; kind: string; spec: object }
    const complete = withDefaults(object)
    assert.equal(Object.hasOwn(complete.spec, '__proto__'), true)
    assert.equal(Object.getPrototypeOf(complete.spec), Object.prototype)
  })
})
