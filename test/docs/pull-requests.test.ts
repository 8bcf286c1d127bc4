import assert from 'node:assert/strict'
import { useCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import { startDeployment } from '../support/deployment.ts'
import { eventually, fleet, startPlanScene } from '../support/plan-scene.ts'
import { runPage } from './run-page.ts'

const cluster = useCluster()
const configMap = (color: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  color: ${color}\n`

runPage('infra/docs/pull-requests.md', {
  before: async (scene) => {
    const namespace = await cluster.namespace()
    await installCrds(cluster.client)
    const plans = await startPlanScene({ kind: 'gitea', isOpen: true, files: { 'app/a.yaml': configMap('red') } })
    scene.defer(() => plans.close())
    await cluster.client.apply({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata: { name: 'fleet', namespace },
      spec: { interval: '1h', url: plans.repository.git.url, ref: { branch: 'main' } },
    })
    await cluster.client.apply({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name: 'app', namespace },
      spec: {
        interval: '1h',
        path: './app',
        prune: true,
        targetNamespace: namespace,
        sourceRef: { kind: 'GitRepository', name: 'fleet' },
      },
    })
    const deployment = await startDeployment('node', {
      clusters: { production: cluster.address },
      namespaces: [namespace],
      env: plans.env,
    })
    scene.defer(() => deployment.stop())
    plans.connect(deployment)
    // Its first scan applies what is there: without that the plan would create it.
    const applied = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'a' }
    await eventually(async () => assert.ok(await cluster.client.find(applied)), 60_000)
    const pull = await plans.forge.pulls.open(fleet, { branch: 'topic', files: { 'app/a.yaml': configMap('blue') } })
    await eventually(() => assert.equal(plans.comments(pull).length, 1), 60_000)
    return { SLUICE_URL: deployment.url, SLUICE_TOKEN: deployment.triggerToken }
  },
  after: {
    'limit=1': ({ output }) => {
      assert.match(output, /"verdict":"changes"/)
      assert.match(output, /"action":"change"/)
    },
    'format=sarif': ({ output }) => assert.match(output, /"name": "Sluice"/),
    '--outcome plan': ({ output }) => assert.match(output, /"outcome": "plan",[^}]*"reason": "pull request 1"/),
  },
})
