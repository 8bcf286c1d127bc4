import assert from 'node:assert/strict'
import { after, describe, it, type TestContext } from 'node:test'
import type { EngineDeps } from '../../src/reconcile/index.ts'
import { useCluster } from '../support/cluster.ts'
import { fluxController, noFluxController, startFluxController } from '../support/flux-controller.ts'
import {
  applyKustomizations,
  kustomizationFootprint,
  readKustomizations,
  recordKustomizations,
  takeOverFiles,
  takeOverKustomizations,
} from '../support/kustomize-take-over.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'
import { isReady, replay, serveArtifacts, storedArtifacts } from '../support/take-over.ts'

const cluster = useCluster()
const closing: (() => Promise<void>)[] = []
after(async () => {
  for (const close of closing) await close()
})

const names = Object.keys(takeOverKustomizations)
const ref = (namespace: string, name: string) => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  namespace,
  name,
})

async function start(step: 'first' | 'second', namespace?: string): Promise<Scenario> {
  let deps: EngineDeps | undefined
  const server = await serveArtifacts(async (path) => (deps === undefined ? undefined : storedArtifacts(deps)(path)))
  const { address, client } = cluster
  const own = namespace === undefined ? cluster : { ...cluster, address, client, namespace: async () => namespace }
  // The controller reads artifacts as files.
  const settings = { publicUrl: server.url, gitArchives: true }
  const made = await createScenario(own, { files: takeOverFiles(step), settings })
  deps = made.deps
  closing.push(
    () => made.close(),
    () => server.close(),
  )
  return made
}

async function ours(made: Scenario): Promise<void> {
  const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
  assert.deepEqual(
    record.nodes.filter((node) => node.state !== 'ready'),
    [],
  )
}

/** Waits until the controller is done with all Kustomizations, at the revision that the source has. */
async function theirs(made: Scenario, log: () => string, isDone = isReady): Promise<void> {
  for (const name of names)
    await cluster.client.waitFor(ref(made.namespace, name), isDone, 120_000).catch((error: unknown) => {
      throw new Error(`${log()}\n${String(error)}`)
    })
}

async function binaryOf(t: TestContext): Promise<string | undefined> {
  const binary = await fluxController('kustomize-controller')
  if (binary === undefined) t.skip(noFluxController('kustomize-controller'))
  return binary
}

const startController = (binary: string, namespace: string) =>
  startFluxController('kustomize-controller', binary, cluster.address.kubeconfigPath, namespace)

describe('take-over of Kustomizations', { timeout: 900_000 }, () => {
  it('by the real kustomize-controller of ours: no object is written, none is pruned', async (t) => {
    const binary = await binaryOf(t)
    if (binary === undefined) return
    const made = await start('first')
    await applyKustomizations(cluster.client, made.namespace)
    await ours(made)
    await made.repository.commit(takeOverFiles('second'))
    await ours(made)
    const before = await kustomizationFootprint(cluster.client, made.namespace)
    assert.ok(before.objects.length > 20, before.objects.join())
    const controller = startController(binary, made.namespace)
    try {
      for (const name of names)
        await cluster.client.patch(ref(made.namespace, name), {
          metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': 'now' } },
        })
      await theirs(
        made,
        controller.log,
        (object) => object?.['status']?.lastHandledReconcileAt === 'now' && isReady(object),
      )
    } finally {
      await controller.stop()
    }
    assert.deepEqual(await kustomizationFootprint(cluster.client, made.namespace), before)
  })

  it('by ours of the real kustomize-controller: no object is written, none is pruned', async (t) => {
    const binary = await binaryOf(t)
    if (binary === undefined) return
    const made = await start('first')
    await ours(made)
    const controller = startController(binary, made.namespace)
    try {
      await applyKustomizations(cluster.client, made.namespace)
      await theirs(made, controller.log)
      await made.repository.commit(takeOverFiles('second'))
      const head = await made.repository.head()
      // Only the source is ours meanwhile: the Kustomizations are suspended while it is looked at.
      for (const name of names) await cluster.client.patch(ref(made.namespace, name), { spec: { suspend: true } })
      await ours(made)
      for (const name of names) await cluster.client.patch(ref(made.namespace, name), { spec: { suspend: false } })
      await theirs(
        made,
        controller.log,
        (object) => isReady(object) && object?.['status']?.lastAppliedRevision === `main@sha1:${head}`,
      )
    } finally {
      await controller.stop()
    }
    if (process.env['RECORD_TAKE_OVER'] !== undefined) await recordKustomizations(cluster.client, made.namespace)
    const before = await kustomizationFootprint(cluster.client, made.namespace)
    await ours(made)
    assert.deepEqual(await kustomizationFootprint(cluster.client, made.namespace), before)
  })

  // `KUSTOMIZE_CONTROLLER=build RECORD_TAKE_OVER=1 npm test -- kustomization-take-over` records it anew.
  it('by ours of what the real kustomize-controller left when it was recorded: no object is written', async (t) => {
    // What is recorded stands in a namespace that is just going away.
    if (process.env['RECORD_TAKE_OVER'] !== undefined) return t.skip('it is being recorded')
    const { namespace, objects } = await readKustomizations()
    const { client } = cluster
    const place = { apiVersion: 'v1', kind: 'Namespace', name: namespace }
    if ((await client.find(place)) === undefined) await client.create({ ...place, metadata: { name: namespace } })
    closing.push(() => client.delete(place))
    const made = await start('second', namespace)
    await replay(client, objects)
    await applyKustomizations(client, namespace)
    for (const { metadata } of objects.filter((object) => object.kind === 'Deployment'))
      await client.waitFor(
        { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: metadata.name },
        (object) => object?.['status']?.observedGeneration === 1,
      )
    const { objects: before, inventories } = await kustomizationFootprint(client, namespace)
    assert.ok(before.length > 20, before.join())
    await ours(made)
    const now = await kustomizationFootprint(client, namespace)
    assert.deepEqual({ objects: now.objects, inventories: now.inventories }, { objects: before, inventories })
  })
})
