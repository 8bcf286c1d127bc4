import assert from 'node:assert/strict'
import { useCluster } from '../support/cluster.ts'
import { kubeconfigOf, runPage } from './run-page.ts'

const cluster = useCluster()

runPage('infra/docs/container.md', {
  before: async (scene) => {
    await scene.checkout()
    return { KUBECONFIG: await kubeconfigOf(scene, cluster.address) }
  },
  after: {
    'kubectl apply': ({ output }) => {
      assert.match(output, /image: registry\.example\/sluice:1|image: registry\.example\/sluice:"1"/)
      assert.match(output, /statefulset\.apps\/sluice serverside-applied/)
    },
  },
})
