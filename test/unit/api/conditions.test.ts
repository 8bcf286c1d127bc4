import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  getCondition,
  isConditionTrue,
  removeCondition,
  setCondition,
  type Condition,
  type NewCondition,
} from '../../../src/api/index.ts'

const t1 = '2026-01-01T00:00:00Z'
const t2 = '2026-01-02T00:00:00Z'
const t3 = '2026-01-03T00:00:00Z'

function condition(type: string, status: Condition['status'], at: string, more: Partial<Condition> = {}): Condition {
  return { type, status, reason: 'Reason', message: 'message', lastTransitionTime: at, ...more }
}

const ready = condition('Ready', 'True', t1)
const stalled = condition('Stalled', 'True', t1)

const rows: readonly { name: string; before: readonly Condition[]; set: NewCondition; want: readonly Condition[] }[] = [
  {
    name: 'a new type goes to the end',
    before: [ready],
    set: { type: 'Healthy', status: 'True', reason: 'A', message: 'b', observedGeneration: 3 },
    want: [
      ready,
      { type: 'Healthy', status: 'True', reason: 'A', message: 'b', observedGeneration: 3, lastTransitionTime: t2 },
    ],
  },
  {
    name: 'the same status keeps its time',
    before: [ready, stalled],
    set: { type: 'Ready', status: 'True', reason: 'Other', message: 'other', observedGeneration: 2 },
    want: [condition('Ready', 'True', t1, { reason: 'Other', message: 'other', observedGeneration: 2 }), stalled],
  },
  {
    name: 'the same status keeps its time against a given one',
    before: [ready],
    set: { ...ready, lastTransitionTime: t3 },
    want: [ready],
  },
  {
    name: 'another status changes it, in place',
    before: [ready, stalled],
    set: { type: 'Ready', status: 'False', reason: 'Reason', message: 'message' },
    want: [condition('Ready', 'False', t2), stalled],
  },
  {
    name: 'another status with a given time',
    before: [ready],
    set: condition('Ready', 'Unknown', t3),
    want: [condition('Ready', 'Unknown', t3)],
  },
  {
    name: 'an observed generation that is no longer given goes',
    before: [{ ...ready, observedGeneration: 1 }],
    set: { type: 'Ready', status: 'True', reason: 'Reason', message: 'message' },
    want: [ready],
  },
]

describe('setCondition', () => {
  for (const { name, before, set, want } of rows) {
    it(name, () => {
      const copy = structuredClone(before)
      assert.deepEqual(setCondition(before, set, t2), want)
      assert.deepEqual(before, copy)
    })
  }
})

describe('other condition functions', () => {
  it('get, remove and ask', () => {
    assert.equal(getCondition([ready, stalled], 'Stalled'), stalled)
    assert.equal(getCondition(undefined, 'Ready'), undefined)
    assert.deepEqual(removeCondition([ready, stalled], 'Ready'), [stalled])
    assert.equal(isConditionTrue([condition('Ready', 'Unknown', t1)], 'Ready'), false)
    assert.equal(isConditionTrue([ready], 'Ready'), true)
  })
})
