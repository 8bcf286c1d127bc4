import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { loadChartArchive, type Chart } from '../../src/helm/index.ts'
import { artifactBlobKey, chartLayerType } from '../../src/sources/index.ts'
import { ChartServer, hexDigest, makeChart, makeIndex, type IndexVersion } from '../support/chart-server.ts'
import { useCluster } from '../support/cluster.ts'
import type { GitTestFile } from '../support/git-repository.ts'
import { helmBinary } from '../support/helm-binary.ts'
import { RecordedRegistry } from '../support/recorded-registry.ts'
import { createScenario, type Scenario, type ScenarioOptions } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []
let server: ChartServer
let registry: RecordedRegistry

before(async () => {
  server = await ChartServer.start()
  registry = await RecordedRegistry.start()
})
after(async () => {
  for (const made of open) await made.close()
  await server.close()
  await registry.close()
})

const group = 'source.toolkit.fluxcd.io/v1'

/** Publishes charts in the repository `path` of the server. */
function publish(path: string, charts: readonly (readonly [name: string, version: string])[]): void {
  const versions = charts.map(([name, version]): IndexVersion => {
    const bytes = makeChart(name, version, { [`${name}.txt`]: `${name} ${version}` })
    const file = `${name}-${version}.tgz`
    server.files.set(`${path}/${file}`, bytes)
    return { name, version, url: file, digest: hexDigest(bytes) }
  })
  server.files.set(`${path}/index.yaml`, makeIndex(versions))
}

interface Dependency {
  readonly name: string
  readonly version?: string
  readonly repository?: string
  readonly alias?: string
  readonly condition?: string
}

const chartYaml = (dependencies: readonly Dependency[], version = '0.1.0'): string =>
  `apiVersion: v2\nname: web\nversion: ${version}\ndependencies: ${JSON.stringify(dependencies)}\n`

const localChart = (path: string, name: string, version: string): { readonly [path: string]: string } => ({
  [`${path}/Chart.yaml`]: `apiVersion: v2\nname: ${name}\nversion: ${version}\n`,
  [`${path}/values.yaml`]: 'a: 1\n',
  [`${path}/templates/c.yaml`]: `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-{{ .Chart.Name }}\n`,
})

/** A repository with the chart `charts/web` and whatever else, and a HelmChart of it. */
async function scenario(
  files: { readonly [path: string]: GitTestFile },
  options: { readonly chart?: string; readonly settings?: ScenarioOptions['settings'] } = {},
): Promise<Scenario> {
  const { chart = 'charts/web', settings = {} } = options
  const made = await createScenario(cluster, { files: { 'README.md': 'x', ...files }, settings })
  open.push(made)
  await apply(made, 'HelmChart', 'web', {
    interval: '1m',
    chart,
    reconcileStrategy: 'Revision',
    sourceRef: { kind: 'GitRepository', name: 'app' },
  })
  return made
}

const apply = (made: Scenario, kind: string, name: string, spec: object) =>
  made.client.apply({ apiVersion: group, kind, metadata: { name, namespace: made.namespace }, spec })

/** The Ready condition of the chart after a look, and the chart itself. */
async function build(
  made: Scenario,
): Promise<{ readonly reason: string; readonly message: string; readonly chart?: Chart }> {
  await made.run({ kind: 'trigger', target: 'cluster' })
  const { status } = await made.client.get({
    apiVersion: group,
    kind: 'HelmChart',
    namespace: made.namespace,
    name: 'web',
  })
  const find = (type: string) => status.conditions.find((one: { type: string }) => one.type === type)
  const { reason, message } = find('Ready')
  if (find('Ready').status !== 'True') {
    if (reason === 'DependencyBuildError') assert.equal(find('BuildFailed')?.message, message)
    return { reason, message }
  }
  const key = artifactBlobKey({ cluster: made.deps.cluster.name, path: status.artifact.path })
  const bytes = await made.deps.blobs.get(key)
  return { reason, message, chart: await loadChartArchive(bytes ?? new Uint8Array()) }
}

const versionsOf = (chart: Chart | undefined): readonly string[] =>
  (chart?.dependencies ?? []).map(({ metadata }) => `${metadata.name} ${metadata.version}`).toSorted()

const events = async (made: Scenario) =>
  (await made.client.list({ apiVersion: 'v1', kind: 'Event', namespace: made.namespace }))
    .filter((event) => event['involvedObject'].kind === 'HelmChart')
    .map((event) => `${event['reason']}: ${event['message']}`)

describe('dependencies of a chart in a Git repository', () => {
  it('come from the same source, over HTTP and from registries, by range, with aliases; what is there stays', async () => {
    publish('/stable', [
      ['db', '1.0.0'],
      ['db', '1.2.0'],
      ['db', '2.0.0'],
      ['cache', '3.1.4'],
      ['kept', '1.0.0'],
    ])
    registry.addImage('charts/oci', '0.5.0', [
      registry.addBlob('charts/oci', makeChart('oci', '0.5.0'), chartLayerType),
    ])
    const made = await scenario({
      'charts/web/Chart.yaml': chartYaml([
        { name: 'lib', version: '>=0.1.0', repository: 'file://../lib' },
        { name: 'inner', version: '0.x' },
        { name: 'db', version: '1.x', repository: `${server.url}/stable` },
        { name: 'db', version: '2.0.0', repository: `${server.url}/stable/`, alias: 'archive' },
        { name: 'cache', version: '*', repository: '@stable' },
        { name: 'oci', version: '~0.5', repository: `oci://${registry.host}/charts` },
        { name: 'kept', version: '1.0.0', repository: `${server.url}/stable` },
      ]),
      ...localChart('charts/lib', 'lib', '0.3.0'),
      'charts/web/charts/kept/Chart.yaml': 'apiVersion: v2\nname: kept\nversion: 1.0.0\n',
      'charts/web/charts/kept/own.txt': 'mine',
      ...localChart('charts/web/charts/inner', 'inner', '0.9.0'),
    })
    await apply(made, 'HelmRepository', 'stable', { interval: '1h', url: `${server.url}/stable` })
    await apply(made, 'HelmRepository', 'oci', { type: 'oci', url: `oci://${registry.host}/charts/`, insecure: true })
    server.seen.length = 0
    const { chart, message } = await build(made)
    assert.deepEqual(
      versionsOf(chart),
      ['archive 2.0.0', 'cache 3.1.4', 'db 1.2.0', 'inner 0.9.0', 'kept 1.0.0', 'lib 0.3.0', 'oci 0.5.0'],
      message,
    )
    const files = new Map(chart?.raw.map((file) => [file.name, new TextDecoder().decode(file.data)]))
    assert.equal(files.get('charts/kept/own.txt'), 'mine')
    assert.equal(files.get('charts/archive/db.txt'), 'db 2.0.0')
    assert.equal(server.requestsFor('/stable/kept-1.0.0.tgz').length, 0)
    // One index for the three charts of one repository.
    assert.ok(server.requestsFor('/stable/index.yaml').length <= 2)
    assert.ok((await events(made)).includes('ResolvedDependencies: resolved 5 chart dependencies'))
  })

  it('are those of Chart.lock where there is one; one that is out of date is told and used', async () => {
    publish('/locked', [
      ['db', '1.0.0'],
      ['db', '1.9.0'],
    ])
    const repository = `${server.url}/locked`
    const lock = (digest: string): string =>
      `dependencies:\n- name: db\n  repository: ${repository}\n  version: 1.0.0\ndigest: ${digest}\ngenerated: "2024-01-01T00:00:00Z"\n`
    const made = await scenario({
      'charts/web/Chart.yaml': chartYaml([{ name: 'db', version: '1.x', repository }]),
      'charts/web/Chart.lock': lock(`sha256:${'0'.repeat(64)}`),
    })
    const { chart } = await build(made)
    assert.deepEqual(versionsOf(chart), ['db 1.0.0'])
    assert.ok((await events(made)).some((event) => event.startsWith('ChartLockOutdated: Chart.lock is out of sync')))
  })

  it('use the credentials of the HelmRepository with the same URL, and nobody else gets them', async () => {
    const guarded = await ChartServer.start()
    try {
      const bytes = makeChart('db', '1.0.0')
      server.files.set('/elsewhere/db-1.0.0.tgz', bytes)
      guarded.login = 'user:c4n4ry'
      guarded.files.set(
        '/index.yaml',
        makeIndex([{ name: 'db', version: '1.0.0', url: `${server.otherUrl}/elsewhere/db-1.0.0.tgz` }]),
      )
      const made = await scenario({
        'charts/web/Chart.yaml': chartYaml([{ name: 'db', version: '1.0.0', repository: guarded.url }]),
      })
      const anonymous = await build(made)
      assert.equal(anonymous.reason, 'DependencyBuildError')
      assert.match(
        anonymous.message,
        /^dependency build error: failed to add remote dependency 'db': failed to get chart 'db' version '1\.0\.0' from 'http:.*refuses access/,
      )
      const metadata = { name: 'login', namespace: made.namespace }
      const stringData = { username: 'user', password: 'c4n4ry' }
      await made.client.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData })
      await apply(made, 'HelmRepository', 'guarded', {
        interval: '1h',
        url: `${guarded.url}/`,
        secretRef: { name: 'login' },
      })
      const { chart, message } = await build(made)
      assert.deepEqual(versionsOf(chart), ['db 1.0.0'], message)
      assert.deepEqual(
        server.requestsFor('/elsewhere/db-1.0.0.tgz').map((request) => request.authorization),
        [undefined],
      )
    } finally {
      await guarded.close()
    }
  })

  it('fail in the words of Flux', async () => {
    publish('/bad', [['db', '1.0.0']])
    server.files.set('/bad/broken-1.0.0.tgz', 'no archive')
    const broken: IndexVersion = { name: 'broken', version: '1.0.0', url: 'broken-1.0.0.tgz' }
    const wrong: IndexVersion = { name: 'wrong', version: '1.0.0', url: 'db-1.0.0.tgz', digest: 'f'.repeat(64) }
    const gone: IndexVersion = { name: 'gone', version: '1.0.0', url: 'gone-1.0.0.tgz' }
    server.files.set('/bad/index.yaml', makeIndex([broken, wrong, gone]))
    const bad = `${server.url}/bad`
    const rows: readonly [Dependency, string | RegExp][] = [
      [
        { name: 'lib', version: '1.0.0', repository: 'file://../gone' },
        "failed to add local dependency 'lib': no chart found at '/charts/gone' (reference 'file://../gone')",
      ],
      [
        { name: 'lib', version: '1.0.0', repository: 'file://../../../../etc' },
        "failed to add local dependency 'lib': no chart found at '/etc' (reference 'file://../../../../etc')",
      ],
      [
        { name: 'lib', version: '1.0.0', repository: 'file:///etc' },
        "failed to add local dependency 'lib': no chart found at '/charts/web/etc' (reference 'file:///etc')",
      ],
      [
        { name: 'lib', version: '1.0.0' },
        "failed to add local dependency 'lib': no chart found at '/charts/web/charts/lib' (reference '')",
      ],
      [
        { name: 'lib', version: 'x.y.z.w', repository: 'file://../lib' },
        /failed to add local dependency 'lib': invalid version\/constraint format 'x\.y\.z\.w': /,
      ],
      [
        { name: 'lib', version: '2.x', repository: 'file://../lib' },
        "failed to add local dependency 'lib': can't get a valid version for constraint '2.x'",
      ],
      [
        { name: 'lib', version: '1.0.0', repository: 'file://../outside' },
        /failed to add local dependency 'lib': (?:no chart found|failed to load chart)/,
      ],
      [
        { name: 'lib', version: '1.0.0', repository: 'file://../docs' },
        /failed to add local dependency 'lib': failed to load chart from '\/charts\/docs' \(reference 'file:\/\/\.\.\/docs'\): /,
      ],
      [
        { name: 'db', version: '1.0.0', repository: '@nowhere' },
        /failed to add remote dependency 'db': aliased repository dependency is not supported: @nowhere\//,
      ],
      [
        { name: 'db', version: '1.0.0', repository: 'ftp://host/x' },
        "failed to add remote dependency 'db': invalid dependency repository URL: ftp://host/x/",
      ],
      [
        { name: 'db', version: '1.0.0', repository: bad },
        new RegExp(
          `failed to add remote dependency 'db': failed to get chart 'db' version '1\\.0\\.0' from '${bad}': no chart name found`,
        ),
      ],
      [
        { name: 'wrong', version: '2.x', repository: bad },
        new RegExp(
          `failed to add remote dependency 'wrong': failed to get chart 'wrong' version '2\\.x' from '${bad}': no 'wrong' chart with version matching '2\\.x' found`,
        ),
      ],
      [
        { name: 'wrong', version: '1.0.0', repository: bad },
        /failed to add remote dependency 'wrong': chart download of version '1\.0\.0' failed: .*has the digest/,
      ],
      [
        { name: 'gone', version: '1.0.0', repository: bad },
        /failed to add remote dependency 'gone': chart download of version '1\.0\.0' failed: .*404/,
      ],
      [
        { name: 'broken', version: '1.0.0', repository: bad },
        /failed to add remote dependency 'broken': failed to load downloaded archive of version '1\.0\.0': /,
      ],
      [
        { name: 'none', version: '1.0.0', repository: `oci://${registry.host}/none` },
        /failed to add remote dependency 'none': chart download of version '1\.0\.0' failed: /,
      ],
      [
        { name: 'none', version: '1.x', repository: `oci://${registry.host}/none` },
        /failed to add remote dependency 'none': failed to get chart 'none' version '1\.x' from 'oci:/,
      ],
    ]
    const made = await scenario({
      'charts/web/Chart.yaml': chartYaml([]),
      ...localChart('charts/lib', 'lib', '1.0.0'),
      'charts/docs/notes.txt': 'x',
      'charts/outside': { symlink: '../../../outside' },
    })
    await apply(made, 'HelmRepository', 'oci', { type: 'oci', url: `oci://${registry.host}/none`, insecure: true })
    for (const [i, [dependency, wanted]] of rows.entries()) {
      await made.repository.commit({ 'charts/web/Chart.yaml': chartYaml([dependency], `0.2.${i}`) })
      const { reason, message } = await build(made)
      assert.equal(reason, 'DependencyBuildError', `${JSON.stringify(dependency)}: ${message}`)
      if (typeof wanted === 'string') assert.equal(message, `dependency build error: ${wanted}`)
      else assert.match(message, wanted)
    }
  })

  it('do not go on for ever, and stay inside the limits', async () => {
    const made = await scenario({
      'charts/web/Chart.yaml': chartYaml([{ name: 'web', version: '*', repository: 'file://.', alias: 'me' }]),
      'charts/other/Chart.yaml': 'x',
    })
    const own = await build(made)
    assert.deepEqual(versionsOf(own.chart).length, 1, own.message)
    await made.repository.commit({
      'charts/web/Chart.yaml': chartYaml([{ name: 'a', version: '*', repository: 'file://../a' }], '0.2.0'),
      'charts/a/Chart.yaml': `apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{name: web, version: "*", repository: "file://../web"}]\n`,
    })
    const mutual = await build(made)
    assert.deepEqual(versionsOf(mutual.chart), ['a 1.0.0'], mutual.message)
    const many = Array.from({ length: 101 }, (_, i) => ({ name: `d${i}`, version: '*', repository: 'file://../a' }))
    await made.repository.commit({ 'charts/web/Chart.yaml': chartYaml(many, '0.3.0') })
    const refused = await build(made)
    assert.equal(refused.message, 'dependency build error: the chart asks for 101 dependencies, more than 100')
  })

  it('private addresses are refused unless they are allowed', async () => {
    const made = await scenario(
      {
        'charts/web/Chart.yaml': chartYaml([{ name: 'db', version: '*', repository: 'http://169.254.169.254/latest' }]),
      },
      { settings: { egress: { allowHosts: ['127.0.0.1'] } } },
    )
    const { reason, message } = await build(made)
    assert.equal(reason, 'DependencyBuildError')
    assert.match(message, /169\.254\.169\.254/)
  })

  it('are what helm dependency build brings in', async (t) => {
    const helm = await helmBinary()
    if (helm === undefined) return t.skip('no helm here')
    publish('/oracle', [
      ['db', '1.0.0'],
      ['db', '1.2.0'],
      ['cache', '3.1.4'],
    ])
    const files = {
      'charts/web/Chart.yaml': chartYaml([
        { name: 'lib', version: '>=0.1.0', repository: 'file://../lib' },
        { name: 'db', version: '1.x', repository: `${server.url}/oracle` },
        {
          name: 'cache',
          version: '^3.0.0',
          repository: `${server.url}/oracle`,
          alias: 'fast',
          condition: 'fast.enabled',
        },
      ]),
      'charts/web/templates/empty.yaml': '',
      ...localChart('charts/lib', 'lib', '0.3.0'),
    }
    const home = await mkdtemp(join(tmpdir(), 'sluice-helm-'))
    try {
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(home, path)), { recursive: true })
        await writeFile(join(home, path), content)
      }
      const env = { ...process.env, HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home }
      const run = (...args: string[]) => promisify(execFile)(helm, args, { env, cwd: home })
      await run('repo', 'add', 'oracle', `${server.url}/oracle`)
      await run('dependency', 'update', 'charts/web')
      await rm(join(home, 'charts/web/charts'), { recursive: true })
      await run('dependency', 'build', 'charts/web')
      const lock = await readFile(join(home, 'charts/web/Chart.lock'), 'utf8')
      const made = await scenario({ ...files, 'charts/web/Chart.lock': lock })
      const { chart, message } = await build(made)
      assert.ok(chart !== undefined, message)
      // The digest of the lock is ours too.
      assert.deepEqual(
        (await events(made)).filter((event) => event.startsWith('ChartLockOutdated')),
        [],
      )
      const wanted: { [path: string]: string } = {}
      for (const file of await readdir(join(home, 'charts/web/charts'))) {
        const one = await loadChartArchive(await readFile(join(home, 'charts/web/charts', file)))
        for (const { name, data } of one.raw)
          wanted[`charts/${one.metadata.name}/${name}`] = Buffer.from(data).toString().trim()
      }
      const got: { [path: string]: string } = {}
      for (const { name, data } of chart.raw)
        if (name.startsWith('charts/')) got[name] = Buffer.from(data).toString().trim()
      assert.deepEqual(Object.keys(got).toSorted(), Object.keys(wanted).toSorted())
      // helm packages a chart of a directory, and writes its Chart.yaml anew.
      for (const path of Object.keys(wanted).filter((one) => !one.endsWith('Chart.yaml')))
        assert.equal(got[path], wanted[path], path)
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })
})
