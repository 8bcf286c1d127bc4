import assert from 'node:assert/strict'
import { startDeployment } from '../support/deployment.ts'
import { runPage } from './run-page.ts'

const ciToken = 'a-token-of-the-job-that-deploys'

runPage('infra/docs/access.md', {
  before: async (scene) => {
    const deployment = await startDeployment('node', {
      clusters: [
        { name: 'prod', server: 'https://127.0.0.1:9' },
        { name: 'staging', server: 'https://127.0.0.1:9' },
      ],
      env: {
        CI_TOKEN: ciToken,
        TOKENS: JSON.stringify([
          {
            name: 'deploy job of the shop',
            tokenSecret: 'CI_TOKEN',
            role: 'operator',
            clusters: ['prod'],
            namespaces: ['shop-*'],
          },
        ]),
        PUBLIC_READ: '{"clusters": ["prod"], "namespaces": ["shop-*"]}',
      },
    })
    scene.defer(() => deployment.stop())
    return { SLUICE_URL: deployment.url, SLUICE_TOKEN: deployment.triggerToken, CI_TOKEN: ciToken }
  },
  after: {
    '"name": "infra"': ({ output }) => assert.match(output, /404/),
    '/api/actions': ({ output }) => {
      assert.match(output, /"actor":"deploy job of the shop"/)
      assert.match(output, /"outcome":"refused"/)
      assert.ok(!output.includes(ciToken))
    },
    '/api/public/objects': ({ output }) => assert.deepEqual(JSON.parse(output), { objects: [] }),
  },
})
