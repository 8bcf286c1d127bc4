import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isEngineError } from '../../../src/base/index.ts'
import {
  applyJsonPatch,
  builtInSchema,
  copyValue,
  equalValues,
  formatJsonPointer,
  type KubeObject,
  type KubeValue,
  mergePatch,
  parseJsonPatch,
  parseJsonPointer,
  strategicMerge,
} from '../../../src/resources/index.ts'

const POD = { apiVersion: 'v1', kind: 'Pod' }
const THING = { apiVersion: 'example.com/v1', kind: 'Thing' }

void describe('strategic merge', () => {
  const rows: readonly {
    name: string
    target: KubeObject
    patch: KubeObject
    want: KubeObject | undefined
    append?: boolean
  }[] = [
    {
      name: 'merges mappings',
      target: { a: { b: 1 }, x: 1 },
      patch: { a: { c: 2 } },
      want: { a: { b: 1, c: 2 }, x: 1 },
    },
    { name: 'null removes', target: { a: 1, b: { c: 1 } }, patch: { a: null, b: null, d: null }, want: {} },
    { name: 'nulls in what is added vanish', target: {}, patch: { a: { b: null, c: 1 } }, want: { a: { c: 1 } } },
    { name: 'nulls of the target stay', target: { a: null, b: 1 }, patch: { b: 2 }, want: { a: null, b: 2 } },
    {
      name: 'replaces lists of unknown kinds',
      target: { ...THING, l: [{ name: 'a' }] },
      patch: { l: [{ name: 'b' }] },
      want: { ...THING, l: [{ name: 'b' }] },
    },
    {
      name: 'merges lists by key, new elements in front',
      target: { ...POD, spec: { containers: [{ name: 'a', image: '1' }] } },
      patch: { spec: { containers: [{ name: 'b' }, { name: 'a', image: '2' }] } },
      want: { ...POD, spec: { containers: [{ name: 'b' }, { name: 'a', image: '2' }] } },
    },
    {
      name: 'or behind',
      target: { ...POD, spec: { containers: [{ name: 'a', image: '1' }] } },
      patch: { spec: { containers: [{ name: 'b' }, { name: 'a', image: '2' }] } },
      want: { ...POD, spec: { containers: [{ name: 'a', image: '2' }, { name: 'b' }] } },
      append: true,
    },
    {
      name: 'merges lists of scalars',
      target: { ...POD, metadata: { finalizers: ['a', 'b'] } },
      patch: { metadata: { finalizers: ['c', 'a'] } },
      want: { ...POD, metadata: { finalizers: ['c', 'a', 'b'] } },
    },
    {
      name: 'deletes an element',
      target: { ...POD, spec: { volumes: [{ name: 'a' }, { name: 'b' }] } },
      patch: { spec: { volumes: [{ name: 'a', $patch: 'delete' }] } },
      want: { ...POD, spec: { volumes: [{ name: 'b' }] } },
    },
    {
      name: 'replaces a list',
      target: { ...POD, spec: { volumes: [{ name: 'a' }] } },
      patch: { spec: { volumes: [{ $patch: 'replace' }, { name: 'b' }] } },
      want: { ...POD, spec: { volumes: [{ name: 'b' }] } },
    },
    {
      name: 'deletes a list',
      target: { ...POD, spec: { volumes: [{ name: 'a' }], x: 1 } },
      patch: { spec: { volumes: [{ $patch: 'delete' }] } },
      want: { ...POD, spec: { x: 1 } },
    },
    {
      name: 'replaces a mapping',
      target: { a: { b: 1 } },
      patch: { a: { $patch: 'replace', c: 1 } },
      want: { a: { c: 1 } },
    },
    { name: 'deletes a mapping', target: { a: { b: 1 }, c: 1 }, patch: { a: { $patch: 'delete' } }, want: { c: 1 } },
    { name: 'deletes the object', target: { ...THING }, patch: { $patch: 'delete' }, want: undefined },
    {
      name: 'keys match by their text',
      target: { ...POD, spec: { containers: [{ name: 1, a: 1 }] } },
      patch: { spec: { containers: [{ name: '1', b: 2 }] } },
      want: { ...POD, spec: { containers: [{ name: '1', a: 1, b: 2 }] } },
    },
    {
      name: 'an object inside brings its schema',
      target: { ...THING, tpl: { ...POD, spec: { containers: [{ name: 'a', x: 1 }] } } },
      patch: { tpl: { spec: { containers: [{ name: 'a', y: 2 }] } } },
      want: { ...THING, tpl: { ...POD, spec: { containers: [{ name: 'a', x: 1, y: 2 }] } } },
    },
    {
      name: 'keeps keys that are no identifiers',
      target: { constructor: 1, 'a/b': 2 },
      patch: { constructor: { x: 1 }.x, toString: 'y' },
      want: { constructor: 1, 'a/b': 2, toString: 'y' },
    },
  ]
  for (const row of rows) {
    void it(row.name, () => {
      const patch = copyValue(row.patch)
      const got = strategicMerge(copyValue(row.target), row.patch, {
        schema: builtInSchema,
        newElements: row.append ? 'append' : 'prepend',
      })
      assert.deepEqual(got, row.want)
      assert.deepEqual(row.patch, patch, 'the patch is not changed')
    })
  }
  void it('refuses other shapes and unknown directives', () => {
    const merge = (target: KubeObject, patch: KubeObject) => () =>
      strategicMerge(target, patch, { schema: builtInSchema, newElements: 'prepend' })
    const code = (wanted: string) => (error: unknown) => isEngineError(error) && error.code === wanted
    assert.throws(merge({ a: [1] }, { a: { b: 1 } }), code('merge-kind-mismatch'))
    assert.throws(merge({ a: 1 }, { a: { b: 1 } }), code('merge-kind-mismatch'))
    assert.throws(merge({ a: { b: 1 } }, { a: { $patch: 'zap' } }), code('merge-unknown-directive'))
  })
  const scalars = fc.oneof(fc.integer(), fc.string({ maxLength: 5 }), fc.boolean())
  const object = fc.letrec<{ map: KubeObject; value: KubeValue }>((tie) => ({
    map: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'name'), tie('value'), { maxKeys: 3, noNullPrototype: true }),
    value: fc.oneof({ maxDepth: 3 }, scalars, fc.array(scalars, { maxLength: 3 }), tie('map')),
  })).map
  void it('merging an object into itself changes nothing', () => {
    fc.assert(
      fc.property(object, (one) =>
        assert.deepEqual(strategicMerge(copyValue(one), one, { schema: builtInSchema, newElements: 'prepend' }), one),
      ),
    )
  })
  void it('merging twice is merging once', () => {
    fc.assert(
      fc.property(object, object, (target, patch) => {
        const options = { schema: builtInSchema, newElements: 'prepend' } as const
        try {
          const once = strategicMerge(copyValue(target), patch, options)
          assert.deepEqual(strategicMerge(copyValue(once ?? {}), patch, options), once)
        } catch (error) {
          assert.ok(isEngineError(error), String(error))
        }
      }),
    )
  })
})

void describe('JSON patch', () => {
  const rows: readonly { name: string; document: KubeValue; patch: KubeValue; want: KubeValue }[] = [
    { name: 'adds', document: { a: 1 }, patch: [{ op: 'add', path: '/b', value: 2 }], want: { a: 1, b: 2 } },
    { name: 'adds null without a value', document: {}, patch: [{ op: 'add', path: '/b' }], want: { b: null } },
    { name: 'inserts into a list', document: [1, 2], patch: [{ op: 'add', path: '/1', value: 9 }], want: [1, 9, 2] },
    {
      name: 'appends to a list',
      document: [1],
      patch: [
        { op: 'add', path: '/-', value: 2 },
        { op: 'add', path: '/2', value: 3 },
      ],
      want: [1, 2, 3],
    },
    { name: 'inserts from the end', document: [1, 2], patch: [{ op: 'add', path: '/-1', value: 9 }], want: [1, 2, 9] },
    {
      name: 'refuses an index behind the end',
      document: [1],
      patch: [{ op: 'add', path: '/2', value: 9 }],
      want: 'error',
    },
    { name: 'refuses a missing parent', document: {}, patch: [{ op: 'add', path: '/a/b', value: 9 }], want: 'error' },
    {
      name: 'refuses to add the whole document',
      document: {},
      patch: [{ op: 'add', path: '', value: {} }],
      want: 'error',
    },
    { name: 'replaces the whole document', document: {}, patch: [{ op: 'replace', path: '', value: [1] }], want: [1] },
    {
      name: 'replaces',
      document: { a: [1, 2] },
      patch: [{ op: 'replace', path: '/a/-1', value: 3 }],
      want: { a: [1, 3] },
    },
    {
      name: 'replaces a key that is not there, as evanphx/json-patch does',
      document: { a: 1 },
      patch: [{ op: 'replace', path: '/b', value: 2 }],
      want: { a: 1, b: 2 },
    },
    {
      name: 'replaces only elements that are there',
      document: [1],
      patch: [{ op: 'replace', path: '/1', value: 2 }],
      want: 'error',
    },
    {
      name: 'copies a key that is not there as null',
      document: { a: 1 },
      patch: [{ op: 'copy', from: '/b', path: '/c' }],
      want: { a: 1, c: null },
    },
    {
      name: 'ignores what stands before the first slash',
      document: { a: 1 },
      patch: [{ op: 'add', path: 'x/b', value: 2 }],
      want: { a: 1, b: 2 },
    },
    {
      name: 'removes',
      document: { a: { b: 1 }, l: [1, 2, 3] },
      patch: [
        { op: 'remove', path: '/a/b' },
        { op: 'remove', path: '/l/0' },
      ],
      want: { a: {}, l: [2, 3] },
    },
    { name: 'removes only what is there', document: { l: [] }, patch: [{ op: 'remove', path: '/l/0' }], want: 'error' },
    { name: 'moves', document: { a: 1 }, patch: [{ op: 'move', from: '/a', path: '/b' }], want: { b: 1 } },
    {
      name: 'copies',
      document: { a: [1] },
      patch: [
        { op: 'copy', from: '/a', path: '/b' },
        { op: 'add', path: '/b/-', value: 2 },
      ],
      want: { a: [1], b: [1, 2] },
    },
    {
      name: 'tests',
      document: { a: { b: 1, c: [1] } },
      patch: [{ op: 'test', path: '/a', value: { c: [1], b: 1 } }],
      want: { a: { b: 1, c: [1] } },
    },
    { name: 'fails a test', document: { a: 1 }, patch: [{ op: 'test', path: '/a', value: 2 }], want: 'error' },
    {
      name: 'takes a missing value for null in a test',
      document: {},
      patch: [{ op: 'test', path: '/a', value: null }],
      want: {},
    },
    {
      name: 'unescapes',
      document: { 'a/b': 1, 'c~d': 2 },
      patch: [
        { op: 'remove', path: '/a~1b' },
        { op: 'remove', path: '/c~0d' },
      ],
      want: {},
    },
    { name: 'refuses unknown operations', document: {}, patch: [{ op: 'zap', path: '/a' }], want: 'error' },
    { name: 'refuses a patch that is no list', document: {}, patch: { op: 'add' }, want: 'error' },
    { name: 'refuses an operation that is no mapping', document: {}, patch: ['add'], want: 'error' },
    { name: 'refuses a move without from', document: {}, patch: [{ op: 'move', path: '/a' }], want: 'error' },
    { name: 'refuses an index that is no number', document: [1], patch: [{ op: 'remove', path: '/x' }], want: 'error' },
  ]
  for (const row of rows) {
    void it(row.name, () => {
      const before = copyValue(row.document)
      const apply = (): KubeValue => applyJsonPatch(row.document, parseJsonPatch(row.patch))
      if (row.want === 'error') assert.throws(apply, isEngineError)
      else assert.deepEqual(apply(), row.want)
      assert.deepEqual(row.document, before, 'the document is not changed')
    })
  }
  void it('pointers survive a round trip', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 6 })), (parts) =>
        assert.deepEqual(parseJsonPointer(formatJsonPointer(parts)), parts),
      ),
    )
    assert.equal(parseJsonPointer('x'), undefined)
  })
})

void describe('merge patch', () => {
  const rows: readonly (readonly [name: string, target: KubeValue, patch: KubeValue, want: KubeValue])[] = [
    ['merges', { a: { b: 1 } }, { a: { c: 2 } }, { a: { b: 1, c: 2 } }],
    ['removes', { a: 1, b: 2 }, { a: null, c: null }, { b: 2 }],
    ['replaces lists', { a: [1, 2] }, { a: [3] }, { a: [3] }],
    ['replaces scalars by mappings', { a: 1 }, { a: { b: null, c: 1 } }, { a: { c: 1 } }],
    ['replaces the whole', { a: 1 }, 'x', 'x'],
  ]
  for (const [name, target, patch, want] of rows) {
    void it(name, () => {
      const before = copyValue(target)
      assert.deepEqual(mergePatch(target, patch), want)
      assert.deepEqual(target, before)
    })
  }
})

void describe('values', () => {
  void it('compares integers of both sizes', () => {
    assert.ok(equalValues(1, 1n))
    assert.ok(equalValues({ a: [1n] }, { a: [1] }))
    assert.ok(!equalValues(1n, '1'))
    assert.ok(!equalValues(null, 0n))
    assert.ok(!equalValues([1], { 0: 1 }))
    assert.ok(!equalValues({ a: 1 }, { b: 1 }))
  })
  void it('copies keys that mean something to JavaScript', () => {
    const value = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}') as KubeObject
    const copied = copyValue(value)
    assert.deepEqual(Object.keys(copied), ['__proto__', 'constructor'])
    assert.equal(Object.getPrototypeOf(copied), Object.prototype)
  })
})
