import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isEngineError } from '../../../src/base/index.ts'
import { MemoryTree, PendingFilesError } from '../../../src/files/index.ts'
import { build } from '../../../src/kustomize/index.ts'
import type { FileTree } from '../../../src/ports/index.ts'
import { printYaml } from '../../../src/yaml/index.ts'
import { buildFiles, findings, manifest, objectsOf } from './support.ts'

void describe('findings', () => {
  void it('reports everything that is wrong, not only the first', () => {
    const found = findings(() =>
      buildFiles({
        'kustomization.yaml': 'resources: [a.yaml, none.yaml, sub]\n',
        'a.yaml': 'kind: X\n',
        'sub/kustomization.yaml': 'resources: [gone.yaml]\nnope: 1\n',
      }),
    )
    assert.deepEqual(
      found.map((one) => one.code),
      ['kustomize-object-invalid', 'kustomize-not-a-directory', 'kustomization-unknown-field'],
    )
    assert.equal(found[0]?.file, 'a.yaml')
    assert.equal(found[1]?.field, 'resources[1]')
    assert.equal(found[2]?.file, 'sub/kustomization.yaml')
    assert.equal(found[2]?.field, 'nope')
  })
  void it('names every unknown field and wrong type of a kustomization', () => {
    const found = findings(() =>
      buildFiles({ 'kustomization.yaml': 'resources: x\nfoo: 1\nimages: [{name: 1, tag: 2}]\nbar: 2\n' }),
    )
    assert.deepEqual(
      found.map((one) => one.field).toSorted((a = '', b = '') => (a < b ? -1 : 1)),
      ['bar', 'foo', 'images[0].name', 'images[0].tag', 'resources'],
    )
  })
  void it('says where an object in a failing patch comes from', () => {
    const found = findings(() =>
      buildFiles({
        'kustomization.yaml': 'resources: [a.yaml]\npatches: [{path: p.yaml, target: {kind: ConfigMap}}]\n',
        'a.yaml': manifest('ConfigMap', 'c'),
        'p.yaml': '[{"op":"remove","path":"/data"}]',
      }),
    )
    assert.equal(found[0]?.file, 'p.yaml')
    assert.equal(found[0]?.object, 'ConfigMap/c')
  })
})

void describe('places', () => {
  void it('knows the file of each object', () => {
    const result = buildFiles({
      'kustomization.yaml': 'resources: [a.yaml]\nnamePrefix: p-\n',
      'a.yaml': manifest('ConfigMap', 'c'),
    })
    const [object] = result.objects
    assert.ok(object)
    assert.equal(result.placeOf(object)?.file, 'a.yaml')
    assert.equal(result.placeOf({}), undefined)
  })
})

void describe('files', () => {
  void it('records what was read', () => {
    const { reads } = buildFiles({
      'kustomization.yaml': 'resources: [a.yaml]\n',
      'a.yaml': manifest('ConfigMap', 'c'),
      'unused.yaml': 'x',
    })
    assert.deepEqual(reads.files, ['a.yaml', 'kustomization.yaml'])
    assert.ok(reads.lookups.includes('kustomization.yml'))
  })
  void it('follows links inside the source', () => {
    const objects = objectsOf(
      {
        'app/kustomization.yaml': 'resources: [link.yaml]\n',
        'app/link.yaml': { symlink: 'real/a.yaml' },
        'app/real/a.yaml': manifest('ConfigMap', 'c'),
      },
      { path: 'app' },
    )
    assert.equal(objects.length, 1)
  })
  const escapes: { name: string; files: { [path: string]: string | { symlink: string } }; code: string }[] = [
    {
      name: 'a link out of the source',
      files: { 'kustomization.yaml': 'resources: [l.yaml]', 'l.yaml': { symlink: '../../etc/passwd' } },
      code: 'symlink-escape',
    },
    {
      name: 'a link to an absolute path',
      files: { 'kustomization.yaml': 'resources: [l.yaml]', 'l.yaml': { symlink: '/etc/passwd' } },
      code: 'symlink-escape',
    },
    {
      name: 'links in a circle',
      files: {
        'kustomization.yaml': 'resources: [l.yaml]',
        'l.yaml': { symlink: 'm.yaml' },
        'm.yaml': { symlink: 'l.yaml' },
      },
      code: 'symlink-loop',
    },
    {
      name: 'an absolute path',
      files: { 'kustomization.yaml': 'resources: [/etc/passwd]' },
      code: 'kustomize-absolute-path',
    },
    {
      name: 'a path out of the source',
      files: { 'kustomization.yaml': 'resources: [../../x.yaml]' },
      code: 'unsafe-path',
    },
    {
      name: 'a generator that reads an absolute path',
      files: { 'kustomization.yaml': 'configMapGenerator: [{name: a, files: [/etc/passwd]}]' },
      code: 'kustomize-absolute-path',
    },
    {
      name: 'a file URL',
      files: { 'kustomization.yaml': 'resources: ["file:///etc"]' },
      code: 'kustomize-remote-refused',
    },
    {
      name: 'a link out of the directory under the root-only restriction',
      files: {
        'app/kustomization.yaml': 'resources: [l.yaml]',
        'app/l.yaml': { symlink: '../x.yaml' },
        'x.yaml': manifest('ConfigMap', 'c'),
      },
      code: 'kustomize-outside-root',
    },
  ]
  for (const row of escapes) {
    void it(`refuses ${row.name}`, () => {
      const path = 'app/kustomization.yaml' in row.files ? 'app' : ''
      assert.equal(findings(() => buildFiles(row.files, { path }))[0]?.code, row.code)
    })
  }
  void it('lets a request for files pass through untouched', () => {
    const pending = new PendingFilesError(['a.yaml'], () => Promise.resolve())
    const base = new MemoryTree({ 'kustomization.yaml': 'resources: [missing.yaml, a.yaml]', 'a.yaml': '' })
    const files: FileTree = {
      stat: (path) => base.stat(path),
      list: (path) => base.list(path),
      read(path) {
        if (path === 'a.yaml') throw pending
        return base.read(path)
      },
    }
    assert.throws(
      () => build({ files, path: '' }),
      (error) => error === pending,
    )
  })
})

void describe('bounds', () => {
  const limit = (found: ReturnType<typeof findings>): void => assert.equal(found[0]?.code, 'kustomize-limit')
  void it('stops at deep nesting', () => {
    const files: { [path: string]: string } = {}
    for (let depth = 0; depth < 80; depth++) files[`d${depth}/kustomization.yaml`] = `resources: [../d${depth + 1}]`
    limit(findings(() => buildFiles(files, { path: 'd0' })))
  })
  void it('stops where bases multiply', () => {
    const files: { [path: string]: string } = {}
    for (let depth = 0; depth < 30; depth++) {
      files[`d${depth}/kustomization.yaml`] = `resources: [../d${depth}a, ../d${depth}b]`
      for (const twin of ['a', 'b'])
        files[`d${depth}${twin}/kustomization.yaml`] = `namePrefix: ${twin}-\nresources: [../d${depth + 1}]`
    }
    const start = performance.now()
    const found = findings(() => buildFiles(files, { path: 'd0', limits: { kustomizations: 500 } }))
    assert.ok(found.some((one) => one.code === 'kustomize-limit'))
    assert.ok(performance.now() - start < 5000)
  })
  void it('stops at large files', () => {
    limit(
      findings(() =>
        buildFiles(
          { 'kustomization.yaml': 'resources: [a.yaml]', 'a.yaml': 'x'.repeat(2000) },
          { limits: { fileBytes: 1000 } },
        ),
      ),
    )
  })
  void it('stops at too many objects', () => {
    const many = Array.from({ length: 20 }, (_, index) => manifest('ConfigMap', `c${index}`)).join('\n---\n')
    limit(
      findings(() =>
        buildFiles({ 'kustomization.yaml': 'resources: [a.yaml]', 'a.yaml': many }, { limits: { objects: 10 } }),
      ),
    )
  })
})

void describe('remote content', () => {
  for (const url of [
    'https://example.com/a.yaml',
    'github.com/org/repo//path?ref=v1',
    'git@example.com:org/repo.git',
    'https://example.com/org/repo?ref=x',
    'ssh://git@h/o/r',
  ]) {
    void it(`refuses ${url} when nobody fetches it`, () => {
      const [found] = findings(() => buildFiles({ 'kustomization.yaml': `resources: ["${url}"]` }))
      assert.equal(found?.code, 'kustomize-remote-refused')
    })
  }
  void it('never shows credentials of a URL', () => {
    const [found] = findings(() =>
      buildFiles({ 'kustomization.yaml': 'resources: ["https://user:canary@example.com/o/r"]' }),
    )
    assert.ok(!found?.message.includes('canary'))
  })
  void it('asks for what is not at hand, all at once', () => {
    const { objects, requests } = buildFiles(
      {
        'kustomization.yaml':
          'resources: ["https://h/o/a", sub]\ncomponents: ["https://h/o/c"]\npatches: [{patch: "{kind: A, apiVersion: v1, metadata: {name: gone}}"}]',
        'sub/kustomization.yaml': 'resources: ["https://h/o/b"]',
      },
      { remote: () => undefined },
    )
    assert.deepEqual(objects, [])
    assert.deepEqual(
      requests.map((one) => (one.kind === 'remote' ? one.url : '')),
      ['https://h/o/a', 'https://h/o/b', 'https://h/o/c'],
    )
  })
  void it('builds fetched files and directories', () => {
    const base = new MemoryTree({
      'p/kustomization.yaml': 'namePrefix: r-\nresources: [x.yaml]',
      'p/x.yaml': manifest('ConfigMap', 'x'),
    })
    const objects = objectsOf(
      { 'kustomization.yaml': 'resources: ["https://h/f.yaml", "https://h/o/r//p"]\nnamespace: nn' },
      { remote: (url) => (url.endsWith('f.yaml') ? { text: manifest('ConfigMap', 'f') } : { files: base, path: 'p' }) },
    )
    assert.deepEqual(
      objects.map((one) => (one['metadata'] as { name: string }).name),
      ['f', 'r-x'],
    )
  })
})

void describe('charts', () => {
  const files = {
    'kustomization.yaml':
      'namespace: nn\nhelmCharts: [{name: app, releaseName: rel, valuesFile: v.yaml, valuesInline: {b: 2}, includeCRDs: true}]',
    'v.yaml': 'a: 1\nb: 1\n',
    'charts/app/Chart.yaml': 'name: app',
  }
  void it('are refused without a renderer', () => {
    assert.equal(findings(() => buildFiles(files))[0]?.code, 'kustomize-helm-disabled')
  })
  void it('are rendered by the function that is given, and keep their namespaces', () => {
    const seen: unknown[] = []
    const objects = objectsOf(files, {
      inflateHelm: ({ name, releaseName, namespace, chartPath, values, includeCRDs }) => {
        seen.push({ name, releaseName, namespace, chartPath, values, includeCRDs })
        return manifest('ConfigMap', 'made', { data: { x: '1' } })
      },
    })
    assert.deepEqual(seen, [
      {
        name: 'app',
        releaseName: 'rel',
        namespace: 'nn',
        chartPath: 'charts/app',
        values: [{ a: 1, b: 2 }],
        includeCRDs: true,
      },
    ])
    assert.deepEqual(objects, [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'made' }, data: { x: '1' } }])
  })
  void it('can be asked for', () => {
    const { requests } = buildFiles(files, { inflateHelm: () => undefined })
    assert.equal(requests[0]?.kind, 'chart')
  })
})

void describe('properties', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z0-9]$/)
  const tree = fc.record({
    prefix: fc.option(name, { nil: undefined }),
    namespace: fc.option(name, { nil: undefined }),
    labels: fc.dictionary(name, name, { maxKeys: 3 }),
    maps: fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
    data: fc.dictionary(name, fc.string({ maxLength: 12 }), { maxKeys: 4 }),
  })
  const filesOf = (one: {
    prefix: string | undefined
    namespace: string | undefined
    labels: object
    maps: string[]
    data: object
  }): { [path: string]: string } => ({
    'kustomization.yaml': JSON.stringify({
      resources: ['all.yaml'],
      ...(one.prefix === undefined ? {} : { namePrefix: `${one.prefix}-` }),
      ...(one.namespace === undefined ? {} : { namespace: one.namespace }),
      commonLabels: one.labels,
    }),
    'all.yaml': one.maps.map((map) => manifest('ConfigMap', map, { data: one.data })).join('\n---\n'),
  })
  void it('the same files give the same objects', () => {
    fc.assert(
      fc.property(tree, (one) => assert.deepEqual(objectsOf(filesOf(one)), objectsOf(filesOf(one)))),
      { numRuns: 60 },
    )
  })
  void it('building the result of a build changes nothing', () => {
    fc.assert(
      fc.property(tree, (one) => {
        const objects = objectsOf(filesOf(one))
        const again = objectsOf({
          'kustomization.yaml': 'resources: [x.yaml]',
          'x.yaml': objects.map((object) => printYaml(object, { dialect: 'sigs' })).join('---\n'),
        })
        assert.deepEqual(again, objects)
      }),
      { numRuns: 60 },
    )
  })
  void it('whatever stands in a kustomization, a build ends with objects or with findings', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.string({ maxLength: 8 }),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...FIELDS), tie('any'), { maxKeys: 4 }),
      ),
    })).any
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 6 }), (kustomization) => {
        try {
          objectsOf({
            'kustomization.yaml': JSON.stringify({ resources: ['a.yaml'], ...kustomization }),
            'a.yaml': manifest('Deployment', 'd'),
          })
        } catch (error) {
          assert.ok(isEngineError(error), String(error))
          assert.notEqual(error.disposition, 'bug', error.message)
        }
      }),
      { numRuns: 400 },
    )
  })
  void it('whatever text is a kustomization or a resource, a build ends with objects or with findings', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60, unit: 'grapheme' }), fc.boolean(), (text, first) => {
        try {
          objectsOf({
            'kustomization.yaml': first ? text : 'resources: [a.yaml]',
            'a.yaml': first ? manifest('Deployment', 'd') : text,
          })
        } catch (error) {
          assert.ok(isEngineError(error), String(error))
        }
      }),
      { numRuns: 300 },
    )
  })
})

const FIELDS = [
  'resources',
  'components',
  'namePrefix',
  'nameSuffix',
  'namespace',
  'commonLabels',
  'labels',
  'commonAnnotations',
  'patches',
  'images',
  'replicas',
  'replacements',
  'vars',
  'configMapGenerator',
  'secretGenerator',
  'generatorOptions',
  'configurations',
  'crds',
  'openapi',
  'sortOptions',
  'buildMetadata',
  'transformers',
  'validators',
  'generators',
  'patchesJson6902',
  'patchesStrategicMerge',
  'helmCharts',
  'pairs',
  'name',
  'newTag',
  'count',
  'target',
  'patch',
  'path',
  'kind',
  'source',
  'targets',
  'select',
  'fieldPaths',
  'fieldPath',
  'literals',
  'files',
  'envs',
  'options',
  'create',
  'delimiter',
  'index',
  'objref',
  'a.yaml',
]
