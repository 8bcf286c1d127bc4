import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Delivery } from '../../src/observe/index.ts'
import { chartLayerType } from '../../src/sources/index.ts'
import { ChartServer, hexDigest, makeChart, makeIndex } from '../support/chart-server.ts'
import { useCluster } from '../support/cluster.ts'
import { createNamespace } from '../support/create-namespace.ts'
import { installCrds } from '../support/crds.ts'
import { awaitRun, startDeployment, type Deployment } from '../support/deployment.ts'
import { endNamespace } from '../support/end-namespace.ts'
import { TestRegistry } from '../support/registry.ts'
import { makeTgz } from '../support/tar.ts'

const cluster = useCluster()
const token = 'the token of a registry'
const flux = 'application/vnd.cncf.flux.content.v1.tar+gzip'
const group = 'source.toolkit.fluxcd.io/v1'
const configMap = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n`

/** Every interval is a day: whatever happens within a second, a webhook has brought about. */
describe('webhooks of registries', () => {
  let registry: TestRegistry | undefined
  let charts: ChartServer
  let deployment: Deployment
  let namespace: string
  before(async () => {
    registry = await TestRegistry.start()
    charts = await ChartServer.start()
    await installCrds(cluster.client)
    namespace = `registries-${createHash('sha256').update(String(process.pid)).digest('hex').slice(0, 8)}`
    await createNamespace(cluster.client, namespace)
    await apply('v1', 'Secret', 'hook', { stringData: { token } })
    const { server, caPem, token: own } = cluster.address
    deployment = await startDeployment('node', {
      clusters: { main: { server, caPem, token: own } },
      namespaces: [namespace],
      scanIntervalSeconds: 1,
    })
  })
  after(async () => {
    await deployment?.stop()
    await charts?.close()
    await registry?.close()
    await endNamespace(cluster.client, namespace)
  })

  const apply = (apiVersion: string, kind: string, name: string, rest: object) =>
    cluster.client.apply({ apiVersion, kind, metadata: { name, namespace }, ...rest })
  const valueOf = async (name: string): Promise<unknown> => {
    const found = await cluster.client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name })
    return found?.['data'].value ?? found?.['data'].version
  }
  const until = async (name: string, value: string): Promise<void> => {
    for (let attempt = 0; attempt < 300 && (await valueOf(name)) !== value; attempt++) await sleep(100)
    assert.equal(await valueOf(name), value)
  }
  const receiver = (name: string, type: string, resource: object) =>
    apply('notification.toolkit.fluxcd.io/v1', 'Receiver', name, {
      spec: { type, secretRef: { name: 'hook' }, resources: [{ apiVersion: group, ...resource }] },
    })
  const release = (name: string, repository: string) =>
    apply('helm.toolkit.fluxcd.io/v2', 'HelmRelease', name, {
      spec: {
        interval: '24h',
        chart: {
          spec: {
            chart: 'app',
            version: '1.x',
            interval: '24h',
            sourceRef: { kind: 'HelmRepository', name: repository },
          },
        },
      },
    })
  /** Delivers, and waits for the run that the delivery gave. */
  const deliver = async (name: string, body: string, headers: Record<string, string>): Promise<void> => {
    const path = `/hook/${createHash('sha256').update(`${token}${name}${namespace}`).digest('hex')}`
    let status = 404
    for (let attempt = 0; status === 404 && attempt < 50; attempt++) {
      if (attempt > 0) await sleep(200)
      const answer = await fetch(`${deployment.url}${path}`, { method: 'POST', body, headers })
      await answer.arrayBuffer()
      status = answer.status
    }
    assert.equal(status, 200)
    const authorization = `Bearer ${deployment.triggerToken}`
    const response = await fetch(`${deployment.url}/deliveries`, { headers: { authorization } })
    const { deliveries } = (await response.json()) as { deliveries: Delivery[] }
    const record = deliveries.find((one) => one.receiver === `${namespace}/${name}` && one.outcome === 'run')
    const run = await awaitRun(deployment, record?.run ?? '')
    assert.equal(run.state, 'succeeded', JSON.stringify(run))
  }

  it('Harbor wakes an OCIRepository, and the Kustomization of it follows', async (t) => {
    if (registry === undefined) return t.skip('no Go here to build the registry with')
    const push = (value: string) =>
      registry?.push('team/manifests', 'latest', [
        { mediaType: flux, bytes: makeTgz([{ name: 'deploy/app.yaml', content: configMap('manifests', value) }]) },
      ])
    await push('1')
    await apply(group, 'OCIRepository', 'manifests', {
      spec: { interval: '24h', url: `oci://${registry.host}/team/manifests`, insecure: true },
    })
    await apply('kustomize.toolkit.fluxcd.io/v1', 'Kustomization', 'manifests', {
      spec: {
        interval: '24h',
        path: './deploy',
        prune: true,
        targetNamespace: namespace,
        sourceRef: { kind: 'OCIRepository', name: 'manifests' },
      },
    })
    await until('manifests', '1')
    await receiver('harbor', 'harbor', { kind: 'OCIRepository', name: 'manifests' })
    await push('2')
    const event = { type: 'PUSH_ARTIFACT', event_data: { resources: [{ tag: 'latest' }] } }
    await deliver('harbor', JSON.stringify(event), { authorization: token, 'content-type': 'application/json' })
    assert.equal(await valueOf('manifests'), '2')
  })

  it('Docker Hub wakes a HelmRepository of type oci: the charts and releases of it follow', async (t) => {
    if (registry === undefined) return t.skip('no Go here to build the registry with')
    const push = (version: string) =>
      registry?.push('charts/app', version, [{ mediaType: chartLayerType, bytes: makeChart('app', version) }])
    await push('1.0.0')
    await apply(group, 'HelmRepository', 'oci', {
      spec: { type: 'oci', interval: '24h', url: `oci://${registry.host}/charts`, insecure: true },
    })
    await release('from-oci', 'oci')
    await until('from-oci', '1.0.0')
    await receiver('hub', 'dockerhub', { kind: 'HelmRepository', name: 'oci' })
    await push('1.1.0')
    const event = { push_data: { tag: '1.1.0' }, repository: { repo_url: 'https://hub.docker.com/r/charts/app' } }
    await deliver('hub', JSON.stringify(event), { 'content-type': 'application/json' })
    assert.equal(await valueOf('from-oci'), '1.1.0')
  })

  it('Nexus wakes a HelmRepository of charts over HTTP', async () => {
    const publish = (...versions: string[]): void => {
      const entries = versions.map((version) => {
        const bytes = makeChart('app', version)
        charts.files.set(`/helm/app-${version}.tgz`, bytes)
        return { name: 'app', version, url: `app-${version}.tgz`, digest: hexDigest(bytes) }
      })
      charts.files.set('/helm/index.yaml', makeIndex(entries))
    }
    publish('1.0.0')
    await apply(group, 'HelmRepository', 'http', { spec: { interval: '24h', url: `${charts.url}/helm` } })
    await release('from-http', 'http')
    await until('from-http', '1.0.0')
    await receiver('nexus', 'nexus', { kind: 'HelmRepository', name: 'http' })
    publish('1.0.0', '1.2.0')
    const body = JSON.stringify({ action: 'CREATED', repositoryName: 'helm' })
    const signature = createHmac('sha1', token).update(body).digest('hex')
    await deliver('nexus', body, { 'content-type': 'application/json', 'x-nexus-webhook-signature': signature })
    assert.equal(await valueOf('from-http'), '1.2.0')
  })
})
