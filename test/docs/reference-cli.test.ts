import assert from 'node:assert/strict'
import { runPage } from './run-page.ts'

runPage('infra/docs/reference-cli.md', {
  before: async (scene) => {
    await scene.checkout({ withModules: true })
    return {}
  },
  after: {
    '.local/bin/sluice --help': ({ output }) => assert.match(output, /GitOps without a controller/),
    'helm template': ({ output }) => assert.match(output, /kind: Deployment/),
  },
})
