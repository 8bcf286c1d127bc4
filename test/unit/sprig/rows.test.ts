import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nonHermeticFunctions, sprigFunctions } from '../../../src/sprig/index.ts'
import { CERTIFICATE_ROWS, FAILING_ROWS } from '../../support/certificate-rows.ts'
import { rendered } from '../../support/helm-charts.ts'
import { readRows, renderRow, rowData } from '../../support/template-rows.ts'

const rows = readRows(new URL('rows/sprig.jsonl', import.meta.url))

describe('sprig: what Go prints', () => {
  for (const group of new Set(rows.map((row) => row.group))) {
    test(group, () => {
      for (const row of rows.filter((each) => each.group === group)) {
        const { want, error } = row
        const expected = error === undefined ? { want } : { error }
        assert.deepEqual(renderRow(row, rowData), expected, row.template)
      }
    })
  }
})

test('every function has at least three rows', () => {
  // What certificates hold is in rows of their own; getHostByName is Helm's, tested below.
  const templates = [...rows, ...CERTIFICATE_ROWS, ...FAILING_ROWS].map((row) => row.template)
  const few = sprigFunctions
    .map((fn) => fn.name)
    .filter((name) => name !== 'getHostByName')
    .filter((name) => templates.filter((template) => new RegExp(`\\b${name}\\b`).test(template)).length < 3)
  assert.deepEqual(few, [])
})

for (const host of ['localhost', 'example.com', ''])
  test(`getHostByName resolves nothing: ${JSON.stringify(host)}`, () =>
    assert.equal(rendered(`{{ getHostByName ${JSON.stringify(host)} | quote }}`), '""'))

test('the table has the functions of sprig 3.3 that Helm offers', () => {
  const names = sprigFunctions.map((fn) => fn.name)
  assert.equal(new Set(names).size, names.length)
  assert.equal(names.length, SPRIG_COUNT)
  for (const name of nonHermeticFunctions) assert.ok(names.includes(name), name)
})

const SPRIG_COUNT = 209
