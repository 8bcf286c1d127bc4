import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { chartLayerType } from '../../src/sources/index.ts'
import { ChartServer, hexDigest, makeChart } from '../support/chart-server.ts'
import { useCluster } from '../support/cluster.ts'
import { TestRegistry } from '../support/registry.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'
import { makeTgz } from '../support/tar.ts'

const cluster = useCluster()
const open: Scenario[] = []
let registry: TestRegistry | undefined

before(async () => {
  registry = await TestRegistry.start()
})
after(async () => {
  for (const made of open) await made.close()
  await registry?.close()
})

const group = 'source.toolkit.fluxcd.io/v1'
const flux = 'application/vnd.cncf.flux.content.v1.tar+gzip'
const configMap = (value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\ndata:\n  value: ${value}\n`

async function scenario(): Promise<Scenario> {
  const made = await createScenario(cluster, { files: { 'README.md': 'x' } })
  open.push(made)
  return made
}

async function apply(made: Scenario, apiVersion: string, kind: string, name: string, spec: object): Promise<void> {
  await made.client.apply({ apiVersion, kind, metadata: { name, namespace: made.namespace }, spec })
}

const read = (made: Scenario, apiVersion: string, kind: string, name: string) =>
  made.client.get({ apiVersion, kind, namespace: made.namespace, name })
const kustomization = (kind: string, name: string, namespace: string) => ({
  interval: '10m',
  path: './deploy',
  prune: true,
  targetNamespace: namespace,
  sourceRef: { kind, name },
})

describe('sources in a registry', () => {
  it('are applied, and again when the tag moves', async (t) => {
    if (registry === undefined) return t.skip('no Go here to build the registry with')
    const made = await scenario()
    const push = (value: string) =>
      registry?.push(
        'manifests/app',
        'latest',
        [{ mediaType: flux, bytes: makeTgz([{ name: 'deploy/app.yaml', content: configMap(value) }]) }],
        { annotations: { 'org.opencontainers.image.revision': `main@sha1:${value}` } },
      )
    const digest = await push('one')
    await apply(made, group, 'OCIRepository', 'oci', {
      interval: '1s',
      url: `oci://${registry.host}/manifests/app`,
      insecure: true,
    })
    await apply(
      made,
      'kustomize.toolkit.fluxcd.io/v1',
      'Kustomization',
      'app',
      kustomization('OCIRepository', 'oci', made.namespace),
    )
    const first = await made.scan()
    assert.equal(first.state, 'succeeded', JSON.stringify(first))
    assert.equal((await read(made, 'v1', 'ConfigMap', 'app'))['data'].value, 'one')
    const { status } = await read(made, group, 'OCIRepository', 'oci')
    assert.equal(status.artifact.revision, `latest@${digest}`)
    assert.deepEqual(status.artifact.metadata, { 'org.opencontainers.image.revision': 'main@sha1:one' })
    assert.match(status.artifact.path, /^ocirepository\/.*\/oci\/[0-9a-f]{64}\.tar\.gz$/)
    await push('two')
    const second = await made.run({ kind: 'trigger', target: 'cluster' })
    assert.equal(second.record.state, 'succeeded', JSON.stringify(second.record))
    assert.equal((await read(made, 'v1', 'ConfigMap', 'app'))['data'].value, 'two')
  })

  it('hold charts that a HelmRelease takes through a HelmRepository', async (t) => {
    if (registry === undefined) return t.skip('no Go here to build the registry with')
    const made = await scenario()
    for (const version of ['1.0.0', '1.1.0', '2.0.0'])
      await registry.push('charts/web', version, [{ mediaType: chartLayerType, bytes: makeChart('web', version) }])
    await apply(made, group, 'HelmRepository', 'charts', {
      type: 'oci',
      url: `oci://${registry.host}/charts`,
      insecure: true,
    })
    await apply(made, 'helm.toolkit.fluxcd.io/v2', 'HelmRelease', 'web', {
      interval: '10m',
      chart: { spec: { chart: 'web', version: '1.x', sourceRef: { kind: 'HelmRepository', name: 'charts' } } },
    })
    const record = await made.scan()
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    assert.equal((await read(made, 'v1', 'ConfigMap', 'web'))['data'].version, '1.1.0')
    const repository = await read(made, group, 'HelmRepository', 'charts')
    assert.equal(repository['status']?.artifact, undefined)
    assert.equal(repository['status']?.conditions, undefined)
  })

  it('made by others (ExternalArtifact) are checked against their digest', async () => {
    const made = await scenario()
    const server = await ChartServer.start()
    const bytes = makeTgz([{ name: 'deploy/app.yaml', content: configMap('external') }])
    server.files.set('/a.tar.gz', bytes)
    await made.client.apply({
      apiVersion: group,
      kind: 'ExternalArtifact',
      metadata: { name: 'made', namespace: made.namespace },
      spec: {},
    })
    const artifact = (digest: string) => ({
      status: {
        artifact: {
          digest: `sha256:${digest}`,
          path: 'externalartifact/a.tar.gz',
          url: `${server.url}/a.tar.gz`,
          revision: 'latest@sha256:1',
          lastUpdateTime: '2024-01-01T00:00:00Z',
        },
      },
    })
    const path = `/apis/${group}/namespaces/${made.namespace}/externalartifacts/made/status`
    const patch = (body: object) =>
      made.client.request('PATCH', path, { body: JSON.stringify(body), contentType: 'application/merge-patch+json' })
    await apply(
      made,
      'kustomize.toolkit.fluxcd.io/v1',
      'Kustomization',
      'app',
      kustomization('ExternalArtifact', 'made', made.namespace),
    )
    await patch(artifact('0'.repeat(64)))
    const refused = nodeOf(await made.scan(), 'Kustomization/app')
    assert.deepEqual([refused.state, refused.reason], ['failed', 'ArtifactFailed'])
    assert.match(refused.message ?? '', /has the digest sha256:/)
    await patch(artifact(hexDigest(bytes)))
    const record = (await made.run({ kind: 'trigger', target: 'cluster' })).record
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    assert.equal((await read(made, 'v1', 'ConfigMap', 'app'))['data'].value, 'external')
    await server.close()
  })
})
