import assert from 'node:assert/strict'
import { runPage } from './run-page.ts'

runPage('README.md', {
  before: async (scene) => {
    await scene.checkout()
    return {}
  },
  // The control plane is in the cache of whoever runs the tests.
  timeoutMs: 8 * 60_000,
  until: { 'npm run demo': /Everything is left running/ },
  after: {
    'npm run demo': ({ output }) => {
      assert.match(output, /backend 1\.4\.1|A commit changes one image/)
      assert.match(output, /found and repaired/)
    },
  },
})
