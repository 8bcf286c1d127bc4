import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseDocuments } from '../../../src/yaml/index.ts'

void describe('continuation lines that stand no deeper than their key', () => {
  const rows: readonly { name: string; text: string; want: unknown }[] = [
    {
      name: 'single quotes',
      text: "a:\n  b: 'one\n  two''s\n  three'\n  c: 1",
      want: { a: { b: "one two's three", c: 1 } },
    },
    {
      name: 'double quotes',
      text: 'a:\n  b: "one\n  \\"two\\"\n\n  three"\n  c: 1',
      want: { a: { b: 'one "two"\nthree', c: 1 } },
    },
    { name: 'a list in brackets', text: 'a: [\n1,\n2\n]\nb: 1', want: { a: [1, 2], b: 1 } },
    { name: 'nested brackets', text: 'a: {x: [\n1], # ]}\ny: "}"\n}\nb: 1', want: { a: { x: [1], y: '}' }, b: 1 } },
    { name: 'behind a dash', text: "a:\n- 'x\n  y'\n- b: 'x\n  y'\n- 3", want: { a: ['x y', { b: 'x y' }, 3] } },
    { name: 'behind an anchor', text: "a: &x 'one\ntwo'\nb: *x", want: { a: 'one two', b: 'one two' } },
    {
      name: 'next to a block scalar that looks alike',
      text: "a: |\n  b: 'x\n  y\nc: 'one\ntwo'",
      want: { a: "b: 'x\ny\n", c: 'one two' },
    },
    { name: 'in a second document', text: "a: 1\n---\nb: 'one\ntwo'", want: { a: 1 } },
  ]
  for (const { name, text, want } of rows) {
    void it(name, () => {
      const { documents, diagnostics } = parseDocuments(text, { dialect: 'kyaml' })
      assert.deepEqual(diagnostics, [])
      assert.deepEqual(documents[0]?.value, want)
    })
  }
  void it('keeps the lines of what follows', () => {
    const { documents } = parseDocuments("a: 'one\ntwo'\nb: 1", { dialect: 'kyaml' })
    assert.equal(documents[0]?.lineOf(['b']), 3)
  })
  void it('reports what stays broken', () => {
    assert.equal(parseDocuments("a: 'one\ntwo\nb: 1", { dialect: 'kyaml' }).diagnostics.length, 1)
  })
})
