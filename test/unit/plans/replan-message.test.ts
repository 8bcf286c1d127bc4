import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeReplan, parseReplan, type ReplanMessage } from '../../../functions/plans/replan-message.ts'
import { parseLook } from '../../../functions/plans/look-message.ts'
import { messageVersion } from '../../../src/coordinator/index.ts'

const message: ReplanMessage = {
  id: 'm1',
  wish: {
    cluster: 'prod',
    url: 'https://git.example/team/app.git',
    branch: 'refs/heads/main',
    base: 'a'.repeat(40),
    head: 'b'.repeat(40),
    pullRequest: 7,
    waiting: [{ application: 'Kustomization/shop/web', why: 'there is no plan of it' }],
  },
  reason: 'waits',
  receivedAt: 1,
}

describe('a message that asks for a plan after a merge', () => {
  it('is read as it was written, and is no look', () => {
    const encoded = encodeReplan(message)
    assert.deepEqual(parseReplan(encoded), message)
    assert.equal(parseLook(encoded), undefined)
  })

  it('is of the newest version, so that older programs keep it', () => {
    const { version } = encodeReplan(message) as { readonly version: number }
    assert.equal(version, messageVersion)
  })

  it('names whole commits and a branch', () => {
    for (const wrong of [{ head: 'main' }, { base: `${'a'.repeat(39)}G` }, { branch: 'refs/tags/v1' }])
      assert.equal(parseReplan(encodeReplan({ ...message, wish: { ...message.wish, ...wrong } })), undefined)
  })
})
