import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  digestChanges,
  liveVersion,
  planDigest,
  publicReference,
  raw,
  type DigestApplication,
} from '../../../src/plan/index.ts'
import type { KubeMap, KubeObject, KubeValue } from '../../../src/resources/index.ts'
import { object } from './inputs.ts'

const key = new Uint8Array(32).fill(7)
const map = (name: string, data: KubeMap = { a: 'b' }): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'shop' },
  data,
})

function application(more: Partial<DigestApplication> = {}): DigestApplication {
  return {
    cluster: 'main',
    kind: 'Kustomization',
    namespace: 'flux-system',
    name: 'apps',
    desired: [raw(map('a')), raw(map('b'))],
    artifacts: { source: 'sha256:1', chart: 'sha256:2' },
    touched: [
      { object: raw(map('a')), version: 'u/g1' },
      { object: raw(map('b')), version: undefined },
    ],
    ...more,
  }
}

const one = planDigest([application()], key)

test('each part of what is approved counts, and is named', () => {
  const rows: readonly (readonly [string, Partial<DigestApplication>, readonly string[]])[] = [
    ['a value', { desired: [raw(map('a')), raw(map('b', { a: 'c' }))] }, ['desired']],
    ['a type of value', { desired: [raw(map('a')), raw(map('b', { a: ['b'] }))] }, ['desired']],
    ['an object more', { desired: [raw(map('a')), raw(map('b')), raw(map('c'))] }, ['desired']],
    ['an object less', { desired: [raw(map('a'))] }, ['desired']],
    ['an object twice', { desired: [raw(map('a')), raw(map('a')), raw(map('b'))] }, ['desired']],
    ['a chart', { artifacts: { source: 'sha256:1', chart: 'sha256:3' } }, ['artifacts']],
    ['digests in each other’s place', { artifacts: { source: 'sha256:2', chart: 'sha256:1' } }, ['artifacts']],
    [
      'a live object',
      {
        touched: [
          { object: raw(map('a')), version: 'u/g2' },
          { object: raw(map('b')), version: undefined },
        ],
      },
      ['live'],
    ],
    [
      'a live object that came',
      {
        touched: [
          { object: raw(map('a')), version: 'u/g1' },
          { object: raw(map('b')), version: 'u/g1' },
        ],
      },
      ['live'],
    ],
    ['another application', { name: 'other' }, ['desired', 'artifacts', 'live']],
    ['nothing', {}, []],
  ]
  for (const [what, more, changed] of rows) {
    const other = planDigest([application(more)], key)
    assert.deepEqual(digestChanges(one, other), changed.length === 0 ? [] : [{ cluster: 'main', changed }], what)
    assert.equal(other.whole === one.whole, changed.length === 0, what)
  }
})

test('clusters are told apart', () => {
  const both = planDigest([application(), application({ cluster: 'edge' })], key)
  assert.deepEqual(
    both.clusters.map(({ cluster }) => cluster),
    ['edge', 'main'],
  )
  assert.deepEqual(both.clusters[1], one.clusters[0])
  assert.notEqual(both.clusters[0]?.whole, both.clusters[1]?.whole)
  assert.deepEqual(digestChanges(one, both), [{ cluster: 'edge', changed: ['desired', 'artifacts', 'live'] }])
})

test('without the key nobody can tell what a digest is of', () => {
  const other = planDigest([application()], new Uint8Array(32).fill(8))
  assert.notEqual(other.whole, one.whole)
  for (const part of ['whole', 'desired', 'artifacts', 'live'] as const)
    assert.notEqual(other.clusters[0]?.[part], one.clusters[0]?.[part])
  for (const length of [0, 15]) assert.throws(() => planDigest([], new Uint8Array(length)), { code: 'plan-key-short' })
})

test('what people see of a digest says nothing about the content of another commit', () => {
  const change = { repository: 'shop/fleet', pullRequest: 7, base: 'a', head: 'b' }
  const seen = publicReference(one, change, key)
  assert.match(seen, /^[0-9a-f]{24}$/)
  assert.equal(publicReference(planDigest([application()], key), change, key), seen)
  const others = [
    { ...change, head: 'c' },
    { ...change, pullRequest: 8 },
    { ...change, base: 'c' },
    { ...change, repository: 'x' },
  ]
  assert.equal(new Set([seen, ...others.map((other) => publicReference(one, other, key))]).size, 5)
  assert.ok(!one.whole.includes(seen))
})

test('versions of live objects', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['{metadata: {uid: u, generation: 3, resourceVersion: "9"}}', 'u/g3'],
    ['{metadata: {uid: u, resourceVersion: "9"}}', 'u/v9'],
    ['{metadata: {uid: u, generation: 0, resourceVersion: "9"}}', 'u/v9'],
  ]
  for (const [yaml, want] of rows) assert.equal(liveVersion(raw(object(yaml))), want)
})

const value: fc.Arbitrary<KubeValue> = fc.letrec<{ value: KubeValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'binary', maxLength: 6 }), tie('value'), { maxKeys: 4 }),
  ),
})).value

function turned(given: KubeValue): KubeValue {
  if (Array.isArray(given)) return given.map(turned)
  if (typeof given !== 'object' || given === null) return given
  return Object.fromEntries(
    Object.entries(given)
      .toReversed()
      .map(([field, one]) => [field, turned(one)]),
  )
}

test('the order of fields, objects, touched objects and applications does not count', () => {
  const objects = fc.array(fc.dictionary(fc.string({ maxLength: 6 }), value, { maxKeys: 4 }), { maxLength: 4 })
  fc.assert(
    fc.property(objects, objects, (first, second) => {
      const of = (list: readonly KubeMap[], name: string): DigestApplication =>
        application({
          name,
          desired: list.map((each) => raw(each)),
          touched: list.map((each, at) => ({ object: raw(each), version: String(at) })),
        })
      const backwards = (list: readonly KubeMap[], name: string): DigestApplication =>
        application({
          name,
          artifacts: { chart: 'sha256:2', source: 'sha256:1' },
          desired: list.map((each) => raw(turned(each) as KubeObject)).toReversed(),
          touched: list
            .map((each, at) => ({ object: raw(turned(each) as KubeObject), version: String(at) }))
            .toReversed(),
        })
      assert.deepEqual(
        planDigest([backwards(second, 'b'), backwards(first, 'a')], key),
        planDigest([of(first, 'a'), of(second, 'b')], key),
      )
    }),
  )
})

test('different content has different digests', () => {
  fc.assert(
    fc.property(value, value, (a, b) => {
      const of = (given: KubeValue): string => planDigest([application({ desired: [raw({ spec: given })] })], key).whole
      assert.equal(of(a) === of(b), JSON.stringify(sortedFields(a)) === JSON.stringify(sortedFields(b)))
    }),
  )
})

function sortedFields(given: KubeValue): unknown {
  if (Array.isArray(given)) return given.map(sortedFields)
  if (typeof given !== 'object' || given === null) return given
  return {
    map: Object.entries(given)
      .map(([field, one]) => [field, sortedFields(one)])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  }
}
