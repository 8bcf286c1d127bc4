import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { apiVersions, type Kind } from '../../../src/api/index.ts'
import { evaluate, parsePolicy, type RenderedObject, type Subject, type Verdict } from '../../../src/tenancy/index.ts'
import type { KubeObject } from '../../../src/resources/index.ts'
import { tenancyCases, type TenancyCase } from '../../support/tenancy-cases.ts'

const url = 'https://git.example/team/a'
const place = { own: 'a', other: 'b', url }
const tenant = { name: 'a', namespaces: ['a', 'a-dev'], sources: [url] }
const policy = parsePolicy({ tenants: [tenant, { name: 'b', namespaces: ['b'], sources: ['*'] }] })
const policyWith = (more: object): ReturnType<typeof parsePolicy> => parsePolicy({ tenants: [{ ...tenant, ...more }] })

function subjectOf(one: Pick<TenancyCase, 'kind' | 'spec' | 'status'>, namespace = 'a'): Subject {
  const { kind, spec, status } = one
  const metadata = { name: 'case', namespace }
  return { apiVersion: apiVersions[kind as Kind], kind, metadata, spec, status } as unknown as Subject
}

function refusalsOf(verdict: Verdict): readonly string[] {
  return verdict.owner === 'platform' ? [] : verdict.refusals.map(({ rule, field }) => `${rule} ${field}`)
}

const dependencies = (one: TenancyCase): readonly string[] => Object.values(one.annotations ?? {})

describe('every field that refers to something', () => {
  for (const one of tenancyCases(place)) {
    test(`${one.kind}: ${one.title}`, () => {
      const request = { cluster: 'c', object: subjectOf(one), dependencies: dependencies(one) }
      assert.ok(
        refusalsOf(evaluate(policy, request)).includes(`${one.rule} ${one.field}`),
        refusalsOf(evaluate(policy, request)).join(),
      )
      // The platform's own objects are not the policy's business, and the same object elsewhere is nobody's.
      assert.deepEqual(evaluate(policy, { ...request, object: subjectOf(one, 'flux-system') }), { owner: 'platform' })
      const nobodys = evaluate(policy, { ...request, object: subjectOf(one, 'unknown') })
      assert.deepEqual(refusalsOf(nobodys), ['namespace-unassigned metadata.namespace'])
    })
  }

  test('within the namespaces of the tenant, and where a reference is allowed, they are let through', () => {
    for (const one of tenancyCases({ ...place, other: 'a-dev' })) {
      const verdict = evaluate(policy, { cluster: 'c', object: subjectOf(one), dependencies: dependencies(one) })
      if (one.rule === 'cross-namespace-reference' && one.field !== 'status.artifact.path')
        assert.deepEqual(refusalsOf(verdict), [], one.title)
    }
    const shared = policyWith({ references: ['*', 'GitRepository/b/shared'].slice(1) })
    const [first] = tenancyCases(place)
    assert.ok(first !== undefined)
    assert.deepEqual(refusalsOf(evaluate(shared, { cluster: 'c', object: subjectOf(first) })), [])
  })
})

const source = { kind: 'GitRepository', name: 'app' }
const kustomization = (spec: object = {}): Subject =>
  subjectOf({ kind: 'Kustomization', spec: { interval: '1m', prune: true, sourceRef: source, ...spec } })
const rendered = (object: object, isNamespaced: boolean): readonly RenderedObject[] => [
  { object: object as KubeObject, isNamespaced },
]
const judge = (given: ReturnType<typeof parsePolicy>, one: readonly RenderedObject[]): readonly string[] => {
  const verdict = evaluate(given, { cluster: 'c', object: kustomization(), rendered: one })
  return verdict.owner === 'platform' ? [] : verdict.refusals.map(({ rule, object }) => `${rule} ${object}`)
}

test('what a policy allows is allowed', () => {
  assert.deepEqual(refusalsOf(evaluate(policy, { cluster: 'c', object: kustomization() })), [])
  const own = policyWith({ identity: { serviceAccount: 'flux' }, remoteClusters: true, platformCredentials: true })
  const spec = {
    serviceAccountName: 'flux',
    kubeConfig: { secretRef: { name: 'x' } },
    decryption: { provider: 'sops' },
  }
  assert.deepEqual(refusalsOf(evaluate(own, { cluster: 'c', object: kustomization(spec) })), [])
  assert.deepEqual(refusalsOf(evaluate(policy, { cluster: 'c', object: kustomization({ kubeConfig: null }) })), [])
})

test('a refusal shows no credential of a URL, however it is written', () => {
  for (const given of [
    'https://ada:canary@x.example/r',
    'https://ada:can/canary@x.example/r',
    'https://a@canary@x.example/r',
    'https://x.example/r?token=canary',
    'https://x.example/r#canary',
    'canary@@x',
  ]) {
    const object = subjectOf({ kind: 'GitRepository', spec: { url: given } })
    const verdict = evaluate(policy, { cluster: 'c', object })
    assert.deepEqual(refusalsOf(verdict), ['source-url spec.url'])
    assert.ok(!JSON.stringify(verdict.owner === 'tenant' && verdict.refusals).includes('canary'), given)
  }
})

test('clusters', () => {
  const some = policyWith({ clusters: ['prod-*'] })
  assert.deepEqual(refusalsOf(evaluate(some, { cluster: 'prod-eu', object: kustomization() })), [])
  assert.deepEqual(refusalsOf(evaluate(some, { cluster: 'staging', object: kustomization() })), ['cluster '])
})

test('a policy that cannot be used refuses every tenant and lets the platform go on', () => {
  const broken = { ...policy, problem: 'it is broken' }
  assert.deepEqual(refusalsOf(evaluate(broken, { cluster: 'c', object: kustomization() })), ['policy-unusable '])
  const platform = { ...kustomization(), metadata: { name: 'p', namespace: 'flux-system' } } as Subject
  assert.equal(evaluate(broken, { cluster: 'c', object: platform }).owner, 'platform')
})

test('bases that are URLs are sources, where they are allowed at all', () => {
  const bases = [{ field: 'spec.path', value: 'https://git.example/team/other' }]
  const request = { cluster: 'c', object: kustomization(), bases }
  assert.deepEqual(refusalsOf(evaluate(policy, request)), ['remote-base spec.path'])
  const open = policyWith({ remoteBases: true })
  assert.deepEqual(refusalsOf(evaluate(open, request)), ['source-url spec.path'])
  const own = [{ field: 'spec.path', value: url }]
  assert.deepEqual(refusalsOf(evaluate(open, { ...request, bases: own })), [])
})

describe('what an object would apply', () => {
  const configMap = (namespace: string): object => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'x', namespace },
  })
  const namespace = (name: string, labels: object = {}): object => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels },
  })
  const enforce = 'pod-security.kubernetes.io/enforce'

  test('namespaces and kinds', () => {
    assert.deepEqual(judge(policy, rendered(configMap('a'), true)), [])
    assert.deepEqual(judge(policy, rendered(configMap('a-dev'), true)), [])
    assert.deepEqual(judge(policy, rendered(configMap('kube-system'), true)), [
      'object-namespace ConfigMap/kube-system/x',
    ])
    assert.deepEqual(judge(policyWith({ kinds: { deny: ['ConfigMap'] } }), rendered(configMap('a'), true)), [
      'kind ConfigMap/a/x',
    ])
    assert.deepEqual(judge(policyWith({ kinds: { allow: ['apps/*'] } }), rendered(configMap('a'), true)), [
      'kind ConfigMap/a/x',
    ])
    const defaulted = [{ object: configMap('') as KubeObject, isNamespaced: true, defaultNamespace: 'b' }]
    assert.deepEqual(judge(policy, defaulted), ['object-namespace ConfigMap/b/x'])
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'x' } }
    assert.deepEqual(judge(policy, rendered(role, false)), ['cluster-scoped-kind ClusterRole//x'])
    assert.deepEqual(
      judge(policyWith({ clusterKinds: ['rbac.authorization.k8s.io/ClusterRole'] }), rendered(role, false)),
      [],
    )
    // A namespace on something that has none does not make it namespaced.
    assert.deepEqual(judge(policy, rendered({ ...role, metadata: { name: 'x', namespace: 'a' } }, false)), [
      'cluster-scoped-kind ClusterRole//x',
    ])
  })

  test('Namespaces, and their level of Pod Security', () => {
    assert.deepEqual(judge(policy, rendered(namespace('a'), false)), ['cluster-scoped-kind Namespace//a'])
    const rows: readonly (readonly [level: string, name: string, labels: object, refused: readonly string[]])[] = [
      ['restricted', 'a-dev', { [enforce]: 'restricted' }, []],
      ['restricted', 'b', { [enforce]: 'restricted' }, ['object-namespace']],
      ['restricted', 'a', {}, ['pod-security']],
      ['restricted', 'a', { [enforce]: 'baseline' }, ['pod-security']],
      ['restricted', 'a', { [enforce]: 'unheard-of' }, ['pod-security']],
      ['restricted', 'a', { [enforce]: 'restricted', [`${enforce}-version`]: 'v1.20' }, ['pod-security']],
      ['baseline', 'a', { [enforce]: 'baseline' }, []],
      ['baseline', 'a', { [enforce]: 'restricted', [`${enforce}-version`]: 'latest' }, []],
      ['baseline', 'a', { [enforce]: 'privileged' }, ['pod-security']],
      ['privileged', 'a', { [enforce]: 'privileged' }, []],
    ]
    for (const [podSecurity, name, labels, refused] of rows) {
      const given = policyWith({ podSecurity, clusterKinds: ['Namespace'] })
      const found = judge(given, rendered(namespace(name, labels), false)).map((one) => one.split(' ')[0])
      assert.deepEqual(found, refused, `${podSecurity} ${name} ${JSON.stringify(labels)}`)
    }
  })

  test('objects of ours are judged as they would be when they are there', () => {
    for (const one of tenancyCases(place)) {
      const { annotations: _, ...rest } = one
      if (one.annotations !== undefined || one.status !== undefined) continue
      const object = subjectOf(rest)
      const found = judge(policy, rendered(object, true))
      assert.ok(found.includes(`${one.rule} ${one.kind}/a/case`), `${one.title}: ${found.join()}`)
    }
    const outside = subjectOf({ kind: 'Kustomization', spec: { sourceRef: source } }, 'flux-system')
    assert.deepEqual(judge(policy, rendered(outside, true)), ['object-namespace Kustomization/flux-system/case'])
  })

  test('fields of the wrong type are no way around, and no crash', () => {
    const odd = [null, 1, 'x', [], {}, [null], [1], { name: 1, namespace: 2 }]
    const fields = ['sourceRef', 'dependsOn', 'healthChecks', 'targetNamespace', 'kubeConfig', 'decryption', 'chart']
    const more = ['chartRef', 'install', 'url', 'resources', 'eventSources', 'serviceAccountName', 'endpoint']
    for (const kind of Object.keys(apiVersions))
      for (const field of [...fields, ...more])
        for (const value of odd)
          assert.doesNotThrow(() => judge(policy, rendered(subjectOf({ kind, spec: { [field]: value } }), true)))
  })
})
