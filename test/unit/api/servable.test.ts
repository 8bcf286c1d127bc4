import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { composeCrd, definitions, findUnservable } from '../../../src/api/index.ts'
import { sluiceVersion } from '../../../src/base/index.ts'

type Crd = {
  spec: { versions: { name: string; served: boolean; storage: boolean; subresources?: object }[] }
} & { metadata: { annotations?: { [key: string]: string } } }

/** The definition of a kind, changed. */
function changed(kind: keyof typeof definitions, change: (crd: Crd) => void): object {
  const crd = JSON.parse(JSON.stringify(composeCrd(definitions[kind]))) as Crd
  change(crd)
  return crd
}
const versionOf = (crd: Crd, name: string): Crd['spec']['versions'][number] => {
  const found = crd.spec.versions.find((one) => one.name === name)
  assert.ok(found)
  return found
}
const annotated = (version: unknown): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', annotations: { 'sluice.dev/minimum-version': version } },
})

describe('what this version can serve', () => {
  it('its own definitions', () => {
    assert.deepEqual(findUnservable(Object.values(definitions).map((one) => composeCrd(one))), [])
  })

  it('its own version is that of the package', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    assert.equal(sluiceVersion, version)
  })

  const rows: readonly { name: string; object: object; want: RegExp | undefined }[] = [
    {
      name: 'a newer version of a kind beside ours',
      object: changed('Kustomization', (crd) => {
        crd.spec.versions.push({ ...versionOf(crd, 'v1'), name: 'v2', storage: false })
      }),
      want: undefined,
    },
    {
      name: 'a version that is no longer served',
      object: changed('Kustomization', (crd) => {
        versionOf(crd, 'v1').served = false
      }),
      want: /kustomizations\.kustomize\.toolkit\.fluxcd\.io does not serve v1, but this version of Sluice/,
    },
    {
      name: 'a version that is gone',
      object: changed('HelmRelease', (crd) => {
        versionOf(crd, 'v2').name = 'v3'
      }),
      want: /does not serve v2/,
    },
    {
      name: 'a stored version that is not known',
      object: changed('GitRepository', (crd) => {
        crd.spec.versions.push({ ...versionOf(crd, 'v1'), name: 'v2' })
        versionOf(crd, 'v1').storage = false
      }),
      want: /stores v2, but/,
    },
    {
      name: 'no status',
      object: changed('GitRepository', (crd) => {
        delete versionOf(crd, 'v1').subresources
      }),
      want: /has no status subresource/,
    },
    {
      name: 'no versions at all',
      object: changed('Bucket', (crd) => (crd.spec.versions = [])),
      want: /does not serve v1/,
    },
    {
      name: 'a definition of somebody else',
      object: {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'kustomizations.example.com' },
        spec: { versions: [] },
      },
      want: undefined,
    },
    { name: 'a minimum that is met', object: annotated('0.9.0'), want: undefined },
    { name: 'a minimum that is met exactly', object: annotated('1.2.3'), want: undefined },
    {
      name: 'a minimum that is not met',
      object: annotated('1.2.4'),
      want: /ConfigMap\/a needs Sluice 1\.2\.4 or later/,
    },
    { name: 'a minimum that is no version', object: annotated('soon'), want: /is no version/ },
    { name: 'a minimum that is no text', object: annotated(7), want: /is no version/ },
    { name: 'an object without metadata', object: { kind: 'CustomResourceDefinition' }, want: undefined },
  ]
  for (const { name, object, want } of rows) {
    it(name, () => {
      const found = findUnservable([object], '1.2.3')
      if (want === undefined) assert.deepEqual(found, [])
      else assert.match(found.join('\n'), want)
    })
  }
})
