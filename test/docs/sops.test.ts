import assert from 'node:assert/strict'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { sopsPrograms } from '../support/sops-programs.ts'
import { runPage } from './run-page.ts'
import type { Scene } from './scene.ts'
import { setStage } from './stage.ts'

async function install(scene: Scene): Promise<void> {
  const paths = await sopsPrograms()
  assert.ok(paths !== undefined, 'there is no Go to build sops and age-keygen with')
  for (const [name, path] of Object.entries(paths)) await symlink(path, join(scene.bin, name))
}

runPage('infra/docs/sops.md', {
  before: async (scene) => {
    await install(scene)
    return (await setStage(scene)).env
  },
  after: {
    'kubectl get secret login': ({ output }) => assert.match(output, /correct horse battery staple$/),
    'sops set': ({ output }) => assert.doesNotMatch(output, /something new/),
    'git revert': ({ output }) => assert.doesNotMatch(output, /something new|battery/),
  },
})
