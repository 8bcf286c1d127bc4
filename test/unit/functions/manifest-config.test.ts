import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  isManifestBranch,
  manifestAuthorOf,
  manifestBranchOf,
  manifestsSchema,
} from '../../../functions/manifests/config.ts'

const isTaken = (value: unknown): boolean => manifestsSchema.safeParse(value).success

describe('what PLANS says of manifests', () => {
  it('is yes, or a branch for each pull request', () => {
    for (const value of [
      true,
      {},
      { branch: 'sluice/rendered/{number}' },
      { branch: 'rendered/pr-{number}' },
      { branch: 'a/{number}/plan' },
      { branch: 'a/{number}', author: { name: 'A Bot', email: 'bot@example.com' } },
    ])
      assert.ok(isTaken(value), JSON.stringify(value))
  })

  it('names no branch that people have, and none for two pull requests', () => {
    for (const branch of [
      'main',
      '{number}',
      'rendered-{number}',
      'rendered/main',
      'rendered/{number}/{number}',
      'rendered/1{number}',
      'rendered/{number}0',
      'rendered/../{number}',
      'rendered//{number}',
      '/rendered/{number}',
      'rendered/{number}/',
      'rendered/{number}.lock',
      'rendered/.{number}',
      'rendered/a..{number}',
      'refs heads/{number}',
      'rendered/{number}~1',
      '-x/{number}',
      'rendered/{other}',
      `rendered/${'x'.repeat(100)}{number}`,
    ])
      assert.ok(!isTaken({ branch }), branch)
    assert.ok(!isTaken(false))
    assert.ok(!isTaken({ branch: 'a/{number}', author: { name: 'x\ny', email: 'a' } }))
    assert.ok(!isTaken({ branch: 'a/{number}', author: { name: 'x <y>', email: 'a' } }))
    assert.ok(!isTaken({ brnach: 'a/{number}' }))
  })

  it('tells the branches that it names from others', () => {
    const rule = { branch: 'sluice/rendered/pr-{number}.x' }
    assert.equal(manifestBranchOf(rule, 7), 'sluice/rendered/pr-7.x')
    assert.equal(manifestBranchOf(true, 7), undefined)
    assert.equal(manifestBranchOf(undefined, 7), undefined)
    assert.ok(isManifestBranch(rule, 'sluice/rendered/pr-7.x'))
    for (const other of [
      'main',
      'sluice/rendered/pr-.x',
      'sluice/rendered/pr-07.x',
      'sluice/rendered/pr-7.xx',
      'sluice/rendered/pr-7/8.x',
    ])
      assert.ok(!isManifestBranch(rule, other), other)
    assert.ok(!isManifestBranch(true, 'sluice/rendered/7'))
    assert.equal(manifestAuthorOf(true).name, 'Sluice')
    assert.equal(manifestAuthorOf({ author: { name: 'B', email: 'b@c' } }).name, 'B')
  })
})
