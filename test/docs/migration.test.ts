import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ChartServer, makeChart } from '../support/chart-server.ts'
import { clusterVariable, useCluster } from '../support/cluster.ts'
import { createScenario } from '../support/scenario.ts'
import { kubeconfigOf, runPage } from './run-page.ts'

// A cluster of its own: a migration looks at all of it.
delete process.env[clusterVariable]
const cluster = useCluster()

const flux = 'flux-system'
const names = ['source-controller', 'kustomize-controller', 'helm-controller', 'notification-controller']
const configMap = (name: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: { color: blue }\n`
const deployment = (name: string) => ({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: flux, name })

function controller(name: string, args: readonly string[]): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: flux, labels: { 'app.kubernetes.io/part-of': 'flux' } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'manager', image: `ghcr.io/fluxcd/${name}:v1.9.6`, args }] },
      },
    },
  }
}

/** A release in the namespace that no HelmRelease stands for any more. */
async function release(run: () => Promise<unknown>, url: string): Promise<void> {
  const { client } = cluster
  const repository = {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'HelmRepository',
    namespace: 'shop',
    name: 'stable',
  }
  const helmRelease = { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', namespace: 'shop', name: 'web' }
  const metadata = { name: 'stable', namespace: 'shop' }
  await client.create({
    apiVersion: repository.apiVersion,
    kind: repository.kind,
    metadata,
    spec: { interval: '10m', url },
  })
  const chart = { spec: { chart: 'web', version: '1.0.0', sourceRef: { kind: 'HelmRepository', name: 'stable' } } }
  await client.create({
    apiVersion: helmRelease.apiVersion,
    kind: helmRelease.kind,
    metadata: { name: 'web', namespace: 'shop' },
    spec: { interval: '10m', chart, values: { greeting: 'hi' } },
  })
  await run()
  assert.equal((await client.get(helmRelease))['status'].conditions[0].status, 'True')
  await client.patch(helmRelease, { spec: { suspend: true } })
  await client.delete(helmRelease)
  await client.delete(repository)
  await run()
  assert.equal(await client.find(helmRelease), undefined)
}

runPage('infra/docs/migration.md', {
  before: async (scene) => {
    const { client, address } = cluster
    for (const name of [flux, 'shop']) await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    const made = await createScenario(
      { ...cluster, address, client, namespace: async () => flux },
      { files: { 'apps/web.yaml': configMap('web') }, settings: { namespaces: [flux, 'shop'] } },
    )
    scene.defer(() => made.close())
    const charts = await ChartServer.start()
    scene.defer(() => charts.close())
    charts.files.set('/web-1.0.0.tgz', makeChart('web', '1.0.0'))
    charts.files.set(
      '/index.yaml',
      'apiVersion: v1\nentries:\n  web:\n  - { apiVersion: v2, name: web, version: 1.0.0, urls: [web-1.0.0.tgz] }\n',
    )
    const run = (): Promise<unknown> => made.run({ kind: 'trigger', target: 'cluster' })
    await made.kustomization('apps', { path: './apps', targetNamespace: flux })
    await release(run, charts.url)
    await client.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'by-hand', namespace: 'shop' },
      data: { a: 'b' },
    })
    for (const name of names) await client.create(controller(name, ['--log-level=info']))
    for (const name of names)
      await client.waitFor(deployment(name), (object) => object?.['status']?.availableReplicas === 1)
    return { KUBECONFIG: await kubeconfigOf(scene, cluster.address), CHART_REPOSITORY: charts.url }
  },
  after: {
    'migrate flux --dry-run': ({ output }) =>
      assert.match(output, /1 of 1 Kustomizations and HelmReleases stay as they are \(1 objects compared\)/),
    'migrate flux --undo': async ({ output }) => {
      assert.match(output, /kustomize-controller/)
      // Flux applies what the page has its reader commit.
      const patch = [
        {
          op: 'add',
          path: '/spec/template/spec/containers/0/args/-',
          value: '--watch-label-selector=!sharding.fluxcd.io/key',
        },
      ]
      await cluster.client.patch(deployment('kustomize-controller'), patch, { type: 'json' })
    },
    'migrate flux --path ./apps': async () => {
      const ref = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', namespace: flux, name: 'apps' }
      assert.equal((await cluster.client.get(ref)).metadata.labels?.['sharding.fluxcd.io/key'], 'sluice')
    },
    'migrate kubectl': async (_, scene) => {
      const files = await readdir(join(scene.directory, 'apps/shop'))
      assert.ok(files.includes('configmap-by-hand.yaml'), files.join())
      assert.match(
        await readFile(join(scene.directory, 'apps/shop/kustomization.yaml'), 'utf8'),
        /configmap-by-hand\.yaml/,
      )
    },
    '--adopt': async () => {
      const ref = { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', namespace: 'shop', name: 'web' }
      assert.equal((await cluster.client.get(ref))['status'].history[0].version, 1)
    },
  },
})
