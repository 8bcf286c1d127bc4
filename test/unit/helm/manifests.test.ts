import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hooksFor, sortForUninstall, splitManifests } from '../../../src/helm/index.ts'
import { chartOf, renderOf } from '../../support/helm-charts.ts'

for (const { name, text, want } of [
  { name: 'documents end at three dashes', text: 'a: 1\n---\nb: 2\n', want: ['a: 1\n', 'b: 2\n'] },
  {
    name: 'text may follow the dashes',
    text: '---apiVersion: v1\n---   kind: X',
    want: ['apiVersion: v1\n', 'kind: X'],
  },
  { name: 'empty documents are dropped', text: '\n\n---\n\n---\n  \n---\na: 1\n---\n', want: ['a: 1\n'] },
  { name: 'comments stay', text: '# one\n---\n# two\na: 1\n', want: ['# one\n', '# two\na: 1\n'] },
  { name: 'dashes inside a line do not part', text: 'a: "x---y"\n  ---\nb: 1\n', want: ['a: "x---y"\n  ---\nb: 1\n'] },
  { name: 'white space in front goes, behind it stays', text: '\n \n  a: 1\n\n', want: ['a: 1\n\n'] },
  { name: 'nothing', text: ' \n\t', want: [] },
]) {
  test(`splitting: ${name}`, () => assert.deepEqual(splitManifests(text), want))
}

const object = (kind: string, name: string, annotations = ''): string =>
  `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: ${name}\n${annotations === '' ? '' : `  annotations:\n${annotations}`}`

test('manifests are sorted by kind, then stay as files and documents come', () => {
  const chart = chartOf({
    'templates/a.yaml': [
      object('Deployment', 'a1'),
      object('Zeta', 'a2'),
      object('Service', 'a3'),
      object('Alpha', 'a4'),
    ].join('---\n'),
    'templates/b.yaml': [object('Service', 'b1'), object('Namespace', 'b2'), object('Zeta', 'b3')].join('---\n'),
  })
  const result = renderOf(chart)
  assert.deepEqual(
    result.manifests.map(({ name }) => name),
    ['b2', 'a3', 'b1', 'a1', 'a4', 'a2', 'b3'],
  )
  assert.ok(result.manifest.startsWith('---\n# Source: parent/templates/b.yaml\napiVersion: v1\nkind: Namespace\n'))
  assert.deepEqual(
    sortForUninstall(result.manifests).map(({ name }) => name),
    ['a3', 'b1', 'a1', 'b2', 'a4', 'a2', 'b3'],
  )
})

test('hooks are apart from manifests, with events, weights and policies', () => {
  const chart = chartOf({
    'templates/h.yaml': [
      object(
        'Job',
        'one',
        '    helm.sh/hook: "pre-install, POST-upgrade"\n    helm.sh/hook-weight: "-5"\n    helm.sh/hook-delete-policy: Hook-Succeeded, before-hook-creation\n    helm.sh/hook-output-log-policy: hook-failed\n',
      ),
      object('ConfigMap', 'two', '    helm.sh/hook: pre-install\n    helm.sh/hook-weight: 5\n'),
      object('Job', 'three', '    helm.sh/hook: test-success\n    helm.sh/hook-weight: many\n'),
      object('Job', 'four', '    helm.sh/hook: crd-install\n'),
      object('Job', 'five', '    other: annotation\n'),
    ].join('---\n'),
  })
  const result = renderOf(chart)
  assert.deepEqual(
    result.manifests.map(({ name }) => name),
    ['five'],
  )
  assert.deepEqual(
    result.hooks.map(({ name, events, weight, delete_policies, output_log_policies }) => ({
      name,
      events,
      weight,
      delete_policies,
      output_log_policies,
    })),
    [
      { name: 'two', events: ['pre-install'], weight: 5, delete_policies: [], output_log_policies: [] },
      {
        name: 'one',
        events: ['pre-install', 'post-upgrade'],
        weight: -5,
        delete_policies: ['hook-succeeded', 'before-hook-creation'],
        output_log_policies: ['hook-failed'],
      },
      { name: 'three', events: ['test'], weight: 0, delete_policies: [], output_log_policies: [] },
    ],
  )
  assert.deepEqual(
    hooksFor(result.hooks, 'pre-install').map(({ name }) => name),
    ['one', 'two'],
  )
  assert.match(result.warnings.join('\n'), /skipping unknown hooks: crd-install/)
})

test('hooks of one weight run by name, whatever their kind', () => {
  const hook = (kind: string, name: string): string => object(kind, name, '    helm.sh/hook: pre-install\n')
  const { hooks } = renderOf(
    chartOf({ 'templates/h.yaml': [hook('Job', 'a'), hook('ServiceAccount', 'b')].join('---\n') }),
  )
  assert.deepEqual(
    hooks.map(({ name }) => name),
    ['b', 'a'],
  )
  assert.deepEqual(
    hooksFor(hooks, 'pre-install').map(({ name }) => name),
    ['a', 'b'],
  )
})

for (const { name, content, message } of [
  {
    name: 'text',
    content: 'hello',
    message:
      /YAML parse error on parent\/templates\/x\.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value of type util\.SimpleHead$/,
  },
  { name: 'a list', content: '- a', message: /cannot unmarshal array into Go value/ },
  {
    name: 'a name that is a list',
    content: 'metadata: {name: [a]}',
    message: /cannot unmarshal array into Go struct field \.metadata\.name of type string/,
  },
  { name: 'annotations that are text', content: 'metadata: {annotations: x}', message: /of type map\[string\]string/ },
]) {
  test(`a rendered file that is ${name} is an error that names it`, () => {
    assert.throws(() => renderOf(chartOf({ 'templates/x.yaml': content })), message)
  })
}

test('numbers and booleans where text belongs are text: annotations and names', () => {
  const { manifests, hooks } = renderOf(
    chartOf({
      'templates/x.yaml':
        'kind: Job\nmetadata: {name: 12, annotations: {helm.sh/hook: test, helm.sh/hook-weight: 3, x: null}}\n---\nmetadata: {name: true}\n',
    }),
  )
  assert.equal(hooks[0]?.name, '12')
  assert.equal(hooks[0]?.weight, 3)
  assert.equal(manifests[0]?.name, 'true')
})

test('notes are rendered, and are no manifest; those of sub-charts only when asked for', () => {
  const chart = chartOf({
    'templates/NOTES.txt': 'Hello {{ .Release.Name }}',
    'charts/sub/Chart.yaml': 'apiVersion: v2\nname: sub\nversion: 1.0.0\n',
    'charts/sub/templates/NOTES.txt': 'From {{ .Chart.Name }}',
  })
  assert.equal(renderOf(chart).notes, 'Hello rel')
  assert.equal(renderOf(chart, { subNotes: true }).notes, 'From sub\nHello rel')
  assert.equal(renderOf(chart).manifest, '')
  assert.throws(
    () => renderOf(chartOf({ 'templates/NOTES.txt': '{{ fail "no" }}' })),
    /execution error at \(parent\/templates\/NOTES\.txt:1:3\): no/,
  )
})

test('CRDs come from crds/ of the chart and of the sub-charts that are on, in front of everything when wanted', () => {
  const chart = chartOf({
    'crds/one.yaml': 'kind: CustomResourceDefinition\n',
    'crds/readme.md': 'no',
    'charts/sub/Chart.yaml': 'apiVersion: v2\nname: sub\nversion: 1.0.0\n',
    'charts/sub/crds/two.YML': 'kind: CustomResourceDefinition\n',
    'templates/x.yaml': 'kind: A\n',
  })
  const result = renderOf(chart, { includeCrds: true })
  assert.deepEqual(
    result.crds.map(({ source }) => source),
    ['parent/crds/one.yaml', 'parent/charts/sub/crds/two.YML'],
  )
  assert.ok(result.manifest.startsWith('---\n# Source: parent/crds/one.yaml\nkind: CustomResourceDefinition\n\n---\n'))
  assert.doesNotMatch(renderOf(chart).manifest, /CustomResourceDefinition/)
})
