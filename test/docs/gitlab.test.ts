import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { runPage } from './run-page.ts'
import { setStage } from './stage.ts'

const secret = randomBytes(32).toString('hex')

runPage('infra/docs/gitlab.md', {
  before: async (scene) => {
    const stage = await setStage(scene, { env: () => ({ GITLAB_WEBHOOK_SECRET: secret }) })
    return {
      ...stage.env,
      GITLAB_WEBHOOK_SECRET: secret,
      GITLAB_DEPLOY_USER: 'gitlab+deploy-token-1',
      GITLAB_DEPLOY_TOKEN: 'gldt-of-the-test',
    }
  },
  after: {
    '--outcome run': ({ output }) => {
      assert.match(output, /"outcome": "run"/)
      assert.doesNotMatch(output, new RegExp(secret))
    },
  },
})
