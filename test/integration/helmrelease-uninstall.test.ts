import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { NodeRecord } from '../../src/reconcile/index.ts'
import { useCluster } from '../support/cluster.ts'
import {
  configMapTemplate,
  hookTemplate,
  useReleaseScenarios,
  type ReleaseScenario,
} from '../support/release-scenario.ts'

const cluster = useCluster()
const scenario = useReleaseScenarios(cluster)

async function ready(made: ReleaseScenario): Promise<void> {
  const node = await made.reconcile()
  assert.equal(node.state, 'ready', `${node.reason}: ${node.message}`)
}

async function dataOf(made: ReleaseScenario): Promise<unknown> {
  return (await made.find('ConfigMap', 'a'))?.['data']
}

/** Deletes the HelmRelease and runs the cluster's job. */
async function remove(made: ReleaseScenario): Promise<NodeRecord> {
  const { apiVersion, kind } = await made.object()
  await made.client.delete({ apiVersion, kind, namespace: made.namespace, name: 'app' })
  return await made.reconcile()
}

describe('uninstall', () => {
  it('keepHistory leaves the release as uninstalled', async () => {
    const made = await scenario()
    await made.release({ uninstall: { keepHistory: true } })
    await ready(made)
    await remove(made)
    assert.deepEqual(await made.revisions(), ['v1 uninstalled'])
    assert.equal(await dataOf(made), undefined)
  })

  it('install.replace uses the name of an uninstalled release again', async () => {
    const made = await scenario()
    await made.release({ uninstall: { keepHistory: true } })
    await ready(made)
    await remove(made)
    await made.release()
    assert.equal((await made.reconcile()).state, 'failed')
    await made.release({ install: { replace: true } })
    await ready(made)
    assert.deepEqual(await made.revisions(), ['v1 superseded', 'v2 deployed'])
  })

  it('deletionPropagation orphan lets dependants live; resource-policy keep lets the object live', async () => {
    const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: { name: app }
spec:
  replicas: 0
  selector: { matchLabels: { app: x } }
  template: { metadata: { labels: { app: x } }, spec: { containers: [{ name: c, image: example/app:1 }] } }
`
    const keep = '  annotations: { helm.sh/resource-policy: keep }\n'
    const made = await scenario({
      'templates/a.yaml': configMapTemplate('a', undefined, keep),
      'templates/b.yaml': deployment,
    })
    await made.release({ uninstall: { deletionPropagation: 'orphan' } })
    await ready(made)
    const sets = async (): Promise<number> =>
      (await made.client.list({ apiVersion: 'apps/v1', kind: 'ReplicaSet', namespace: made.namespace })).length
    assert.equal(await sets(), 1)
    await remove(made)
    assert.equal(await made.find('Deployment', 'app', 'apps/v1'), undefined)
    assert.equal(await sets(), 1)
    assert.deepEqual(await dataOf(made), { value: 'default' })
  })

  it('disableHooks leaves out the hooks of an uninstall', async () => {
    const made = await scenario({
      'templates/a.yaml': configMapTemplate('a'),
      'templates/one.yaml': hookTemplate('one', { hook: 'pre-delete' }),
      'templates/two.yaml': hookTemplate('two', { hook: 'post-delete' }),
    })
    await made.release({ uninstall: { disableHooks: true } })
    await ready(made)
    await remove(made)
    assert.equal(await dataOf(made), undefined)
    assert.deepEqual(await made.revisions(), [])
    for (const name of ['one', 'two']) assert.equal(await made.find('Job', name, 'batch/v1'), undefined)
  })
})

describe('an object that is slow to go', () => {
  const held = { 'templates/a.yaml': configMapTemplate('a', undefined, '  finalizers: [example.com/hold]\n') }
  const isGoing = async (made: ReleaseScenario): Promise<boolean> =>
    (await made.find('ConfigMap', 'a'))?.metadata.deletionTimestamp !== undefined
  const letGo = async (made: ReleaseScenario): Promise<void> => {
    await made.client.patch(
      { apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'a' },
      { metadata: { finalizers: null } },
    )
  }

  it('uninstall.timeout: what is not gone by then is a failure, which keeps the HelmRelease until it is', async () => {
    const made = await scenario(held)
    await made.release({ uninstall: { timeout: '1s' } })
    await ready(made)
    const failed = await remove(made)
    assert.equal(failed.reason, 'UninstallFailed', failed.message)
    assert.match(failed.message ?? '', /timed out waiting for the deletion of ConfigMap\/a/)
    assert.equal(await made.condition('Released'), 'False UninstallFailed')
    assert.ok(await isGoing(made))
    await letGo(made)
    assert.equal((await made.reconcile()).reason, 'Deleted')
    assert.deepEqual(await made.revisions(), [])
  })

  it('uninstall.timeout takes the place of spec.timeout', async () => {
    const made = await scenario(held)
    await made.release({ timeout: '1s', uninstall: { timeout: '20s' } })
    await ready(made)
    const removing = remove(made)
    while (!(await isGoing(made))) await new Promise((resolve) => setTimeout(resolve, 50))
    // Longer than spec.timeout.
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    await letGo(made)
    const gone = await removing
    assert.equal(gone.reason, 'Deleted', gone.message)
  })

  it('uninstall.disableWait: it is not waited for', async () => {
    const made = await scenario(held)
    await made.release({ uninstall: { timeout: '1s', disableWait: true } })
    await ready(made)
    const gone = await remove(made)
    assert.equal(gone.reason, 'Deleted', gone.message)
    assert.ok(await isGoing(made))
    assert.deepEqual(await made.revisions(), [])
    await letGo(made)
  })
})
