import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, describe, it } from 'node:test'
import { useCluster, type TestCluster } from '../support/cluster.ts'
import {
  awaitRun,
  deliverPush,
  startDeployment,
  type Deployment,
  type Platform,
  type ShownRun,
} from '../support/deployment.ts'
import { readExampleChart } from '../support/example-chart.ts'
import { installCrds } from '../support/crds.ts'
import { GitServer } from '../support/git-server.ts'
import type { GitTestRepository } from '../support/git-repository.ts'

const cluster = useCluster()

const platforms: readonly Platform[] = ['node', 'workerd']

const configMap = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n`

interface Stage {
  readonly deployment: Deployment
  readonly repository: GitTestRepository
  readonly namespace: string
}

/** A deployment, a repository and the objects that point at it. */
async function setUp(
  shared: TestCluster,
  platform: Platform,
  closers: (() => Promise<void>)[],
  clusters?: { readonly [name: string]: string },
): Promise<Stage> {
  await installCrds(shared.client)
  const namespace = await shared.namespace()
  const git = await GitServer.start()
  closers.push(() => git.close())
  const repository = await git.create(`team/${namespace}`, {
    'app/a.yaml': configMap('a', '1'),
    'app/b.yaml': configMap('b', '1'),
    ...readExampleChart(),
  })
  const { server, caPem, token } = shared.address
  const addresses = Object.fromEntries(
    Object.entries(clusters ?? { main: server }).map(([name, url]) => [name, { server: url, caPem, token }]),
  )
  const deployment = await startDeployment(platform, {
    clusters: addresses,
    namespaces: [namespace],
    scanIntervalSeconds: 1,
    limits: { requestTimeoutMs: 5000 },
  })
  closers.push(() => deployment.stop())
  const sourceRef = { kind: 'GitRepository', name: 'app' }
  await shared.client.apply({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'app', namespace },
    spec: { interval: '1h', url: repository.url, ref: { branch: 'main' } },
  })
  await shared.client.apply({
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name: 'app', namespace },
    spec: { interval: '2s', path: './app', prune: true, targetNamespace: namespace, sourceRef },
  })
  return { deployment, repository, namespace }
}

async function push(stage: Stage): Promise<{ run: Awaited<ReturnType<typeof awaitRun>>; id: string }> {
  const delivered = await deliverPush(stage.deployment, { url: stage.repository.url })
  assert.equal(delivered.status, 202)
  assert.ok(delivered.run)
  return { run: await awaitRun(stage.deployment, delivered.run), id: delivered.run }
}

for (const platform of platforms) {
  const skip =
    platform === 'workerd' && !existsSync(new URL('../support/workerd.ts', import.meta.url))
      ? 'the worker is not there yet'
      : false
  describe(`a signed webhook on ${platform}`, { skip }, () => {
    const closers: (() => Promise<void>)[] = []
    after(async () => {
      for (const close of closers.toReversed()) await close()
    })
    const map = async (stage: Stage, name: string) =>
      await cluster.client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace: stage.namespace, name })

    it('brings a Kustomization and a HelmRelease to the cluster; the next commit changes, adds and removes', async () => {
      const stage = await setUp(cluster, platform, closers)
      await cluster.client.apply({
        apiVersion: 'helm.toolkit.fluxcd.io/v2',
        kind: 'HelmRelease',
        metadata: { name: 'greeter', namespace: stage.namespace },
        spec: {
          interval: '1h',
          chart: {
            spec: {
              chart: './charts/greeter',
              reconcileStrategy: 'Revision',
              sourceRef: { kind: 'GitRepository', name: 'app' },
            },
          },
          values: { greeting: 'Hello' },
        },
      })
      const first = await push(stage)
      assert.equal(first.run.state, 'succeeded', JSON.stringify(first.run))
      assert.equal((await map(stage, 'a'))?.['data'].value, '1')
      assert.equal((await map(stage, 'greeter'))?.['data']['greeting.txt'], 'Hello')
      const deployment = await cluster.client.get({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        namespace: stage.namespace,
        name: 'greeter',
      })
      assert.equal(deployment['status'].readyReplicas, 1)

      await stage.repository.commit({
        'app/a.yaml': configMap('a', '2'),
        'app/b.yaml': null,
        'app/c.yaml': configMap('c', '1'),
        'charts/greeter/templates/extra.yaml': configMap('extra', '{{ .Release.Revision }}'),
      })
      const second = await push(stage)
      assert.equal(second.run.state, 'succeeded', JSON.stringify(second.run))
      assert.equal((await map(stage, 'a'))?.['data'].value, '2')
      assert.equal(await map(stage, 'b'), undefined)
      assert.equal((await map(stage, 'c'))?.['data'].value, '1')
      assert.equal((await map(stage, 'extra'))?.['data'].value, '2')
    })

    it('is refused with a wrong signature, collapsed when it comes twice', async () => {
      const stage = await setUp(cluster, platform, closers)
      const forged = await deliverPush(stage.deployment, {
        url: stage.repository.url,
        signature: `sha256=${'0'.repeat(64)}`,
      })
      assert.equal(forged.status, 401)
      const one = await deliverPush(stage.deployment, { url: stage.repository.url, deliveryId: 'same' })
      const two = await deliverPush(stage.deployment, { url: stage.repository.url, deliveryId: 'same' })
      assert.equal(one.run, two.run)
      assert.equal((await awaitRun(stage.deployment, one.run ?? '')).state, 'succeeded')
    })

    it('that never came is made up for by the scan, which also repairs drift', async () => {
      const stage = await setUp(cluster, platform, closers)
      await push(stage)
      await cluster.client.patch(
        { apiVersion: 'v1', kind: 'ConfigMap', namespace: stage.namespace, name: 'a' },
        { data: { value: 'by hand' } },
      )
      await cluster.client.patch(
        { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', namespace: stage.namespace, name: 'app' },
        { spec: { interval: '1s' } },
      )
      await stage.repository.commit({ 'app/c.yaml': configMap('c', '1') })
      await until(async () => {
        await stage.deployment.scan()
        return (await map(stage, 'c')) !== undefined && (await map(stage, 'a'))?.['data'].value === '1'
      })
    })

    it('is not needed by a manual trigger, which needs its token', async () => {
      const stage = await setUp(cluster, platform, closers)
      const call = async (token: string): Promise<Response> =>
        await fetch(`${stage.deployment.url}/trigger`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify({
            source: { kind: 'GitRepository', namespace: stage.namespace, name: 'app' },
            wait: 30,
          }),
        })
      const refused = await call('wrong')
      await refused.body?.cancel()
      assert.equal(refused.status, 401)
      const done = await call(stage.deployment.triggerToken)
      assert.equal(done.status, 200, await done.clone().text())
      assert.equal((await map(stage, 'a'))?.['data'].value, '1')
    })

    it('reaches the clusters that are up while another is down, and the dead one is tried again', async () => {
      const stage = await setUp(cluster, platform, closers, { up: cluster.address.server, down: 'https://127.0.0.1:1' })
      const delivered = await deliverPush(stage.deployment, { url: stage.repository.url })
      await until(async () => (await map(stage, 'a')) !== undefined)
      const run = await untilFound(async () => {
        const response = await fetch(`${stage.deployment.url}/runs/${delivered.run}`, {
          headers: { authorization: `Bearer ${stage.deployment.triggerToken}` },
        })
        const shown = (await response.json()) as ShownRun
        const tried = shown.records.find(({ cluster: name }) => name === 'down')
        return (tried?.failedAttempts ?? 0) > 0 || tried?.retryAt !== undefined ? shown : undefined
      })
      const stateOf = (name: string): string | undefined => run.records.find((record) => record.cluster === name)?.state
      assert.ok(['queued', 'running'].includes(stateOf('down') ?? 'none'), stateOf('down'))
      assert.notEqual(run.state, 'succeeded')
    })
  })
}

async function untilFound<T>(find: () => Promise<T | undefined>): Promise<T> {
  let found: T | undefined
  await until(async () => (found = await find()) !== undefined)
  return found as T
}

async function until(condition: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await condition())) {
    assert.ok(Date.now() < end, 'it did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
