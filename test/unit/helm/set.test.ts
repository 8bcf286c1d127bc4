import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEngineError } from '../../../src/base/index.ts'
import { applySet, parseSet, setValue, toTable, toValues, type SetKind } from '../../../src/helm/index.ts'
import { goInt } from '../../../src/template/index.ts'

interface Row {
  readonly line: string
  readonly kind?: SetKind
  readonly into?: { [key: string]: unknown }
  readonly want?: { [key: string]: unknown }
  readonly error?: RegExp
}

const rows: readonly Row[] = [
  { line: 'a=b', want: { a: 'b' } },
  { line: 'a=1,b=-2,c=+3', want: { a: 1n, b: -2n, c: 3n } },
  { line: 'a=0', want: { a: 0n } },
  { line: 'a[0', want: {} },
  { line: 'a=01,b=1.5,c=1e3', want: { a: '01', b: '1.5', c: '1e3' } },
  { line: 'a=True,b=FALSE,c=Null', want: { a: true, b: false, c: null } },
  { line: 'a=', want: { a: '' } },
  { line: 'a=,b=1', want: { a: '', b: 1n } },
  { line: 'a.b.c=x', want: { a: { b: { c: 'x' } } } },
  { line: 'a\\.b=x,c=d\\,e', want: { 'a.b': 'x', c: 'd,e' } },
  { line: 'a={1,two,true}', want: { a: [1n, 'two', true] } },
  { line: 'a={}', want: { a: [''] } },
  { line: 'a={1},b=2', want: { a: [1n], b: 2n } },
  { line: 'a[0]=x,a[2]=y', want: { a: ['x', null, 'y'] } },
  { line: 'a[0].b=x,a[0].c=y', want: { a: [{ b: 'x', c: 'y' }] } },
  { line: 'a[1][0]=x', want: { a: [null, ['x']] } },
  { line: 'a.b[1].c[0].d=x', want: { a: { b: [null, { c: [{ d: 'x' }] }] } } },
  { line: 'a[0]=y', into: { a: ['x', 'z'] }, want: { a: ['y', 'z'] } },
  { line: 'a.b=y', into: { a: { c: 1 } }, want: { a: { c: 1, b: 'y' } } },
  { line: 'a=b=c', want: { a: 'b=c' } },
  { line: '', want: {} },
  { line: '=x', want: {} },
  { line: 'a', error: /key "a" has no value/ },
  { line: 'a,b=1', error: /key "a" has no value \(cannot end with ,\)/ },
  { line: 'a.b', error: /key "b" has no value/ },
  { line: 'a={1,2', error: /list must terminate with '}'/ },
  { line: 'a[-1]=x', error: /negative -1 index not allowed/ },
  { line: 'a[x]=y', error: /error parsing index/ },
  { line: 'a[65537]=x', error: /greater than maximum supported index of 65536/ },
  { line: 'a[0]b=x', error: /unexpected data at end of array index: "b"/ },
  { line: `${'a.'.repeat(31)}b=1`, error: /maximum supported nested level of 30/ },
  { line: 'a.b=1', into: { a: 'text' }, error: /unable to parse key/ },
  { line: 'a[0]=1', into: { a: 'text' }, error: /unable to parse key/ },
  { line: 'a=1,b=true', kind: 'string', want: { a: '1', b: 'true' } },
  { line: 'a={1,2}', kind: 'string', want: { a: ['1', '2'] } },
  { line: 'a.b=x,y=z[0]\\n', kind: 'literal', want: { a: { b: 'x,y=z[0]\\n' } } },
  { line: 'a\\.b=x', kind: 'literal', want: { 'a\\': { b: 'x' } } },
  { line: 'a={"b":[1,null,"x,y"]},c=2', kind: 'json', want: { a: { b: [1, null, 'x,y'] }, c: 2 } },
  { line: 'a[1]="x" , b=true', kind: 'json', want: { a: [null, 'x'], ' b': true } },
  { line: 'a=,b= ', kind: 'json', want: { a: null, b: null } },
  { line: 'a={"b":', kind: 'json', error: /invalid JSON value/ },
  { line: 'a=one,b=two', kind: 'file', want: { a: '<one>', b: '<two>' } },
]

for (const { line, kind = 'typed', into = {}, want, error } of rows) {
  test(`--set (${kind}) ${line.slice(0, 60)}`, () => {
    const table = toTable(into)
    const run = (): void => applySet(line, table, { kind, readFile: (path) => `<${path}>` })
    if (error !== undefined)
      return assert.throws(
        run,
        (thrown) => isEngineError(thrown) && thrown.code === 'set-syntax' && error.test(thrown.message),
      )
    run()
    assert.deepEqual(toValues(table), want)
  })
}

test('whole numbers are int64 in templates, and bigints in plain data', () => {
  const table = toTable({})
  applySet('a=1000000', table, { kind: 'typed' })
  assert.deepEqual(table.get('a'), goInt(1000000, 'int64'))
  assert.deepEqual(parseSet('a=1,b.c=x'), { a: 1n, b: { c: 'x' } })
  assert.deepEqual(parseSet('a=1', 'string'), { a: '1' })
})

test('a target path changes tables where they stand, as in Go', () => {
  const inline = { a: { x: 1 } }
  const values = { a: inline.a }
  setValue(values, 'a.b', '5')
  assert.deepEqual(inline, { a: { x: 1, b: 5n } })
})

for (const [text, options, want] of [
  ['5', {}, 5n],
  ["'5'", {}, '5'],
  ['"true"', {}, 'true'],
  ['a,b=c', {}, 'a'],
  ['a,b=[c]{d}\\e', { literal: true }, 'a,b=[c]{d}\\e'],
] as const) {
  test(`target path gets ${text}`, () => assert.deepEqual(setValue({}, 'k', text, options)['k'], want))
}

test('hostile names stay names', () => {
  const values = parseSet('__proto__.polluted=1,constructor.prototype.x=2')
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
  assert.deepEqual(Object.keys(values), ['__proto__', 'constructor'])
})
