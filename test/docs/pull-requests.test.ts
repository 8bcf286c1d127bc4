import assert from 'node:assert/strict'
import { useCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import { startDeployment } from '../support/deployment.ts'
import { configMap as named, createCopy, fleetFiles } from '../support/fleet-copy.ts'
import { colouredConfigMap, colourOf, followDirectory, followGit, until } from '../support/following.ts'
import { eventually, fleet, startPlanScene } from '../support/plan-scene.ts'
import { runPage } from './run-page.ts'

const cluster = useCluster()
runPage('infra/docs/pull-requests.md', {
  before: async (scene) => {
    const namespace = await cluster.namespace()
    await installCrds(cluster.client)
    const plans = await startPlanScene({
      kind: 'gitea',
      isOpen: true,
      rule: { manifests: true },
      files: { 'app/a.yaml': colouredConfigMap('a', 'red') },
    })
    scene.defer(() => plans.close())
    await followGit(cluster.client, { name: 'fleet', namespace, url: plans.repository.git.url })
    await followDirectory(cluster.client, { name: 'app', namespace, source: 'fleet' })
    const deployment = await startDeployment('node', {
      clusters: { production: cluster.address },
      namespaces: [namespace],
      env: plans.env,
    })
    scene.defer(() => deployment.stop())
    plans.connect(deployment)
    // Its first scan applies what is there: without that the plan would create it.
    await until('it is applied', async () => (await colourOf(cluster.client, namespace, 'a')) === 'red')
    const pull = await plans.forge.pulls.open(fleet, {
      branch: 'topic',
      files: { 'app/a.yaml': colouredConfigMap('a', 'blue') },
    })
    await eventually(() => assert.equal(plans.comments(pull).length, 1), 60_000)
    return { SLUICE_URL: deployment.url, SLUICE_TOKEN: deployment.triggerToken }
  },
  after: {
    'limit=1': ({ output }) => {
      assert.match(output, /"verdict":"changes"/)
      assert.match(output, /"action":"change"/)
    },
    '/manifests"': ({ output }) => assert.match(output, /"state":"rendered","objects":1/),
    '/manifests/archive': ({ output }) => assert.match(output, /^head\/production\/.*\/ConfigMap\..*\.a\.yaml$/m),
    'format=sarif': ({ output }) => assert.match(output, /"name": "Sluice"/),
    '--outcome plan': ({ output }) => assert.match(output, /"outcome": "plan",[^}]*"reason": "pull request 1"/),
  },
})

runPage('infra/docs/pull-requests.md', {
  scene: 'working-copy',
  before: async (scene) => {
    const copy = await createCopy(scene.directory, fleetFiles)
    await copy.git('checkout', '--quiet', '-b', 'topic')
    await copy.commit({ 'apps/web/a.yaml': named('a', 'blue') })
    await copy.write({ 'apps/other/b.yaml': named('b', 'green') })
    return {}
  },
  after: {
    '-o table': ({ output }) => {
      assert.match(output, /This change can be applied/)
      assert.match(output, /change ConfigMap\/shop\/a\n/)
      assert.match(output, /change ConfigMap\/shop\/b\n/)
      assert.match(output, /What is not committed is part of it\./)
    },
    '-o markdown': ({ output }) => {
      assert.match(output, /ConfigMap\/shop\/a/)
      assert.doesNotMatch(output, /ConfigMap\/shop\/b/)
    },
  },
})
