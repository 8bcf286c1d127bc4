import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type MemoryFile, MemoryTree } from '../../../src/files/index.ts'
import { build, fluxOverlay, type KustomizationOverlaySpec } from '../../../src/kustomize/index.ts'
import type { KubeMap } from '../../../src/resources/index.ts'
import { parseDocuments } from '../../../src/yaml/index.ts'
import { findings, manifest } from './support.ts'

function overlaid(files: { [path: string]: MemoryFile }, spec: KustomizationOverlaySpec = {}, path = ''): KubeMap {
  const tree = fluxOverlay(new MemoryTree(files), path, spec)
  const name = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']
    .map((one) => (path === '' ? one : `${path}/${one}`))
    .find((one) => tree.stat(one))
  return parseDocuments(new TextDecoder().decode(tree.read(name ?? '')), { dialect: 'sigs', file: '' }).documents[0]
    ?.value as KubeMap
}

const HEAD = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' }
const BASE = { 'kustomization.yaml': 'resources: [a.yaml]', 'a.yaml': manifest('ConfigMap', 'a') }

void describe('a generated kustomization', () => {
  void it('lists manifests and directories with a kustomization, in order', () => {
    const made = overlaid(
      {
        'app/b.yaml': manifest('ConfigMap', 'b'),
        'app/a.yml': manifest('ConfigMap', 'a'),
        'app/notes.txt': 'not a manifest',
        'app/.hidden/h.yaml': manifest('ConfigMap', 'h'),
        'app/sub/kustomization.yml': 'resources: [x.yaml]',
        'app/sub/x.yaml': 'broken: [',
        'app/deep/er/c.yaml': manifest('ConfigMap', 'c'),
        'app/empty.yaml': '# nothing\n',
      },
      {},
      'app',
    )
    assert.deepEqual(made, {
      ...HEAD,
      resources: ['./.hidden/h.yaml', './a.yml', './b.yaml', './deep/er/c.yaml', './empty.yaml', './sub'],
    })
  })
  void it('builds', () => {
    const tree = fluxOverlay(new MemoryTree({ 'app/a.yaml': manifest('ConfigMap', 'a') }), 'app', {
      targetNamespace: 'nn',
    })
    assert.deepEqual(build({ files: tree, path: 'app' }).objects, [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'nn' } },
    ])
  })
  void it('builds nothing from nothing', () => {
    const tree = fluxOverlay(new MemoryTree({ 'app/readme.md': '' }), 'app', {})
    assert.deepEqual(build({ files: tree, path: 'app' }).objects, [])
  })
  void it('names every YAML file that is no manifest', () => {
    const found = findings(() =>
      overlaid({ 'values.yaml': 'a: 1', 'b.yaml': 'x: [', 'ok.yaml': manifest('ConfigMap', 'a') }),
    )
    assert.deepEqual(
      found.map((one) => one.file),
      ['b.yaml', 'values.yaml'],
    )
    assert.match(found[0]?.message ?? '', /failed to decode Kubernetes YAML/)
  })
})

void describe('a kustomization that is there', () => {
  void it('stays as it is without changes', () => {
    const files = new MemoryTree(BASE)
    assert.equal(fluxOverlay(files, '', { ignoreMissingComponents: true }), files)
  })
  void it('gets origins where it lists no resources', () => {
    assert.deepEqual(overlaid({ 'kustomization.yaml': 'configMapGenerator: [{name: a}]' })['buildMetadata'], [
      'originAnnotations',
    ])
  })
  void it('takes the settings of the spec', () => {
    const made = overlaid(
      {
        ...BASE,
        'kustomization.yaml':
          'resources: [a.yaml]\nnamespace: old\nnamePrefix: old-\npatches: [{path: p.yaml}]\ncomponents: [c]\nbuildMetadata: [managedByLabel]',
      },
      {
        targetNamespace: 'new',
        namePrefix: 'new-',
        nameSuffix: '-s',
        patches: [{ patch: 'text', target: { kind: 'X' } }],
        components: ['../d'],
        buildMetadata: ['originAnnotations'],
      },
    )
    assert.deepEqual(made, {
      ...HEAD,
      resources: ['a.yaml'],
      namespace: 'new',
      namePrefix: 'new-',
      nameSuffix: '-s',
      patches: [{ path: 'p.yaml' }, { patch: 'text', target: { kind: 'X' } }],
      components: ['c', '../d'],
      buildMetadata: ['originAnnotations'],
    })
  })
  const images: readonly {
    name: string
    old: string
    spec: NonNullable<KustomizationOverlaySpec['images']>
    want: object[]
  }[] = [
    { name: 'appends', old: '[]', spec: [{ name: 'a', newTag: '1' }], want: [{ name: 'a', newTag: '1' }] },
    {
      name: 'replaces the name only',
      old: '[{name: a, newName: b, newTag: t}]',
      spec: [{ name: 'a', newName: 'c' }],
      want: [{ name: 'a', newName: 'c', newTag: 't' }],
    },
    {
      name: 'replaces tag and digest together',
      old: '[{name: a, newName: b, newTag: t}]',
      spec: [{ name: 'a', digest: 'sha256:x' }],
      want: [{ name: 'a', newName: 'b', digest: 'sha256:x' }],
    },
    {
      name: 'replaces a digest by a tag',
      old: '[{name: a, digest: d}]',
      spec: [{ name: 'a', newTag: 'v' }],
      want: [{ name: 'a', newTag: 'v' }],
    },
  ]
  for (const row of images) {
    void it(`images: ${row.name}`, () => {
      assert.deepEqual(
        overlaid({ ...BASE, 'kustomization.yaml': `resources: [a.yaml]\nimages: ${row.old}` }, { images: row.spec })[
          'images'
        ],
        row.want,
      )
    })
  }
  void it('loses fields that are not known and takes numbers for text, as a rewrite by Flux does', () => {
    const text = 'resources: [a.yaml]\nx-unknown: 1\nimages: [{name: a, newTag: 1.10, extra: x}]\nNamePrefix: p-\n'
    assert.deepEqual(overlaid({ ...BASE, 'kustomization.yaml': text }), {
      ...HEAD,
      resources: ['a.yaml'],
      images: [{ name: 'a', newTag: '1.1' }],
      namePrefix: 'p-',
    })
    const nested = { ...BASE, 'kustomization.yaml': 'resources: [sub]', 'sub/kustomization.yaml': text }
    assert.equal(
      findings(() => build({ files: fluxOverlay(new MemoryTree(nested), '', { namePrefix: 'x-' }), path: '' }))[0]
        ?.code,
      'kustomization-unknown-field',
    )
  })
  void it('must have the types that kustomize wants', () => {
    const [found] = findings(() => overlaid({ ...BASE, 'kustomization.yaml': 'namePrefix: a\nresources: a.yaml\n' }))
    assert.deepEqual([found?.code, found?.file, found?.line], ['kustomization-field-type', 'kustomization.yaml', 2])
  })
  void it('drops components that are missing, if told so', () => {
    const files = { ...BASE, 'there/kustomization.yaml': '' }
    assert.deepEqual(overlaid(files, { components: ['gone', 'there'], ignoreMissingComponents: true })['components'], [
      'there',
    ])
    assert.deepEqual(overlaid(files, { components: ['gone', 'there'] })['components'], ['gone', 'there'])
  })
  for (const path of ['https://example.com/x', '/abs', 'github.com/o/r', 'git@h:o/r']) {
    void it(`refuses the component ${path}`, () => {
      assert.equal(findings(() => overlaid(BASE, { components: [path] }))[0]?.code, 'kustomize-component-path')
    })
  }
  void it('is the first of the recognised names', () => {
    assert.deepEqual(
      overlaid(
        { 'kustomization.yml': 'resources: [a.yaml]', 'a.yaml': manifest('ConfigMap', 'a') },
        { namePrefix: 'x-' },
      )['namePrefix'],
      'x-',
    )
  })
  void it('refuses links out of the source', () => {
    assert.throws(() => fluxOverlay(new MemoryTree({ 'kustomization.yaml': { symlink: '../../etc/passwd' } }), '', {}))
  })
})
