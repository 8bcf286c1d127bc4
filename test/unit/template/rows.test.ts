import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readRows, renderRow, rowData } from '../../support/template-rows.ts'

for (const file of ['engine', 'printf']) {
  describe(`${file}: what Go prints`, () => {
    const rows = readRows(new URL(`rows/${file}.jsonl`, import.meta.url))
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
}
