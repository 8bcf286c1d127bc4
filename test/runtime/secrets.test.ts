import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { formatOfPath } from '../../src/secrets/index.ts'
import {
  allFixtureKeys,
  decryptedFixture,
  encryptedFixture,
  encryptedFixtures,
  fixtureKey,
} from '../support/sops-fixtures.ts'
import { startWorker, type RunningWorker } from '../support/workerd.ts'

let worker: RunningWorker

before(async () => {
  worker = await startWorker({ env: {}, entry: new URL('../support/secrets-worker.ts', import.meta.url) })
})
after(() => worker.stop())

describe('SOPS in workerd', () => {
  it('opens every fixture with every kind of key', async () => {
    const base64 = (content: Uint8Array): string => Buffer.from(content).toString('base64')
    const keys = Object.fromEntries(
      allFixtureKeys.map((name) => [name.startsWith('ssh_') ? `${name}.agekey` : name, base64(fixtureKey(name))]),
    )
    for (const name of encryptedFixtures()) {
      const response = await fetch(worker.url, {
        method: 'POST',
        body: JSON.stringify({ name, format: formatOfPath(name), content: base64(encryptedFixture(name)), keys }),
      })
      const answer = new Uint8Array(await response.arrayBuffer())
      assert.equal(response.status, 200, `${name}: ${new TextDecoder().decode(answer)}`)
      assert.deepEqual(answer, decryptedFixture(name), name)
    }
  })
})
