import assert from 'node:assert/strict'
import { readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { runPage } from './run-page.ts'

runPage('infra/docs/node.md', {
  before: async (scene) => {
    await scene.checkout({ withModules: true })
    return { BUILD_ID: 'first' }
  },
  after: {
    'config check': ({ output }) => {
      assert.match(output, /✔ the configuration is complete\n[\s\S]*PRODUCTION_TOKEN=\*\*\*/)
      assert.ok(!output.includes('the-token-of-the-service-account'))
    },
    'install.sh rollback': (_, scene) =>
      assert.equal(readlinkSync(join(scene.directory, '.cache/machine/opt/sluice/current')), 'first'),
  },
})
