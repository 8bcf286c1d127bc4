import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toValues } from '../../../src/helm/index.ts'
import { chartOf, renderOf } from '../../support/helm-charts.ts'

const template = '{{ .Chart.Name }}: {{ .Values.v | default "none" }}\n'

/** A parent with sub-charts `a` and `b`; `dependencies` is the YAML list in Chart.yaml. */
function chartWith(
  dependencies: string,
  parent = '',
  extra: { readonly [path: string]: string } = {},
): ReturnType<typeof chartOf> {
  const files: { [path: string]: string } = {
    'Chart.yaml': `apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies:\n${dependencies}`,
    'values.yaml': parent,
  }
  for (const name of ['a', 'b']) {
    files[`charts/${name}/Chart.yaml`] = `apiVersion: v2\nname: ${name}\nversion: 1.2.3\n`
    files[`charts/${name}/values.yaml`] =
      `v: ${name}\nexports: {shared: {fromExports: ${name}}}\ndata: {nested: {x: ${name}, q: 1}}\n`
    files[`charts/${name}/templates/t.yaml`] = template
  }
  return chartOf({ ...files, ...extra })
}

const both = '- {name: a, version: ">=1"}\n- {name: b, version: 1.x.x, tags: [t1, t2]}\n'

interface Row {
  readonly name: string
  readonly dependencies: string
  readonly parent?: string
  readonly user?: { [key: string]: unknown }
  readonly want: readonly string[]
}

const rows: readonly Row[] = [
  { name: 'all are on by default', dependencies: both, want: ['a', 'b'] },
  {
    name: 'a condition turns off',
    dependencies: '- {name: a, version: "*", condition: a.enabled}\n',
    parent: 'a: {enabled: false}',
    want: ['b'],
  },
  {
    name: 'the user decides a condition',
    dependencies: '- {name: a, version: "*", condition: a.enabled}\n',
    parent: 'a: {enabled: false}',
    user: { a: { enabled: true } },
    want: ['b', 'a'],
  },
  {
    name: 'the first condition that is there decides',
    dependencies: '- {name: a, version: "*", condition: "nope.x,a.enabled,a.other"}\n',
    parent: 'a: {enabled: false, other: true}',
    want: ['b'],
  },
  {
    name: 'a condition that is no boolean is passed over',
    dependencies: '- {name: a, version: "*", condition: "a.enabled,a.other"}\n',
    parent: 'a: {enabled: "no", other: false}',
    want: ['b'],
  },
  { name: 'a false tag turns off', dependencies: both, parent: 'tags: {t1: false}', want: ['a'] },
  { name: 'one true tag is enough', dependencies: both, parent: 'tags: {t1: false, t2: true}', want: ['a', 'b'] },
  {
    name: 'a condition overrules tags',
    dependencies: '- {name: b, version: "*", condition: b.enabled, tags: [t]}\n',
    parent: 'tags: {t: false}\nb: {enabled: true}',
    want: ['a', 'b'],
  },
  {
    name: 'an alias renames, also twice',
    dependencies: '- {name: a, version: "*", alias: one}\n- {name: a, version: "*", alias: two}\n',
    want: ['b', 'one', 'two'],
  },
  {
    name: 'charts in charts/ that nobody declared are on',
    dependencies: '- {name: a, version: "*"}\n',
    want: ['b', 'a'],
  },
  {
    name: 'a chart that is called otherwise than its range wants stays undeclared',
    dependencies: '- {name: a, version: "<1"}\n',
    want: ['a', 'b'],
  },
]

for (const row of rows) {
  test(`dependencies: ${row.name}`, () => {
    const result = renderOf(chartWith(row.dependencies, row.parent ?? ''), { values: row.user ?? {} })
    const names = [...result.files.keys()].map((path) => path.split('/').at(-3))
    assert.deepEqual(new Set(names), new Set(row.want))
    assert.equal(names.length, row.want.length)
  })
}

test('a declared chart that is missing is an error that names it', () => {
  assert.throws(
    () => renderOf(chartWith('- {name: a, version: "*"}\n- {name: gone, version: "*"}\n')),
    /missing in charts\/ directory: gone/,
  )
})

for (const { name, imports, parent, want } of [
  { name: 'by name, from exports', imports: '[shared]', parent: '', want: { fromExports: 'a' } },
  {
    name: 'by path',
    imports: '[{child: data.nested, parent: got.here}]',
    parent: '',
    want: { got: { here: { x: 'a', q: 1 } } },
  },
  { name: 'into the root', imports: '[{child: data, parent: "."}]', parent: '', want: { nested: { x: 'a', q: 1 } } },
  {
    name: 'what the parent has wins',
    imports: '[{child: data.nested, parent: got}]',
    parent: 'got: {x: mine}',
    want: { got: { x: 'mine', q: 1 } },
  },
  { name: 'what is not there is told', imports: '[nope]', parent: '', want: {} },
]) {
  test(`import-values ${name}`, () => {
    const result = renderOf(chartWith(`- {name: a, version: "*", import-values: ${imports}}\n`, parent))
    const { a: _a, b: _b, global: _global, ...own } = toValues(result.values)
    assert.deepEqual(own, want)
    assert.equal(result.warnings.length, name.startsWith('what is not') ? 1 : 0)
  })
}

test('values that are imported reach the grandparent', () => {
  const chart = chartOf({
    'Chart.yaml':
      'apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies:\n- {name: mid, version: "*", import-values: [{child: up, parent: top}]}\n',
    'charts/mid/Chart.yaml':
      'apiVersion: v2\nname: mid\nversion: 1.0.0\ndependencies:\n- {name: low, version: "*", import-values: [{child: data, parent: up}]}\n',
    'charts/mid/charts/low/Chart.yaml': 'apiVersion: v2\nname: low\nversion: 1.0.0\n',
    'charts/mid/charts/low/values.yaml': 'data: {x: 1}\n',
  })
  assert.deepEqual(toValues(renderOf(chart).values)['top'], { x: 1 })
})

test('a chart of apiVersion v1 has its dependencies in requirements.yaml', () => {
  const chart = chartWith('[]\n', '', {
    'Chart.yaml': 'apiVersion: v1\nname: parent\nversion: 1.0.0\n',
    'requirements.yaml': 'dependencies:\n- {name: a, version: "*", condition: a.enabled}\n',
  })
  assert.deepEqual(
    [...renderOf(chart, { values: { a: { enabled: false } } }).files.keys()],
    ['parent/charts/b/templates/t.yaml'],
  )
  assert.ok(chart.files.some((file) => file.name === 'requirements.yaml'))
})

test('library charts give partials only, and cannot be rendered by themselves', () => {
  const library = 'apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n'
  const chart = chartOf({
    'charts/lib/Chart.yaml': library,
    'charts/lib/templates/_p.tpl': '{{ define "lib.p" }}from lib{{ end }}',
    'charts/lib/templates/t.yaml': 'never: rendered',
    'templates/t.yaml': 'a: {{ include "lib.p" . }}',
  })
  assert.deepEqual([...renderOf(chart).files], [['parent/templates/t.yaml', 'a: from lib']])
  assert.throws(() => renderOf(chartOf({ 'Chart.yaml': library })), /library charts are not installable/)
})

test('what is stored of a chart: dependencies that are on, under their aliases, with their imports spelled out', () => {
  const chart = chartWith(
    '- {name: a, version: "*", alias: one, import-values: [shared]}\n- {name: b, version: "*", condition: b.enabled}\n',
    'b: {enabled: false}',
  )
  assert.deepEqual(renderOf(chart).storedChart.metadata?.dependencies, [
    {
      name: 'one',
      version: '*',
      repository: '',
      condition: '',
      enabled: true,
      alias: 'one',
      'import-values': [{ child: 'exports.shared', parent: '.' }],
    },
  ])
})
