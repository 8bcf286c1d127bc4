import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { runJob } from '../../src/reconcile/index.ts'
import { useCluster } from '../support/cluster.ts'
import { ChartServer, hexDigest, makeChart, makeIndex, type IndexVersion } from '../support/chart-server.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const open: (() => Promise<void>)[] = []
let server: ChartServer

before(async () => {
  server = await ChartServer.start()
})
after(async () => {
  for (const close of open) await close()
  await server.close()
})

const group = 'source.toolkit.fluxcd.io/v1'

async function scenario(files: { readonly [path: string]: string } = {}): Promise<Scenario> {
  const made = await createScenario(cluster, { files: { 'README.md': 'x', ...files } })
  open.push(() => made.close())
  return made
}

/** Publishes charts in the repository `path` of the server. */
function publish(
  path: string,
  charts: readonly { name: string; version: string; files?: { [path: string]: string } }[],
) {
  const versions = charts.map(({ name, version, files }): IndexVersion => {
    const bytes = makeChart(name, version, files)
    const file = `${name}-${version}.tgz`
    server.files.set(`${path}/${file}`, bytes)
    return { name, version, url: file, digest: hexDigest(bytes) }
  })
  server.files.set(`${path}/index.yaml`, makeIndex(versions))
}

async function apply(made: Scenario, kind: string, name: string, spec: object): Promise<void> {
  const apiVersion = kind === 'HelmRelease' ? 'helm.toolkit.fluxcd.io/v2' : group
  await made.client.apply({ apiVersion, kind, metadata: { name, namespace: made.namespace }, spec })
}

const read = (made: Scenario, kind: string, name: string) =>
  made.client.get({ apiVersion: group, kind, namespace: made.namespace, name })
const greeting = async (made: Scenario, name: string) =>
  (await made.client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name }))['data']
const condition = (
  object: { readonly [field: string]: { conditions?: readonly { type: string; [field: string]: unknown }[] } },
  type: string,
) => object['status']?.conditions?.find((one) => one.type === type)
const reasons = async (made: Scenario, kind: string) =>
  (await made.client.list({ apiVersion: 'v1', kind: 'Event', namespace: made.namespace }))
    .filter((event) => event['involvedObject'].kind === kind)
    .map((event) => `${event['reason']}: ${event['message']}`)

describe('a HelmRelease of a chart in a Helm repository', () => {
  it('is installed, upgraded with the index, and looks at nothing while the index is the same', async () => {
    const made = await scenario()
    publish('/one', [
      { name: 'web', version: '1.0.0' },
      { name: 'web', version: '2.0.0-rc.1' },
    ])
    await apply(made, 'HelmRepository', 'charts', { url: `${server.url}/one`, interval: '1m' })
    await apply(made, 'HelmRelease', 'web', {
      interval: '10m',
      chart: { spec: { chart: 'web', version: '>=1.0.0', sourceRef: { kind: 'HelmRepository', name: 'charts' } } },
    })
    const first = await made.scan()
    assert.equal(first.state, 'succeeded', JSON.stringify(first))
    assert.deepEqual(await greeting(made, 'web'), { greeting: 'hello', version: '1.0.0' })

    const repository = await read(made, 'HelmRepository', 'charts')
    const index = String(server.files.get('/one/index.yaml'))
    const { artifact } = repository['status']
    assert.equal(artifact.revision, `sha256:${hexDigest(index)}`)
    assert.equal(artifact.path, `helmrepository/${made.namespace}/charts/index-${hexDigest(index)}.yaml`)
    assert.deepEqual(repository.metadata.finalizers, ['finalizers.fluxcd.io'])
    assert.equal(condition(repository, 'Ready')?.message, `stored artifact: revision '${artifact.revision}'`)
    const chart = await read(made, 'HelmChart', `${made.namespace}-web`)
    assert.equal(chart['status'].artifact.revision, '1.0.0')
    assert.equal(chart['status'].artifact.digest, `sha256:${hexDigest(server.files.get('/one/web-1.0.0.tgz') ?? '')}`)
    assert.equal(chart['status'].artifact.path, `helmchart/${made.namespace}/${made.namespace}-web/web-1.0.0.tgz`)
    assert.equal(chart['status'].observedChartName, 'web')
    assert.equal(chart['status'].observedSourceArtifactRevision, artifact.revision)
    assert.deepEqual(
      [condition(chart, 'Ready')?.reason, condition(chart, 'Ready')?.message],
      ['ChartPullSucceeded', "pulled 'web' chart with version '1.0.0'"],
    )
    assert.ok(
      (await reasons(made, 'HelmChart')).includes("ChartPullSucceeded: pulled 'web' chart with version '1.0.0'"),
    )
    assert.match(
      (await reasons(made, 'HelmRepository')).join('\n'),
      /NewArtifact: stored fetched index of size \d+B from/,
    )

    const downloads = server.requestsFor('/one/web-1.0.0.tgz').length
    await made.run({ kind: 'trigger', target: 'cluster' })
    assert.equal(server.requestsFor('/one/web-1.0.0.tgz').length, downloads)
    publish('/one', [
      { name: 'web', version: '1.0.0' },
      { name: 'web', version: '1.1.0' },
    ])
    const second = await made.run({ kind: 'trigger', target: 'cluster' })
    assert.equal(second.record.state, 'succeeded', JSON.stringify(second.record))
    assert.deepEqual(await greeting(made, 'web'), { greeting: 'hello', version: '1.1.0' })
  })

  it('merges values files into the chart, with the generation as build metadata', async () => {
    const made = await scenario()
    publish('/values', [
      { name: 'web', version: '1.0.0', files: { 'prod.yaml': 'greeting: prod\n', 'extra.yaml': 'more: 1\n' } },
    ])
    await apply(made, 'HelmRepository', 'charts', { url: `${server.url}/values` })
    const spec = {
      chart: 'web',
      interval: '1m',
      sourceRef: { kind: 'HelmRepository', name: 'charts' },
      valuesFiles: ['values.yaml', 'prod.yaml', 'missing.yaml'],
    }
    await apply(made, 'HelmChart', 'web', spec)
    await made.scan()
    const failed = await read(made, 'HelmChart', 'web')
    assert.equal(condition(failed, 'Ready')?.reason, 'ValuesFilesError')
    assert.equal(condition(failed, 'BuildFailed')?.status, 'True')
    assert.equal(condition(failed, 'Stalled')?.status, 'True')
    await apply(made, 'HelmChart', 'web', { ...spec, ignoreMissingValuesFiles: true })
    await made.scan()
    const chart = await read(made, 'HelmChart', 'web')
    assert.equal(chart['status'].artifact?.revision, '1.0.0+2', JSON.stringify(chart['status']))
    assert.deepEqual(chart['status'].observedValuesFiles, ['values.yaml', 'prod.yaml'])
    assert.equal(condition(chart, 'BuildFailed'), undefined)
    assert.equal(
      condition(chart, 'Ready')?.message,
      "packaged 'web' chart with version '1.0.0+2' and merged values files [values.yaml prod.yaml]",
    )
  })

  it('says what is wrong: chart, version, name, source, login, server', async () => {
    const made = await scenario()
    publish('/wrong', [{ name: 'web', version: '1.0.0' }])
    await apply(made, 'HelmRepository', 'charts', { url: `${server.url}/wrong` })
    await apply(made, 'HelmRepository', 'absent', { url: `${server.url}/absent` })
    await apply(made, 'HelmRepository', 'secret', { url: `${server.url}/wrong`, secretRef: { name: 'none' } })
    const chart = (name: string, spec: object) =>
      apply(made, 'HelmChart', name, { interval: '1m', sourceRef: { kind: 'HelmRepository', name: 'charts' }, ...spec })
    await chart('unknown', { chart: 'other' })
    await chart('range', { chart: 'web', version: '>=3' })
    await chart('name', { chart: 'Web!' })
    await chart('sourceless', { chart: 'web', sourceRef: { kind: 'HelmRepository', name: 'nowhere' } })
    await chart('absent', { chart: 'web', sourceRef: { kind: 'HelmRepository', name: 'absent' } })
    await made.scan()
    const rows = [
      ['HelmRepository', 'absent', 'IndexationFailed', false],
      ['HelmRepository', 'secret', 'AuthenticationFailed', false],
      ['HelmChart', 'unknown', 'InvalidChartReference', true],
      ['HelmChart', 'range', 'InvalidChartReference', true],
      ['HelmChart', 'name', 'InvalidChartReference', true],
      ['HelmChart', 'sourceless', 'SourceUnavailable', false],
      ['HelmChart', 'absent', 'NoSourceArtifact', false],
    ] as const
    for (const [kind, name, reason, isStalled] of rows) {
      const object = await read(made, kind, name)
      assert.equal(condition(object, 'Ready')?.reason, reason, name)
      assert.equal(condition(object, 'FetchFailed')?.status, 'True', name)
      assert.equal(condition(object, 'Stalled') !== undefined, isStalled, name)
    }
  })

  it('in Git keeps its version with ChartVersion, and follows the source with Revision', async () => {
    const chartFiles = (greeting: string) => ({
      'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
      'charts/web/values.yaml': `greeting: ${greeting}\n`,
      'charts/web/templates/a.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  greeting: {{ .Values.greeting }}\n',
      'prod.yaml': 'greeting: production\n',
    })
    const made = await scenario(chartFiles('one'))
    const release = (name: string, spec: object) =>
      apply(made, 'HelmRelease', name, {
        interval: '10m',
        chart: { spec: { chart: './charts/web', sourceRef: { kind: 'GitRepository', name: 'app' }, ...spec } },
      })
    await release('fixed', {})
    await release('moving', { reconcileStrategy: 'Revision' })
    assert.equal((await made.pushed()).state, 'succeeded')
    const record = await made.push(chartFiles('two'))
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    assert.equal((await greeting(made, 'fixed')).greeting, 'one')
    assert.equal((await greeting(made, 'moving')).greeting, 'two')
    const commit = (await made.repository.head()) ?? ''
    assert.equal(nodeOf(record, 'HelmRelease/moving').revision, `0.1.0+${commit.slice(0, 12)}`)
    await apply(made, 'HelmChart', 'prod', {
      interval: '1m',
      chart: 'charts/web',
      sourceRef: { kind: 'GitRepository', name: 'app' },
      reconcileStrategy: 'Revision',
      valuesFiles: ['prod.yaml'],
    })
    await made.scan()
    const chart = await read(made, 'HelmChart', 'prod')
    assert.equal(chart['status'].artifact?.revision, `0.1.0+${commit.slice(0, 12)}.1`, JSON.stringify(chart['status']))
    assert.equal(condition(chart, 'Ready')?.reason, 'ChartPackageSucceeded')
  })

  it('suspended, asked for and deleted behaves as any source', async () => {
    const made = await scenario()
    publish('/life', [{ name: 'web', version: '1.0.0' }])
    await apply(made, 'HelmRepository', 'charts', { url: `${server.url}/life`, interval: '1h', suspend: true })
    await made.scan()
    assert.equal((await read(made, 'HelmRepository', 'charts'))['status']?.artifact, undefined)
    await apply(made, 'HelmRepository', 'charts', { url: `${server.url}/life`, interval: '1h' })
    await made.scan()
    const before = server.requestsFor('/life/index.yaml').length
    assert.ok(before > 0)
    await made.scan()
    assert.equal(server.requestsFor('/life/index.yaml').length, before)
    await made.client.patch(
      { apiVersion: group, kind: 'HelmRepository', namespace: made.namespace, name: 'charts' },
      { metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': 'now' } } },
    )
    await made.scan()
    const asked = await read(made, 'HelmRepository', 'charts')
    assert.equal(asked['status'].lastHandledReconcileAt, 'now')
    const ref = { apiVersion: group, kind: 'HelmRepository', namespace: made.namespace, name: 'charts' }
    await made.client.delete(ref)
    await made.scan()
    assert.equal(await made.client.find(ref), undefined)
  })
})

describe('a Helm repository that is away', () => {
  it('and a chart of it are looked at again by the next scans, not only at their interval', async () => {
    const made = await scenario()
    const scanAfter = async (minutes: number) => {
      const later = { ...made.deps, clock: { ...made.deps.clock, now: () => Date.now() + minutes * 60_000 } }
      const job = { kind: 'scan', runId: `scan-${minutes}`, cluster: 'test', receivedAt: Date.now() } as const
      return (await runJob(later, job)).record
    }
    publish('/away', [{ name: 'web', version: '1.0.0' }])
    await apply(made, 'HelmRepository', 'charts', { url: `${server.url}/away`, interval: '2h' })
    await apply(made, 'HelmRelease', 'web', {
      interval: '2h',
      chart: {
        spec: { chart: 'web', version: '*', interval: '2h', sourceRef: { kind: 'HelmRepository', name: 'charts' } },
      },
    })
    assert.equal((await made.scan()).state, 'succeeded')
    server.files.delete('/away/index.yaml')
    await made.run({ kind: 'trigger', target: { source: sourceKey(made) } })
    assert.equal(condition(await read(made, 'HelmRepository', 'charts'), 'Ready')?.['status'], 'False')
    // The index is back; the chart is not yet.
    publish('/away', [{ name: 'web', version: '1.1.0' }])
    const archive = server.files.get('/away/web-1.1.0.tgz') ?? ''
    server.files.delete('/away/web-1.1.0.tgz')
    await scanAfter(2)
    assert.equal(condition(await read(made, 'HelmRepository', 'charts'), 'Ready')?.['status'], 'True')
    const chart = await read(made, 'HelmChart', `${made.namespace}-web`)
    assert.equal(condition(chart, 'Ready')?.['status'], 'False')
    assert.equal((await greeting(made, 'web'))?.version, '1.0.0')
    server.files.set('/away/web-1.1.0.tgz', archive)
    const record = await scanAfter(4)
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    assert.equal((await greeting(made, 'web'))?.version, '1.1.0')
  })
})

const sourceKey = (made: Scenario) => ({ kind: 'HelmRepository', namespace: made.namespace, name: 'charts' }) as const
