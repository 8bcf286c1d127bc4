import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { layOut, type Layout, type LayoutOptions } from '../../../src/bootstrap/index.ts'
import { parseDocuments } from '../../../src/yaml/index.ts'

const at = 'clusters/prod/flux-system'
const lay = (options: Partial<LayoutOptions> = {}): Layout =>
  layOut({
    url: 'https://git.example/team/fleet.git',
    branch: 'main',
    path: 'clusters/prod',
    hasSecret: true,
    existing: {},
    stopFluxControllers: false,
    ...options,
  })
const flux = {
  [`${at}/gotk-components.yaml`]: 'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: source-controller }\n',
  [`${at}/gotk-sync.yaml`]: lay().files[`${at}/gotk-sync.yaml`] ?? '',
  [`${at}/kustomization.yaml`]: 'resources:\n- gotk-components.yaml\n- gotk-sync.yaml\n',
}

describe('the layout', () => {
  it('is the same the second time', () => {
    const first = lay()
    assert.equal(first.origin, 'nobody')
    assert.equal(first.changed.length, 4)
    const second = lay({ existing: first.files })
    assert.deepEqual({ origin: second.origin, changed: second.changed }, { origin: 'sluice', changed: [] })
  })

  it('keeps files, resources and patches of others', () => {
    const kustomization =
      '# ours\nresources:\n- sluice-crds.yaml\n- extra.yaml\n- sluice-components.yaml\n- gotk-sync.yaml\npatches:\n- path: p.yaml\n'
    const existing = { ...lay().files, [`${at}/kustomization.yaml`]: kustomization, [`${at}/extra.yaml`]: 'a: 1\n' }
    const { files, changed } = lay({ existing })
    assert.deepEqual(changed, [])
    assert.equal(files[`${at}/kustomization.yaml`], kustomization)
  })

  it('brings back what somebody has taken out', () => {
    const { [`${at}/sluice-components.yaml`]: components = '', ...rest } = lay().files
    const existing = { ...rest, [`${at}/sluice-components.yaml`]: components.replaceAll('cluster-admin', 'view') }
    assert.deepEqual(lay({ existing }).changed, [`${at}/sluice-components.yaml`])
  })

  it("adds the account to Flux's, and a patch where its controllers shall stop", () => {
    const { origin, changed, hasFluxControllers } = lay({ existing: flux })
    assert.deepEqual({ origin, hasFluxControllers }, { origin: 'flux', hasFluxControllers: true })
    assert.deepEqual(changed, [`${at}/kustomization.yaml`, `${at}/sluice-components.yaml`])
    const stopped = lay({ existing: flux, stopFluxControllers: true })
    assert.equal(stopped.hasFluxControllers, false)
    const [document] = parseDocuments(stopped.files[`${at}/kustomization.yaml`] ?? '', { dialect: 'sigs' }).documents
    const value = document?.value as { readonly patches: readonly object[] } | undefined
    assert.deepEqual(value?.patches, [
      {
        target: { kind: 'Deployment', labelSelector: 'app.kubernetes.io/part-of=flux' },
        patch: '- op: add\n  path: /spec/replicas\n  value: 0\n',
      },
    ])
    const again = lay({ existing: { ...flux, ...stopped.files }, stopFluxControllers: true })
    assert.deepEqual(again.changed, [])
  })

  const rows: readonly (readonly [name: string, options: Partial<LayoutOptions>, code: string, message: RegExp])[] = [
    [
      'another path',
      {
        existing: {
          ...flux,
          [`${at}/gotk-sync.yaml`]: (flux[`${at}/gotk-sync.yaml`] ?? '').replace('clusters/prod', 'other'),
        },
      },
      'bootstrap-conflict',
      /give --path other/,
    ],
    [
      'another branch',
      { existing: flux, branch: 'next' },
      'bootstrap-conflict',
      /follows the branch 'main', not 'next'/,
    ],
    [
      'no sync objects',
      { existing: { ...flux, [`${at}/gotk-sync.yaml`]: 'kind: ConfigMap\n' } },
      'bootstrap-conflict',
      /has no GitRepository/,
    ],
    [
      'a kustomization.yaml that is none',
      { existing: { [`${at}/kustomization.yaml`]: '[' } },
      'bootstrap-unreadable',
      /cannot be read/,
    ],
    [
      'files of a newer version',
      {
        existing: {
          [`${at}/sluice-components.yaml`]:
            'kind: ServiceAccount\nmetadata: { name: sluice, annotations: { sluice.dev/minimum-version: 99.0.0 } }\n',
        },
      },
      'bootstrap-newer',
      /ahead of this program: ServiceAccount\/sluice needs Sluice 99\.0\.0/,
    ],
  ]
  for (const [name, options, code, message] of rows)
    it(`is refused for ${name}`, () => assert.throws(() => lay(options), { code, message }))
})
