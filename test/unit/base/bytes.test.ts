import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes } from '../../../src/base/index.ts'

for (const [name, parts, want] of [
  ['nothing', [], []],
  ['an empty part', [[], [1], []], [1]],
  ['several', [[1, 2], [3], [4, 5]], [1, 2, 3, 4, 5]],
] as const)
  test(`concatBytes: ${name}`, () => {
    assert.deepEqual([...concatBytes(parts.map((part) => Uint8Array.from(part)))], want)
  })

test('concatBytes: the parts are copied', () => {
  const part = Uint8Array.of(1)
  const whole = concatBytes([part])
  part[0] = 2
  assert.deepEqual([...whole], [1])
})
