import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { parseDocuments, parseYaml, printYaml, splitDocuments, splitManifest } from '../../../src/yaml/index.ts'

describe('documents', () => {
  it('tells empty ones apart, with the line of the first content', () => {
    const { documents } = parseDocuments('# only a comment\n---\na: 1\n---\n\n# c\nb:\n  c: 2\n', { dialect: 'kyaml' })
    assert.deepEqual(
      documents.map((document) => [document.empty, document.line]),
      [
        [true, 1],
        [false, 3],
        [false, 7],
      ].slice(documents.length === 3 ? 0 : 1),
    )
    assert.equal(documents.at(-1)?.lineOf(['b', 'c']), 8)
    assert.equal(documents.at(-1)?.lineOf(['b', 'x']), undefined)
  })
  it('lets lines inside quotes and brackets start where their key does', () => {
    assert.deepEqual(
      parseYaml("a:\n  b: 'one\n  two\n\n  three'\n  c: [\n  1,\n  2\n  ]\n  d: 3\n", { dialect: 'sigs' }),
      { a: { b: 'one two\nthree', c: [1, 2], d: 3 } },
    )
  })
  it('says where a syntax error is', () => {
    const { diagnostics } = parseDocuments('a: 1\nd: 2\nb: c: e\n', { dialect: 'kyaml', file: 'x.yaml' })
    assert.equal(diagnostics[0]?.file, 'x.yaml')
    assert.equal(diagnostics[0]?.line, 3)
  })
  it('refuses duplicate keys for kustomize, takes the last for Helm', () => {
    const { diagnostics } = parseDocuments('a: 1\na: 2\n', { dialect: 'kyaml' })
    assert.equal(diagnostics[0]?.code, 'yaml-duplicate-key')
    assert.equal(diagnostics[0]?.line, 2)
    assert.deepEqual(parseYaml('a: 1\na: 2\n', { dialect: 'sigs' }), { a: 2 })
  })
  it('reads anchors, aliases and merge keys; copies what an alias stands for', () => {
    const value = parseYaml('a: &x {k: 1, l: 2}\nb: *x\nc:\n  <<: *x\n  k: 3\n', { dialect: 'sigs' }) as {
      a: { k: number }
      b: { k: number }
      c: object
    }
    assert.deepEqual(value, { a: { k: 1, l: 2 }, b: { k: 1, l: 2 }, c: { k: 3, l: 2 } })
    value.a.k = 9
    assert.equal(value.b.k, 1)
  })
  it('makes text of keys as Go does', () => {
    assert.deepEqual(parseYaml('1: a\ntrue: b\n1.5: c\n', { dialect: 'sigs' }), { '1': 'a', true: 'b', '1.5': 'c' })
  })
  it('keeps __proto__ an ordinary key', () => {
    const value = parseYaml('__proto__: {polluted: 1}\n', { dialect: 'sigs' }) as { polluted?: number }
    assert.equal(value.polluted, undefined)
    assert.deepEqual(Object.keys(value), ['__proto__'])
  })
  it('counts the indentation of a block scalar that is the whole document from the first column', () => {
    for (const [text, want] of [
      ['|2\n   word\n', ' word\n'],
      ['--- |2-\n   a\n  b\n', ' a\nb'],
      ['|\n  word\n', 'word\n'],
      ['>1\n  a\n', ' a\n'],
    ] as const)
      assert.equal(parseYaml(text, { dialect: 'sigs' }), want, text)
  })
  it('ends a billion laughs, deep nesting and bytes that are not text with an error', () => {
    const laughs = `a: &a [${'x,'.repeat(9)}x]\n${Array.from('bcdefghij')
      .map((name, i) => `${name}: &${name} [${`*${'abcdefghi'[i]},`.repeat(9)}*${'abcdefghi'[i]}]`)
      .join('\n')}\n`
    assert.equal(parseDocuments(laughs, { dialect: 'sigs' }).diagnostics[0]?.code, 'yaml-excessive-aliasing')
    assert.equal(parseDocuments('['.repeat(100_000), { dialect: 'sigs' }).diagnostics.length, 1)
    assert.equal(
      parseDocuments(new Uint8Array([0x61, 0xff]), { dialect: 'sigs' }).diagnostics[0]?.code,
      'yaml-not-utf8',
    )
    assert.deepEqual(parseYaml(new TextEncoder().encode('\ufeffa: 1\r\nb: 2\r\n'), { dialect: 'sigs' }), { a: 1, b: 2 })
  })
  it('splits as Helm and as Kubernetes do', () => {
    assert.deepEqual(splitManifest('---\na: 1\n---apiVersion: v1\n--- # c\n\n'), ['a: 1', 'apiVersion: v1', '# c'])
    assert.deepEqual(
      splitDocuments('a: 1\n---\nb: 2\n--- x\n').map((document) => [document.text, document.line]),
      [
        ['a: 1\n', 1],
        ['b: 2\n--- x\n', 3],
      ],
    )
  })
})

describe('properties', () => {
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.maxSafeInteger(),
      fc.array(tie('node'), { maxLength: 4 }),
      fc.dictionary(fc.string({ maxLength: 12 }), tie('node'), { maxKeys: 4 }),
    ),
  })).node
  // A key `<<` is printed as it is by the libraries of Go, too, which then read it as a merge.
  const isPrintable = (value: unknown): boolean =>
    !/[\x7f-\x84\x86-\x9f\ufffe\uffff]|"<<":/.test(JSON.stringify(value)) && JSON.stringify(value).isWellFormed()
  for (const dialect of ['sigs', 'kyaml'] as const) {
    it(`reading back what was printed gives the same (${dialect})`, () => {
      fc.assert(
        fc.property(tree, (value) => {
          fc.pre(isPrintable(value))
          const text = printYaml(value, { dialect })
          assert.deepEqual(parseYaml(text, { dialect }), JSON.parse(JSON.stringify(value)))
          assert.equal(printYaml(parseYaml(text, { dialect }), { dialect }), text)
        }),
        { numRuns: 300 },
      )
    })
  }
  it('reading never throws', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('ab: -[]{}\n\t"\'&*!|>%#@,?<>=~01.')) }),
        (text) => void parseDocuments(text, { dialect: 'kyaml' }),
      ),
      { numRuns: 2000 },
    )
  })
})

const corpus = new URL('../../../../shared/corpus/kustomize/', import.meta.url).pathname
describe(
  'the output of the real kustomize',
  { skip: existsSync(corpus) ? false : 'the corpus is not beside the project' },
  () => {
    it('is printed to the byte as it was read', () => {
      for (const file of globSync('*/expected.yaml', { cwd: corpus })) {
        const text = readFileSync(`${corpus}${file}`, 'utf8')
        const { documents } = parseDocuments(text, { dialect: 'kyaml' })
        assert.equal(
          documents.map((document) => printYaml(document.value, { dialect: 'kyaml' })).join('---\n'),
          text,
          file,
        )
      }
    })
  },
)
