import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeRequest, KubeTransport } from '../../src/ports/index.ts'
import { useCluster } from '../support/cluster.ts'
import {
  configMapTemplate,
  useReleaseScenarios,
  type ReleaseScenario,
  type ReleaseScenarioOptions,
} from '../support/release-scenario.ts'
import { kubeconfigOf, makeTenant, putSecret } from '../support/tenant.ts'

const cluster = useCluster()
const scenario = useReleaseScenarios(cluster)

const value = (text: string): object => ({ values: { value: text } })
const account = 'team'
const serviceTemplate = 'apiVersion: v1\nkind: Service\nmetadata: { name: s }\nspec: { ports: [{ port: 80 }] }\n'

/** A scenario, and what its runs send over their own connection for the chart's objects and the release's history. */
async function watched(
  options: Omit<ReleaseScenarioOptions, 'files'> = {},
): Promise<{ readonly made: ReleaseScenario; readonly sent: () => readonly KubeRequest[] }> {
  const requests: KubeRequest[] = []
  const wrapTransport = (inner: KubeTransport): KubeTransport => ({
    cluster: inner.cluster,
    send: (request) => {
      requests.push(request)
      return inner.send(request)
    },
  })
  const made = await scenario(undefined, { ...options, wrapTransport })
  return {
    made,
    // The switch of the cluster is the deployment's to read.
    sent: () =>
      requests
        .filter(({ path }) => !path.endsWith('/configmaps/sluice-hold'))
        .filter(({ path }) => /\/configmaps|\/sh\.helm\.release|owner(%3D|=)helm/.test(path)),
  }
}

async function ready(made: ReleaseScenario): Promise<void> {
  const node = await made.reconcile()
  assert.equal(node.state, 'ready', `${node.reason}: ${node.message}`)
}

async function remove(made: ReleaseScenario): Promise<void> {
  const { apiVersion, kind } = await made.object()
  await made.client.delete({ apiVersion, kind, namespace: made.namespace, name: 'app' })
  await made.run({ kind: 'trigger', target: 'cluster' })
}

async function released(made: ReleaseScenario): Promise<{ readonly reason: string; readonly message: string }> {
  const conditions = (await made.object())['status'].conditions as { type: string; reason: string; message: string }[]
  return conditions.find((condition) => condition.type === 'Released') ?? { reason: 'none', message: '' }
}

const dataOf = async (made: ReleaseScenario): Promise<unknown> => (await made.find('ConfigMap', 'a'))?.['data']
const userOf = (made: ReleaseScenario): string => `system:serviceaccount:${made.namespace}:${account}`

describe('spec.serviceAccountName', () => {
  for (const field of ['spec.serviceAccountName', 'the default service account'])
    it(`by ${field}: objects and history are the service account's, from install to uninstall`, async () => {
      const isDefault = field !== 'spec.serviceAccountName'
      const { made, sent } = await watched(isDefault ? { settings: { defaultServiceAccount: account } } : {})
      await makeTenant(made, account, ['configmaps', 'secrets'])
      const spec = { driftDetection: { mode: 'enabled' }, ...(isDefault ? {} : { serviceAccountName: account }) }
      await made.release({ ...spec, ...value('one') })
      await ready(made)
      await made.release({ ...spec, ...value('two') })
      await ready(made)
      await made.client.patch(
        { apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'a' },
        { data: { value: 'by hand' } },
      )
      await ready(made)
      assert.deepEqual(await dataOf(made), { value: 'two' })
      await remove(made)
      assert.equal(await dataOf(made), undefined)
      assert.deepEqual(await made.revisions(), [])
      assert.ok(sent().length > 10, `${sent().length} requests`)
      for (const { method, path, as } of sent()) assert.equal(as?.user, userOf(made), `${method} ${path}`)
    })

  it('what the service account may not do is refused, and told with its name', async () => {
    const made = await scenario({ 'templates/a.yaml': configMapTemplate('a'), 'templates/s.yaml': serviceTemplate })
    await makeTenant(made, account, ['configmaps', 'secrets'])
    await made.release({ serviceAccountName: account })
    const node = await made.reconcile()
    assert.equal(node.reason, 'RetriesExceeded', node.message)
    const { reason, message } = await released(made)
    assert.equal(reason, 'InstallFailed')
    assert.ok(message.includes(userOf(made)), message)
    assert.match(message, /services "s" is forbidden/)
    assert.equal(await made.find('Service', 's'), undefined)
    assert.deepEqual(await made.revisions(), ['v1 failed'])
    await makeTenant(made, account, ['configmaps', 'secrets', 'services'])
    await made.release({ serviceAccountName: account, ...value('again') })
    await ready(made)
    assert.ok(await made.find('Service', 's'))
  })

  it('one that may not keep the history installs nothing until it may', async () => {
    const made = await scenario()
    await makeTenant(made, account, ['configmaps'])
    await made.release({ serviceAccountName: account })
    const node = await made.reconcile()
    assert.equal(node.state, 'failed')
    assert.equal(await made.condition('Ready'), 'False StateError')
    const denied = `User "${userOf(made)}" cannot list resource "secrets" in API group "" in the namespace "${made.namespace}"`
    assert.ok(node.message?.includes(denied), node.message)
    assert.equal(await dataOf(made), undefined)
    await makeTenant(made, account, ['configmaps', 'secrets'])
    await ready(made)
    assert.deepEqual(await made.revisions(), ['v1 deployed'])
  })
})

describe('spec.kubeConfig', () => {
  /** A kubeconfig that logs in as the service account `team`. */
  const loginOf = async (made: ReleaseScenario): Promise<string> => {
    const path = `/api/v1/namespaces/${made.namespace}/serviceaccounts/${account}/token`
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
    const issued = (await made.client.request('POST', path, { body })) as { status: { token: string } }
    return kubeconfigOf(cluster, { token: issued.status.token })
  }

  it('by a Secret: objects and history are in that cluster, with its rights; the status stays here', async () => {
    const { made, sent } = await watched()
    await makeTenant(made, account, ['configmaps', 'secrets'])
    await putSecret(made, 'remote', { kubeconfig: await loginOf(made) })
    const kubeConfig = { secretRef: { name: 'remote', key: 'kubeconfig' } }
    await made.release({ kubeConfig })
    await ready(made)
    assert.deepEqual(await dataOf(made), { value: 'default' })
    await made.chart({
      'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.1\n',
      'templates/s.yaml': serviceTemplate,
    })
    await made.reconcile()
    const { reason, message } = await released(made)
    assert.equal(reason, 'UpgradeFailed')
    assert.ok(message.includes(userOf(made)), message)
    assert.deepEqual(await made.revisions(), ['v1 deployed', 'v2 failed'])
    await makeTenant(made, account, ['configmaps', 'secrets', 'services'])
    await remove(made)
    assert.equal(await dataOf(made), undefined)
    assert.deepEqual(await made.revisions(), [])
    assert.deepEqual(
      sent().map(({ method, path }) => `${method} ${path}`),
      [],
      'none of it goes over the connection of the run',
    )
  })

  it('with spec.serviceAccountName: acts as it there', async () => {
    const made = await scenario({ 'templates/s.yaml': serviceTemplate })
    await makeTenant(made, account, ['configmaps', 'secrets'])
    await putSecret(made, 'remote', { value: kubeconfigOf(cluster, { token: cluster.address.token }) })
    await made.release({ kubeConfig: { secretRef: { name: 'remote' } }, serviceAccountName: account })
    await made.reconcile()
    const { message } = await released(made)
    assert.ok(message.includes(userOf(made)), message)
    assert.equal(await made.find('Service', 's'), undefined)
  })

  it('a Secret that is missing, or does not let in, is told; the right one heals', async () => {
    const made = await scenario()
    await made.release({ kubeConfig: { secretRef: { name: 'remote' } } })
    const missing = await made.reconcile()
    assert.equal(missing.state, 'failed')
    assert.match(missing.message ?? '', /Secret 'remote' was not found/)
    assert.equal(await made.condition('Ready'), 'False RESTClientError')
    await putSecret(made, 'remote', { value: kubeconfigOf(cluster, { token: 'wrong' }) })
    const refused = await made.reconcile()
    assert.match(refused.message ?? '', /Unauthorized/i)
    assert.equal(await made.condition('Ready'), 'False StateError')
    await putSecret(made, 'remote', { value: kubeconfigOf(cluster, { token: cluster.address.token }) })
    await ready(made)
    assert.deepEqual(await dataOf(made), { value: 'default' })
  })

  for (const [what, spec, lose] of [
    ['the Secret', { kubeConfig: { secretRef: { name: 'remote' } } }, { kind: 'Secret', name: 'remote' }],
    ['the service account', { serviceAccountName: account }, { kind: 'ServiceAccount', name: account }],
  ] as const)
    it(`${what} is gone when the object is deleted: the release stays, the object does not`, async () => {
      const made = await scenario()
      await makeTenant(made, account, ['configmaps', 'secrets'])
      await putSecret(made, 'remote', { value: kubeconfigOf(cluster, { token: cluster.address.token }) })
      await made.release(spec)
      await ready(made)
      await made.client.delete({ apiVersion: 'v1', namespace: made.namespace, ...lose })
      await remove(made)
      assert.equal(await made.find('HelmRelease', 'app', 'helm.toolkit.fluxcd.io/v2'), undefined)
      assert.deepEqual(await made.revisions(), ['v1 deployed'])
      assert.deepEqual(await dataOf(made), { value: 'default' })
    })
})
