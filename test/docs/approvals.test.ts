import assert from 'node:assert/strict'
import { useCluster } from '../support/cluster.ts'
import { startDeployment } from '../support/deployment.ts'
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

const colorOf = async (): Promise<unknown> =>
  (await made().client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made().namespace, name: 'a' }))?.['data']
    .color

async function until(what: string, isThere: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await isThere())) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

runPage('infra/docs/approvals.md', {
  before: async (scene) => {
    const scenario = await createScenario(cluster, { files: { 'app/a.yaml': configMap('blue') } })
    scene.defer(() => scenario.close())
    stage.made = scenario
    const { namespace, client } = scenario
    await scenario.kustomization()
    await scenario.pushed()
    const { server, caPem: ca } = cluster.address
    const production = { name: 'production', server, ca, tokenSecret: 'PRODUCTION_TOKEN' }
    const deployment = await startDeployment('node', {
      clusters: { production: cluster.address },
      namespaces: [namespace],
      scanIntervalSeconds: 1,
      settings: { holdNamespace: namespace },
      env: {
        CLUSTERS: JSON.stringify([{ ...production, changes: { afterMerge: 'hold' } }]),
        PLAN_KEY: 'a key of plans that only tests use',
      },
    })
    scene.defer(() => deployment.stop())
    await scenario.repository.commit({ 'app/a.yaml': configMap('green').replace('$NAMESPACE', namespace) })
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
    assert.equal(await colorOf(), 'blue')
    return {
      SLUICE_URL: deployment.url,
      SLUICE_TOKEN: deployment.triggerToken,
      SLUICE_NAMESPACE: namespace,
      SLUICE_ACTOR: 'ada',
    }
  },
  after: {
    'sluice approve waiting': async ({ output }) => {
      assert.match(output, /production: 1 approved; run \w+ takes them up/)
      await until('it is applied', async () => (await colorOf()) === 'green')
    },
  },
})
