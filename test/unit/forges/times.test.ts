import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { timeOf } from '../../../src/forges/answer.ts'

const noon = Date.UTC(2026, 4, 1, 12)

describe('times of forges', () => {
  it('without fractions are the end of their second, for nobody knows when in it something was', () => {
    assert.equal(timeOf('2026-05-01T12:00:00Z'), noon + 999)
    assert.equal(timeOf('2026-05-01T14:00:00+02:00'), noon + 999)
  })

  it('with fractions are what they say', () => {
    assert.equal(timeOf('2026-05-01T12:00:00.000Z'), noon)
    assert.equal(timeOf('2026-05-01T14:00:00.120+02:00'), noon + 120)
  })

  it('that say nothing are none', () => {
    const unsaid = [undefined, null, '', 'yesterday', '2026-05-01', '2026-05-01T12:00:00', '2026-13-01T12:00:00Z']
    // What Go and a column without a value make of "never".
    for (const one of [...unsaid, '0001-01-01T00:00:00Z', '1970-01-01T00:00:00Z'])
      assert.equal(timeOf(one), undefined, String(one))
  })
})
