import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEngineError } from '../../../src/base/index.ts'
import { expandVariables } from '../../../src/kustomize/envsubst/expand.ts'
import { substitute } from '../../../src/kustomize/index.ts'

const VALUES: { readonly [name: string]: string } = {
  v: 'abcdEF',
  empty: '',
  path: '/home/user/file.tar.gz',
  num: '8080',
  uni: 'äöü',
  s: 'foo/bar/baz',
  a: 'A',
  r: 'abcABCabc',
  dot: 'foo.bar',
}
const lenient = (name: string): string => VALUES[name] ?? ''
const strict = (name: string): string | undefined => VALUES[name]

void describe('expressions', () => {
  const rows: readonly (readonly [input: string, want: string])[] = [
    ['plain', 'plain'],
    ['${v}', 'abcdEF'],
    ['a${v}b${num}', 'aabcdEFb8080'],
    ['$v $ $() $', '$v $ $() $'],
    ['$$', '$'],
    ['$$$$', '$$'],
    ['$${v}', '${v}'],
    ['$$${v}', '$abcdEF'],
    ['echo $$HOME $$(pwd)', 'echo $HOME $(pwd)'],
    ['${#v}', '6'],
    ['${#uni}', '6'],
    ['${#none}', '0'],
    ['${v^}', 'AbcdEF'],
    ['${v^^}', 'ABCDEF'],
    ['${v,}', 'abcdEF'],
    ['${v,,}', 'abcdef'],
    ['${uni^}', 'Äöü'],
    ['${empty^}', ''],
    ['${v:2}', 'cdEF'],
    ['${v:2:2}', 'cd'],
    ['${v:0:1}', 'a'],
    ['${v:99}', ''],
    ['${v:4:99}', 'EF'],
    ['${v: -3}', 'abcdEF'],
    ['${v:x}', 'abcdEF'],
    ['${v:1:-1}', 'bcdE'],
    ['${uni:2:2}', 'ö'],
    ['${none=d}', 'd'],
    ['${none:=d}', 'd'],
    ['${none:-d}', 'd'],
    ['${none:?d}', 'd'],
    ['${none:+d}', 'd'],
    ['${empty:-d}', 'd'],
    ['${empty=d}', 'd'],
    ['${v:-d}', 'abcdEF'],
    ['${v:+d}', 'abcdEF'],
    ['${none:-}', ''],
    ['${none:=x${a}y}', 'xAy'],
    ['${none:=${other:=deep}}', 'deep'],
    ['${none:=${v^^}-${num}}', 'ABCDEF-8080'],
    ['${none:-$$}', '$$'],
    ['${path#*/}', 'home/user/file.tar.gz'],
    ['${path##*/}', 'file.tar.gz'],
    ['${path%.*}', '/home/user/file.tar'],
    ['${path%%.*}', '/home/user/file'],
    ['${v#?}', 'bcdEF'],
    ['${v##[a-c]*[!x]}', 'abcdEF'],
    ['${v#[a-b]}', 'bcdEF'],
    ['${v#[^x]}', 'bcdEF'],
    ['${v#x}', 'abcdEF'],
    ['${v#[}', 'abcdEF'],
    ['${r/abc/x}', 'xABCabc'],
    ['${r//abc/x}', 'xABCx'],
    ['${r/#abc/x}', 'xABCabc'],
    ['${r/%abc/x}', 'abcABCx'],
    ['${r/#ABC/x}', 'abcABCabc'],
    ['${dot/./}', 'foobar'],
    ['${dot/./$&}', 'foo$&bar'],
    ['${s/\\//-}', 'foo-bar/baz'],
    ['${s//\\//-}', 'foo-bar-baz'],
    ['${v/#/pre-}', 'pre-abcdEF'],
    ['${v/%/-post}', 'abcdEF-post'],
    ['${v/*/x}', 'abcdEF'],
    ['${1a:-x}', 'x'],
    ['${ü:-x}', 'x'],
  ]
  for (const [input, want] of rows)
    void it(`${input} gives ${want}`, () => assert.equal(expandVariables(input, lenient), want))

  for (const input of [
    '${',
    '${}',
    '${v',
    '${v-d}',
    '${v+d}',
    '${v?d}',
    '${foo.bar}',
    '${{ x }}',
    '${#}',
    '${v:}',
    '${v::1}',
    '${v/x}',
    '${v#}',
    '${v^^^}',
    '${ v }',
    '${v:-',
    '${none:=${b}',
  ]) {
    void it(`${input} is no expression`, () => {
      assert.throws(
        () => expandVariables(input, lenient),
        (error) => isEngineError(error) && error.code === 'substitution-syntax',
      )
    })
  }
  for (const input of [
    '${none}',
    '${#none}',
    '${none^^}',
    '${none:0}',
    '${none/a/b}',
    '${none#a}',
    '${v:=${none}}',
    '${none:-${none2}}',
  ]) {
    void it(`${input} misses a variable in strict mode`, () => {
      assert.throws(
        () => expandVariables(input, strict),
        (error) => isEngineError(error) && error.code === 'substitution-variable-missing',
      )
      expandVariables(input, lenient)
    })
  }
  for (const input of ['${none:-x}', '${none=x}', '${none:=x}', '${none:?x}', '${none:+x}', '${empty}']) {
    void it(`${input} is fine in strict mode`, () => void expandVariables(input, strict))
  }
  void it('takes time in proportion to its input', () => {
    const start = performance.now()
    expandVariables('${x##*a*a*a*a*a*a*a*b}', () => 'a'.repeat(20_000))
    assert.ok(performance.now() - start < 3000)
  })
  void it('refuses to nest without end', () => {
    const deep = `${'${x:='.repeat(5000)}y${'}'.repeat(5000)}`
    assert.throws(
      () => expandVariables(deep, lenient),
      (error) => isEngineError(error) && error.code === 'substitution-syntax',
    )
  })
})

void describe('objects', () => {
  const options = { strict: true, strategy: 'WithVariables' } as const
  const config = (data: { [key: string]: string }, metadata: object = {}) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c', ...metadata },
    data,
  })
  void it('replaces values and keys', () => {
    assert.deepEqual(
      substitute(config({ a: 'x-${b}', 'k${b}': '1 ' }), { b: 'B' }, options),
      config({ a: 'x-B', kB: '1 ' }),
    )
  })
  void it('turns unquoted values into what YAML makes of them', () => {
    const object = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      spec: { replicas: '${n}', paused: '${p}', text: '${q}7${q}' },
    }
    assert.deepEqual(substitute(object, { n: '3', p: 'true', q: '"' }, options)['spec'], {
      replicas: 3,
      paused: true,
      text: '7',
    })
  })
  void it('drops line breaks in values', () => {
    assert.deepEqual(substitute(config({ a: '${b}' }), { b: 'x\ny\n' }, options), config({ a: 'xy' }))
  })
  void it('does not expand values again', () => {
    assert.deepEqual(substitute(config({ a: 'x ${b}' }), { b: '${c}' }, options), config({ a: 'x ${c}' }))
  })
  void it('leaves exempt objects alone', () => {
    for (const field of ['labels', 'annotations']) {
      const object = config({ a: '${b}' }, { [field]: { 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' } })
      assert.equal(substitute(object, { b: 'B' }, options), object)
    }
  })
  void it('does nothing without variables, unless it always works', () => {
    const object = config({ a: '$${b} ${c:=d}' })
    assert.equal(substitute(object, {}, options), object)
    assert.deepEqual(substitute(object, {}, { strict: true, strategy: 'Always' }), config({ a: '${b} d' }))
  })
  void it('takes a Map of variables', () => {
    assert.deepEqual(substitute(config({ a: '${b}' }), new Map([['b', 'B']]), options), config({ a: 'B' }))
  })
  const failures: readonly { name: string; data: string; variables: { [name: string]: string }; code: string }[] = [
    { name: 'a bad variable name', data: 'x', variables: { 'a-b': '1' }, code: 'substitution-variable-name' },
    { name: 'a missing variable', data: '${none}', variables: { a: '1' }, code: 'substitution-variable-missing' },
    { name: 'a shell expression', data: '${a[0]}', variables: { a: '1' }, code: 'substitution-syntax' },
    { name: 'a value that breaks the YAML', data: '${a}', variables: { a: '"canary' }, code: 'substitution-result' },
  ]
  for (const row of failures) {
    void it(`names the object for ${row.name}, and no value`, () => {
      assert.throws(
        () => substitute(config({ key: row.data }), row.variables, options),
        (error) =>
          isEngineError(error) &&
          error.code === row.code &&
          error.message.startsWith('ConfigMap/c: ') &&
          !error.message.includes('canary'),
      )
    })
  }
})
