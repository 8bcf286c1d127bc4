import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { InvalidIndexError, UnscannableIndexError, YamlIndexScanner } from '../../../src/sources/helm/index-scan.ts'
import { JsonIndexScanner } from '../../../src/sources/helm/json-index-scan.ts'
import { parseEntries, selectVersion } from '../../../src/sources/index.ts'
import { parseYaml, printYaml } from '../../../src/yaml/index.ts'

function scan(text: string, wanted: readonly string[], chunk = 7) {
  const bytes = new TextEncoder().encode(text)
  const make = text.trimStart().startsWith('{') ? JsonIndexScanner : YamlIndexScanner
  const scanner = new make(new Set(wanted), 1 << 20)
  for (let at = 0; at < bytes.length; at += chunk) scanner.push(bytes.subarray(at, at + chunk))
  return scanner.finish()
}

const tricky = `# a comment
apiVersion: v1
entries:
  alpha:
  - name: alpha
    version: 1.0.0
    description: |
      beta:
        - name: not a chart
    urls: [ "a.tgz",
      'b: c.tgz' ]
  "beta":
    - description: "spans
        gamma:
        lines"
      name: beta
      version: 2.0.0
    - {name: beta, version: 1.0.0, urls: [x.tgz]}
  gamma: []
  delta:
  - description: plain text
      that goes on "with a quote
      and: nothing
    name: delta
    version: 0.1.0
generated: "2024-01-01T00:00:00Z"
`

describe('scanning an index', () => {
  it('takes the entries of the wanted charts, whatever stands in the scalars of others', () => {
    for (const chunk of [1, 7, 64, 10_000]) {
      const found = scan(tricky.replace('      and: nothing\n', ''), ['beta', 'gamma', 'delta', 'missing'], chunk)
      assert.equal(found.chartCount, 4)
      assert.equal(found.hasApiVersion, true)
      assert.deepEqual([...found.entries.keys()], ['beta', 'gamma', 'delta'])
      const beta = parseEntries('beta', found.entries.get('beta') ?? '')
      assert.deepEqual(
        beta.map((one) => one.version),
        ['2.0.0', '1.0.0'],
      )
      assert.deepEqual(parseEntries('gamma', found.entries.get('gamma') ?? ''), [])
      assert.equal(parseEntries('delta', found.entries.get('delta') ?? '')[0]?.version, '0.1.0')
    }
  })

  it('reads CRLF, a byte order mark, a document start and lists at the column of their key', () => {
    const text = '\ufeff---\r\napiVersion: v1\r\nentries:\r\n  a:\r\n  - name: a\r\n    version: 1.0.0\r\n'
    assert.equal(parseEntries('a', scan(text, ['a']).entries.get('a') ?? '')[0]?.version, '1.0.0')
  })

  it('refuses what is wrong and passes on what it cannot read in a stream', () => {
    for (const text of [
      'apiVersion: v1\nentries:\n  a: []\n  a: []\n',
      'apiVersion: v1\nentries:\n    a: []\n  b: []\n',
      'apiVersion: v1\nentries:\n  a:\n  - name: "a\n',
      '{"apiVersion":"v1","entries":{"a":[',
    ])
      assert.throws(() => scan(text, ['a']), InvalidIndexError, text)
    for (const text of [
      'apiVersion: v1\nentries: {a: []}\n',
      'apiVersion: v1\nentries:\n  a: &anchor\n  - name: a\n',
      'apiVersion: v1\nentries:\n\ta: []\n',
      '- a\n',
    ])
      assert.throws(() => scan(text, ['a']), UnscannableIndexError, text)
  })

  it('reads JSON', () => {
    const text = JSON.stringify({
      apiVersion: 'v1',
      generated: 'x',
      entries: { 'a"}': [], a: [{ name: 'a', version: '1.2.3', urls: ['}],"'] }], b: [{ name: 'b' }] },
    })
    for (const chunk of [1, 5, 1000]) {
      const found = scan(text, ['a'], chunk)
      assert.deepEqual([...found.entries.keys()], ['a'])
      assert.equal(found.chartCount, 3)
      assert.deepEqual(parseEntries('a', found.entries.get('a') ?? '')[0]?.urls, ['}],"'])
    }
  })

  it('finds the same as parsing the whole, for any index that our printer prints', () => {
    const word = fc.string({
      minLength: 0,
      maxLength: 40,
      unit: fc.constantFrom(...Array.from(' \n"\'#:-[]{}|>&*!?,.%abcäöü日本0123456789')),
    })
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
    const version = fc.record({
      description: word,
      urls: fc.array(word, { maxLength: 3 }),
      keywords: fc.array(word, { maxLength: 2 }),
    })
    const index = fc.dictionary(name, fc.array(version, { maxLength: 3 }), { maxKeys: 5 })
    fc.assert(
      fc.property(index, fc.integer({ min: 1, max: 50 }), (entries, chunk) => {
        const text = printYaml({ apiVersion: 'v1', entries, generated: 'now' }, { dialect: 'sigs' })
        const names = Object.keys(entries)
        const found = scan(text, names, chunk)
        assert.equal(found.chartCount, names.length)
        for (const chart of names) {
          const value = parseYaml(found.entries.get(chart) ?? '', { dialect: 'sigs' })
          assert.equal(printYaml(value, { dialect: 'sigs' }), printYaml(entries[chart], { dialect: 'sigs' }))
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('choosing a version', () => {
  const versions = [
    { version: '1.0.0' },
    { version: '1.2.0', created: 1 },
    { version: '1.2.0+b2', created: 3 },
    { version: '1.2.0+b1', created: 2 },
    { version: '2.0.0-rc.1' },
    { version: 'v1.1.0' },
    { version: '9.9' },
    { version: 'odd' },
  ]
  const rows = [
    { range: '*', want: '1.2.0+b2' },
    { range: '', want: '1.2.0+b2' },
    { range: '1.2.0', want: '1.2.0' },
    { range: '~1.1', want: 'v1.1.0' },
    { range: '<1.1.0', want: '1.0.0' },
    { range: '>=1.0.0-0', want: '2.0.0-rc.1' },
    { range: '9.9', want: '9.9' },
  ]
  for (const { range, want } of rows)
    it(`${JSON.stringify(range)} is ${want}`, () => assert.equal(selectVersion('a', versions, range).version, want))
  it('says so where nothing matches or the range cannot be read', () => {
    assert.throws(() => selectVersion('a', versions, '>=3'), {
      reason: 'InvalidChartReference',
      message: /no 'a' chart with version matching '>=3' found/,
    })
    assert.throws(() => selectVersion('a', versions, 'not a range'), { reason: 'InvalidChartReference' })
  })
})

describe('entries of an index', () => {
  it('leaves out what is no valid chart', () => {
    const text =
      '- null\n- 7\n- name: a\n  version: x\n- name: ../a\n  version: 1.0.0\n- name: a\n  version: 1.0.0\n  urls: [1, u]\n  digest: sha256:ab\n'
    assert.deepEqual(parseEntries('a', text), [
      { name: 'a', version: '1.0.0', urls: ['u'], digest: 'ab', created: undefined },
    ])
    assert.throws(() => parseEntries('a', '{}'), { reason: 'IndexationFailed' })
  })
})
