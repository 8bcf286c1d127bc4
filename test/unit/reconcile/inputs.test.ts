import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import type { Kustomization } from '../../../src/api/index.ts'
import { isEngineError } from '../../../src/base/index.ts'
import { MemoryTree } from '../../../src/files/index.ts'
import { buildKustomization, type BuiltKustomization } from '../../../src/reconcile/kustomization/build.ts'
import { inputsDigest, notedReads, renderReferences } from '../../../src/reconcile/kustomization/inputs.ts'
import { defaultSettings } from '../../../src/reconcile/settings.ts'

type Files = { readonly [path: string]: string }

const signal = new AbortController().signal
const settings = defaultSettings

function kustomization(path: string, spec: object = {}): Kustomization {
  return {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name: 'app', namespace: 'team', uid: 'u', generation: 1 },
    spec: { interval: '10m', path, prune: true, sourceRef: { kind: 'GitRepository', name: 'app' }, ...spec },
  } as Kustomization
}

function build(files: Files, path: string): Promise<BuiltKustomization> {
  return buildKustomization(kustomization(path), new MemoryTree(files), new Map(), { strictSubstitution: true, signal })
}

/** What comes out, or that nothing does. */
async function output(files: Files, path: string): Promise<string> {
  try {
    return JSON.stringify((await build(files, path)).objects)
  } catch (error) {
    if (isEngineError(error)) return 'fails'
    throw error
  }
}

const configMap = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n`

/** Paths that edits touch: in the application, in what it is made from, and beside it. */
const paths = [
  'apps/one/kustomization.yaml',
  'apps/one/kustomization.yml',
  'apps/one/a.yaml',
  'apps/one/b.yaml',
  'apps/one/deep/c.yaml',
  'apps/one/values.env',
  'apps/two/a.yaml',
  'base/kustomization.yaml',
  'base/kustomization.yml',
  'base/x.yaml',
  'base/README.md',
  'component/kustomization.yaml',
  'component/patch.yaml',
  'README.md',
]

const content = (path: string): fc.Arbitrary<string> => {
  if (path.includes('kustomization')) {
    const pick = (...texts: string[]): fc.Arbitrary<string> =>
      fc
        .subarray(texts)
        .map((lines) => (lines.length === 0 ? '' : `resources:\n${lines.map((l) => `- ${l}\n`).join('')}`))
    const extra = fc.constantFrom(
      '',
      'namePrefix: p-\n',
      'components:\n- ../../component\n',
      'configMapGenerator:\n- name: gen\n  envs: [values.env]\n',
      'configMapGenerator:\n- name: gen\n  files: [a.yaml]\n',
    )
    if (path.startsWith('component'))
      return fc.constantFrom(
        'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- path: patch.yaml\n  target: {kind: ConfigMap}\n',
        'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -c\n',
      )
    const resources = path.startsWith('base')
      ? pick('x.yaml', 'missing.yaml')
      : pick('a.yaml', 'b.yaml', 'deep/c.yaml', '../../base', '../two')
    return fc.tuple(resources, extra).map((parts) => parts.join(''))
  }
  if (path.endsWith('.env')) return fc.constantFrom('A=1\n', 'A=2\nB=3\n', '')
  if (path.endsWith('patch.yaml')) return fc.constantFrom('- op: add\n  path: /data/p\n  value: "1"\n', '[]')
  if (path.endsWith('.md')) return fc.constantFrom('one', 'two')
  return fc.constantFrom('1', '2').map((value) => configMap(path.replace(/\W/g, '-'), value))
}

const edit = fc
  .constantFrom(...paths)
  .chain((path) => fc.tuple(fc.constant(path), fc.option(content(path), { nil: undefined, freq: 4 })))

function apply(files: Files, edits: readonly (readonly [string, string | undefined])[]): Files {
  const next: { [path: string]: string } = { ...files }
  for (const [path, text] of edits) {
    if (text === undefined) delete next[path]
    else next[path] = text
  }
  return next
}

const start: Files = {
  'apps/one/kustomization.yaml': 'resources:\n- a.yaml\n- ../../base\n',
  'apps/one/a.yaml': configMap('a', '1'),
  'apps/one/b.yaml': configMap('b', '1'),
  'apps/one/deep/c.yaml': configMap('c', '1'),
  'apps/one/values.env': 'A=1\n',
  'apps/two/a.yaml': configMap('two', '1'),
  'base/kustomization.yaml': 'resources:\n- x.yaml\n',
  'base/x.yaml': configMap('x', '1'),
  'component/kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -c\n',
  'component/patch.yaml': '[]',
}

describe('inputs of a render', () => {
  const digestOf = async (files: Files, built: BuiltKustomization): Promise<string> => {
    const reads = notedReads(built.reads)
    assert.ok(reads)
    return inputsDigest(
      { object: kustomization('apps/one'), versions: [], settings },
      new MemoryTree(files),
      reads,
      signal,
    )
  }

  it('equal inputs mean equal objects, over random histories; most edits elsewhere keep them equal', async () => {
    const seen = { same: 0, sameAfterEdit: 0, other: 0 }
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(edit, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 }),
        async (history) => {
          let files = start
          for (const edits of history) {
            const next = apply(files, edits)
            const before = await build(files, 'apps/one').catch(() => undefined)
            if (before !== undefined) {
              const isSame = (await digestOf(files, before)) === (await digestOf(next, before))
              if (isSame) assert.equal(await output(next, 'apps/one'), JSON.stringify(before.objects))
              if (isSame) seen.same += 1
              else seen.other += 1
              if (isSame && JSON.stringify(files) !== JSON.stringify(next)) seen.sameAfterEdit += 1
            }
            files = next
          }
        },
      ),
      { numRuns: 300, seed: 20_261_126 },
    )
    assert.ok(seen.sameAfterEdit > 100, JSON.stringify(seen))
    assert.ok(seen.other > 100, JSON.stringify(seen))
  })

  it('a directory without a kustomization is listed: a new file in it is an input, and one outside is not', async () => {
    const files = { 'apps/one/a.yaml': configMap('a', '1'), 'apps/two/b.yaml': configMap('b', '1') }
    const built = await build(files, 'apps/one')
    const before = await digestOf(files, built)
    assert.equal(await digestOf({ ...files, 'apps/two/c.yaml': configMap('c', '1') }, built), before)
    assert.notEqual(await digestOf({ ...files, 'apps/one/c.yaml': configMap('c', '1') }, built), before)
  })

  for (const [name, change] of [
    [
      'the generation',
      { object: { ...kustomization('apps/one'), metadata: { name: 'app', uid: 'u', generation: 2 } } },
    ],
    [
      'the object itself',
      { object: { ...kustomization('apps/one'), metadata: { name: 'app', uid: 'v', generation: 1 } } },
    ],
    ['a version of a ConfigMap', { versions: ['ConfigMap/team/a@u/2'] }],
    ['a setting', { settings: { ...settings, strictSubstitution: false } }],
  ] as const) {
    it(`${name} is an input`, async () => {
      const inputs = { object: kustomization('apps/one'), versions: ['ConfigMap/team/a@u/1'], settings }
      const reads = { files: [], directories: [], lookups: [] }
      const digest = (more: object): Promise<string> =>
        inputsDigest({ ...inputs, ...more }, new MemoryTree({}), reads, signal)
      assert.notEqual(await digest(change), await digest({}))
    })
  }

  it('names the ConfigMaps and Secrets that a render reads', () => {
    const object = kustomization('.', {
      postBuild: {
        substituteFrom: [
          { kind: 'ConfigMap', name: 'vars' },
          { kind: 'Secret', name: 'more' },
        ],
      },
      decryption: { provider: 'sops' },
    })
    const names = (sopsAgeSecret: string): string[] =>
      renderReferences(object, { ...settings, sopsAgeSecret }).map((key) => `${key.kind}/${key.namespace}/${key.name}`)
    assert.deepEqual(names(''), ['ConfigMap/team/vars', 'Secret/team/more'])
    assert.deepEqual(names('flux-system/age'), ['ConfigMap/team/vars', 'Secret/team/more', 'Secret/flux-system/age'])
  })
})
