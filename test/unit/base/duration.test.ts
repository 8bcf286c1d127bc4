import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatDuration, parseDuration } from '../../../src/base/index.ts'

describe('durations', () => {
  const rows: [string, number][] = [
    ['0', 0],
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['.5s', 500],
    ['-2ms', -2],
    ['1h0m0.001s', 3_600_001],
    ['100us', 0.1],
  ]
  for (const [text, want] of rows) it(`reads ${text}`, () => assert.equal(parseDuration(text), want))
  for (const text of ['', '5', 's', '1d', '1s ', '1 s', '--1s', '1..5s', '5minutes']) {
    it(`refuses '${text}'`, () => assert.throws(() => parseDuration(text), { code: 'duration-invalid' }))
  }
  const printed: [number, string][] = [
    [0, '0s'],
    [1500, '1.5s'],
    [250, '250ms'],
    [60_000, '1m0s'],
    [5_400_000, '1h30m0s'],
    [-90_000, '-1m30s'],
    [0.25, '250µs'],
  ]
  for (const [value, want] of printed) it(`prints ${want}`, () => assert.equal(formatDuration(value), want))
})
