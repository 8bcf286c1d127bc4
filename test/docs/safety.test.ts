import assert from 'node:assert/strict'
import { useCluster } from '../support/cluster.ts'
import { until } from '../support/following.ts'
import { setColouredStage, type ColouredStage } from './coloured-stage.ts'
import { runPage } from './run-page.ts'

const cluster = useCluster()
let stage: ColouredStage

async function read(kind: 'ConfigMap' | 'Kustomization', name: string) {
  const apiVersion = kind === 'ConfigMap' ? 'v1' : 'kustomize.toolkit.fluxcd.io/v1'
  return stage.client.find({ apiVersion, kind, namespace: stage.namespace, name })
}

runPage('infra/docs/safety.md', {
  before: async (scene) => {
    stage = await setColouredStage(scene, cluster)
    const blue = (await stage.repository.head()) ?? ''
    await stage.paint('green')
    await until('it is applied', async () => (await stage.colour()) === 'green')
    return { ...stage.env, CLUSTER: 'production', COMMIT: blue }
  },
  after: {
    'sluice suspend cluster': async ({ output }) => {
      assert.match(output, /production: the cluster suspended/)
      const { data } = (await read('ConfigMap', 'sluice-hold')) as unknown as { data: { [key: string]: string } }
      assert.deepEqual([data['suspended'], data['by'], data['reason']], ['true', 'ada', 'the storage is being moved'])
      await stage.paint('yellow')
      // Two scans and a half.
      await new Promise((resolve) => setTimeout(resolve, 2_500))
      assert.equal(await stage.colour(), 'green')
    },
    'sluice resume cluster': async () => assert.equal(await stage.colour(), 'yellow'),
    'sluice pin ks': async ({ output }) => {
      assert.match(output, /app/)
      assert.equal(await stage.colour(), 'blue')
    },
    'sluice unpin ks': async () => assert.equal(await stage.colour(), 'yellow'),
    'sluice reconcile ks app --override': async () => {
      const notes = (await read('Kustomization', 'app'))?.metadata.annotations ?? {}
      assert.equal(notes['sluice.dev/override-windows-reason'], 'the fix for the outage')
      assert.equal(notes['sluice.dev/override-windows-by'], 'ada')
    },
    'sluice approve cluster': async () => {
      const { data } = (await read('ConfigMap', 'sluice-hold')) as unknown as { data: { [key: string]: string } }
      assert.equal(data['approved-by'], 'ada')
      await stage.repository.commit({ 'app/a.yaml': '---\n', 'app/kustomization.yaml': 'resources: []\n' })
      const object = { kind: 'GitRepository', namespace: stage.namespace, name: 'app' }
      await stage.run({ kind: 'trigger', target: { source: object } })
      await until('the prune is held back', async () => {
        const conditions = (await read('Kustomization', 'app'))?.['status'].conditions as { reason: string }[]
        return conditions.some(({ reason }) => reason === 'PruneFailed')
      })
      assert.equal(await stage.colour(), 'yellow')
    },
    'sluice approve prune': async () => until('the prune is done', async () => (await stage.colour()) === undefined),
  },
})
