import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mergeValues, type Values } from '../../../src/helm/index.ts'
import { explainValues } from '../../../src/reconcile/helmrelease/explain-values.ts'
import type { ValuesLayer } from '../../../src/reconcile/helmrelease/values.ts'

/** Layers laid one on the other. A name that starts with `Secret` is one. */
function layers(...steps: readonly [string, Values][]): readonly ValuesLayer[] {
  const made: ValuesLayer[] = []
  for (const [from, own] of steps) {
    const values = mergeValues(made.at(-1)?.values ?? {}, own)
    made.push({ from, isSecret: from.startsWith('Secret'), own, values })
  }
  return made
}

function lines(of: readonly ValuesLayer[]): string[] {
  return explainValues(of).map(({ path, value, from }) => `${path}=${JSON.stringify(value)} ${from}`)
}

describe('where values come from', () => {
  for (const [name, of, expected] of [
    ['nothing', layers(['spec.values', {}]), []],
    ['one layer', layers(['a', { x: 1, y: { z: [1, 2], e: {} } }]), ['x=1 a', 'y.z=[1,2] a', 'y.e={} a']],
    ['the last layer that names it', layers(['a', { x: 1, y: 1 }], ['b', { x: 2 }]), ['x=2 b', 'y=1 a']],
    ['also where it changes nothing', layers(['a', { x: 1 }], ['b', { x: 1 }]), ['x=1 b']],
    [
      'tables merge, lists do not',
      layers(['a', { t: { x: 1 }, l: [1] }], ['b', { t: { y: 2 }, l: [2] }]),
      ['t.x=1 a', 't.y=2 b', 'l=[2] b'],
    ],
    [
      'a table in place of a scalar, and back',
      layers(['a', { x: 1, y: { z: 1 } }], ['b', { x: { z: 2 }, y: 3 }]),
      ['x.z=2 b', 'y=3 b'],
    ],
    ['null stays: it removes a default of the chart', layers(['a', { x: 1 }], ['b', { x: null }]), ['x=null b']],
    ['an empty table keeps what is there', layers(['a', { x: { y: 1 } }], ['b', { x: {} }]), ['x.y=1 a']],
    ['keys with dots', layers(['a', { 'a.b': { c: 1 } }]), ['a\\.b.c=1 a']],
    [
      'values of Secrets are left out',
      layers(['Secret/s', { p: 'hidden', q: 1 }], ['b', { q: 2 }]),
      ['p=undefined Secret/s', 'q=2 b'],
    ],
  ] as [string, readonly ValuesLayer[], string[]][])
    it(name, () => assert.deepEqual(lines(of), expected))

  it('a layer that sets one place is told by what is different', () => {
    const [first] = layers(['a', { t: { x: 1, y: 1 } }])
    assert.ok(first)
    const set: ValuesLayer = { from: 'Secret/s', isSecret: true, own: undefined, values: { t: { x: 'hidden', y: 1 } } }
    assert.deepEqual(lines([first, set]), ['t.x=undefined Secret/s', 't.y=1 a'])
  })

  it('a Secret that a target path put over an inline value stays hidden, though the inline table carries it from then on', () => {
    const hidden = { t: { x: 'hidden' } }
    const of: readonly ValuesLayer[] = [
      { from: 'spec.values', isSecret: false, own: { t: { x: 'inline' } }, values: { t: { x: 'inline' } } },
      { from: 'Secret/s', isSecret: true, own: undefined, values: hidden },
      { from: 'spec.values', isSecret: false, own: { t: { x: 'inline' } }, values: hidden },
    ]
    assert.deepEqual(lines(of), ['t.x=undefined Secret/s'])
  })
})
