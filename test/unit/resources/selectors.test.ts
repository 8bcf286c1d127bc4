import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEngineError } from '../../../src/base/index.ts'
import {
  builtInSchema,
  matchesLabels,
  parseLabelSelector,
  splitFieldPath,
  splitPath,
} from '../../../src/resources/index.ts'

void describe('label selectors', () => {
  const labels = { app: 'web', tier: 'front', n: '5', 'example.com/x': 'y' }
  const rows: readonly (readonly [selector: string, want: boolean])[] = [
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app = web , tier=front', true],
    ['app=db', false],
    ['app!=db', true],
    ['none!=x', true],
    ['app', true],
    ['none', false],
    ['!none', true],
    ['!app', false],
    ['app in (web, db)', true],
    ['app in (db)', false],
    ['none in (db)', false],
    ['app notin (db)', true],
    ['app notin (web,db)', false],
    ['none notin (a)', true],
    ['n>4', true],
    ['n>5', false],
    ['n<6', true],
    ['app>1', false],
    ['example.com/x=y', true],
    ['app=', false],
    ['none=', false],
    ['app=web,!none,n in (5)', true],
  ]
  for (const [selector, want] of rows)
    void it(selector || '(empty)', () => assert.equal(matchesLabels(parseLabelSelector(selector), labels), want))
  for (const text of [
    'a b',
    'a=b c',
    'a in b',
    'a in (b',
    '=x',
    'a=b,',
    ',',
    'a>x',
    '-a=b',
    'a=-b',
    'in in in',
    'a!',
    '((',
  ]) {
    void it(`refuses ${text}`, () => {
      assert.throws(
        () => parseLabelSelector(text),
        (error) => isEngineError(error) && error.code === 'label-selector-invalid',
      )
    })
  }
})

void describe('field paths', () => {
  const rows: readonly (readonly [path: string, want: readonly string[]])[] = [
    ['a.b.c', ['a', 'b', 'c']],
    ['a', ['a']],
    ['.a.b', ['a', 'b']],
    ['a\\.b.c', ['a.b', 'c']],
    ['spec.list.[name=a.b/c].image', ['spec', 'list', '[name=a.b/c]', 'image']],
    ['metadata.annotations.[a.b/c]', ['metadata', 'annotations', 'a.b/c']],
    ['a.0.-.*', ['a', '0', '-', '*']],
    ['a.[=x]', ['a', '[=x]']],
    ['a.[b', ['a', 'b']],
  ]
  for (const [path, want] of rows) void it(path, () => assert.deepEqual(splitFieldPath(path), want))
  void it('splits at slashes', () => {
    assert.deepEqual(splitPath('metadata/annotations/a.io\\/b', '/'), ['metadata', 'annotations', 'a.io/b'])
    assert.deepEqual(splitPath('/a/b', '/'), ['a', 'b'])
  })
})

void describe('built-in schema', () => {
  void it('knows scopes', () => {
    assert.equal(builtInSchema.isNamespaced('v1', 'Pod'), true)
    assert.equal(builtInSchema.isNamespaced('v1', 'Namespace'), false)
    assert.equal(builtInSchema.isNamespaced('rbac.authorization.k8s.io/v1', 'ClusterRole'), false)
    assert.equal(builtInSchema.isNamespaced('example.com/v1', 'Thing'), undefined)
    assert.equal(builtInSchema.isNamespaced('constructor', 'x'), undefined)
  })
  void it('knows merge keys', () => {
    const containers = builtInSchema
      .forType('apps/v1', 'Deployment')
      ?.field('spec')
      ?.field('template')
      ?.field('spec')
      ?.field('containers')
    assert.deepEqual(containers?.mergeKeys, ['name'])
    assert.deepEqual(containers?.elements?.field('ports')?.mergeKeys, ['containerPort', 'protocol'])
    assert.equal(containers?.elements?.field('command'), undefined)
    assert.deepEqual(builtInSchema.forType('v1', 'Pod')?.field('metadata')?.field('finalizers')?.mergeKeys, [])
    assert.equal(builtInSchema.forType('example.com/v1', 'Thing'), undefined)
    assert.equal(builtInSchema.forType('v1', 'toString'), undefined)
  })
})
