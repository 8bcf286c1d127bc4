import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeValues, toValues } from '../../../src/helm/index.ts'
import { chartOf, renderOf } from '../../support/helm-charts.ts'

const child = (values: string): { [path: string]: string } => ({
  'charts/sub/Chart.yaml': 'apiVersion: v2\nname: sub\nversion: 0.1.0\n',
  'charts/sub/values.yaml': values,
})

interface Row {
  readonly name: string
  readonly parent: string
  readonly sub?: string
  readonly user?: { [key: string]: unknown }
  readonly want: { [key: string]: unknown }
  readonly warnings?: number
}

const rows: readonly Row[] = [
  {
    name: 'defaults fill in what the user left out',
    parent: 'a: 1\nb: {c: 2, d: 3}',
    user: { b: { c: 9 } },
    want: { a: 1, b: { c: 9, d: 3 } },
  },
  {
    name: 'lists and scalars are replaced',
    parent: 'a: [1, 2]\nb: x',
    user: { a: [3], b: { c: 1 } },
    want: { a: [3], b: { c: 1 } },
    warnings: 1,
  },
  {
    name: 'a null of the user removes a default',
    parent: 'a: 1\nb: {c: 1, d: 2}',
    user: { a: null, b: { c: null } },
    want: { b: { d: 2 } },
  },
  {
    name: 'a null of the user for an absent key stays',
    parent: 'a: 1',
    user: { x: null, q: { z: null } },
    want: { a: 1, x: null, q: { z: null } },
  },
  { name: 'nulls among the defaults vanish', parent: 'a: null\nb: {c: null, d: 1}', want: { b: { d: 1 } } },
  { name: 'a scalar of the user wins over a table', parent: 'a: {b: 1}', user: { a: 2 }, want: { a: 2 } },
  {
    name: 'a table of the user over a scalar is told',
    parent: 'a: {b: 1}',
    user: { a: { b: { c: 1 } } },
    want: { a: { b: { c: 1 } } },
    warnings: 1,
  },
  {
    name: "sub-charts get the parent's values for them",
    parent: 'sub: {x: 2}',
    sub: 'x: 1\nq: 1',
    want: { sub: { x: 2, q: 1, global: {} } },
  },
  {
    name: 'the user wins over both',
    parent: 'sub: {x: 2, q: 2}',
    sub: 'x: 1\nq: 1\nz: 1',
    user: { sub: { x: 3 } },
    want: { sub: { x: 3, q: 2, z: 1, global: {} } },
  },
  {
    name: "a null in the parent's own values does not remove a sub-chart's default",
    parent: 'sub: {x: null}',
    sub: 'x: 1',
    want: { sub: { x: 1, global: {} } },
  },
  {
    name: "a user's null removes a sub-chart's default",
    parent: '',
    sub: 'x: 1\nq: 1',
    user: { sub: { x: null } },
    want: { sub: { q: 1, global: {} } },
  },
  {
    name: 'a null of the parent with no default below stays once the user sets something there',
    parent: 'sub: {x: null}',
    sub: 'q: 1',
    user: { sub: { z: 1 } },
    want: { sub: { x: null, q: 1, z: 1, global: {} } },
  },
  {
    name: 'globals go down and the parent wins',
    parent: 'global: {a: 1, t: {x: 1}}',
    sub: 'global: {a: 2, b: 2, t: {x: 2, q: 2}}',
    want: { global: { a: 1, t: { x: 1 } }, sub: { global: { a: 1, b: 2, t: { x: 1, q: 2 } } } },
  },
  {
    name: 'a global that is no table is told',
    parent: 'global: text',
    sub: 'x: 1',
    want: { global: 'text', sub: { x: 1 } },
    warnings: 1,
  },
]

for (const row of rows) {
  test(`coalescing: ${row.name}`, () => {
    const chart = chartOf({ 'values.yaml': row.parent, ...(row.sub === undefined ? {} : child(row.sub)) })
    const result = renderOf(chart, { values: row.user ?? {} })
    assert.deepEqual(toValues(result.values), row.want)
    assert.equal(result.warnings.length, row.warnings ?? 0, result.warnings.join('\n'))
  })
}

test('coalescing changes neither the chart nor the values of the user', () => {
  const chart = chartOf({
    'values.yaml': 'a: {b: 1}',
    'templates/t.yaml': '{{ $_ := set .Values.a "b" 2 }}{{ $_ := set .Values "c" 3 }}x: {{ .Values.c }}',
  })
  const values = { a: { d: 1 } }
  const first = renderOf(chart, { values }).manifest
  assert.equal(renderOf(chart, { values }).manifest, first)
  assert.deepEqual(values, { a: { d: 1 } })
})

test('values of a sub-chart must be a table', () => {
  assert.throws(() => renderOf(chartOf(child('x: 1')), { values: { sub: 'text' } }), /type mismatch on sub/)
})

test('warnings name keys and never values', () => {
  const chart = chartOf({ 'values.yaml': 'password: hunter2\ntoken: {x: hunter2}' })
  const { warnings } = renderOf(chart, { values: { password: { x: 'hunter2' }, token: { x: { q: 'hunter2' } } } })
  assert.equal(warnings.length, 2)
  assert.doesNotMatch(warnings.join('\n'), /hunter2/)
})

test('values of several files: tables merge, the rest is replaced, nulls stay', () => {
  const base = { a: { b: 1, c: [1] }, d: 1 }
  assert.deepEqual(mergeValues(base, { a: { c: [2], e: null }, d: { f: 1 } }), {
    a: { b: 1, c: [2], e: null },
    d: { f: 1 },
  })
  assert.deepEqual(base, { a: { b: 1, c: [1] }, d: 1 })
  assert.deepEqual(Object.keys(mergeValues({}, JSON.parse('{"__proto__": {"x": 1}}') as { [key: string]: unknown })), [
    '__proto__',
  ])
})
