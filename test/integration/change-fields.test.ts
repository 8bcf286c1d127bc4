import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { apiVersions } from '../../src/api/index.ts'
import { planOf, propose, startApplications, writesSince, type PlannedChange } from '../support/change-plans.ts'
import { useCluster } from '../support/cluster.ts'
import type { GitTestFile } from '../support/git-repository.ts'
import { lastingNamespaces } from '../support/lasting-namespaces.ts'
import { configMapTemplate } from '../support/release-scenario.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []
after(async () => {
  for (const made of open) await made.close()
})
const lasting = lastingNamespaces(cluster)

const configMap = (name: string, data: string, more = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n${more}data: ${data}\n`

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 0
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: "nginx:1.26" }] }
`

const kustomization = (spec: object = {}, name = 'app'): string =>
  `${JSON.stringify({
    apiVersion: apiVersions.Kustomization,
    kind: 'Kustomization',
    metadata: { name, namespace: '$NAMESPACE' },
    spec: {
      interval: '1h',
      path: `./${name}`,
      prune: true,
      targetNamespace: '$NAMESPACE',
      sourceRef: { kind: 'GitRepository', name: 'app' },
      ...spec,
    },
  })}\n`

const release = (spec: object = {}): string =>
  `${JSON.stringify({
    apiVersion: apiVersions.HelmRelease,
    kind: 'HelmRelease',
    metadata: { name: 'release', namespace: '$NAMESPACE' },
    spec: {
      interval: '1h',
      chart: { spec: { chart: './chart', sourceRef: { kind: 'GitRepository', name: 'app' } } },
      ...spec,
    },
  })}\n`

/** What a change of fields does, and what the plan says of it. */
interface Row {
  readonly title: string
  readonly files: { readonly [path: string]: GitTestFile }
  readonly actions: readonly string[]
  readonly state?: string
  readonly reason?: RegExp
  readonly danger?: string
  readonly application?: string
  readonly errors?: RegExp
}

const fixed = (value: string): string => configMap('fixed', `{ x: "${value}" }`, 'immutable: true\n')

const rows: readonly Row[] = [
  {
    title: 'postBuild.substitute',
    files: { 'clusters/app.yaml': kustomization({ postBuild: { substitute: { given: 'two' } } }) },
    actions: ['vars change change'],
  },
  {
    title: 'postBuild.substituteFrom, of a ConfigMap that comes with it',
    files: {
      'clusters/app.yaml': kustomization({ postBuild: { substituteFrom: [{ kind: 'ConfigMap', name: 'given' }] } }),
      'clusters/given.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: given, namespace: $NAMESPACE }\ndata: { given: two }\n',
    },
    actions: ['vars change change'],
  },
  {
    title: 'postBuild.substituteFrom, of nothing',
    files: {
      'clusters/app.yaml': kustomization({ postBuild: { substituteFrom: [{ kind: 'ConfigMap', name: 'nobody' }] } }),
    },
    actions: [],
    state: 'failed',
    errors: /nobody/,
  },
  {
    title: 'components',
    files: { 'clusters/app.yaml': kustomization({ components: ['../component'] }) },
    actions: ['of-component create change'],
  },
  {
    title: 'components that are not there',
    files: { 'clusters/app.yaml': kustomization({ components: ['../nowhere'] }) },
    actions: [],
    state: 'failed',
    errors: /nowhere/,
  },
  {
    title: 'images',
    files: { 'clusters/app.yaml': kustomization({ images: [{ name: 'nginx', newTag: '1.27' }] }) },
    actions: ['web change change'],
  },
  {
    title: 'patches',
    files: {
      'clusters/app.yaml': kustomization({
        patches: [
          { target: { kind: 'ConfigMap', name: 'vars' }, patch: '[{ "op": "add", "path": "/data/y", "value": "1" }]' },
        ],
      }),
    },
    actions: ['vars change change'],
  },
  {
    title: 'targetNamespace',
    files: { 'clusters/app.yaml': kustomization({ targetNamespace: 'default' }) },
    actions: [
      'fixed create change',
      'fixed delete change',
      'vars create change',
      'vars delete change',
      'web create change',
      'web delete change',
    ],
  },
  {
    title: 'namePrefix',
    files: { 'clusters/app.yaml': kustomization({ namePrefix: 'new-' }) },
    actions: [
      'fixed delete change',
      'new-fixed create change',
      'new-vars create change',
      'new-web create change',
      'vars delete change',
      'web delete change',
    ],
  },
  {
    title: 'commonMetadata',
    files: { 'clusters/app.yaml': kustomization({ commonMetadata: { labels: { team: 'a' } } }) },
    actions: ['fixed change change', 'vars change change', 'web change change'],
  },
  {
    title: 'prune: false, beside an object that goes',
    files: {
      'clusters/app.yaml': kustomization({ prune: false }),
      'app/vars.yaml': null,
      'app/kustomization.yaml': 'resources: [fixed.yaml, web.yaml]\n',
    },
    actions: ['vars keep change'],
  },
  {
    title: 'no force, beside a field that cannot be changed',
    files: { 'app/fixed.yaml': fixed('2') },
    actions: ['fixed refuse change'],
    state: 'failed',
    errors: /cannot be changed/,
  },
  {
    title: 'force, beside a field that cannot be changed',
    files: { 'clusters/app.yaml': kustomization({ force: true }), 'app/fixed.yaml': fixed('2') },
    actions: ['fixed replace change'],
  },
  {
    title: 'dependsOn something that is not there',
    files: { 'clusters/app.yaml': kustomization({ dependsOn: [{ name: 'nobody' }] }) },
    actions: [],
    state: 'blocked',
    danger: 'dependency-never-ready',
  },
  {
    title: 'dependsOn one that waits for it',
    files: {
      'clusters/app.yaml': kustomization({ dependsOn: [{ name: 'other' }] }),
      'clusters/other.yaml': kustomization({ dependsOn: [{ name: 'app' }] }, 'other'),
    },
    actions: [],
    state: 'blocked',
    danger: 'dependency-never-ready',
  },
  {
    title: 'dependsOn one that is suspended by the same change',
    files: {
      'clusters/app.yaml': kustomization({ dependsOn: [{ name: 'other' }] }),
      'clusters/other.yaml': kustomization({ suspend: true }, 'other'),
    },
    actions: [],
    state: 'blocked',
    danger: 'dependency-never-ready',
  },
  {
    title: 'suspend, alone',
    files: { 'clusters/app.yaml': kustomization({ suspend: true }) },
    actions: [],
    state: 'held',
    reason: /it is suspended/,
  },
  {
    title: 'suspend, beside other changes',
    files: { 'clusters/app.yaml': kustomization({ suspend: true }), 'app/vars.yaml': configMap('vars', '{ x: "2" }') },
    actions: ['vars change change'],
    state: 'held',
    reason: /it is suspended/,
  },
  {
    title: 'a service account without rights',
    files: { 'clusters/app.yaml': kustomization({ serviceAccountName: 'nobody' }) },
    actions: [],
    state: 'failed',
    errors: /forbidden: .*cannot get/,
  },
  {
    title: 'targetNamespace of a release',
    files: { 'clusters/release.yaml': release({ targetNamespace: 'default' }) },
    actions: ['of-chart create change', 'of-chart delete change'],
    application: 'HelmRelease/release',
    reason: /the current release is uninstalled first, because its .* changes/,
  },
  {
    title: 'storageNamespace of a release',
    files: { 'clusters/release.yaml': release({ storageNamespace: 'default' }) },
    actions: [],
    application: 'HelmRelease/release',
    reason: /the current release is uninstalled first, because its storage namespace changes/,
  },
  {
    title: 'suspend of a release',
    files: { 'clusters/release.yaml': release({ suspend: true }) },
    actions: [],
    application: 'HelmRelease/release',
    state: 'held',
    reason: /it is suspended/,
  },
  {
    title: 'dependsOn of a release',
    files: { 'clusters/release.yaml': release({ dependsOn: [{ name: 'nobody' }] }) },
    actions: [],
    application: 'HelmRelease/release',
    state: 'blocked',
    danger: 'dependency-never-ready',
  },
]

describe('fields of an application that a change sets', () => {
  let made: Scenario
  before(async () => {
    made = await createScenario(lasting, {
      limits: { healthPollMs: 100 },
      files: {
        'clusters/app.yaml': kustomization(),
        'clusters/other.yaml': kustomization({}, 'other'),
        'clusters/asleep.yaml': kustomization({}, 'asleep'),
        'clusters/release.yaml': release(),
        'app/kustomization.yaml': 'resources: [vars.yaml, fixed.yaml, web.yaml]\n',
        'app/vars.yaml': configMap('vars', '{ x: "${given:=one}" }'),
        'app/fixed.yaml': fixed('1'),
        'app/web.yaml': deployment,
        'other/a.yaml': configMap('other', '{ x: "1" }'),
        'asleep/a.yaml': configMap('asleep', '{ x: "1" }'),
        'component/kustomization.yaml':
          'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [a.yaml]\n',
        'component/a.yaml': configMap('of-component', '{ x: "1" }'),
        'chart/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
        'chart/templates/a.yaml': configMapTemplate('of-chart', 'value: a'),
      },
    })
    open.push(made)
    await startApplications(
      made,
      kustomization({ path: './clusters', postBuild: undefined }, 'root').replace(
        '"targetNamespace":"$NAMESPACE",',
        '',
      ),
    )
    assert.equal((await made.run({ kind: 'trigger', target: 'cluster' })).record.state, 'succeeded')
  })

  async function planned(files: { readonly [path: string]: GitTestFile }): Promise<PlannedChange> {
    const commits = await propose(made, files)
    const mark = await cluster.auditMark()
    const result = await planOf(made, commits)
    assert.deepEqual(await writesSince(cluster, mark, made.namespace), [])
    return result
  }

  for (const { title, files, actions, state, reason, danger, errors, application = 'Kustomization/app' } of rows)
    it(`are in the plan with what they do: ${title}`, async () => {
      const result = await planned(files)
      const found = result.application(application)
      assert.deepEqual(result.actions(application).toSorted(), actions, JSON.stringify(found.errors))
      if (state !== undefined) assert.equal(found.state, state, JSON.stringify(found))
      else assert.ok(['planned', 'unaffected'].includes(found.state), JSON.stringify(found))
      if (reason !== undefined) assert.match(String(found.reason), reason)
      if (errors !== undefined) assert.match(JSON.stringify(found.errors), errors)
      const rules = result.document.dangers.filter((one) => String(one.application).endsWith(String(found.name)))
      if (danger !== undefined)
        assert.ok(
          rules.some(({ rule }) => rule === danger),
          JSON.stringify(result.document.dangers),
        )
    })

  it('name images with what they were', async () => {
    const { application } = await planned({
      'clusters/app.yaml': kustomization({ images: [{ name: 'nginx', newTag: '1.27' }] }),
    })
    assert.deepEqual(
      application('Kustomization/app').images.map((one) => [one.before, one.after].map(String)),
      [['nginx:1.26', 'nginx:1.27']],
    )
  })

  it('that say how long something may take and what is waited for do nothing to objects', async () => {
    const { document } = await planned({
      'clusters/app.yaml': kustomization({
        wait: true,
        timeout: '2m',
        retryInterval: '3m',
        healthChecks: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'vars', namespace: '$NAMESPACE' }],
        deletionPolicy: 'WaitForTermination',
      }),
      'clusters/release.yaml': release({ timeout: '3m' }),
    })
    assert.deepEqual(
      document.applications.filter(({ objects }) => objects.length > 0).map(({ name }) => String(name)),
      ['root'],
    )
    assert.equal(
      document.applications.some(({ state }) => ['failed', 'held', 'blocked'].includes(state)),
      false,
    )
  })

  it('that end a suspension show what has waited for that', async () => {
    const { client, namespace } = made
    const suspended = kustomization({ suspend: true }, 'asleep').replaceAll('$NAMESPACE', namespace)
    await made.push({ 'clusters/asleep.yaml': suspended })
    await client.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'asleep', namespace, labels: { by: 'hand' } },
      data: { x: '9' },
    })
    const { application, actions } = await planned({ 'clusters/asleep.yaml': kustomization({}, 'asleep') })
    assert.equal(application('Kustomization/asleep').state, 'planned')
    assert.deepEqual(actions('Kustomization/asleep'), ['asleep change drift'])
  })
})
