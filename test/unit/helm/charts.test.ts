import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { test } from 'node:test'
import { isEngineError } from '../../../src/base/index.ts'
import { isPendingFiles, MemoryTree, PendingFilesError } from '../../../src/files/index.ts'
import { loadChart, loadChartArchive } from '../../../src/helm/index.ts'
import type { FileTree } from '../../../src/ports/index.ts'
import { chartOf, renderOf } from '../../support/helm-charts.ts'
import { makeTar, makeTgz, type TarFile } from '../../support/tar.ts'

const chartYaml = 'apiVersion: v2\nname: parent\nversion: 1.0.0\n'
const code = (wanted: string) => (error: unknown) => isEngineError(error) && error.code === wanted

for (const [name, yaml, message] of [
  ['no name', 'apiVersion: v2\nversion: 1.0.0', /validation: chart\.metadata\.name is required/],
  ['no version', 'apiVersion: v2\nname: x', /chart\.metadata\.version is required/],
  ['a version that is none', 'apiVersion: v2\nname: x\nversion: one', /chart\.metadata\.version "one" is invalid/],
  ['a name with a path', 'apiVersion: v2\nname: ../x\nversion: 1.0.0', /chart\.metadata\.name "\.\.\/x" is invalid/],
  ['a name of dots', 'apiVersion: v2\nname: ..\nversion: 1.0.0', /chart\.metadata\.name "\.\." is not allowed/],
  ['a type that is none', 'apiVersion: v2\nname: x\nversion: 1.0.0\ntype: operator', /must be application or library/],
  ['a format of the future', 'apiVersion: v3\nname: x\nversion: 1.0.0', /invalid chart apiVersion/],
  ['a format that is none', 'apiVersion: v9\nname: x\nversion: 1.0.0', /unsupported chart version/],
  ['an empty maintainer', `${chartYaml}maintainers: [null]`, /maintainers must not contain empty or null nodes/],
  ['an empty dependency', `${chartYaml}dependencies: [null]`, /dependencies must not contain empty or null nodes/],
  ['an alias with a path', `${chartYaml}dependencies: [{name: a, alias: ../b}]`, /disallowed characters in the alias/],
  [
    'a dependency twice',
    `${chartYaml}dependencies: [{name: a}, {name: a}]`,
    /more than one dependency with name or alias "a"/,
  ],
  [
    'text',
    'hello',
    /cannot load Chart\.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string/,
  ],
  ['a list', '- a', /cannot unmarshal array/],
] as const) {
  test(`Chart.yaml with ${name} is refused`, () => assert.throws(() => chartOf({ 'Chart.yaml': yaml }), message))
}

test('a chart that does not say its format is one of v1', () => {
  assert.equal(chartOf({ 'Chart.yaml': 'name: x\nversion: 1.0.0' }).metadata.apiVersion, 'v1')
})

test('YAML 1.1 applies to Chart.yaml, and scalars become text', () => {
  const { metadata } = chartOf({
    'Chart.yaml':
      'apiVersion: v2\nname: off\nversion: 1.0\nappVersion: 1.10\ndescription: "tab\\there\\u0007"\nannotations: {a: 1, b: true, c: null}\n',
  })
  assert.deepEqual(
    [metadata.name, metadata.version, metadata.appVersion, metadata.description],
    ['false', '1', '1.1', 'tab here'],
  )
  assert.deepEqual(
    metadata.annotations,
    new Map([
      ['a', '1'],
      ['b', 'true'],
      ['c', ''],
    ]),
  )
})

/** Whatever stands in a field, loading ends with a chart or with an error of ours. */
for (const field of [
  'apiVersion',
  'name',
  'version',
  'type',
  'description',
  'home',
  'icon',
  'sources',
  'keywords',
  'maintainers',
  'annotations',
  'kubeVersion',
  'dependencies',
  'deprecated',
  'condition',
  'tags',
  'appVersion',
]) {
  test(`Chart.yaml survives anything in ${field}`, () => {
    const fields: { [key: string]: unknown } = { apiVersion: 'v2', name: 'x', version: '1.0.0' }
    for (const value of [
      null,
      1,
      1.5,
      true,
      '',
      'x',
      [],
      [null],
      [1],
      [[]],
      [{}],
      {},
      { a: null },
      { a: { b: 1 } },
      [{ name: null }],
      [{ name: [] }],
      [{ name: 'a', tags: [null], 'import-values': [null, 1, {}, { child: null }] }],
    ]) {
      try {
        renderOf(chartOf({ 'Chart.yaml': JSON.stringify({ ...fields, [field]: value }) }))
      } catch (error) {
        assert.ok(isEngineError(error) && error.disposition !== 'bug', `${JSON.stringify(value)}: ${String(error)}`)
      }
    }
  })
}

test('files have their places', () => {
  const chart = chartOf({
    'values.yaml': '# two documents\na: {b: 1}\n--- # second\na: {c: 2}\n',
    'values.schema.json': 'true',
    'Chart.lock':
      'generated: "2024-01-01T00:00:00Z"\ndigest: sha256:0\ndependencies: [{name: a, version: 1.0.0, repository: r}]\n',
    'templates/_h.tpl': '',
    'crds/c.yaml': '',
    'README.md': '\ufeffhi',
    'charts/_ignored/Chart.yaml': 'broken: [',
    'charts/sub-1.0.0.tgz.prov': 'signature',
  })
  assert.deepEqual(
    chart.templates.map(({ name }) => name),
    ['templates/_h.tpl'],
  )
  assert.deepEqual(
    chart.files.map(({ name }) => name),
    ['README.md', 'charts/sub-1.0.0.tgz.prov', 'crds/c.yaml'],
  )
  assert.deepEqual(
    chart.values,
    new Map([
      [
        'a',
        new Map([
          ['b', 1],
          ['c', 2],
        ]),
      ],
    ]),
  )
  assert.equal(new TextDecoder('utf-8', { ignoreBOM: true }).decode(chart.files[0]?.data), 'hi')
  assert.equal(chart.lock?.dependencies[0]?.name, 'a')
})

test('values that are no table, and separators with text, are refused', () => {
  assert.throws(() => chartOf({ 'values.yaml': '- a' }), /cannot load values\.yaml: .*cannot unmarshal array/)
  assert.throws(() => chartOf({ 'values.yaml': 'a: 1\n---b\n' }), /invalid Yaml document separator: b/)
})

test('an error in a sub-chart names it', () => {
  assert.throws(
    () => chartOf({ 'charts/sub/Chart.yaml': 'apiVersion: v2\nname: sub' }),
    /error unpacking subchart sub in parent: validation: chart\.metadata\.version is required/,
  )
  assert.throws(
    () => chartOf({ 'charts/README.md': 'no chart' }),
    /error unpacking subchart README\.md in parent: Chart\.yaml file is missing/,
  )
  assert.throws(
    () => chartOf({ 'charts/sub/values.yaml': '' }),
    /error unpacking subchart sub in parent: Chart\.yaml file is missing/,
  )
})

for (const { name, rules, gone } of [
  { name: 'names at any depth', rules: '*.md\n', gone: ['README.md', 'docs/a.md'] },
  { name: 'whole paths', rules: 'docs/*\n', gone: ['docs/a.md'] },
  { name: 'from the root', rules: '/README.md\n', gone: ['README.md'] },
  { name: 'directories', rules: 'docs/\n', gone: ['docs/a.md'] },
  { name: 'a directory rule does not hit files', rules: 'extra/\n', gone: [] },
  { name: 'comments and blanks', rules: '# docs\n\n  \n', gone: [] },
  { name: 'classes', rules: '[a-c]*.txt\n', gone: ['b.txt'] },
  { name: 'an exclamation mark ignores all else', rules: '!*\nREADME.md\n', gone: ['README.md'] },
]) {
  test(`.helmignore: ${name}`, () => {
    const files = ['README.md', 'b.txt', 'docs/a.md', 'extra', 'z.txt']
    const chart = chartOf({
      '.helmignore': rules,
      'templates/.hidden': 'x',
      ...Object.fromEntries(files.map((file) => [file, ''])),
    })
    const left = chart.files.map((file) => file.name)
    assert.deepEqual(
      files.filter((file) => !left.includes(file)),
      gone,
    )
    assert.deepEqual(chart.templates, [])
  })
}

test('.helmignore with two stars is refused', () =>
  assert.throws(() => chartOf({ '.helmignore': 'a/**/b' }), /double-star/))

test('links are followed inside the source, and never out of it', () => {
  const tree = (target: string): MemoryTree =>
    new MemoryTree({
      'c/Chart.yaml': chartYaml,
      'c/templates/t.yaml': { symlink: target },
      'shared/t.yaml': 'kind: X\n',
      secret: 'top',
    })
  assert.equal(new TextDecoder().decode(loadChart(tree('../../shared/t.yaml'), 'c').templates[0]?.data), 'kind: X\n')
  for (const target of ['../../../etc/passwd', '/etc/passwd', 't.yaml', 'gone']) {
    assert.throws(
      () => loadChart(tree(target), 'c'),
      (error) => isEngineError(error) && /symlink/.test(error.message + error.code),
      target,
    )
  }
  assert.throws(
    () => loadChart(new MemoryTree({ 'Chart.yaml': chartYaml, 'templates/loop': { symlink: '..' } }), ''),
    code('chart-too-large'),
  )
})

test('everything that is not at hand is asked for at once', async () => {
  const whole = new MemoryTree({ 'Chart.yaml': chartYaml, 'values.yaml': 'a: 1', 'templates/t.yaml': 'kind: X' })
  const known = new Set<string>()
  const partial: FileTree = {
    stat: (path) => whole.stat(path),
    list: (path) => whole.list(path),
    read(path) {
      if (known.has(path)) return whole.read(path)
      throw new PendingFilesError([path], async () => void known.add(path))
    },
  }
  let request: unknown
  try {
    loadChart(partial, '')
  } catch (error) {
    request = error
  }
  assert.ok(isPendingFiles(request))
  assert.deepEqual(request.paths, ['Chart.yaml', 'templates/t.yaml', 'values.yaml'])
  await request.load()
  assert.equal(loadChart(partial, '').metadata.name, 'parent')
})

const limits = { maxBytes: 100_000, maxFiles: 20, maxDepth: 5, maxArchiveBytes: 50_000 }

test('directories beyond the limits are refused', () => {
  const load = (files: { [path: string]: string }): unknown =>
    loadChart(new MemoryTree({ 'Chart.yaml': chartYaml, ...files }), '', { limits })
  assert.throws(() => load({ big: 'x'.repeat(100_001) }), code('chart-too-large'))
  assert.throws(
    () => load(Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`f${i}`, '']))),
    code('chart-too-large'),
  )
  assert.throws(() => load({ 'a/b/c/d/e/f/g': '' }), code('chart-too-large'))
})

const packed = (files: readonly TarFile[]): Uint8Array =>
  makeTgz([{ name: 'parent/Chart.yaml', content: chartYaml }, ...files])

test('archives are charts, with archives in charts/ as sub-charts', async () => {
  const sub = makeTgz([{ name: 'sub/Chart.yaml', content: 'apiVersion: v2\nname: sub\nversion: 1.0.0\n' }])
  const chart = await loadChartArchive(
    packed([
      { name: 'parent/', type: '5' },
      { name: 'parent/templates/t.yaml', content: 'kind: X' },
      { name: 'parent/charts/sub-1.0.0.tgz', content: sub },
    ]),
  )
  assert.equal(chart.dependencies[0]?.metadata.name, 'sub')
  assert.equal(chart.templates.length, 1)
})

test('long names: pax and GNU', async () => {
  const name = `parent/files/${'n'.repeat(120)}.txt`
  const record = ` path=${name}\n`
  const pax = `${record.length + 3}${record}`
  const chart = await loadChartArchive(
    packed([
      { name: 'x', type: 'x', content: pax },
      { name: 'short', content: '1' },
      { name: '././@LongLink', type: 'L', content: `${name}2\0` },
      { name: 'short', content: '2' },
    ]),
  )
  assert.deepEqual(
    chart.files.map((file) => file.name),
    [name.slice(7), `${name.slice(7)}2`],
  )
})

for (const name of [
  'parent/../../x',
  '../x',
  'parent//../../x',
  'parent//etc/passwd',
  'parent/..',
  'parent/a\u0000b/../../../x',
  'parent/c:/x',
  'parent\\..\\..\\x',
  'x',
  'parent/',
  'Chart.yaml',
  'parent/...x',
  'parent/a\nb',
]) {
  test(`an archive with the name ${JSON.stringify(name)} is refused, or holds nothing outside`, async () => {
    try {
      const chart = await loadChartArchive(packed([{ name, content: 'x' }]))
      for (const file of chart.raw) assert.match(file.name, /^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[^\\]+$/)
    } catch (error) {
      assert.ok(code('chart-archive-invalid')(error), String(error))
    }
  })
}

test('bombs, truncated and damaged archives end early', async () => {
  const bomb = makeTgz([
    { name: 'p/Chart.yaml', content: chartYaml },
    { name: 'p/zero', content: new Uint8Array(300_000_000) },
  ])
  const before = process.memoryUsage().arrayBuffers
  await assert.rejects(loadChartArchive(bomb), code('chart-too-large'))
  assert.ok(process.memoryUsage().arrayBuffers - before < 200_000_000)
  await assert.rejects(loadChartArchive(new Uint8Array(60_000), { limits }), code('chart-too-large'))
  await assert.rejects(loadChartArchive(new TextEncoder().encode('values: 1')), code('chart-archive-invalid'))
  await assert.rejects(loadChartArchive(packed([]).subarray(0, 100)), code('chart-archive-invalid'))
  await assert.rejects(
    loadChartArchive(new Uint8Array(gzipSync(Buffer.alloc(700, 'x')))),
    code('chart-archive-invalid'),
  )
  await assert.rejects(
    loadChartArchive(makeTgz([{ name: 'p/Chart.yaml', content: 'x', size: 0o77777777 }])),
    code('chart-archive-invalid'),
  )
  await assert.rejects(loadChartArchive(new Uint8Array(gzipSync(makeTar([])))), code('chart-archive-invalid'))
  await assert.rejects(
    loadChartArchive(packed(Array.from({ length: 30 }, (_, i) => ({ name: `parent/f${i}` }))), { limits }),
    code('chart-too-large'),
  )
})

test('archives inside archives inside archives end', async () => {
  let inner = makeTgz([{ name: 's/Chart.yaml', content: 'apiVersion: v2\nname: s\nversion: 1.0.0\n' }])
  for (let i = 0; i < 8; i++)
    inner = makeTgz([
      { name: 's/Chart.yaml', content: 'apiVersion: v2\nname: s\nversion: 1.0.0\n' },
      { name: 's/charts/s.tgz', content: inner },
    ])
  await assert.rejects(
    loadChartArchive(inner, { limits }),
    (error) => isEngineError(error) && /more than 5 deep/.test(error.message),
  )
})
