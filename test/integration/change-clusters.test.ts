import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { apiVersions } from '../../src/api/index.ts'
import { planOf, propose, startApplications, writesSince, type PlannedChange } from '../support/change-plans.ts'
import { useCluster } from '../support/cluster.ts'
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { createKubeTestClient, type KubeTestClient } from '../support/kube-test-client.ts'
import { lastingNamespaces } from '../support/lasting-namespaces.ts'
import { freePort } from '../support/free-ports.ts'
import { configMapTemplate } from '../support/release-scenario.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'
import { kubeconfigOf, putSecret } from '../support/tenant.ts'

const cluster = useCluster()
const open: Scenario[] = []
after(async () => {
  for (const made of open) await made.close()
})
const lasting = lastingNamespaces(cluster)

const configMap = (name: string, data: string, namespace = 'apps', more = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: ${namespace} }\n${more}data: ${data}\n`

const kustomization = (name: string, secret?: string, path = `./${name}`): string =>
  `apiVersion: ${apiVersions.Kustomization}
kind: Kustomization
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  interval: 1h
  path: ${path}
  prune: true
  sourceRef: { kind: GitRepository, name: app }
${secret === undefined ? '' : `  kubeConfig: { secretRef: { name: ${secret} } }\n`}`

const release = (value: string): string => `apiVersion: ${apiVersions.HelmRelease}
kind: HelmRelease
metadata: { name: release, namespace: $NAMESPACE }
spec:
  interval: 1h
  targetNamespace: apps
  storageNamespace: apps
  chart: { spec: { chart: ./chart, sourceRef: { kind: GitRepository, name: app } } }
  kubeConfig: { secretRef: { name: second } }
  values: { value: ${value} }
`

describe('a change of what goes to a cluster that an object names', () => {
  let second: ControlPlane
  let remote: KubeTestClient
  let made: Scenario
  before(async () => {
    second = await startControlPlane({ controllerManager: false, users: [{ name: 'nobody', groups: [] }] })
    remote = createKubeTestClient(second)
    await remote.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'apps' } })
    made = await createScenario(lasting, {
      limits: { healthPollMs: 100 },
      files: {
        'clusters/remote.yaml': kustomization('remote', 'second'),
        'clusters/local.yaml': kustomization('local'),
        'clusters/release.yaml': release('a'),
        'remote/change.yaml': configMap('change', '{ x: "1" }'),
        'remote/gone.yaml': configMap('gone', '{ x: "1" }'),
        'remote/fixed.yaml': configMap('fixed', '{ x: "1" }', 'apps', 'immutable: true\n'),
        'local/local.yaml': configMap('local', '{ x: "1" }', '$NAMESPACE'),
        'local/moves.yaml': configMap('moves', '{ x: "1" }', '$NAMESPACE'),
        'chart/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
        'chart/templates/a.yaml': configMapTemplate('of-chart', 'value: "{{ .Values.value }}"'),
      },
    })
    open.push(made)
    await remote.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: made.namespace } })
    const user = (token: string): string => kubeconfigOf({ ...cluster, address: second }, { token })
    await putSecret(made, 'second', { value: user(second.token) })
    await putSecret(made, 'nobody', { value: user(second.userTokens['nobody'] ?? '') })
    await putSecret(made, 'away', {
      value: kubeconfigOf({ ...cluster, address: second }, { token: 'x' }, `https://127.0.0.1:${await freePort()}`),
    })
    await startApplications(made, kustomization('root', undefined, './clusters'))
    assert.equal((await made.scan()).state, 'succeeded')
  })
  after(async () => {
    remote.close()
    await second.stop()
  })

  /** Writes to either cluster, but for dry-runs. */
  async function planned(
    files: Parameters<typeof propose>[1],
    change: Parameters<typeof planOf>[2] = {},
  ): Promise<PlannedChange & { readonly asked: readonly string[] }> {
    const commits = await propose(made, files)
    const [mark, there] = [await cluster.auditMark(), await second.auditMark()]
    const result = await planOf(made, commits, change)
    assert.deepEqual(await writesSince(cluster, mark, made.namespace), [])
    const { requests } = await second.requestCounts(there)
    const own = requests.filter(({ user }) => !user.startsWith('system:'))
    assert.deepEqual(
      own.filter(({ verb, uri }) => !['get', 'list', 'watch'].includes(verb) && !uri.includes('dryRun=All')),
      [],
    )
    return { ...result, asked: own.map(({ verb, uri }) => `${verb} ${uri}`) }
  }

  it('is compared with that cluster, which carries nothing out', async () => {
    await remote.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'change', namespace: 'apps', labels: { by: 'hand' } },
      data: { x: '9' },
    })
    const { application, actions, asked } = await planned({
      'remote/change.yaml': configMap('change', '{ x: "2" }'),
      'remote/gone.yaml': null,
      'remote/new.yaml': configMap('new', '{ x: "1" }'),
      'remote/fixed.yaml': configMap('fixed', '{ x: "2" }', 'apps', 'immutable: true\n'),
      'clusters/release.yaml': release('b'),
    })
    assert.deepEqual(actions('Kustomization/remote'), [
      'change change both',
      'fixed refuse change',
      'gone delete change',
      'new create change',
    ])
    assert.equal(application('Kustomization/remote').live, 'read')
    assert.deepEqual(actions('HelmRelease/release'), ['of-chart change change'])
    assert.ok(asked.some((one) => one.startsWith('patch') && one.includes('dryRun=All')))
  })

  it('is told where that cluster refuses to be asked', async () => {
    const { application } = await planned({
      'clusters/remote.yaml': kustomization('remote', 'nobody'),
      'clusters/local.yaml': kustomization('local'),
      'local/local.yaml': configMap('local', '{ x: "2" }', '$NAMESPACE'),
    })
    const found = application('Kustomization/remote')
    assert.equal(found.state, 'failed', JSON.stringify(found))
    assert.match(JSON.stringify(found.errors), /nobody.*cannot|forbidden/)
    assert.equal(application('Kustomization/local').state, 'planned')
  })

  it('is told where that cluster is away, and the others are planned', async () => {
    const { application, actions } = await planned({
      'clusters/remote.yaml': kustomization('remote', 'away'),
      'remote/change.yaml': configMap('change', '{ x: "3" }'),
      'local/local.yaml': configMap('local', '{ x: "2" }', '$NAMESPACE'),
    })
    const found = application('Kustomization/remote')
    assert.deepEqual([found.state, found.live], ['failed', 'unreachable'], JSON.stringify(found))
    assert.match(String(found.errors[0]?.message), /cannot be reached|127\.0\.0\.1/)
    assert.deepEqual(actions('Kustomization/local'), ['local change change'])
    const missing = await planned({
      'clusters/remote.yaml': kustomization('remote', 'missing'),
      'remote/change.yaml': configMap('change', '{ x: "3" }'),
    })
    assert.match(
      String(missing.application('Kustomization/remote').errors[0]?.message),
      /the Secret 'missing' was not found/,
    )
  })

  it('is told where another cluster is all that changes', async () => {
    const there = await planned({ 'clusters/local.yaml': kustomization('local', 'second') })
    assert.deepEqual(there.actions('Kustomization/local'), ['local create change', 'moves create change'])
    assert.match(String(there.application('Kustomization/local').reason), /another cluster/)
    const here = await planned({ 'clusters/remote.yaml': kustomization('remote') })
    assert.equal(here.application('Kustomization/remote').live, 'read')
    assert.match(String(here.application('Kustomization/remote').reason), /another cluster/)
  })

  it('is no move where an object goes from an application here to one there', async () => {
    const { actions } = await planned({
      'local/moves.yaml': null,
      'remote/moves.yaml': configMap('moves', '{ x: "1" }', '$NAMESPACE'),
    })
    assert.deepEqual(actions('Kustomization/local'), ['moves delete change'])
    // What somebody has changed there before is told apart.
    assert.deepEqual(actions('Kustomization/remote'), ['change change drift', 'moves create change'])
  })

  it('asks nothing of that cluster for a change from outside, and reads no Secret for it', async () => {
    const mark = await cluster.auditMark()
    const { application, asked } = await planned(
      { 'remote/change.yaml': configMap('change', '{ x: "4" }'), 'clusters/release.yaml': release('c') },
      { live: 'denied', secrets: 'withheld' },
    )
    assert.deepEqual(asked, [])
    for (const name of ['Kustomization/remote', 'HelmRelease/release']) {
      assert.equal(application(name).live, 'denied')
      assert.notEqual(application(name).objects.length, 0)
    }
    const { requests } = await cluster.requestCounts(mark)
    assert.deepEqual(
      requests.filter(({ resource, namespace }) => resource === 'secrets' && namespace === made.namespace),
      [],
    )
  })
})
