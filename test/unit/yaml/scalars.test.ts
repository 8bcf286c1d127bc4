import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseYaml, printYaml, type YamlValue } from '../../../src/yaml/index.ts'

/** Expected values were printed by go-yaml v2.4 (sigs) and v3.0 (kyaml). */
const rows: { text: string; sigs: YamlValue; kyaml?: YamlValue }[] = [
  { text: 'yes', sigs: true, kyaml: 'yes' },
  { text: 'on', sigs: true, kyaml: 'on' },
  { text: 'N', sigs: false, kyaml: 'N' },
  { text: 'True', sigs: true },
  { text: 'tRue', sigs: 'tRue' },
  { text: '~', sigs: null },
  { text: 'Null', sigs: null },
  { text: 'nil', sigs: 'nil' },
  { text: '0777', sigs: 511 },
  { text: '0o17', sigs: 15 },
  { text: '08', sigs: 8 },
  { text: '0x1F', sigs: 31 },
  { text: '0b101', sigs: 5 },
  { text: '-0b101', sigs: -5 },
  { text: '1_000', sigs: 1000 },
  { text: '+1', sigs: 1 },
  { text: '-0', sigs: 0 },
  { text: '1.10', sigs: 1.1 },
  { text: '1e3', sigs: 1000 },
  { text: '.5', sigs: 0.5 },
  { text: '5.', sigs: 5 },
  { text: '1:30', sigs: '1:30' },
  { text: '12345678901234567890', sigs: 12345678901234567890n },
  { text: '123456789012345678901234', sigs: Number('123456789012345678901234') },
  { text: '2024-01-01', sigs: '2024-01-01', kyaml: '2024-01-01T00:00:00Z' },
  { text: '2024-02-30', sigs: '2024-02-30' },
  { text: '2001-12-14T21:59:43.10-05:00', sigs: '2001-12-14T21:59:43.10-05:00', kyaml: '2001-12-14T21:59:43.1-05:00' },
  { text: '1.2.3', sigs: '1.2.3' },
  { text: '1e', sigs: '1e' },
  { text: "'yes'", sigs: 'yes' },
  { text: '"1"', sigs: '1' },
  { text: '!!str 1', sigs: '1' },
  { text: '!!binary aGk=', sigs: 'hi' },
]

describe('plain scalars', () => {
  for (const row of rows) {
    it(`reads ${row.text} as Kubernetes does`, () =>
      assert.deepEqual(parseYaml(row.text, { dialect: 'sigs' }), row.sigs))
    it(`reads ${row.text} as kustomize does`, () =>
      assert.deepEqual(parseYaml(row.text, { dialect: 'kyaml' }), row.kyaml ?? row.sigs))
  }
})

describe('printing scalars', () => {
  /** Expected text was printed by sigs.k8s.io/yaml 1.6. */
  const printed: [YamlValue, string][] = [
    ['plain', 'plain'],
    ['', '""'],
    ['yes', '"yes"'],
    ['1', '"1"'],
    ['1.5', '"1.5"'],
    ['0x1F', '"0x1F"'],
    ['1:30', '"1:30"'],
    ['2024-01-01', '"2024-01-01"'],
    ['null', '"null"'],
    ['~', '"~"'],
    ['a: b', "'a: b'"],
    ['a:b', 'a:b'],
    ['a #b', "'a #b'"],
    ['a#b', 'a#b'],
    ['*x', "'*x'"],
    ['@x', "'@x'"],
    ['- x', "'- x'"],
    ['-x', '-x'],
    ["it's", "it's"],
    ["'x", "'''x'"],
    [' lead', "' lead'"],
    ['trail ', "'trail '"],
    ['a\tb', '"a\\tb"'],
    ['\u{1F600}', '"\\U0001F600"'],
    ['é', 'é'],
    ['a\nb', '|-\n  a\n  b'],
    ['a\nb\n', '|\n  a\n  b'],
    ['a\n\n', '|+\n  a\n'],
    [' a\nb', '|2-\n   a\n  b'],
    ['a \nb', '"a \\nb"'],
    ['---', "'---'"],
    [true, 'true'],
    [null, 'null'],
    [1000000, '1000000'],
    [1e21, '1e+21'],
    [0.5, '0.5'],
    [123456789.5, '1.234567895e+08'],
    [1e-7, '1e-07'],
    [12345678901234567890n, '12345678901234567890'],
  ]
  for (const [value, want] of printed)
    it(JSON.stringify(typeof value === 'bigint' ? String(value) : value), () =>
      assert.equal(printYaml(value, { dialect: 'sigs' }), `${want}\n`),
    )
})

describe('printing structures', () => {
  it('sorts keys as go-yaml does: digits by number, letters last', () => {
    assert.equal(
      printYaml({ b: 1, a10: 1, a2: 1, A: 1, '1': 1, '-': 1 }, { dialect: 'sigs' }),
      '\'-\': 1\n"1": 1\nA: 1\na2: 1\na10: 1\nb: 1\n',
    )
  })
  it('puts sequences at the indent of their key', () => {
    assert.equal(
      printYaml({ a: [1, { b: 1, c: [[2, 3]] }], d: [], e: {} }, { dialect: 'sigs' }),
      'a:\n- 1\n- b: 1\n  c:\n  - - 2\n    - 3\nd: []\ne: {}\n',
    )
  })
  it('folds long lines at spaces, never in keys', () => {
    const long = `${'a'.repeat(50)} ${'b'.repeat(50)} ${'c'.repeat(10)}`
    assert.equal(
      printYaml({ k: long }, { dialect: 'sigs' }),
      `k: ${'a'.repeat(50)} ${'b'.repeat(50)}\n  ${'c'.repeat(10)}\n`,
    )
    assert.equal(printYaml({ [long]: 1 }, { dialect: 'sigs' }), `${long}: 1\n`)
  })
  it('writes a key that is too long as an explicit one', () => {
    assert.equal(printYaml({ ['k'.repeat(129)]: 1 }, { dialect: 'sigs' }), `? ${'k'.repeat(129)}\n: 1\n`)
  })
  it('takes Maps, leaves undefined out, refuses what JSON has not', () => {
    assert.equal(printYaml(new Map([['b', 1]]), { dialect: 'sigs' }), 'b: 1\n')
    assert.equal(printYaml({ a: undefined, b: 1 }, { dialect: 'sigs' }), 'b: 1\n')
    assert.throws(() => printYaml({ a: Number.NaN }, { dialect: 'sigs' }), { code: 'yaml-unprintable' })
  })
})
