import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { chartLayerType } from '../../src/sources/index.ts'
import { ChartServer, hexDigest, makeChart } from '../support/chart-server.ts'
import { useCluster } from '../support/cluster.ts'
import { TestRegistry } from '../support/registry.ts'
import { createReleaseScenario, type ReleaseScenario } from '../support/release-scenario.ts'

const cluster = useCluster()
const open: ReleaseScenario[] = []
let registry: TestRegistry | undefined
let server: ChartServer

before(async () => {
  registry = await TestRegistry.start()
  server = await ChartServer.start()
})
after(async () => {
  for (const made of open) await made.close()
  await registry?.close()
  await server.close()
})

const group = 'source.toolkit.fluxcd.io/v1'

async function scenario(): Promise<ReleaseScenario> {
  const made = await createReleaseScenario(cluster, { files: { 'templates/a.yaml': 'a: {{ required "x" nil }}\n' } })
  open.push(made)
  return made
}

async function source(made: ReleaseScenario, kind: string, name: string, spec: object): Promise<void> {
  await made.client.apply({ apiVersion: group, kind, metadata: { name, namespace: made.namespace }, spec })
}

/** What the release says of its chart: the version, the digest it was made from, and that of the history. */
async function chartOf(made: ReleaseScenario): Promise<string[]> {
  const { status } = await made.object()
  const [latest] = status.history
  assert.equal(status.lastAttemptedRevision, latest.chartVersion)
  assert.equal(status.lastAttemptedRevisionDigest, latest.ociDigest)
  return [latest.chartVersion, latest.ociDigest ?? 'none']
}

async function ready(made: ReleaseScenario): Promise<void> {
  const node = await made.reconcile()
  assert.equal(node.state, 'ready', node.message)
}

const dataOf = async (made: ReleaseScenario) => (await made.find('ConfigMap', 'app'))?.['data']
const short = (digest: string): string => digest.slice('sha256:'.length).slice(0, 12)

describe('a chartRef to an OCIRepository', () => {
  const push = (tag: string, version: string, greeting = 'hello'): Promise<string> =>
    registry?.push('charts/app', tag, [
      {
        mediaType: chartLayerType,
        bytes: makeChart('app', version, { 'values.yaml': `greeting: ${greeting}\n` }),
      },
    ]) ?? Promise.resolve('')

  const repository = (ref: object): object => ({
    interval: '1m',
    url: `oci://${registry?.host}/charts/app`,
    insecure: true,
    layerSelector: { mediaType: chartLayerType, operation: 'copy' },
    ref,
  })

  const start = async (t: TestContext, ref: object): Promise<ReleaseScenario | undefined> => {
    if (registry === undefined) {
      t.skip('no Go here to build the registry with')
      return undefined
    }
    const made = await scenario()
    await source(made, 'OCIRepository', 'oci', repository(ref))
    await made.release({ chartRef: { kind: 'OCIRepository', name: 'oci' } })
    return made
  }

  it('installs the version with the digest in it, and upgrades when the tag is moved', async (t) => {
    const first = await push('1.0.0', '1.0.0')
    const made = await start(t, { tag: '1.0.0' })
    if (made === undefined) return
    await ready(made)
    assert.deepEqual(await chartOf(made), [`1.0.0+${short(first)}`, first])
    assert.deepEqual(await dataOf(made), { greeting: 'hello', version: `1.0.0+${short(first)}` })
    const second = await push('1.0.0', '1.0.0', 'moved')
    await ready(made)
    assert.deepEqual(await chartOf(made), [`1.0.0+${short(second)}`, second])
    assert.equal((await dataOf(made))?.greeting, 'moved')
    assert.deepEqual(await made.revisions(), ['v1 superseded', 'v2 deployed'])
    const { status } = await made.object()
    assert.equal(status.helmChart, undefined)
    await ready(made)
    assert.equal((await made.revisions()).length, 2)
  })

  it('takes a tag that is no version as part of the digest, as helm-controller does', async (t) => {
    const digest = await push('stable', '1.2.3')
    const made = await start(t, { tag: 'stable' })
    if (made === undefined) return
    await ready(made)
    assert.deepEqual(await chartOf(made), [`1.2.3+${short(digest)}`, `stable@${digest}`])
  })

  it('by digest, by range, and with build metadata that a tag cannot have', async (t) => {
    const digest = await push('2.0.0_build.7', '2.0.0+build.7')
    const made = await start(t, { tag: '2.0.0_build.7' })
    if (made === undefined) return
    await ready(made)
    assert.deepEqual(await chartOf(made), [`2.0.0+${short(digest)}`, digest])
    await source(made, 'OCIRepository', 'oci', repository({ digest }))
    await ready(made)
    assert.deepEqual(await chartOf(made), [`2.0.0+${short(digest)}`, digest])
    const newer = await push('2.1.0', '2.1.0')
    await source(made, 'OCIRepository', 'oci', repository({ semver: '2.x' }))
    await ready(made)
    assert.deepEqual(await chartOf(made), [`2.1.0+${short(newer)}`, newer])
  })

  it('a tag of another version is a ChartMutateError, and heals', async (t) => {
    await push('3.0.0', '3.0.1')
    const made = await start(t, { tag: '3.0.0' })
    if (made === undefined) return
    const node = await made.reconcile()
    assert.equal(node.state, 'failed')
    assert.equal(await made.condition('Ready'), 'False ChartMutateError')
    assert.match(node.message ?? '', /3\.0\.0.*does not match chart version 3\.0\.1/)
    await push('3.0.0', '3.0.0')
    await ready(made)
  })

  it('that is missing is waited for, and one of another namespace is refused', async (t) => {
    const digest = await push('1.0.0', '1.0.0')
    if (registry === undefined) return t.skip('no Go here to build the registry with')
    const made = await scenario()
    await made.release({ chartRef: { kind: 'OCIRepository', name: 'oci' } })
    await made.reconcile()
    assert.equal(await made.condition('Ready'), 'False SourceNotReady')
    await source(made, 'OCIRepository', 'oci', repository({ tag: '1.0.0' }))
    await ready(made)
    assert.deepEqual(await chartOf(made), [`1.0.0+${short(digest)}`, digest])
    await made.release({ chartRef: { kind: 'OCIRepository', name: 'oci', namespace: 'default' } })
    await made.reconcile()
    assert.equal(await made.condition('Ready'), 'False AccessDenied')
    assert.equal(await made.condition('Stalled'), 'True AccessDenied')
  })
})

describe('a chartRef to an ExternalArtifact', () => {
  const publish = async (made: ReleaseScenario, revision: string, greeting: string): Promise<string> => {
    const bytes = makeChart('app', '1.0.0', { 'values.yaml': `greeting: ${greeting}\n` })
    const digest = hexDigest(bytes)
    server.files.set(`/${digest}.tgz`, bytes)
    await source(made, 'ExternalArtifact', 'made', {})
    const artifact = {
      digest: `sha256:${digest}`,
      path: `externalartifact/${digest}.tgz`,
      url: `${server.url}/${digest}.tgz`,
      revision,
      lastUpdateTime: '2026-01-01T00:00:00Z',
    }
    await made.client.patch(
      { apiVersion: group, kind: 'ExternalArtifact', namespace: made.namespace, name: 'made' },
      { status: { artifact } },
      { subresource: 'status' },
    )
    return digest
  }

  it('keeps the version of the chart where the revision is one, and gets the digest where it has one', async () => {
    const made = await scenario()
    await publish(made, 'v1', 'one')
    await made.release({ chartRef: { kind: 'ExternalArtifact', name: 'made' } })
    await ready(made)
    assert.deepEqual(await chartOf(made), ['1.0.0', 'none'])
    assert.equal((await dataOf(made))?.greeting, 'one')
    const revision = `sha256:${'ab'.repeat(32)}`
    await publish(made, revision, 'two')
    await ready(made)
    assert.deepEqual(await chartOf(made), ['1.0.0+abababababab', revision])
    assert.equal((await dataOf(made))?.greeting, 'two')
    await publish(made, `latest@${revision}`, 'three')
    await ready(made)
    // The same digits: not a new version, although the content is another one.
    const { status } = await made.object()
    assert.equal(status.lastAttemptedRevision, '1.0.0+abababababab')
    assert.equal(status.lastAttemptedRevisionDigest, `latest@${revision}`)
    assert.equal((await made.revisions()).length, 2)
    await publish(made, `2.0.0@${revision}`, 'three')
    await made.reconcile()
    assert.equal(await made.condition('Ready'), 'False ChartMutateError')
  })
})

describe('a chartRef to a HelmChart', () => {
  it('of a Helm repository follows its index', async () => {
    const made = await scenario()
    const path = `/${made.namespace}`
    const index = (versions: readonly string[]): void => {
      const entries = versions.map((version) => {
        const bytes = makeChart('app', version)
        server.files.set(`${path}/app-${version}.tgz`, bytes)
        return `  - name: app\n    apiVersion: v2\n    version: ${version}\n    digest: ${hexDigest(bytes)}\n    urls: [app-${version}.tgz]\n`
      })
      server.files.set(
        `${path}/index.yaml`,
        new TextEncoder().encode(`apiVersion: v1\nentries:\n  app:\n${entries.join('')}`),
      )
    }
    index(['1.0.0'])
    await source(made, 'HelmRepository', 'charts', { url: `${server.url}${path}`, interval: '1m' })
    await source(made, 'HelmChart', 'own', {
      interval: '1m',
      chart: 'app',
      version: '1.x',
      sourceRef: { kind: 'HelmRepository', name: 'charts' },
    })
    await made.release({ chartRef: { kind: 'HelmChart', name: 'own' } })
    await ready(made)
    assert.deepEqual(await chartOf(made), ['1.0.0', 'none'])
    index(['1.0.0', '1.1.0', '2.0.0'])
    await ready(made)
    assert.deepEqual(await chartOf(made), ['1.1.0', 'none'])
  })

  it('of a Git repository with strategy Revision follows every commit', async () => {
    const made = await scenario()
    await made.chart({
      'templates/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: app }\ndata: { a: one }\n',
    })
    await source(made, 'HelmChart', 'own', {
      interval: '1m',
      chart: './charts/app',
      reconcileStrategy: 'Revision',
      sourceRef: { kind: 'GitRepository', name: 'app' },
    })
    await made.release({ chartRef: { kind: 'HelmChart', name: 'own' } })
    await ready(made)
    assert.match((await chartOf(made))[0] ?? '', /^1\.0\.0\+[0-9a-f]{12}$/)
    await made.chart({
      'templates/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: app }\ndata: { a: two }\n',
    })
    await ready(made)
    assert.deepEqual(await dataOf(made), { a: 'two' })
    assert.deepEqual(await made.revisions(), ['v1 superseded', 'v2 deployed'])
  })
})
