import assert from 'node:assert/strict'
import { useCluster } from '../support/cluster.ts'
import { until } from '../support/following.ts'
import { setColouredStage, type ColouredStage } from './coloured-stage.ts'
import { runPage } from './run-page.ts'

const cluster = useCluster()
let stage: ColouredStage

runPage('infra/docs/approvals.md', {
  before: async (scene) => {
    const { server, caPem: ca } = cluster.address
    const production = { name: 'production', server, ca, tokenSecret: 'PRODUCTION_TOKEN' }
    stage = await setColouredStage(scene, cluster, {
      CLUSTERS: JSON.stringify([{ ...production, changes: { afterMerge: 'hold' } }]),
      PLAN_KEY: 'a key of plans that only tests use',
    })
    const { namespace, client, deployment } = stage
    await stage.paint('green')
    const source = { kind: 'GitRepository', namespace, name: 'app' }
    const answer = await fetch(`${deployment.url}/trigger`, {
      method: 'POST',
      headers: { authorization: `Bearer ${deployment.triggerToken}` },
      body: JSON.stringify({ source, wait: 60 }),
    })
    assert.equal(answer.status, 200, await answer.text())
    const ref = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', namespace, name: 'app' }
    await until('the change waits', async () => {
      const { conditions } = (await client.get(ref))['status'] as { conditions: { type: string; reason: string }[] }
      return conditions.some(({ type, reason }) => type === 'Held' && reason === 'WaitingForApproval')
    })
    assert.equal(await stage.colour(), 'blue')
    return stage.env
  },
  after: {
    'sluice approve waiting': async ({ output }) => {
      assert.match(output, /production: 1 approved; run \w+ takes them up/)
      await until('it is applied', async () => (await stage.colour()) === 'green')
    },
  },
})
