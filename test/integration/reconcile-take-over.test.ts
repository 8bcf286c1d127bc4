import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { useCluster } from '../support/cluster.ts'
import type { TestObject } from '../support/kube-test-client.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []
after(async () => {
  for (const made of open) await made.close()
})

const files = {
  'app/account.yaml': 'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: app }\n',
  'app/service.yaml':
    'apiVersion: v1\nkind: Service\nmetadata: { name: app }\nspec: { selector: { app: app }, ports: [{ port: 80, name: http }] }\n',
  'app/deployment.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: { name: app }
spec:
  replicas: 0
  selector: { matchLabels: { app: app } }
  template:
    metadata: { labels: { app: app } }
    spec: { containers: [{ name: app, image: example/app:1, ports: [{ containerPort: 80 }] }] }
`,
  'app/secret.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: { name: app }\nstringData: { a: b }\n',
}

/** The objects of `files` as kustomize-controller 1.9 sends them: normalised, with its owner labels. */
function fluxObjects(namespace: string): object[] {
  const metadata = {
    name: 'app',
    namespace,
    labels: { 'kustomize.toolkit.fluxcd.io/name': 'app', 'kustomize.toolkit.fluxcd.io/namespace': namespace },
  }
  const port = { port: 80, name: 'http', protocol: 'TCP' }
  const container = { name: 'app', image: 'example/app:1', ports: [{ containerPort: 80, protocol: 'TCP' }] }
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: 'v1', kind: 'Secret', metadata, data: { a: btoa('b') } },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: 'app' }, ports: [port] } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'app' } },
        template: { metadata: { labels: { app: 'app' } }, spec: { containers: [container] } },
      },
    },
  ]
}

const kinds = ['ServiceAccount', 'Secret', 'Service', 'Deployment'] as const
const refOf = (made: Scenario, kind: string) => ({
  apiVersion: kind === 'Deployment' ? 'apps/v1' : kind === 'Kustomization' ? 'kustomize.toolkit.fluxcd.io/v1' : 'v1',
  kind,
  namespace: made.namespace,
  name: 'app',
})

/** An object and the dry-run of its apply by the controller, of one version: a Deployment's own controller writes to it meanwhile. */
async function liveAndDryRun(
  made: Scenario,
  object: object,
): Promise<{ readonly live: TestObject; readonly dryRun: { [key: string]: unknown } }> {
  for (let round = 0; ; round++) {
    const live = await made.client.get(refOf(made, (object as { kind: string }).kind))
    const dryRun = await fluxApply(made, object, true)
    const { resourceVersion } = dryRun['metadata'] as TestObject['metadata']
    if (resourceVersion === live.metadata.resourceVersion || round === 50) return { live, dryRun }
    await sleep(50)
  }
}

/** An apply as the controller does it, real or as a dry-run. */
async function fluxApply(made: Scenario, object: object, isDryRun: boolean): Promise<{ [key: string]: unknown }> {
  const path = await made.client.path(refOf(made, (object as { kind: string }).kind), {
    fieldManager: 'kustomize-controller',
    force: 'true',
    ...(isDryRun ? { dryRun: 'All' } : {}),
  })
  return (await made.client.request('PATCH', path, {
    body: JSON.stringify(object),
    contentType: 'application/apply-patch+yaml',
  })) as { [key: string]: unknown }
}

/** What changes with a write. The status of a Deployment is written by its controller meanwhile, its generation is not. */
async function versions(made: Scenario): Promise<string[]> {
  return Promise.all(
    kinds.map(async (kind) => {
      const { resourceVersion, generation } = (await made.client.get(refOf(made, kind))).metadata as {
        resourceVersion?: string
        generation?: number
      }
      return `${kind} ${kind === 'Deployment' ? generation : resourceVersion}`
    }),
  )
}

describe('take-over', () => {
  it('of what kustomize-controller has applied: no object is written, the inventory stays', async () => {
    const made = await createScenario(cluster, { files })
    open.push(made)
    await made.kustomization()
    for (const object of fluxObjects(made.namespace)) await fluxApply(made, object, false)
    const entries = [
      { id: `${made.namespace}_app__ServiceAccount`, v: 'v1' },
      { id: `${made.namespace}_app__Secret`, v: 'v1' },
      { id: `${made.namespace}_app__Service`, v: 'v1' },
      { id: `${made.namespace}_app_apps_Deployment`, v: 'v1' },
    ]
    await made.client.patch(refOf(made, 'Kustomization'), { metadata: { finalizers: ['finalizers.fluxcd.io'] } })
    const path = await made.client.path(refOf(made, 'Kustomization'))
    await made.client.request('PATCH', `${path}/status`, {
      body: JSON.stringify({
        status: { observedGeneration: 1, lastAppliedRevision: 'main@sha1:0', inventory: { entries } },
      }),
      contentType: 'application/merge-patch+json',
    })
    const before = await versions(made)
    const record = await made.pushed()
    assert.equal(record.state, 'succeeded', JSON.stringify(record.nodes))
    assert.deepEqual(nodeOf(record, 'Kustomization/app').changes, [])
    assert.deepEqual(await versions(made), before)
    assert.deepEqual((await made.client.get(refOf(made, 'Kustomization')))['status'].inventory.entries, entries)
  })

  it('by kustomize-controller of what was applied here: its dry-runs find nothing to change', async () => {
    const made = await createScenario(cluster, { files })
    open.push(made)
    await made.kustomization()
    assert.equal((await made.pushed()).state, 'succeeded')
    const ids = (await made.client.get(refOf(made, 'Kustomization')))['status'].inventory.entries
    assert.deepEqual(
      ids.map((entry: { id: string }) => entry.id.slice(made.namespace.length)),
      ['_app__ServiceAccount', '_app__Secret', '_app__Service', '_app_apps_Deployment'],
    )
    for (const object of fluxObjects(made.namespace)) {
      const { live, dryRun } = await liveAndDryRun(made, object)
      const { managedFields, ...metadata } = dryRun['metadata'] as { managedFields: { manager: string }[] }
      const { managedFields: own, ...known } = live.metadata
      assert.deepEqual({ ...dryRun, metadata }, { ...live, metadata: known })
      const applied = (list: readonly { manager: string; operation?: string; fieldsV1?: object }[] | undefined) =>
        list?.filter(({ operation }) => operation === 'Apply').map(({ manager, fieldsV1 }) => ({ manager, fieldsV1 }))
      assert.deepEqual(applied(managedFields), applied(own as never))
    }
  })
})
