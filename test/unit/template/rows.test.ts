import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readRows, renderRow, rowData, type TemplateRow } from '../../support/template-rows.ts'

const files = ['engine', 'printf'] as const
const rowsOf = (file: (typeof files)[number]): TemplateRow[] => readRows(new URL(`rows/${file}.jsonl`, import.meta.url))

test('lexer, parser, executor and printf have at least 600 different rows', () => {
  const different = new Set(files.flatMap(rowsOf).map((row) => `${row.missingKey ?? ''} ${row.template}`))
  assert.ok(different.size >= 600, `${different.size} rows`)
})

for (const file of files) {
  describe(`${file}: what Go prints`, () => {
    const rows = rowsOf(file)
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
