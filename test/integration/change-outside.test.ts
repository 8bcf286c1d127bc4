import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { apiVersions } from '../../src/api/index.ts'
import { chartLayerType } from '../../src/sources/index.ts'
import { planOf, propose, writesSince } from '../support/change-plans.ts'
import { ChartServer, hexDigest, makeChart, makeIndex } from '../support/chart-server.ts'
import { useCluster } from '../support/cluster.ts'
import type { GitTestFile, GitTestRepository } from '../support/git-repository.ts'
import { GitServer } from '../support/git-server.ts'
import { lastingNamespaces } from '../support/lasting-namespaces.ts'
import { RecordedRegistry } from '../support/recorded-registry.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'
import { putSecret } from '../support/tenant.ts'

const cluster = useCluster()
const closers: (() => Promise<void>)[] = []
after(async () => {
  for (const close of closers.toReversed()) await close()
})
const lasting = lastingNamespaces(cluster)

const login = { username: 'fleet', password: `password-${crypto.randomUUID()}` }

const configMap = (name: string, data: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: $NAMESPACE }\ndata: ${data}\n`

const kustomization = (name: string, path: string, source = 'app', more = ''): string =>
  `apiVersion: ${apiVersions.Kustomization}
kind: Kustomization
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  interval: 1h
  path: ${path}
  prune: true
  sourceRef: { kind: GitRepository, name: ${source} }
${more}`

const gitRepository = (name: string, url: string, more = ''): string => `apiVersion: ${apiVersions.GitRepository}
kind: GitRepository
metadata: { name: ${name}, namespace: $NAMESPACE }
spec: { interval: 1h, url: "${url}", ref: { branch: main }${more} }
`

const release = (name: string, spec: string, values = '{}'): string => `apiVersion: ${apiVersions.HelmRelease}
kind: HelmRelease
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  interval: 1h
${spec}
  values: ${values}
`

const fromRepository = (repository: string): string =>
  `  chart: { spec: { chart: web, version: "1.x", sourceRef: { kind: HelmRepository, name: ${repository} } } }`
const fromArtifact = '  chartRef: { kind: OCIRepository, name: artifact }'
const fromGit = '  chart: { spec: { chart: ./chart, sourceRef: { kind: GitRepository, name: app } } }'

/** A repository that needs a password, with applications from it and from other places that need one. */
interface Place {
  readonly made: Scenario
  readonly repository: GitTestRepository
  readonly privateGit: GitServer
  readonly other: GitTestRepository
  readonly charts: ChartServer
  readonly openCharts: ChartServer
  readonly registry: RecordedRegistry
}

async function started(): Promise<Place> {
  const made = await createScenario(lasting, { files: { 'README.md': 'x' }, limits: { healthPollMs: 100 } })
  const [privateGit, charts, openCharts, registry] = await Promise.all([
    GitServer.start({ auth: login }),
    ChartServer.start(),
    ChartServer.start(),
    RecordedRegistry.start(),
  ])
  closers.push(
    () => privateGit.close(),
    () => charts.close(),
    () => openCharts.close(),
    () => registry.close(),
    () => made.close(),
  )
  const bytes = makeChart('web', '1.0.0')
  for (const server of [charts, openCharts]) {
    server.files.set('/web-1.0.0.tgz', bytes)
    server.files.set(
      '/index.yaml',
      makeIndex([{ name: 'web', version: '1.0.0', url: 'web-1.0.0.tgz', digest: hexDigest(bytes) }]),
    )
  }
  charts.login = `${login.username}:${login.password}`
  registry.addImage('web', '1.0.0', [registry.addBlob('web', bytes, chartLayerType)])
  const other = await privateGit.create('team/other', {
    'app/a.yaml': configMap('other', '{ x: "1" }').replaceAll('$NAMESPACE', made.namespace),
    'more/a.yaml': configMap('more', '{ x: "1" }').replaceAll('$NAMESPACE', made.namespace),
  })
  await putSecret(made, 'login', login)
  await putSecret(made, 'vars', { value: 'from-a-secret' })
  await made.client.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/dockerconfigjson',
    metadata: { name: 'registry', namespace: made.namespace },
    stringData: { '.dockerconfigjson': JSON.stringify({ auths: { [registry.host]: login } }) },
  })
  const secretRef = ', secretRef: { name: login }'
  const source = (kind: 'HelmRepository' | 'OCIRepository', name: string, spec: string): string =>
    `apiVersion: ${apiVersions[kind]}\nkind: ${kind}\nmetadata: { name: ${name}, namespace: $NAMESPACE }\nspec: ${spec}\n`
  const files: { readonly [path: string]: string } = {
    'clusters/app.yaml': kustomization('app', './app'),
    'clusters/vars.yaml': kustomization(
      'vars',
      './vars',
      'app',
      '  postBuild: { substituteFrom: [{ kind: Secret, name: vars }] }\n',
    ),
    'clusters/source-other.yaml': gitRepository('other', other.url, secretRef),
    'clusters/other.yaml': kustomization('other', './app', 'other'),
    'clusters/source-charts.yaml': source(
      'HelmRepository',
      'charts',
      `{ interval: 1h, url: "${charts.url}"${secretRef} }`,
    ),
    'clusters/source-open.yaml': source('HelmRepository', 'open', `{ interval: 1h, url: "${openCharts.url}" }`),
    'clusters/source-oci.yaml': source(
      'OCIRepository',
      'artifact',
      `{ interval: 1h, url: "oci://${registry.host}/web", insecure: true, ref: { tag: 1.0.0 }, secretRef: { name: registry } }`,
    ),
    'clusters/of-charts.yaml': release('of-charts', fromRepository('charts')),
    'clusters/of-open.yaml': release('of-open', fromRepository('open')),
    'clusters/of-artifact.yaml': release('of-artifact', fromArtifact),
    'clusters/of-git.yaml': release('of-git', fromGit),
    'app/a.yaml': configMap('a', '{ x: "1" }'),
    'vars/v.yaml': configMap('v', '{ x: "${value}" }'),
    'chart/Chart.yaml': 'apiVersion: v2\nname: chart\nversion: 1.0.0\n',
    'chart/templates/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: of-chart }\n',
  }
  const filled = Object.fromEntries(
    Object.entries(files).map(([path, file]) => [path, file.replaceAll('$NAMESPACE', made.namespace)]),
  )
  const repository = await privateGit.create('team/fleet', filled)
  await made.client.apply({
    apiVersion: apiVersions.GitRepository,
    kind: 'GitRepository',
    metadata: { name: 'app', namespace: made.namespace },
    spec: { interval: '1h', url: repository.url, ref: { branch: 'main' }, secretRef: { name: 'login' } },
  })
  const place = { made, repository, privateGit, other, charts, openCharts, registry }
  await made.client.apply(rootOf(made.namespace))
  for (let round = 0; round < 4; round++) {
    const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
    if (record.state === 'succeeded') return place
    if (round === 3) assert.fail(JSON.stringify(record).slice(0, 3000))
  }
  return place
}

const rootOf = (namespace: string): object => ({
  apiVersion: apiVersions.Kustomization,
  kind: 'Kustomization',
  metadata: { name: 'root', namespace },
  spec: { interval: '1h', path: './clusters', prune: true, sourceRef: { kind: 'GitRepository', name: 'app' } },
})

interface Row {
  readonly title: string
  readonly files: (place: Place) => { readonly [path: string]: GitTestFile }
  readonly application: string
  /** What the plan says that it could not do; undefined where it can be planned. */
  readonly message?: RegExp
}

const changed = { 'app/a.yaml': configMap('a', '{ x: "2" }') }
const rows: readonly Row[] = [
  { title: 'the repository itself', files: () => changed, application: 'Kustomization/app' },
  {
    title: 'what takes variables from a Secret',
    files: () => ({ 'vars/v.yaml': configMap('v', '{ x: "${value}", y: "2" }') }),
    application: 'Kustomization/vars',
  },
  {
    title: 'a release of a chart in the repository',
    files: () => ({
      'clusters/of-git.yaml': release('of-git', fromGit, '{ a: "1" }'),
      ...chart('1.1.0'),
      'chart/templates/a.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: of-chart }\ndata: { a: "{{ .Values.a }}" }\n',
    }),
    application: 'HelmRelease/of-git',
  },
  {
    title: 'a release of a chart that everybody may read',
    files: () => ({ 'clusters/of-open.yaml': release('of-open', fromRepository('open'), '{ greeting: bye }') }),
    application: 'HelmRelease/of-open',
  },
  {
    title: 'another private repository, at another path',
    files: () => ({ 'clusters/other.yaml': kustomization('other', './more', 'other') }),
    application: 'Kustomization/other',
    message: /GitRepository '.*\/other' is not fetched for a change from outside: it is private/,
  },
  {
    title: 'another private repository, in a new application',
    files: () => ({ 'clusters/new.yaml': kustomization('new', './more', 'other') }),
    application: 'Kustomization/new',
    message: /is not fetched for a change from outside: it is private/,
  },
  {
    title: 'a private repository under a new name',
    files: ({ other }) => ({
      'clusters/source.yaml': gitRepository('second', other.url, ', secretRef: { name: login }'),
      'clusters/new.yaml': kustomization('new', './more', 'second'),
    }),
    application: 'Kustomization/new',
    message: /GitRepository '.*\/second' is not fetched for a change from outside: the change makes it/,
  },
  {
    title: 'a private repository without what makes it private',
    files: ({ other }) => ({
      'clusters/source-other.yaml': gitRepository('other', other.url),
      'clusters/other.yaml': kustomization('other', './more', 'other'),
    }),
    application: 'Kustomization/other',
    message: /is not fetched for a change from outside: it is private/,
  },
  {
    title: 'a private repository as part of the own one',
    files: ({ repository }) => ({
      ...changed,
      'clusters/source.yaml': gitRepository(
        'app',
        repository.url,
        ', secretRef: { name: login }, include: [{ repository: { name: other } }]',
      ),
    }),
    application: 'Kustomization/app',
    message: /GitRepository '.*\/other' is not fetched for a change from outside: it is private/,
  },
  {
    title: 'a private chart, with other values',
    files: () => ({ 'clusters/of-charts.yaml': release('of-charts', fromRepository('charts'), '{ greeting: bye }') }),
    application: 'HelmRelease/of-charts',
    message: /is not fetched for a change from outside: it is private/,
  },
  {
    title: 'a private chart in a registry, with other values',
    files: () => ({ 'clusters/of-artifact.yaml': release('of-artifact', fromArtifact, '{ greeting: bye }') }),
    application: 'HelmRelease/of-artifact',
    message: /OCIRepository '.*\/artifact' is not fetched for a change from outside: it is private/,
  },
  {
    title: 'charts of an address that the change chooses',
    files: ({ charts }) => ({
      'clusters/source.yaml': `apiVersion: ${apiVersions.HelmRepository}\nkind: HelmRepository\nmetadata: { name: open, namespace: $NAMESPACE }\nspec: { interval: 1h, url: "${charts.url}" }\n`,
      'clusters/source-open.yaml': null,
      'clusters/of-open.yaml': release('of-open', fromRepository('open'), '{ greeting: bye }'),
    }),
    application: 'HelmRelease/of-open',
    message: /is not fetched for a change from outside: the change changes it/,
  },
  {
    title: 'a base that is a URL',
    files: ({ openCharts }) => ({ 'app/kustomization.yaml': `resources: [a.yaml, "${openCharts.url}/chosen.yaml"]\n` }),
    application: 'Kustomization/app',
    message: /chosen\.yaml/,
  },
  {
    title: 'a part of a chart from an address that the change chooses',
    files: ({ openCharts }) => chart('1.1.0', `${openCharts.url}/chosen`),
    application: 'HelmRelease/of-git',
    message: /is not fetched for a change from outside: no HelmRepository in the cluster has this URL/,
  },
  {
    title: 'a part of a chart from a private place',
    files: ({ charts }) => chart('1.1.0', charts.url),
    application: 'HelmRelease/of-git',
    message: /HelmRepository '.*\/charts' is not fetched for a change from outside: it is private/,
  },
]

function chart(version: string, dependencies?: string): { readonly [path: string]: string } {
  const more =
    dependencies === undefined ? '' : `dependencies: [{ name: web, version: 1.0.0, repository: "${dependencies}" }]\n`
  return { 'chart/Chart.yaml': `apiVersion: v2\nname: chart\nversion: ${version}\n${more}` }
}

describe('a change from outside', () => {
  let place: Place
  before(async () => {
    place = await started()
  })
  const outside = { live: 'denied', secrets: 'withheld' } as const

  for (const { title, files, application, message } of rows)
    it(`${message === undefined ? 'is planned without what is secret' : 'fetches nothing that is private or of its choice, and says so'}: ${title}`, async () => {
      const { made, repository, privateGit, charts, openCharts, registry } = place
      const given = { repository, namespace: made.namespace, deps: made.deps }
      const commits = await propose(given, files(place))
      privateGit.counters.log.length = 0
      const mark = await cluster.auditMark()
      const seen = [charts.seen.length, registry.requests.length]
      const planned = await planOf(given, commits, outside)
      const found = planned.application(application)
      assert.equal(found.live, 'denied')
      if (message === undefined) {
        assert.equal(found.state, 'planned', JSON.stringify(found))
        assert.notEqual(found.objects.length, 0)
      } else {
        assert.equal(found.state, 'failed', JSON.stringify(found))
        assert.deepEqual(found.objects, [])
        assert.match(String(found.errors[0]?.message), message)
      }
      const text = JSON.stringify(planned.document)
      for (const secret of [login.password, 'from-a-secret']) assert.equal(text.includes(secret), false)
      assert.deepEqual([charts.seen.length, registry.requests.length], seen)
      assert.deepEqual(
        openCharts.seen.filter(({ path, authorization }) => path.includes('chosen') || authorization !== undefined),
        [],
      )
      assert.deepEqual(
        privateGit.counters.log.filter((line) => !line.includes('/team/fleet.git')),
        [],
      )
      const { requests } = await cluster.requestCounts(mark)
      const read = requests.filter(
        (one) => one.namespace === made.namespace && !one.resource.endsWith('.toolkit.fluxcd.io'),
      )
      // The password of the repository itself is all that is read.
      assert.deepEqual(
        [...new Set(read.map(({ verb, resource, name }) => `${verb} ${resource} ${name}`))],
        ['get secrets login'],
      )
      assert.deepEqual(await writesSince(cluster, mark, made.namespace), [])
    })
})

describe('a change from inside', () => {
  let place: Place
  before(async () => {
    place = await started()
  })

  it('uses what the cluster logs in with already, and sends it nowhere else', async () => {
    const { made, repository, charts, openCharts } = place
    const given = { repository, namespace: made.namespace, deps: made.deps }
    const inside = await planOf(
      given,
      await propose(given, {
        'clusters/of-charts.yaml': release('of-charts', fromRepository('charts'), '{ greeting: bye }'),
        'clusters/other.yaml': kustomization('other', './more', 'other'),
      }),
    )
    assert.deepEqual(inside.actions('HelmRelease/of-charts'), ['of-charts change change'])
    assert.deepEqual(inside.actions('Kustomization/other'), ['more create change', 'other delete change'])
    const stolen = await planOf(
      given,
      await propose(given, {
        'clusters/source-charts.yaml': `apiVersion: ${apiVersions.HelmRepository}\nkind: HelmRepository\nmetadata: { name: charts, namespace: $NAMESPACE }\nspec: { interval: 1h, url: "${charts.otherUrl}", secretRef: { name: login } }\n`,
      }),
    )
    assert.match(
      String(stolen.application('HelmRelease/of-charts').errors[0]?.message),
      /it was fetched without its credentials, because nothing in the cluster sends them to that host yet/,
    )
    assert.equal(
      openCharts.seen.some(({ authorization }) => authorization !== undefined),
      false,
    )
    const hosts = charts.seen.filter(({ headers }) => String(headers['host']).startsWith('localhost'))
    assert.notEqual(hosts.length, 0)
    assert.deepEqual([...new Set(hosts.map(({ authorization }) => authorization))], [undefined])
  })

  it('says of what is made from its own source that the source cannot be made any more, and settles', async () => {
    const { made, repository } = place
    const given = { repository, namespace: made.namespace, deps: made.deps }
    const { application, document } = await planOf(
      given,
      await propose(given, {
        'clusters/source.yaml': gitRepository(
          'app',
          repository.url,
          ', secretRef: { name: login }, include: [{ repository: { name: missing } }]',
        ),
        'clusters/new.yaml': kustomization('new', './app'),
      }),
    )
    for (const name of ['root', 'app', 'vars', 'new']) {
      const { state, errors } = application(`Kustomization/${name}`)
      assert.equal(state, 'failed', name)
      assert.match(String(errors[0]?.message), /include (?:'missing'|\(hidden\)): there is no GitRepository/)
    }
    assert.equal(application('HelmRelease/of-git').state, 'failed')
    // What comes from elsewhere is not concerned.
    assert.equal(
      document.applications.some(({ name }) => name === 'other'),
      false,
    )
  })
})
