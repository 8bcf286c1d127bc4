import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { apiVersions } from '../../src/api/index.ts'
import { chartLayerType } from '../../src/sources/index.ts'
import { planOf, propose, startApplications, writesSince, type PlannedChange } from '../support/change-plans.ts'
import { ChartServer, hexDigest, makeChart, makeIndex } from '../support/chart-server.ts'
import { useCluster } from '../support/cluster.ts'
import type { GitTestFile } from '../support/git-repository.ts'
import { lastingNamespaces } from '../support/lasting-namespaces.ts'
import { RecordedRegistry } from '../support/recorded-registry.ts'
import { freePort } from '../support/free-ports.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'
import { makeTgz } from '../support/tar.ts'

const cluster = useCluster()
const closers: (() => Promise<void>)[] = []
after(async () => {
  for (const close of closers.toReversed()) await close()
})
const lasting = lastingNamespaces(cluster)

const object = (kind: keyof typeof apiVersions, name: string, spec: object): string =>
  `${JSON.stringify({ apiVersion: apiVersions[kind], kind, metadata: { name, namespace: '$NAMESPACE' }, spec })}\n`

const web = (version: string): Uint8Array =>
  makeChart('web', version, {
    'templates/deployment.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: { name: "{{ .Release.Name }}" }
spec:
  replicas: 0
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: "nginx:{{ .Chart.Version }}" }] }
`,
  })

const versions = ['1.0.0', '1.1.0', '2.0.0']

function publish(server: ChartServer, path: string, given: readonly string[]): void {
  const entries = given.map((version) => {
    const bytes = web(version)
    server.files.set(`${path}/web-${version}.tgz`, bytes)
    return { name: 'web', version, url: `web-${version}.tgz`, digest: hexDigest(bytes) }
  })
  server.files.set(`${path}/index.yaml`, makeIndex(entries))
}

const manifestType = 'application/vnd.cncf.flux.content.v1.tar+gzip'
const configMap = (value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: manifests, namespace: $NAMESPACE }\ndata: { value: "${value}" }\n`

const repository = (url: string): string => object('HelmRepository', 'charts', { interval: '1h', url })
const artifact = (name: string, host: string, ref: object, path = name): string =>
  object('OCIRepository', name, { interval: '1h', url: `oci://${host}/${path}`, insecure: true, ref })
const release = (name: string, spec: object): string => object('HelmRelease', name, { interval: '1h', ...spec })
const fromRepository = (version: string, values: object = {}): string =>
  release('remote', {
    chart: { spec: { chart: 'web', version, sourceRef: { kind: 'HelmRepository', name: 'charts' } } },
    valuesFrom: [{ kind: 'ConfigMap', name: 'values', optional: true }],
    values,
  })
const valuesMap = (greeting: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: values, namespace: $NAMESPACE }\ndata:\n  values.yaml: |\n    greeting: ${greeting}\n`

describe('charts and artifacts that a change chooses', () => {
  let made: Scenario
  let server: ChartServer
  let registry: RecordedRegistry
  const digests = new Map<string, string>()

  before(async () => {
    server = await ChartServer.start()
    registry = await RecordedRegistry.start()
    publish(server, '/one', versions)
    publish(server, '/two', ['1.0.0', '1.9.0'])
    for (const version of versions)
      digests.set(version, registry.addImage('web', version, [registry.addBlob('web', web(version), chartLayerType)]))
    made = await createScenario(lasting, {
      limits: { healthPollMs: 100 },
      files: {
        'clusters/charts.yaml': repository(`${server.url}/one`),
        'clusters/remote.yaml': fromRepository('1.0.x'),
        'clusters/values.yaml': valuesMap('hello'),
        'clusters/web.yaml': artifact('web', registry.host, { tag: '1.0.0' }),
        'clusters/of-web.yaml': release('of-web', { chartRef: { kind: 'OCIRepository', name: 'web' } }),
        'clusters/manifests.yaml': artifact('manifests', registry.host, { tag: 'v1' }),
        'clusters/of-manifests.yaml': object('Kustomization', 'of-manifests', {
          interval: '1h',
          path: './deploy',
          prune: true,
          sourceRef: { kind: 'OCIRepository', name: 'manifests' },
        }),
      },
    })
    closers.push(
      () => server.close(),
      () => registry.close(),
      () => made.close(),
    )
    for (const tag of ['v1', 'v2']) {
      const content = configMap(tag).replaceAll('$NAMESPACE', made.namespace)
      const bytes = makeTgz([{ name: 'deploy/a.yaml', content }])
      digests.set(tag, registry.addImage('manifests', tag, [registry.addBlob('manifests', bytes, manifestType)]))
    }
    await startApplications(
      made,
      `apiVersion: ${apiVersions.Kustomization}
kind: Kustomization
metadata: { name: root, namespace: $NAMESPACE }
spec: { interval: 1h, path: ./clusters, prune: true, sourceRef: { kind: GitRepository, name: app } }
`,
    )
    assert.equal((await made.run({ kind: 'trigger', target: 'cluster' })).record.state, 'succeeded')
  })

  /** Plans files, and says that nothing was written. */
  async function planned(files: { readonly [path: string]: GitTestFile }): Promise<PlannedChange> {
    const commits = await propose(made, files)
    const mark = await cluster.auditMark()
    const result = await planOf(made, commits)
    assert.deepEqual(await writesSince(cluster, mark, made.namespace), [])
    return result
  }

  /** Versions of the chart and of images, before and after. */
  function shown(change: PlannedChange, name: string): object {
    const { chart, images, state } = change.application(name)
    return {
      state,
      chart: [chart?.before, chart?.after].map(String),
      // A chart of an OCIRepository has the start of its digest in its version.
      images: images.map((one) => [one.before, one.after].map((image) => String(image).replace(/\+.*/, ''))),
    }
  }

  const upgrade = (to: string): object => ({
    state: 'planned',
    chart: ['1.0.0', to],
    images: [['nginx:1.0.0', `nginx:${to}`]],
  })

  it('of a Helm repository: another range, another URL, other values', async () => {
    assert.deepEqual(
      shown(await planned({ 'clusters/remote.yaml': fromRepository('2.x') }), 'HelmRelease/remote'),
      upgrade('2.0.0'),
    )
    assert.deepEqual(
      shown(await planned({ 'clusters/remote.yaml': fromRepository('1.x') }), 'HelmRelease/remote'),
      upgrade('1.1.0'),
    )
    // The same version in another range is the same release.
    const same = await planned({ 'clusters/remote.yaml': fromRepository('1.0.0') })
    assert.deepEqual(
      same.document.applications.map(({ name }) => String(name)),
      ['root'],
    )
    const moved = await planned({
      'clusters/charts.yaml': repository(`${server.url}/two`),
      'clusters/remote.yaml': fromRepository('1.x'),
    })
    assert.deepEqual(shown(moved, 'HelmRelease/remote'), upgrade('1.9.0'))
    for (const files of [
      { 'clusters/remote.yaml': fromRepository('1.0.x', { greeting: 'bye' }) },
      { 'clusters/values.yaml': valuesMap('bye') },
    ]) {
      const { application, actions } = await planned(files)
      assert.deepEqual(actions('HelmRelease/remote'), ['remote change change'])
      assert.equal(application('HelmRelease/remote').chart, undefined)
      const [map] = application('HelmRelease/remote').objects
      assert.deepEqual(
        map?.differences.map(({ path, before: old, after: then }) => [path, old, then].map(String)),
        [['.data.greeting', 'hello', 'bye']],
      )
    }
  })

  it('of a registry: another tag, digest or range, for a chart and for manifests', async () => {
    for (const ref of [{ tag: '2.0.0' }, { semver: '>=2.0.0' }, { digest: digests.get('2.0.0') }]) {
      const change = await planned({ 'clusters/web.yaml': artifact('web', registry.host, ref) })
      const { state, chart, images } = shown(change, 'HelmRelease/of-web') as { readonly [name: string]: unknown }
      assert.deepEqual([state, images], ['planned', [['nginx:1.0.0', 'nginx:2.0.0']]])
      assert.match(String((chart as readonly string[])[1]), /^2\.0\.0/)
    }
    for (const ref of [{ tag: 'v2' }, { digest: digests.get('v2') }]) {
      const change = await planned({ 'clusters/manifests.yaml': artifact('manifests', registry.host, ref) })
      const [map] = change.application('Kustomization/of-manifests').objects
      assert.deepEqual(
        map?.differences.map(({ path, before: old, after: then }) => [path, old, then].map(String)),
        [['.data.value', 'v1', 'v2']],
      )
      const of = change.plan.digests.find(({ name }) => name === 'of-manifests')
      assert.match(of?.artifacts['source'] ?? '', /^sha256:/)
    }
    // Another name for the same content changes nothing but the source.
    const same = await planned({
      'clusters/manifests.yaml': artifact('manifests', registry.host, { digest: digests.get('v1') }),
    })
    assert.deepEqual(
      same.document.applications.map(({ name }) => String(name)),
      ['root'],
    )
  })

  it('from a chart of a repository to one of a registry', async () => {
    const change = await planned({
      'clusters/second.yaml': artifact('second', registry.host, { tag: '2.0.0' }, 'web'),
      'clusters/remote.yaml': release('remote', { chartRef: { kind: 'OCIRepository', name: 'second' } }),
    })
    const { state, images } = shown(change, 'HelmRelease/remote') as { readonly [name: string]: unknown }
    assert.deepEqual([state, images], ['planned', [['nginx:1.0.0', 'nginx:2.0.0']]])
  })

  it('that are not there are errors of one application each', async () => {
    const nobody = `127.0.0.1:${await freePort()}`
    const change = await planned({
      'clusters/remote.yaml': fromRepository('9.x'),
      'clusters/web.yaml': artifact('web', nobody, { tag: '1.0.0' }),
      'clusters/manifests.yaml': artifact('manifests', registry.host, { tag: 'v9' }),
      'clusters/plain.yaml': valuesMap('plain').replace('name: values', 'name: plain'),
    })
    const rows = [
      ['HelmRelease/remote', /9\.x/],
      ['HelmRelease/of-web', new RegExp(nobody.replaceAll('.', '\\.'))],
      ['Kustomization/of-manifests', /v9/],
    ] as const
    for (const [name, message] of rows) {
      const { state, errors, objects } = change.application(name)
      assert.deepEqual([state, objects, errors.length], ['failed', [], 1], name)
      assert.match(String(errors[0]?.message), message)
      assert.equal(errors[0]?.phase, 'source', JSON.stringify(errors))
    }
    assert.equal(change.application('Kustomization/root').state, 'planned')
    assert.ok(change.actions('Kustomization/root').includes('plain create change'))
  })

  it('at a Helm repository that does not answer are an error that names it', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`
    const change = await planned({ 'clusters/charts.yaml': repository(nobody) })
    const { state, errors } = change.application('HelmRelease/remote')
    assert.equal(state, 'failed')
    assert.match(String(errors[0]?.message), /127\.0\.0\.1/)
    assert.equal(errors[0]?.phase, 'source', JSON.stringify(errors))
  })
})
