import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nonHermeticFunctions, sprigFunctions } from '../../../src/sprig/index.ts'
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

// Tested in crypto.test.ts, as their results differ every time, or inert.
const elsewhere = new Set([
  'genCA',
  'genCAWithKey',
  'genSelfSignedCert',
  'genSelfSignedCertWithKey',
  'genSignedCert',
  'genSignedCertWithKey',
  'getHostByName',
])

test('every function has at least three rows', () => {
  const few = sprigFunctions
    .map((fn) => fn.name)
    .filter((name) => !elsewhere.has(name))
    .filter((name) => rows.filter((row) => new RegExp(`\\b${name}\\b`).test(row.template)).length < 3)
  assert.deepEqual(few, [])
})

test('the table has the functions of sprig 3.3 that Helm offers', () => {
  const names = sprigFunctions.map((fn) => fn.name)
  assert.equal(new Set(names).size, names.length)
  assert.equal(names.length, SPRIG_COUNT)
  for (const name of nonHermeticFunctions) assert.ok(names.includes(name), name)
})

const SPRIG_COUNT = 209
