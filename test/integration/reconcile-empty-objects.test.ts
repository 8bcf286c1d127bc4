import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { apiVersions } from '../../src/api/index.ts'
import { useCluster } from '../support/cluster.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []

after(async () => {
  for (const made of open) await made.close()
})

const kinds = [
  'GitRepository',
  'OCIRepository',
  'HelmRepository',
  'HelmChart',
  'Bucket',
  'ExternalArtifact',
  'Kustomization',
  'HelmRelease',
  'Receiver',
  'Alert',
  'Provider',
] as const

it('objects without a spec, which the CRDs let exist, hold up nobody else', async () => {
  const made = await createScenario(cluster, {
    files: { 'app/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n' },
  })
  open.push(made)
  await made.kustomization()
  const accepted: string[] = []
  for (const kind of kinds) {
    const object = { apiVersion: apiVersions[kind], kind, metadata: { name: 'empty', namespace: made.namespace } }
    const isThere = await made.client.apply(object).then(
      () => true,
      () => false,
    )
    if (isThere) accepted.push(kind)
  }
  assert.ok(accepted.includes('Kustomization') && accepted.includes('GitRepository'), accepted.join(', '))
  const scanned = await made.scan()
  assert.equal(nodeOf(scanned, 'Kustomization/app').state, 'ready')
  assert.equal(nodeOf(scanned, 'Kustomization/empty').state, 'failed')
  const pushed = await made.push({
    'app/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: b }\n',
  })
  assert.equal(nodeOf(pushed, 'Kustomization/app').state, 'ready')
})
