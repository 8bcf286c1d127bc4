import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEngineError } from '../../../src/base/index.ts'
import { builtInSchema, type KubeObject, scalarText } from '../../../src/resources/index.ts'
import { mergeFieldSpecs, mergeNameReferences } from '../../../src/kustomize/config/field-spec.ts'
import { visitField, readSlot, writeSlot } from '../../../src/kustomize/filters/field-spec.ts'
import { imageChange, splitImage } from '../../../src/kustomize/filters/images.ts'
import { insertPart } from '../../../src/kustomize/filters/value-add.ts'
import { expand } from '../../../src/kustomize/filters/vars.ts'
import {
  generateConfigMap,
  generateSecret,
  mergeGeneratorOptions,
} from '../../../src/kustomize/generators/data-objects.ts'
import { parseEnvFile, parseFileSource, parseLiteral } from '../../../src/kustomize/generators/key-values.ts'
import { contentHash, goJson } from '../../../src/kustomize/hash.ts'
import { DEFAULT_LIMITS, Loader } from '../../../src/kustomize/loader.ts'
import { isRepositoryUrl, parseRepositoryUrl, type RepositoryUrl } from '../../../src/kustomize/repository-url.ts'
import { resolvePlain, retype } from '../../../src/kustomize/scalar.ts'
import { MemoryTree } from '../../../src/files/index.ts'

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

void describe('images', () => {
  const splits: readonly (readonly [reference: string, name: string, tag: string, digest: string])[] = [
    ['nginx', 'nginx', '', ''],
    ['nginx:1', 'nginx', '1', ''],
    ['nginx@sha256:a', 'nginx', '', 'sha256:a'],
    ['nginx:1@sha256:a', 'nginx', '1', 'sha256:a'],
    ['host:5000/a/b', 'host:5000/a/b', '', ''],
    ['host:5000/a/b:v', 'host:5000/a/b', 'v', ''],
    ['host:5000/a@sha256:b', 'host:5000/a', '', 'sha256:b'],
    ['', '', '', ''],
  ]
  for (const [reference, name, tag, digest] of splits) {
    void it(`splits ${reference || '(empty)'}`, () => assert.deepEqual(splitImage(reference), { name, tag, digest }))
  }
  const changes: readonly (readonly [name: string, entry: object, reference: string, want: string | undefined])[] = [
    ['tag', { name: 'a', newTag: '2' }, 'a:1', 'a:2'],
    ['tag drops a digest', { name: 'a', newTag: '2' }, 'a@sha256:x', 'a:2'],
    ['digest drops a tag', { name: 'a', digest: 'sha256:x' }, 'a:1', 'a@sha256:x'],
    ['tag and digest', { name: 'a', newTag: '2', digest: 'sha256:x' }, 'a', 'a:2@sha256:x'],
    ['name keeps tag and digest', { name: 'a', newName: 'b' }, 'a:1@sha256:x', 'b:1@sha256:x'],
    ['suffix', { name: 'a', tagSuffix: '-x' }, 'a:1', 'a:1-x'],
    ['another image', { name: 'a', newTag: '2' }, 'ab:1', undefined],
    ['another registry', { name: 'a', newTag: '2' }, 'h/a:1', undefined],
    ['an expression', { name: 'a.*', newTag: '2' }, 'abc:1', 'abc:2'],
    ['a dot fits any character', { name: 'a.b', newTag: '2' }, 'axb:1', 'axb:2'],
  ]
  for (const [name, entry, reference, want] of changes)
    void it(name, () => assert.equal(imageChange(entry)(reference), want))
  void it('refuses an invalid expression', () => assert.throws(() => imageChange({ name: 'a(' }), isEngineError))
})

void describe('field specs', () => {
  const collect = (object: KubeObject, path: string, create?: boolean): KubeObject => {
    visitField(object, { path, ...(create === undefined ? {} : { create }) }, 'scalar', (slot) =>
      writeSlot(slot, `<${scalarText(readSlot(slot))}>`),
    )
    return object
  }
  const rows: readonly (readonly [
    name: string,
    object: KubeObject,
    path: string,
    create: boolean | undefined,
    want: KubeObject | 'error',
  ])[] = [
    ['a field', { a: { b: 'x' } }, 'a/b', undefined, { a: { b: '<x>' } }],
    ['a missing field', { a: {} }, 'a/b/c', undefined, { a: {} }],
    ['a created field', { a: {} }, 'a/b/c', true, { a: { b: { c: '<null>' } } }],
    ['through lists', { l: [{ x: '1' }, { x: '2' }, {}] }, 'l/x', undefined, { l: [{ x: '<1>' }, { x: '<2>' }, {}] }],
    ['creates in elements, not lists', { l: [{}] }, 'l[]/x', true, { l: [{ x: '<null>' }] }],
    ['creates no lists', {}, 'l[]/x', true, {}],
    ['null becomes a list where one is meant', { l: null }, 'l[]/x', true, { l: [] }],
    ['null becomes a mapping when created', { a: null }, 'a/b', true, { a: { b: '<null>' } }],
    ['null stays without creation', { a: null }, 'a/b', undefined, { a: null }],
    ['escaped slashes', { a: { 'b/c': 'x' } }, 'a/b\\/c', undefined, { a: { 'b/c': '<x>' } }],
    ['a scalar in the way', { a: 'x' }, 'a/b', undefined, 'error'],
    ['no name', { a: {} }, 'a/', undefined, 'error'],
  ]
  for (const [name, object, path, create, want] of rows) {
    void it(name, () => {
      if (want === 'error') assert.throws(() => collect(object, path, create), isEngineError)
      else assert.deepEqual(collect(object, path, create), want)
    })
  }
  void it('are for some kinds', () => {
    const object = { apiVersion: 'apps/v1', kind: 'Deployment', x: '1' }
    visitField(object, { path: 'x', kind: 'Other' }, undefined, () => assert.fail())
    visitField(object, { path: 'x', group: 'batch' }, undefined, () => assert.fail())
    visitField(object, { path: 'x', version: 'v2' }, undefined, () => assert.fail())
    let seen = 0
    visitField(object, { path: 'x', group: 'apps', version: 'v1', kind: 'Deployment' }, undefined, () => seen++)
    assert.equal(seen, 1)
  })
  void it('merge', () => {
    const one = { path: 'a', create: true }
    assert.deepEqual(mergeFieldSpecs([one], [{ path: 'a', create: true }, { path: 'b' }]), [one, { path: 'b' }])
    assert.deepEqual(mergeFieldSpecs([{ path: 'a', kind: 'X' }], [{ path: 'a' }]), [{ path: 'a', kind: 'X' }])
    assert.throws(
      () => mergeFieldSpecs([one], [{ path: 'a' }]),
      (error) => isEngineError(error) && error.code === 'field-spec-conflict',
    )
    assert.deepEqual(
      mergeNameReferences(
        [{ kind: 'A', referrers: [{ path: 'x' }] }],
        [
          { kind: 'A', referrers: [{ path: 'y' }] },
          { kind: 'B', referrers: [] },
        ],
      ),
      [
        { kind: 'A', referrers: [{ path: 'x' }, { path: 'y' }] },
        { kind: 'B', referrers: [] },
      ],
    )
  })
})

void describe('generators', () => {
  void it('read literals', () => {
    for (const [literal, key, value] of [
      ['a=b', 'a', 'b'],
      ['a=b=c', 'a', 'b=c'],
      ['a=', 'a', ''],
      [`a='x y'`, 'a', 'x y'],
      ['a="x"', 'a', 'x'],
      [`a='x"`, 'a', `'x"`],
      [`a='`, 'a', `'`],
    ] as const) {
      const got = parseLiteral(literal)
      assert.deepEqual([got.key, text(got.value)], [key, value])
    }
    for (const bad of ['a', '=b', '']) assert.throws(() => parseLiteral(bad), isEngineError)
  })
  void it('read sources of files', () => {
    assert.deepEqual(parseFileSource('dir/x.txt'), { key: 'x.txt', path: 'dir/x.txt' })
    assert.deepEqual(parseFileSource('k=dir/x.txt'), { key: 'k', path: 'dir/x.txt' })
    for (const bad of ['=x', 'k=', 'a=b=c']) assert.throws(() => parseFileSource(bad), isEngineError)
  })
  void it('read env files', () => {
    const lines = '\uFEFFA=1\r\n#c\n\n  B=x=y \nC\n=no\n'
    const pairs = parseEnvFile(new TextEncoder().encode(lines), 'f').map(({ key, value }) => [key, text(value)])
    assert.deepEqual(pairs, [
      ['A', '1'],
      ['B', 'x=y '],
      ['C', ''],
    ])
    assert.throws(() => parseEnvFile(new Uint8Array([0xff]), 'f'), isEngineError)
  })
  const loader = new Loader(
    { restrictions: 'root-only', limits: DEFAULT_LIMITS, kustomizations: 0 },
    new MemoryTree({ bin: new Uint8Array([0xff, 0xfe, 0x00]), 't.txt': 'text\n' }),
    '',
  )
  void it('put binary files into binaryData', () => {
    const { object } = generateConfigMap({ name: 'c', files: ['bin', 't.txt'] }, loader, builtInSchema)
    assert.deepEqual(object, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      // What kustomize knows of a generated object stands in its annotations, so that there are some.
      metadata: { name: 'c', annotations: {} },
      binaryData: { bin: '//4A' },
      data: { 't.txt': 'text\n' },
    })
  })
  void it('break long base64 into lines', () => {
    const { object } = generateSecret({ name: 's', literals: [`a=${'x'.repeat(60)}`, 'b=y'] }, loader, builtInSchema)
    const data = object['data'] as { a: string; b: string }
    assert.deepEqual(
      data.a.split('\n').map((line) => line.length),
      [70, 10, 0],
    )
    assert.equal(data.b, 'eQ==')
  })
  void it('merge options, the global flags winning', () => {
    assert.equal(mergeGeneratorOptions(undefined, undefined), undefined)
    assert.deepEqual(
      mergeGeneratorOptions(
        { labels: { a: 'own' }, immutable: false },
        { labels: { a: 'global', b: '1' }, immutable: true, disableNameSuffixHash: true },
      ),
      {
        labels: { a: 'own', b: '1' },
        annotations: {},
        immutable: true,
        disableNameSuffixHash: true,
      },
    )
  })
})

void describe('hashes', () => {
  void it('print JSON as Go does', () => {
    assert.equal(
      goJson({ b: '<a&b>', a: ['\u2028', '\b\f\n\t"\\', 1.5, 10n, null, true] }),
      '{"a":["\\u2028","\\b\\f\\n\\t\\"\\\\",1.5,10,null,true],"b":"\\u003ca\\u0026b\\u003e"}',
    )
  })
  void it('do not depend on the name', () => {
    const map = (name: string) => contentHash({ kind: 'ConfigMap', metadata: { name }, data: { a: 'b' } })
    assert.equal(map('x'), map('y'))
    assert.match(map('x'), /^[2456789bcdfghkmt]{10}$/)
  })
})

void describe('vars', () => {
  const values = new Map<string, number | string | boolean | object>([
    ['N', 5],
    ['S', 'x'],
    ['B', true],
    ['M', {}],
  ])
  for (const [input, want] of [
    ['$(N)', 5],
    ['$(S)', 'x'],
    ['$(B)', true],
    ['a$(N)b$(S)', 'a5bx'],
    ['$$(N)', '$(N)'],
    ['$(NO)', '$(NO)'],
    ['$(M) x', '$(M) x'],
    ['$(N', '$(N'],
    ['cost: 5$', 'cost: 5$'],
    ['$x', '$x'],
  ] as const) {
    void it(input, () => assert.equal(expand(input, values as never, new Set()), want))
  }
})

void describe('scalars', () => {
  for (const [input, want] of [
    ['5', 5],
    ['-5', -5],
    ['1.5', 1.5],
    ['1e3', 1000],
    ['true', true],
    ['null', null],
    ['', null],
    ['x', 'x'],
    ['12345678901234567890', 12345678901234567890n],
    ['v1', 'v1'],
  ] as const) {
    void it(`plain ${input}`, () => assert.equal(resolvePlain(input), want))
  }
  void it('keep their type', () => {
    assert.equal(retype('x', '5'), '5')
    assert.equal(retype(1, '5'), 5)
    assert.equal(retype(1.5, '5'), 5)
    assert.equal(retype(false, 'true'), true)
    for (const [old, value] of [
      [1, 'x'],
      [1, '1.5'],
      [true, '1'],
      [null, 'x'],
    ] as const)
      assert.throws(() => retype(old, value), isEngineError)
  })
})

void describe('values in file paths', () => {
  for (const [path, position, want] of [
    ['', 0, 'P'],
    ['/', 0, '/P'],
    ['pie', 0, 'P/pie'],
    ['/pie', 0, '/P/pie'],
    ['raw', 1, 'raw/P'],
    ['/raw', 99, '/raw/P'],
    ['a/nice/warm/pie', 3, 'a/nice/warm/P/pie'],
  ] as const) {
    void it(`${path} at ${position}`, () => assert.equal(insertPart(path, position, 'P'), want))
  }
})

void describe('repository URLs', () => {
  for (const url of [
    'https://github.com/o/r',
    'github.com/o/r/path',
    'git@h:o/r',
    'ssh://git@h/o/r//p',
    'file:///a/b',
    'https://dev.azure.com/o/p/_git/r/x',
    'git::https://h/o/r',
    'HTTPS://h/o/r?ref=x',
    'https://h/r.git',
  ]) {
    void it(`${url} is one`, () => assert.ok(isRepositoryUrl(url)))
  }
  const parsed: readonly (readonly [text: string, url: string, path: string, more?: Partial<RepositoryUrl>])[] = [
    ['https://github.com/o/r', 'https://github.com/o/r', ''],
    ['github.com/o/r/a/b?ref=v1', 'https://github.com/o/r', 'a/b', { ref: 'v1' }],
    ['git@h:o/r//a?version=x', 'git@h:o/r', 'a', { ref: 'x' }],
    ['ssh://git@h/o/r.git/p/', 'ssh://git@h/o/r.git', 'p'],
    ['https://h:8443/team/sub/r//deploy?ref=a&version=b', 'https://h:8443/team/sub/r', 'deploy', { ref: 'a' }],
    ['https://dev.azure.com/o/p/_git/r/x', 'https://dev.azure.com/o/p/_git/r', 'x'],
    ['git::https://h/o/r?submodules=false', 'https://h/o/r', '', { submodules: false }],
    ['https://h/o/r?timeout=90', 'https://h/o/r', '', { timeoutMs: 90_000 }],
    ['https://h/o/r?timeout=2m', 'https://h/o/r', '', { timeoutMs: 120_000 }],
  ]
  for (const [text, url, path, more] of parsed) {
    void it(`${text} is at ${url}, directory ${path || '(root)'}`, () => {
      const want = { url, path, ref: undefined, submodules: true, timeoutMs: 27_000, ...more }
      assert.deepEqual(parseRepositoryUrl(text), want)
    })
  }
  for (const path of [
    'a/b',
    '../a',
    './x',
    '/abs/path',
    'dir.git/x',
    'https://h/file',
    'example.com/o/r',
    'https://h/o/r//../..',
    'a@b',
  ]) {
    void it(`${path} is none`, () => assert.ok(!isRepositoryUrl(path)))
  }
})
