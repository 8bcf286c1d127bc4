import assert from 'node:assert/strict'
import { startDeployment } from '../support/deployment.ts'
import { useCluster } from '../support/cluster.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'
import { runPage } from './run-page.ts'

const cluster = useCluster()
const configMap = (color: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: $NAMESPACE }\ndata: { color: ${color} }\n`

const stage: { made?: Scenario } = {}

function made(): Scenario {
  if (stage.made === undefined) throw new Error('the stage is not set')
  return stage.made
}

async function read(kind: 'ConfigMap' | 'Kustomization', name: string) {
  const apiVersion = kind === 'ConfigMap' ? 'v1' : 'kustomize.toolkit.fluxcd.io/v1'
  return made().client.find({ apiVersion, kind, namespace: made().namespace, name })
}

const colorOf = async (): Promise<unknown> => (await read('ConfigMap', 'a'))?.['data'].color

async function until(what: string, isThere: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await isThere())) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

runPage('infra/docs/safety.md', {
  before: async (scene) => {
    const scenario = await createScenario(cluster, { files: { 'app/a.yaml': configMap('blue') } })
    scene.defer(() => scenario.close())
    stage.made = scenario
    const { namespace } = scenario
    await scenario.kustomization()
    await scenario.pushed()
    const blue = (await scenario.repository.head()) ?? ''
    await scenario.push({ 'app/a.yaml': configMap('green') })
    const deployment = await startDeployment('node', {
      clusters: { production: cluster.address },
      namespaces: [namespace],
      scanIntervalSeconds: 1,
      settings: { holdNamespace: namespace },
    })
    scene.defer(() => deployment.stop())
    return {
      SLUICE_URL: deployment.url,
      SLUICE_TOKEN: deployment.triggerToken,
      SLUICE_NAMESPACE: namespace,
      SLUICE_ACTOR: 'ada',
      CLUSTER: 'production',
      COMMIT: blue,
    }
  },
  after: {
    'sluice suspend cluster': async ({ output }) => {
      assert.match(output, /production: the cluster suspended/)
      const { data } = (await read('ConfigMap', 'sluice-hold')) as unknown as { data: { [key: string]: string } }
      assert.deepEqual([data['suspended'], data['by'], data['reason']], ['true', 'ada', 'the storage is being moved'])
      await made().repository.commit({ 'app/a.yaml': configMap('yellow').replace('$NAMESPACE', made().namespace) })
      // Two scans and a half.
      await new Promise((resolve) => setTimeout(resolve, 2_500))
      assert.equal(await colorOf(), 'green')
    },
    'sluice resume cluster': async () => assert.equal(await colorOf(), 'yellow'),
    'sluice pin ks': async ({ output }) => {
      assert.match(output, /app/)
      assert.equal(await colorOf(), 'blue')
    },
    'sluice unpin ks': async () => assert.equal(await colorOf(), 'yellow'),
    'sluice reconcile ks app --override': async () => {
      const notes = (await read('Kustomization', 'app'))?.metadata.annotations ?? {}
      assert.equal(notes['sluice.dev/override-windows-reason'], 'the fix for the outage')
      assert.equal(notes['sluice.dev/override-windows-by'], 'ada')
    },
    'sluice approve cluster': async () => {
      const { data } = (await read('ConfigMap', 'sluice-hold')) as unknown as { data: { [key: string]: string } }
      assert.equal(data['approved-by'], 'ada')
      await made().repository.commit({ 'app/a.yaml': '---\n', 'app/kustomization.yaml': 'resources: []\n' })
      const object = { kind: 'GitRepository', namespace: made().namespace, name: 'app' }
      await made().run({ kind: 'trigger', target: { source: object } })
      await until('the prune is held back', async () => {
        const conditions = (await read('Kustomization', 'app'))?.['status'].conditions as { reason: string }[]
        return conditions.some(({ reason }) => reason === 'PruneFailed')
      })
      assert.equal(await colorOf(), 'yellow')
    },
    'sluice approve prune': async () => until('the prune is done', async () => (await colorOf()) === undefined),
  },
})
