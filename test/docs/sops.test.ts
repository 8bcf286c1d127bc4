import assert from 'node:assert/strict'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { oracleBinary } from '../support/oracle-binary.ts'
import { runPage } from './run-page.ts'
import type { Scene } from './scene.ts'
import { setStage } from './stage.ts'

/** What a reader has on the PATH; the versions that the fixtures of decryption were made with. */
const programs = [
  { name: 'sops', package: 'github.com/getsops/sops/v3/cmd/sops', version: 'v3.13.2' },
  { name: 'age-keygen', package: 'filippo.io/age/cmd/age-keygen', version: 'v1.3.1' },
]

async function install(scene: Scene): Promise<void> {
  for (const program of programs) {
    const path = await oracleBinary(program)
    assert.ok(path !== undefined, `there is no Go to build ${program.name} with`)
    await symlink(path, join(scene.bin, program.name))
  }
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
