import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEngineError } from '../../../src/base/index.ts'
import { chartOf, renderOf } from '../../support/helm-charts.ts'

function failureOf(schema: unknown, values: { [key: string]: unknown }): string {
  const chart = chartOf({ 'values.schema.json': typeof schema === 'string' ? schema : JSON.stringify(schema) })
  try {
    renderOf(chart, { values })
  } catch (error) {
    if (!isEngineError(error)) throw error
    return error.message.replace(
      "values don't meet the specifications of the schema(s) in the following chart(s):\nparent:\n",
      '',
    )
  }
  return ''
}

const draft = (name: string): string =>
  name.startsWith('20')
    ? `https://json-schema.org/draft/${name}/schema`
    : `http://json-schema.org/draft-0${name}/schema#`

interface Row {
  readonly schema: { [key: string]: unknown }
  readonly draft?: string
  readonly good?: { [key: string]: unknown }
  readonly bad?: { [key: string]: unknown }
  readonly want?: string
}

const a = (schema: unknown): { [key: string]: unknown } => ({ properties: { a: schema } })

const rows: readonly Row[] = [
  { schema: a({ type: 'integer' }), good: { a: 2 }, bad: { a: 'x' }, want: "- at '/a': got string, want integer" },
  {
    schema: a({ type: ['string', 'null', 'object'] }),
    good: { a: {} },
    bad: { a: 1.5 },
    want: "- at '/a': got number, want null or string or object",
  },
  { schema: a({ type: 'integer' }), bad: { a: 1.5 }, want: "- at '/a': got number, want integer" },
  { schema: { required: ['a', 'b'] }, bad: { b: 1 }, want: "- at '': missing property 'a'" },
  { schema: { required: ['a', 'b'] }, bad: {}, want: "- at '': missing properties 'a', 'b'" },
  {
    schema: { additionalProperties: false, properties: { a: {} } },
    good: { a: 1 },
    bad: { y: 1, x: 1 },
    want: "- at '': additional properties 'x', 'y' not allowed",
  },
  {
    schema: a({ enum: ['x', 1, null] }),
    good: { a: 1 },
    bad: { a: 'z' },
    want: "- at '/a': value must be one of 'x', 1, <nil>",
  },
  { schema: a({ const: 'x' }), bad: { a: 'z' }, want: "- at '/a': value must be 'x'" },
  {
    schema: a({ minimum: 0, maximum: 65535 }),
    good: { a: 80 },
    bad: { a: 70000 },
    want: "- at '/a': maximum: got 70,000, want 65,535",
  },
  { schema: a({ exclusiveMinimum: 5 }), bad: { a: 5 }, want: "- at '/a': exclusiveMinimum: got 5, want 5" },
  {
    schema: a({ minimum: 5, exclusiveMinimum: true }),
    draft: '4',
    good: { a: 6 },
    bad: { a: 5 },
    want: "- at '/a': exclusiveMinimum: got 5, want 5",
  },
  {
    schema: a({ multipleOf: 0.1 }),
    good: { a: 0.3 },
    bad: { a: 0.35 },
    want: "- at '/a': multipleOf: got 0.35, want 0.1",
  },
  {
    schema: a({ minLength: 2, maxLength: 3 }),
    good: { a: '😀😀' },
    bad: { a: 'abcd' },
    want: "- at '/a': maxLength: got 4, want 3",
  },
  {
    schema: a({ pattern: '^[a-z]+$' }),
    good: { a: 'ab' },
    bad: { a: 'hunter2' },
    want: "- at '/a': value does not match pattern '^[a-z]+$'",
  },
  {
    schema: a({ format: 'ipv4' }),
    draft: '7',
    good: { a: '10.0.0.1' },
    bad: { a: 'x' },
    want: "- at '/a': value is not valid ipv4",
  },
  { schema: a({ format: 'ipv4' }), draft: '2020-12', good: { a: 'x' } },
  { schema: a({ items: { type: 'string' } }), bad: { a: ['x', 1] }, want: "- at '/a/1': got number, want string" },
  {
    schema: a({ items: [{ type: 'string' }], additionalItems: false }),
    draft: '7',
    good: { a: ['x'] },
    bad: { a: ['x', 1, 2] },
    want: "- at '/a': last 2 additionalItem(s) not allowed",
  },
  {
    schema: a({ prefixItems: [{ type: 'string' }], items: false }),
    good: { a: ['x'] },
    bad: { a: ['x', 1] },
    want: "- at '/a/1': false schema",
  },
  {
    schema: a({ uniqueItems: true }),
    good: { a: [1, '1'] },
    bad: { a: [{ x: 1 }, 2, { x: 1 }] },
    want: "- at '/a': items at 0 and 2 are equal",
  },
  {
    schema: a({ contains: { type: 'string' } }),
    bad: { a: [1] },
    want: "- at '/a': no items match contains schema\n  - at '/a/0': got number, want string",
  },
  {
    schema: { propertyNames: { maxLength: 2 } },
    bad: { abc: 1 },
    want: "- at '': invalid propertyName 'abc'\n  - at '': maxLength: got 3, want 2",
  },
  {
    schema: a({ anyOf: [{ type: 'string' }, { type: 'null' }] }),
    good: { a: null },
    bad: { a: 1 },
    want: "- at '/a': 'anyOf' failed\n  - at '/a': got number, want string\n  - at '/a': got number, want null",
  },
  {
    schema: a({ oneOf: [{ minimum: 1 }, { maximum: 3 }] }),
    good: { a: 5 },
    bad: { a: 2 },
    want: "- at '/a': 'oneOf' failed, subschemas 0, 1 matched",
  },
  { schema: a({ not: { type: 'string' } }), bad: { a: 'x' }, want: "- at '/a': 'not' failed" },
  {
    schema: JSON.parse(
      '{"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}}',
    ) as Row['schema'],
    good: { c: 1 },
    bad: { a: 1 },
    want: "- at '': missing property 'b'",
  },
  {
    schema: { dependentRequired: { a: ['b'] } },
    good: {},
    bad: { a: 1 },
    want: "- at '': properties 'b' required, if 'a' exists",
  },
  {
    schema: { $defs: { t: { type: 'string' } }, ...a({ $ref: '#/$defs/t' }) },
    good: { a: 'x' },
    bad: { a: 1 },
    want: "- at '/a': got number, want string",
  },
  {
    schema: {
      definitions: { t: { type: 'object', required: ['x', 'y'], properties: { z: { type: 'string' } } } },
      ...a({ $ref: '#/definitions/t', type: 'array' }),
    },
    draft: '7',
    bad: { a: { z: 1 } },
    want: "- at '/a': validation failed\n  - at '/a': missing properties 'x', 'y'\n  - at '/a/z': got number, want string",
  },
  {
    schema: { $defs: { t: { $anchor: 'here', type: 'string' } }, ...a({ $ref: '#here' }) },
    bad: { a: 1 },
    want: "- at '/a': got number, want string",
  },
  {
    schema: {
      $id: 'https://example.org/root',
      $defs: { t: { $id: 'sub', type: 'string' } },
      ...a({ $ref: 'https://example.org/sub' }),
    },
    bad: { a: 1 },
    want: "- at '/a': got number, want string",
  },
  {
    schema: { allOf: [{ properties: { a: {} } }], unevaluatedProperties: false },
    good: { a: 1 },
    bad: { b: 1 },
    want: "- at '/b': false schema",
  },
  {
    schema: { $dynamicAnchor: 'node', properties: { child: { $dynamicRef: '#node' }, n: { type: 'integer' } } },
    good: { child: { n: 1 } },
    bad: { child: { child: { n: 'x' } } },
    want: "- at '/child/child/n': got string, want integer",
  },
  {
    schema: { properties: { 'a/b~': { type: 'string' } } },
    bad: { 'a/b~': 1 },
    want: "- at '/a~1b~0': got number, want string",
  },
]

for (const { schema, good, bad, want, draft: name = '2020-12' } of rows) {
  test(`schema ${name} ${JSON.stringify(schema).slice(0, 90)}`, () => {
    const full = { $schema: draft(name), ...schema }
    if (good !== undefined) assert.equal(failureOf(full, good), '')
    if (bad !== undefined) assert.equal(failureOf(full, bad), `${want ?? ''}\n`)
  })
}

test('every finding of every chart is told, sub-charts below their parents', () => {
  const chart = chartOf({
    'values.schema.json': '{"required": ["x"]}',
    'charts/sub/Chart.yaml': 'apiVersion: v2\nname: sub\nversion: 1.0.0\n',
    'charts/sub/values.schema.json': '{"properties": {"p": {"type": "string"}, "q": {"minimum": 3}}}',
  })
  assert.throws(() => renderOf(chart, { values: { sub: { p: 1, q: 1 } } }), {
    message:
      "values don't meet the specifications of the schema(s) in the following chart(s):\nparent:\n- at '': missing property 'x'\nsub:\n- at '/p': got number, want string\n- at '/q': minimum: got 1, want 3\n",
  })
  renderOf(chart, { values: {}, skipSchemaValidation: true })
})

for (const [name, schema, message] of [
  [
    'a remote reference',
    { $ref: 'https://example.org/other.json' },
    /lies outside the chart; remote schemas are not fetched/,
  ],
  ['a file', { $ref: 'file://../values.schema.json' }, /lies outside the chart/],
  ['an unknown draft', { $schema: 'https://example.org/my-draft' }, /no known draft/],
  ['a reference that leads nowhere', { $ref: '#/definitions/x' }, /has no "#\/definitions\/x"/],
  ['no JSON', '{', /is not JSON/],
  ['a list', '[]', /must be an object or a boolean/],
  ['a pattern that is none', { properties: { a: { pattern: '(' } } }, /no regular expression/],
] as const) {
  test(`a schema with ${name} is refused clearly`, () => assert.match(failureOf(schema, { a: 'x' }), message))
}

test('a URN that nobody resolves takes everything', () =>
  assert.equal(failureOf({ $ref: 'urn:example:x' }, { a: 1 }), ''))

test('hostile schemas end at a limit', { timeout: 300_000 }, () => {
  assert.match(failureOf({ $ref: '#' }, {}), /reference cycle/)
  assert.equal(failureOf(a({ pattern: '^(a+)+$' }), { a: `${'a'.repeat(40_000)}!` }) === '', false)
  const defs: { [key: string]: unknown } = { d0: { type: 'string' } }
  for (let i = 1; i < 40; i++) defs[`d${i}`] = { anyOf: [{ $ref: `#/$defs/d${i - 1}` }, { $ref: `#/$defs/d${i - 1}` }] }
  assert.match(failureOf({ $defs: defs, ...a({ $ref: '#/$defs/d39' }) }, { a: 1 }), /takes more than|nests schemas/)
  let nested: unknown = {}
  for (let i = 0; i < 3000; i++) nested = { not: nested }
  assert.match(failureOf(JSON.stringify(nested), {}), /nested more than 500 deep/)
})
