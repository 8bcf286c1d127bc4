import assert from 'node:assert/strict'
import { after, describe, it, type TestContext } from 'node:test'
import type { EngineDeps } from '../../src/reconcile/index.ts'
import { useCluster } from '../support/cluster.ts'
import { fluxController, noFluxController, startFluxController } from '../support/flux-controller.ts'
import {
  applyShapeInputs,
  applyShapes,
  awaitHandled,
  footprintOf,
  pushShapeCharts,
  readTakeOver,
  recordTakeOver,
  serveCharts,
  takeOverChart,
  takeOverShapes,
} from '../support/helm-take-over.ts'
import { isReady, replay, serveArtifacts, storedArtifacts } from '../support/take-over.ts'
import { TestRegistry } from '../support/registry.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const closing: (() => Promise<void>)[] = []
after(async () => {
  for (const close of closing) await close()
})

async function start(namespace?: string): Promise<Scenario> {
  let deps: EngineDeps | undefined
  const server = await serveArtifacts(async (path) => (deps === undefined ? undefined : storedArtifacts(deps)(path)))
  const files = Object.fromEntries(Object.entries(takeOverChart).map(([path, text]) => [`charts/app/${path}`, text]))
  const { address, client } = cluster
  const own = namespace === undefined ? cluster : { ...cluster, address, client, namespace: async () => namespace }
  const made = await createScenario(own, { files, settings: { publicUrl: server.url } })
  deps = made.deps
  closing.push(
    () => made.close(),
    () => server.close(),
  )
  return made
}

async function aRegistry(): Promise<TestRegistry> {
  const registry = await TestRegistry.start()
  assert.ok(registry, 'where helm-controller was built, there is Go')
  closing.push(() => registry.close())
  return registry
}

async function ours(made: Scenario): Promise<void> {
  const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
  const bad = record.nodes.filter((node) => node.state !== 'ready')
  assert.deepEqual(bad, [])
}

async function binaryOf(t: TestContext): Promise<string | undefined> {
  const binary = await fluxController('helm-controller')
  if (binary === undefined) t.skip(noFluxController('helm-controller'))
  return binary
}

describe('take-over of releases', { timeout: 900_000 }, () => {
  it('by the real helm-controller of ours: no revision, no object is written', async (t) => {
    const binary = await binaryOf(t)
    if (binary === undefined) return
    const made = await start()
    await pushShapeCharts(cluster.client, made.namespace, await aRegistry())
    await applyShapes(cluster.client, made.namespace, false)
    await ours(made)
    await applyShapes(cluster.client, made.namespace, true)
    await ours(made)
    const before = await footprintOf(cluster.client, made.namespace)
    const controller = startFluxController('helm-controller', binary, cluster.address.kubeconfigPath, made.namespace)
    try {
      await awaitHandled(cluster.client, made.namespace, 'now').catch((error: unknown) => {
        throw new Error(`${controller.log()}\n${String(error)}`)
      })
    } finally {
      await controller.stop()
    }
    assert.deepEqual(await footprintOf(cluster.client, made.namespace), before)
  })

  it('by ours of the real helm-controller: no revision, no object is written', async (t) => {
    const binary = await binaryOf(t)
    if (binary === undefined) return
    const made = await start()
    await pushShapeCharts(cluster.client, made.namespace, await aRegistry())
    await ours(made)
    const stopCharts = await serveCharts(cluster.client, made.namespace)
    const controller = startFluxController('helm-controller', binary, cluster.address.kubeconfigPath, made.namespace)
    try {
      for (const isUpgrade of [false, true]) {
        await applyShapes(cluster.client, made.namespace, isUpgrade)
        for (const name of Object.keys(takeOverShapes))
          await cluster.client
            .waitFor(
              { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', namespace: made.namespace, name },
              isReady,
              40_000,
            )
            .catch((error: unknown) => {
              throw new Error(`${controller.log()}\n${String(error)}`)
            })
      }
    } finally {
      await stopCharts()
      await controller.stop()
    }
    if (process.env['RECORD_TAKE_OVER'] !== undefined) await recordTakeOver(cluster.client, made.namespace)
    const before = await footprintOf(cluster.client, made.namespace)
    await ours(made)
    assert.deepEqual(await footprintOf(cluster.client, made.namespace), before)
  })

  // `HELM_CONTROLLER=build RECORD_TAKE_OVER=1 npm test -- helmrelease-take-over` records it anew.
  it('by ours of what the real helm-controller left when it was recorded: no revision, no object is written', async (t) => {
    // What is recorded stands in a namespace that is just going away.
    if (process.env['RECORD_TAKE_OVER'] !== undefined) return t.skip('it is being recorded')
    const { namespace, objects } = await readTakeOver()
    const { client } = cluster
    const ref = { apiVersion: 'v1', kind: 'Namespace', name: namespace }
    if ((await client.find(ref)) === undefined) await client.create({ ...ref, metadata: { name: namespace } })
    closing.push(() => client.delete(ref))
    const made = await start(namespace)
    await applyShapeInputs(client, namespace)
    await replay(client, objects)
    for (const { metadata } of objects.filter((object) => object.kind === 'Deployment'))
      await client.waitFor(
        { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: metadata.name },
        (object) => object?.['status']?.observedGeneration === 1,
      )
    const before = await footprintOf(client, namespace)
    assert.equal(before.revisions.length, 16)
    await ours(made)
    assert.deepEqual(await footprintOf(client, namespace), before)
  })
})
