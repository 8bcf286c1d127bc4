import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseYaml } from '../../../src/yaml/index.ts'

/** Block scalars at the very end of a text; expected values were printed by go-yaml v2.4 and v3.0, which agree. */
const rows: readonly { readonly text: string; readonly want: string }[] = [
  { text: 'a: |\n  x\n  y', want: 'x\ny' },
  { text: 'a: |\n  x\n  y\n', want: 'x\ny\n' },
  { text: 'a: |\n  x\n  y\n\n', want: 'x\ny\n' },
  { text: 'a: |\n  x\n  y\n  ', want: 'x\ny\n' },
  { text: 'a: |+\n  x\n  y', want: 'x\ny' },
  { text: 'a: |+\n  x\n  y\n', want: 'x\ny\n' },
  { text: 'a: |-\n  x\n  y', want: 'x\ny' },
  { text: 'a: >\n  x\n  y', want: 'x y' },
  { text: 'a: >+\n  x\n  y', want: 'x y' },
  { text: 'a: |', want: '' },
]

describe('block scalars that the end of the text cuts off', () => {
  for (const { text, want } of rows) {
    it(JSON.stringify(text), () => {
      for (const dialect of ['sigs', 'kyaml'] as const) assert.deepEqual(parseYaml(text, { dialect }), { a: want })
    })
  }
})
