import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSet, parseValuesDocuments } from '../../../src/helm/index.ts'
import { chartOf, rendered, renderOf } from '../../support/helm-charts.ts'

/** What Helm v4.3.1 says of manifests that are no YAML. */
const refused: readonly (readonly [text: string, reason: string])[] = [
  ['a: [', 'error converting YAML to JSON: yaml: line 1: did not find expected node content'],
  ['a: b\n  c: d\n', 'error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context'],
  ['kind: A\nx: *nope\n', "error converting YAML to JSON: yaml: unknown anchor 'nope' referenced"],
  ['kind: "A\n', 'error converting YAML to JSON: yaml: line 2: found unexpected end of stream'],
  ['kind: A\nx: @y\n', 'error converting YAML to JSON: yaml: line 2: found character that cannot start any token'],
  [
    'kind: A\nx: - y\n',
    'error converting YAML to JSON: yaml: line 2: block sequence entries are not allowed in this context',
  ],
  ['kind: A\nx: "\\q"\n', 'error converting YAML to JSON: yaml: line 2: found unknown escape character'],
  ['kind: A\nx: {a, b: c\n', "error converting YAML to JSON: yaml: line 2: did not find expected ',' or '}'"],
  ['kind: A\nx:\n\t- a\n', 'error converting YAML to JSON: yaml: line 3: found character that cannot start any token'],
  ['kind: A\nx: .inf\n', 'error converting YAML to JSON: json: unsupported value: +Inf'],
]

for (const [text, reason] of refused) {
  test(`a manifest ${JSON.stringify(text)} is refused in Helm's words`, () => {
    assert.throws(() => renderOf(chartOf({ 'templates/t.yaml': text })), {
      message: `YAML parse error on parent/templates/t.yaml: ${reason}`,
    })
  })
}

test('a values file without a last line break is read as if it had one', () => {
  assert.deepEqual(parseValuesDocuments('a: |\n  x'), new Map([['a', 'x\n']]))
})

test('a set line may end inside an index', () => {
  assert.deepEqual(parseSet('a[0'), {})
})

/** What Helm v4.3.1 prints for its own objects. */
const objects: readonly (readonly [template: string, want: string])[] = [
  [
    '{{ typeOf . }} {{ typeOf .Template }} {{ typeOf .Release }}',
    'common.Values common.Values map[string]interface {}',
  ],
  ['{{ .Capabilities.KubeVersion }}', 'v1.37.0'],
  ['{{ print .Capabilities.KubeVersion }}', '{v1.37.0 v1.37.0 1 37}'],
  ['{{ toJson .Capabilities.KubeVersion }}', '{"Version":"v1.37.0","Major":"1","Minor":"37"}'],
  ['{{ .AsMap.Release.Name }}', 'rel'],
  ['{{ (toJson (dict "x" .Chart)) | contains "\\"Annotations\\":null" }}', 'true'],
  ['{{ durationWeeks 2 }} {{ durationDays "36h" }} {{ durationHours 90 }}', '3.3068783068783066e-06 1.5 0.025'],
  [
    '{{ fromYaml "null: d" | toJson }}',
    '{"Error":"error converting YAML to JSON: unsupported map key of type: %!s(\\u003cnil\\u003e), key: \\u003cnil\\u003e, value: \\"d\\""}',
  ],
]

for (const [template, want] of objects) {
  test(template, () => assert.equal(rendered(template), want))
}

test('an unexported field of KubeVersion is not to be had', () => {
  assert.throws(
    () => rendered('{{ .Capabilities.KubeVersion.normalizedVersion }}'),
    /is an unexported field of struct type/,
  )
})
