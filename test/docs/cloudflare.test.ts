import assert from 'node:assert/strict'
import { runPage } from './run-page.ts'

runPage('infra/docs/cloudflare.md', {
  before: async (scene) => {
    await scene.checkout({ withModules: true })
    return {}
  },
  after: {
    '--dry-run': ({ output }) => {
      assert.match(output, /secrets: GITHUB_WEBHOOK_SECRET, PRODUCTION_TOKEN, TRIGGER_TOKEN/)
      assert.match(output, /Nothing was deployed/)
    },
  },
})
