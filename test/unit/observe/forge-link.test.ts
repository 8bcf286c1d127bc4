import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { forgeCommitUrl } from '../../../src/observe/index.ts'

const commit = 'b'.repeat(40)
const rows: readonly (readonly [string, readonly string[], string | undefined])[] = [
  ['github', ['git@github.com:o/r.git', 'https://github.com/o/r.git'], `https://github.com/o/r/commit/${commit}`],
  ['gitlab', ['https://git.example/g/r'], `https://git.example/g/r/-/commit/${commit}`],
  ['bitbucket', ['https://bitbucket.org/o/r/'], `https://bitbucket.org/o/r/commits/${commit}`],
  ['github', ['https://user:secret@github.com/o/r.git?token=x#y'], `https://github.com/o/r/commit/${commit}`],
  ['github', ['javascript:alert(1)', 'data:text/html,x', 'ssh://git@github.com/o/r'], undefined],
  ['somebody', ['https://github.com/o/r'], undefined],
  ['toString', ['https://github.com/o/r'], undefined],
]

describe('the page of a commit at a forge', () => {
  for (const [provider, urls, want] of rows) {
    it(`${provider} ${urls.join(' ')}: ${want ?? 'none'}`, () => {
      const push = { provider, deliveryId: '', urls, ref: 'refs/heads/main' }
      assert.equal(forgeCommitUrl(push, commit), want)
      assert.equal(forgeCommitUrl(push, '../../evil'), undefined)
    })
  }
})
