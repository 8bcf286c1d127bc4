import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnvironment } from '../../src/bootstrap/index.ts'
import { freePort } from '../support/free-ports.ts'
import { startControlPlane } from '../support/control-plane.ts'
import { startForge, type ForgeServer } from '../support/forge-api/server.ts'
import { createKubeTestClient, type KubeTestClient } from '../support/kube-test-client.ts'
import { kubeconfigOf, runPage } from './run-page.ts'

const workload = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'web' }

let port = 0
let forge: ForgeServer
let client: KubeTestClient

// A cluster of its own: nothing may be in it yet.
runPage('infra/docs/bootstrap.md', {
  before: async (scene) => {
    const controlPlane = await startControlPlane()
    scene.defer(() => controlPlane.stop())
    client = createKubeTestClient(controlPlane)
    scene.defer(async () => client.close())
    forge = await startForge('github', { organizations: ['org'] })
    scene.defer(() => forge.close())
    port = await freePort()
    return {
      KUBECONFIG: await kubeconfigOf(scene, controlPlane),
      GITHUB_SERVER_URL: forge.host,
      GITHUB_TOKEN: forge.token,
      OWNER: 'org',
      REPOSITORY: 'fleet',
      DEPLOYMENT_URL: `http://127.0.0.1:${port}`,
    }
  },
  after: {
    'planned.yaml': async (_ran, scene) => {
      assert.match(await readFile(join(scene.directory, 'planned.yaml'), 'utf8'), /kind: CustomResourceDefinition/)
      assert.equal(forge.repositories.size, 0)
    },
    'ls -l sluice.env': async (_ran, scene) => {
      const env = parseEnvironment(await readFile(join(scene.directory, 'sluice.env'), 'utf8'), 'sluice.env')
      const { startNode } = await import('../../functions/node.ts')
      const own = { PORT: String(port), HOST: '127.0.0.1', DATA_DIR: join(scene.directory, '.state') }
      const started = await startNode({ ...env, ...own }, { log: () => undefined })
      scene.defer(() => started.stop())
    },
    '--cluster prod --url': async (ran) => {
      assert.match(ran.output, /GitHub has delivered, and the deployment has believed it/)
      const web = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web, namespace: default }\n'
      await forge.push('org/fleet', { 'clusters/prod/web.yaml': web })
      await client.waitFor(workload, (found) => found !== undefined, 60_000)
    },
    'sluice uninstall': async (ran) => {
      assert.match(ran.output, /Workloads stay as they are/)
      assert.deepEqual(forge.repositories.get('org/fleet')?.hooks, [])
      assert.notEqual(await client.find(workload), undefined)
    },
  },
})
