import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { parse } from 'yaml'
import { apiVersions } from '../../src/api/index.ts'
import { parsePolicy } from '../../src/tenancy/index.ts'
import { planOf, propose, startApplications, writesSince } from '../support/change-plans.ts'
import { useCluster } from '../support/cluster.ts'
import type { GitTestFile, GitTestRepository } from '../support/git-repository.ts'
import { lastingNamespaces } from '../support/lasting-namespaces.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'
import { makeTenant } from '../support/tenant.ts'

const cluster = useCluster()
const open: Scenario[] = []
after(async () => {
  for (const made of open) await made.close()
})
const lasting = lastingNamespaces(cluster)

const configMap = (name: string, data: string, namespace = '$TEAM'): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: ${namespace} }\ndata: ${data}\n`

const kustomization = (name: string, more = '', path = `./${name}`): string => `apiVersion: ${apiVersions.Kustomization}
kind: Kustomization
metadata: { name: ${name}, namespace: $TEAM }
spec:
  interval: 1h
  path: ${path}
  prune: true
  sourceRef: { kind: GitRepository, name: app }
${more}`

const repository = (name: string, url: string, more = ''): string => `apiVersion: ${apiVersions.GitRepository}
kind: GitRepository
metadata: { name: ${name}, namespace: $TEAM }
spec: { interval: 1h, url: "${url}", ref: { branch: main }${more} }
`

const root = `apiVersion: ${apiVersions.Kustomization}
kind: Kustomization
metadata: { name: root, namespace: $NAMESPACE }
spec: { interval: 1h, path: ./clusters, prune: true, sourceRef: { kind: GitRepository, name: app } }
`

/** The platform's namespace applies `./clusters`, in which a tenant's Kustomization `app` is; somebody else's namespace and repository hold what the tenant may not read. */
interface Place {
  readonly made: Scenario
  readonly team: string
  readonly victim: string
  readonly private: GitTestRepository
}

const canary = `canary-${crypto.randomUUID()}`

async function place(): Promise<Place> {
  const [team, victim] = [await lasting.namespace(), await lasting.namespace()]
  const fill = (text: string): string => text.replaceAll('$TEAM', team)
  const made = await createScenario(lasting, {
    limits: { healthPollMs: 100 },
    files: {
      'clusters/app.yaml': fill(kustomization('app')),
      'app/a.yaml': fill(configMap('a', '{ x: "1" }')),
      'app/kustomization.yaml': 'resources: [a.yaml]\n',
    },
  })
  open.push(made)
  const secret = await made.git.create(`private/${victim}`, {
    'app/a.yaml': fill(configMap('a', `{ x: ${canary} }`)),
    'app/kustomization.yaml': 'resources: [a.yaml]\n',
    'chart/Chart.yaml': 'apiVersion: v2\nname: chart\nversion: 1.0.0\n',
  })
  await made.client.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'admin', namespace: victim },
    stringData: { canary },
  })
  const source = (namespace: string, name: string, url: string): object => ({
    apiVersion: apiVersions.GitRepository,
    kind: 'GitRepository',
    metadata: { name, namespace },
    spec: { interval: '1h', url, ref: { branch: 'main' } },
  })
  await made.client.apply(source(team, 'app', made.repository.url))
  await made.client.apply(source(victim, 'private', secret.url))
  await makeTenant({ ...made, namespace: team }, 'team')
  return { made, team, victim, private: secret }
}

const policyFor = ({ made, team, victim }: Place, more: object = {}): object => ({
  platformNamespaces: [made.namespace],
  tenants: [
    { name: 'team', namespaces: [team], sources: [made.repository.url], identity: { serviceAccount: 'team' }, ...more },
    { name: 'victim', namespaces: [victim], sources: ['*'] },
  ],
})

function settings({ made, team, victim }: Place, given: object): void {
  const namespaces = [made.namespace, team, victim]
  Object.assign(made.deps, { settings: { ...made.deps.settings, namespaces, ...given } })
}

/** What the tenant tries. `app` is refused, unless another application is named. */
interface Escape {
  readonly title: string
  readonly rule: RegExp
  readonly files: { readonly [path: string]: GitTestFile }
  readonly application?: string
  /** Where a fork is refused before the policy is asked. */
  readonly ofFork?: { readonly phase: string; readonly rule: RegExp }
}

const escapes: readonly Escape[] = [
  {
    title: 'the source of another namespace',
    rule: /cross-namespace-reference: spec\.sourceRef\.namespace/,
    files: {
      'clusters/app.yaml': kustomization('app').replace('name: app }', 'name: private, namespace: $VICTIM }'),
    },
  },
  {
    title: 'the source of another namespace, in a new application',
    rule: /cross-namespace-reference: spec\.sourceRef\.namespace/,
    files: {
      'clusters/new.yaml': kustomization('new', '', './app').replace(
        'name: app }',
        'name: private, namespace: $VICTIM }',
      ),
    },
    application: 'Kustomization/new',
  },
  {
    title: 'a Secret of another namespace as what it waits for',
    rule: /cross-namespace-reference: spec\.healthChecks\[0\]\.namespace/,
    files: {
      'clusters/app.yaml': kustomization(
        'app',
        '  healthChecks: [{ apiVersion: v1, kind: Secret, name: admin, namespace: $VICTIM }]\n',
      ),
    },
  },
  {
    title: 'another service account',
    rule: /identity: spec\.serviceAccountName/,
    files: { 'clusters/app.yaml': kustomization('app', '  serviceAccountName: admin\n') },
  },
  {
    title: 'another cluster',
    rule: /remote-cluster: spec\.kubeConfig/,
    files: { 'clusters/app.yaml': kustomization('app', '  kubeConfig: { secretRef: { name: elsewhere } }\n') },
  },
  {
    title: 'the keys of the deployment',
    rule: /platform-credentials: spec\.decryption/,
    files: { 'clusters/app.yaml': kustomization('app', '  decryption: { provider: sops }\n') },
  },
  {
    title: 'another namespace to put its objects into',
    rule: /target-namespace: spec\.targetNamespace/,
    files: { 'clusters/app.yaml': kustomization('app', '  targetNamespace: $VICTIM\n') },
  },
  {
    title: 'a base that is a URL',
    rule: /remote-base: spec\.path/,
    files: { 'app/kustomization.yaml': 'resources: [a.yaml, "$PRIVATE//app?ref=main"]\n' },
    // Whatever the policy says, nobody from outside chooses what is fetched.
    ofFork: { phase: 'render', rule: /remote resources and bases are not allowed here/ },
  },
  {
    title: 'an object of the cluster',
    rule: /cluster-scoped-kind: ClusterRole\/\/escape/,
    files: {
      'app/kustomization.yaml': 'resources: [a.yaml, role.yaml]\n',
      'app/role.yaml':
        'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: escape }\nrules: []\n',
    },
  },
  {
    title: 'an object in another namespace',
    rule: /object-namespace: ConfigMap\/[^/]*\/escape/,
    files: {
      'app/kustomization.yaml': 'resources: [a.yaml, b.yaml]\n',
      'app/b.yaml': configMap('escape', '{ x: "1" }', '$VICTIM'),
    },
  },
  {
    title: 'a child that uses the source of another namespace',
    rule: /cross-namespace-reference: Kustomization\/[^/]*\/child spec\.sourceRef\.namespace/,
    files: {
      'app/kustomization.yaml': 'resources: [a.yaml, child.yaml]\n',
      'app/child.yaml': kustomization('child', '', './app').replace(
        'name: app }',
        'name: private, namespace: $VICTIM }',
      ),
    },
  },
  {
    title: 'a source from a URL that is not its own',
    rule: /source-url: spec\.url/,
    files: {
      'clusters/source.yaml': repository('other', '$PRIVATE'),
      'clusters/app.yaml': kustomization('app').replace('name: app }', 'name: other }'),
    },
  },
  {
    title: 'its own source with another URL',
    rule: /source-url: spec\.url/,
    files: { 'clusters/source.yaml': repository('app', '$PRIVATE') },
  },
  {
    title: 'a release with the chart of another namespace',
    rule: /cross-namespace-reference: spec\.chart\.spec\.sourceRef\.namespace/,
    files: {
      'clusters/new.yaml': `apiVersion: ${apiVersions.HelmRelease}
kind: HelmRelease
metadata: { name: new, namespace: $TEAM }
spec:
  interval: 1h
  chart: { spec: { chart: ./chart, sourceRef: { kind: GitRepository, name: private, namespace: $VICTIM } } }
`,
    },
    application: 'HelmRelease/new',
  },
]

describe('what a tenant may not do', () => {
  let at: Place
  before(async () => {
    at = await place()
    settings(at, { tenants: parsePolicy(policyFor(at)) })
    await startApplications(at.made, root)
    assert.equal((await at.made.scan()).state, 'succeeded')
  })
  const filled = (text: string): string =>
    text.replaceAll('$TEAM', at.team).replaceAll('$VICTIM', at.victim).replaceAll('$PRIVATE', at.private.url)

  for (const { title, rule, files, application = 'Kustomization/app', ofFork } of escapes)
    for (const change of [{}, { live: 'denied', secrets: 'withheld' }] as const)
      it(`is refused by the plan ${'live' in change ? 'of a fork ' : ''}and not fetched: ${title}`, async () => {
        const commits = await propose(
          at.made,
          Object.fromEntries(
            Object.entries(files).map(([path, file]) => [path, typeof file === 'string' ? filled(file) : file]),
          ),
        )
        const mark = await cluster.auditMark()
        const { log } = at.made.git.counters
        const asked = log.length
        const planned = await planOf(at.made, commits, change)
        const found = planned.application(application)
        assert.equal(found.state, 'failed', JSON.stringify(found))
        const expected = 'live' in change && ofFork !== undefined ? ofFork : { phase: 'policy', rule }
        assert.deepEqual(
          found.errors.map(({ phase }) => String(phase)),
          [expected.phase],
          JSON.stringify(found.errors),
        )
        assert.match(String(found.errors[0]?.message), expected.rule)
        assert.deepEqual(found.objects, [])
        assert.equal(
          planned.plan.digests.some(({ name }) => name === found.name),
          false,
        )
        assert.equal(JSON.stringify(planned.document).includes(canary), false)
        assert.deepEqual(
          log.slice(asked).filter((line) => line.includes('/private/')),
          [],
        )
        const { requests } = await cluster.requestCounts(mark)
        const ofVictim = requests.filter(
          (one) => one.namespace === at.victim && !one.resource.endsWith('.toolkit.fluxcd.io'),
        )
        assert.deepEqual(ofVictim, [])
        for (const namespace of [at.made.namespace, at.team, at.victim])
          assert.deepEqual(await writesSince(cluster, mark, namespace), [])
      })

  it('does not touch what it may: other applications of the same change are planned, as the tenant', async () => {
    const commits = await propose(at.made, {
      'clusters/new.yaml': filled(kustomization('new', '  serviceAccountName: admin\n', './app')),
      'app/a.yaml': filled(configMap('a', '{ x: "2" }')),
    })
    const mark = await cluster.auditMark()
    const { application, actions } = await planOf(at.made, commits)
    assert.equal(application('Kustomization/new').state, 'failed')
    assert.deepEqual(actions('Kustomization/app'), ['a change change'])
    assert.equal(application('Kustomization/app').tenant, 'team')
    const { requests } = await cluster.requestCounts(mark)
    const users = new Set(
      requests
        .filter(({ resource, namespace }) => resource === 'configmaps' && namespace === at.team)
        .map(({ user }) => user),
    )
    assert.deepEqual([...users], [`system:serviceaccount:${at.team}:team`])
  })
})

describe('bases that are URLs', () => {
  it('are fetched for a tenant that may have them, and for nobody from outside', async () => {
    const at = await place()
    settings(at, {
      tenants: parsePolicy(policyFor(at, { remoteBases: true, sources: [at.made.repository.url, at.private.url] })),
    })
    await startApplications(at.made, root)
    assert.equal((await at.made.scan()).state, 'succeeded')
    const commits = await propose(at.made, {
      'app/kustomization.yaml': `resources: ["${at.private.url}//app?ref=main"]\n`,
    })
    const { log } = at.made.git.counters
    const ofPrivate = (): readonly string[] => log.filter((line) => line.includes('/private/'))
    const before = ofPrivate().length
    const { application } = await planOf(at.made, commits, { live: 'denied', secrets: 'withheld' })
    assert.equal(application('Kustomization/app').state, 'failed')
    assert.equal(ofPrivate().length, before)
    const inside = await planOf(at.made, commits)
    assert.deepEqual(inside.application('Kustomization/app').errors, [])
    assert.deepEqual(inside.actions('Kustomization/app'), ['a change change'])
    assert.notEqual(ofPrivate().length, before)
  })
})

describe('a policy in Git', () => {
  const policy = (at: Place, more: object): string =>
    configMap('tenants', `{ tenants.yaml: ${JSON.stringify(JSON.stringify(policyFor(at, more)))} }`, at.made.namespace)

  it('counts as the cluster has it, whatever the change makes of it', async () => {
    const at = await place()
    settings(at, { tenantsConfigMap: `${at.made.namespace}/tenants` })
    const filled = (text: string): string => text.replaceAll('$TEAM', at.team).replaceAll('$VICTIM', at.victim)
    await at.made.repository.commit({ 'clusters/tenants.yaml': policy(at, {}) })
    await at.made.client.apply(parse(root.replaceAll('$NAMESPACE', at.made.namespace)) as object)
    // The first run brings the policy, the next ones go by it.
    for (let round = 0; round < 2; round++) await at.made.run({ kind: 'trigger', target: 'cluster' })
    assert.equal((await at.made.run({ kind: 'trigger', target: 'cluster' })).record.state, 'succeeded')
    // Wider, and used at once.
    const wider = await planOf(
      at.made,
      await propose(at.made, {
        'clusters/tenants.yaml': policy(at, { references: [`GitRepository/${at.victim}/private`] }),
        'clusters/app.yaml': filled(kustomization('app').replace('name: app }', 'name: private, namespace: $VICTIM }')),
      }),
    )
    assert.deepEqual(wider.actions('Kustomization/root').toSorted(), ['app change change', 'tenants change change'])
    const app = wider.application('Kustomization/app')
    assert.equal(app.state, 'failed')
    assert.match(String(app.errors[0]?.message), /cross-namespace-reference: spec\.sourceRef\.namespace/)
    assert.equal(JSON.stringify(wider.document).includes(canary), false)
    // Narrower: what is allowed now is planned, and judged anew once the policy is there.
    const narrower = await planOf(
      at.made,
      await propose(at.made, {
        'clusters/tenants.yaml': policy(at, { kinds: { deny: ['ConfigMap'] } }),
        'app/a.yaml': filled(configMap('a', '{ x: "2" }')),
      }),
    )
    assert.deepEqual(narrower.actions('Kustomization/app'), ['a change change'])
    // Gone: the same.
    const gone = await planOf(
      at.made,
      await propose(at.made, {
        'clusters/tenants.yaml': null,
        'clusters/app.yaml': filled(kustomization('app', '  serviceAccountName: admin\n')),
      }),
    )
    assert.deepEqual(gone.actions('Kustomization/root').toSorted(), ['app change change', 'tenants delete change'])
    assert.match(String(gone.application('Kustomization/app').errors[0]?.message), /identity: spec\.serviceAccountName/)
  })
})
