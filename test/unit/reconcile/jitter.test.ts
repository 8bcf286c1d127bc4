import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { jittered } from '../../../src/reconcile/jitter.ts'

describe('jitter', () => {
  const values = Array.from({ length: 1000 }, (_, n) => jittered(600_000, 5, `Kustomization/team/app-${n}`, 1_000_000))

  it('stays within its share, and is never longer than the interval', () => {
    assert.ok(values.every((value) => value > 570_000 - 1 && value <= 600_000))
  })
  it('spreads evenly what was looked at in one moment', () => {
    const tenths = Array.from(
      { length: 10 },
      (_, tenth) => values.filter((value) => Math.floor((600_000 - value) / 3_000) === tenth).length,
    )
    assert.ok(
      tenths.every((count) => count > 60 && count < 140),
      tenths.join(' '),
    )
  })
  it('is the same while it is waited for, and another one after the next look', () => {
    assert.equal(jittered(1000, 5, 'a', 1), jittered(1000, 5, 'a', 1))
    assert.notEqual(jittered(1000, 5, 'a', 1), jittered(1000, 5, 'a', 2))
  })
  it('can be off', () => assert.equal(jittered(1000, 0, 'a', 1), 1000))
})
