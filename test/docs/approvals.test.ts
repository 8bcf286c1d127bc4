import assert from 'node:assert/strict'
import { useCluster } from '../support/cluster.ts'
import { until } from '../support/following.ts'
import { setColouredStage, type ColouredStage } from './coloured-stage.ts'
import { runPage } from './run-page.ts'

const cluster = useCluster()
let stage: ColouredStage

/** Changes the repository, and has it looked at. */
async function push(colour: string): Promise<void> {
  await stage.paint(colour)
  const { deployment, namespace } = stage
  const answer = await fetch(`${deployment.url}/trigger`, {
    method: 'POST',
    headers: { authorization: `Bearer ${deployment.triggerToken}` },
    body: JSON.stringify({ source: { kind: 'GitRepository', namespace, name: 'app' }, wait: 60 }),
  })
  assert.equal(answer.status, 200, await answer.text())
}

/** Why the application is held. */
async function heldBy(): Promise<string | undefined> {
  const { client, namespace } = stage
  const ref = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', namespace, name: 'app' }
  const { conditions } = (await client.get(ref))['status'] as {
    conditions: { type: string; reason: string; message: string }[]
  }
  const held = conditions.find(({ type }) => type === 'Held')
  return held?.message.includes('made after the merge') === true ? 'planned again' : held?.reason
}

runPage('infra/docs/approvals.md', {
  before: async (scene) => {
    const { server, caPem: ca } = cluster.address
    const production = { name: 'production', server, ca, tokenSecret: 'PRODUCTION_TOKEN' }
    stage = await setColouredStage(scene, cluster, {
      CLUSTERS: JSON.stringify([{ ...production, changes: { afterMerge: 'plan' } }]),
      PLAN_KEY: 'a key of plans that only tests use',
    })
    await push('green')
    await until('the change waits', async () => (await heldBy()) !== undefined)
    assert.equal(await stage.colour(), 'blue')
    return stage.env
  },
  after: {
    'sluice approve waiting': async ({ output }) => {
      assert.match(output, /production: 1 approved; run \w+ takes them up/)
      await until('it is applied', async () => (await stage.colour()) === 'green')
      await until('nothing waits', async () => (await heldBy()) === undefined)
      await push('yellow')
      await until('it is planned again', async () => (await heldBy()) === 'planned again')
    },
    'tee plans.json': async ({ output }) => {
      assert.match(output, /"afterMerge":\["production"\]/)
      assert.match(output, /production: 1 approved; run \w+ takes them up/)
      await until('the plan is applied', async () => (await stage.colour()) === 'yellow')
    },
  },
})
