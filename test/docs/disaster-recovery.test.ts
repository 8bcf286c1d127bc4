import assert from 'node:assert/strict'
import { freePort } from '../support/free-ports.ts'
import { runPage } from './run-page.ts'
import { configMapFile, setStage } from './stage.ts'

runPage('infra/docs/disaster-recovery.md', {
  before: async (scene) => {
    await scene.checkout({ withModules: true })
    const { address, env } = await setStage(scene, {
      deployment: false,
      files: { 'clusters/prod/cluster.yaml': configMapFile('cluster', 'prod') },
    })
    const port = String(await freePort())
    const token = 'a-trigger-token-of-the-test'
    return {
      ...env,
      CLUSTERS: JSON.stringify([
        { name: 'prod', server: address.server, ca: address.caPem, tokenSecret: 'PROD_TOKEN' },
      ]),
      PROD_TOKEN: address.token,
      PRIVATE_HOSTS: '["127.0.0.1"]',
      TRIGGER_TOKEN: token,
      SLUICE_TOKEN: token,
      PORT: port,
      SLUICE_URL: `http://127.0.0.1:${port}`,
    }
  },
  after: {
    'sluice doctor': ({ output }) => assert.match(output, /"findings"/),
  },
})
