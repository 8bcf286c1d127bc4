import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Condition } from '../../../src/api/index.ts'
import { idOfSummary, stateOf } from '../../../src/observe/index.ts'
import type { ObjectSummary } from '../../../src/reconcile/index.ts'

function object(name: string, change: Partial<ObjectSummary> = {}): ObjectSummary {
  return {
    kind: 'Kustomization',
    namespace: 'apps',
    name,
    generation: 2,
    observedGeneration: 2,
    version: 1,
    suspended: false,
    deleting: false,
    conditions: [],
    dependsOn: [],
    blockers: [],
    commits: [],
    outcomes: [],
    ...change,
  }
}
const condition = (status: Condition['status'], reason = 'Any', type = 'Ready'): Condition => ({
  type,
  status,
  reason,
  message: '',
  lastTransitionTime: '2026-11-20T10:00:00Z',
})
const waits = (name: string, ...on: readonly string[]): ObjectSummary =>
  object(name, {
    conditions: [condition('False', 'DependencyNotReady')],
    blockers: on.map((one) => ({ id: `Kustomization/apps/${one}`, message: 'is not ready' })),
  })

const ready = object('ready', { conditions: [condition('True')] })
const applying = object('applying', { conditions: [condition('Unknown', 'Progressing')] })
const failed = object('failed', { conditions: [condition('False', 'BuildFailed')] })
const rows: readonly (readonly [string, ObjectSummary, readonly ObjectSummary[], string])[] = [
  ['ready', ready, [], 'ready'],
  ['ready, of an older generation', { ...ready, observedGeneration: 1 }, [], 'applying'],
  ['being worked on', applying, [], 'applying'],
  ['failed', failed, [], 'failed'],
  [
    'with its cluster suspended',
    object('a', { conditions: [condition('True')], held: { kind: 'suspended', message: 'the cluster is suspended' } }),
    [],
    'suspended',
  ],
  ['not approved yet', object('a', { held: { kind: 'approval', message: 'waits' } }), [], 'blocked'],
  [
    'held by a window, and ready',
    object('a', { conditions: [condition('True'), condition('True', 'HeldByWindow', 'Held')] }),
    [],
    'blocked',
  ],
  [
    'held by a window, and failed before',
    object('a', { conditions: [condition('False'), condition('True', 'HeldByWindow', 'Held')] }),
    [],
    'blocked',
  ],
  ['suspended, whatever else', { ...failed, suspended: true }, [], 'suspended'],
  ['being deleted, whatever else', { ...ready, deleting: true, suspended: true }, [], 'deleting'],
  [
    'drifted',
    object('a', { conditions: [condition('True'), condition('True', 'DriftDetected', 'Drifted')] }),
    [],
    'drifted',
  ],
  [
    'drifted before',
    object('a', { conditions: [condition('True'), condition('False', 'NoDrift', 'Drifted')] }),
    [],
    'ready',
  ],
  ['never looked at', object('a'), [], 'unknown'],
  ['without a status', object('a', { kind: 'Provider' }), [], 'ready'],
  ['waits for what is on its way', waits('a', 'applying'), [applying], 'waiting'],
  ['waits for what is ready by now', waits('a', 'ready'), [ready], 'waiting'],
  ['waits for what has failed', waits('a', 'applying', 'failed'), [applying, failed], 'blocked'],
  ['waits for what is not there', waits('a', 'nowhere'), [], 'blocked'],
  [
    'waits for what is suspended',
    waits('a', 'b'),
    [object('b', { suspended: true, conditions: [condition('True')] })],
    'blocked',
  ],
  ['waits for what waits for what has failed', waits('a', 'b'), [waits('b', 'failed'), failed], 'blocked'],
  ['waits for what waits for what is on its way', waits('a', 'b'), [waits('b', 'applying'), applying], 'waiting'],
  ['waits for itself', waits('a', 'b'), [waits('a', 'b'), waits('b', 'a')], 'blocked'],
]

describe('the state of an object', () => {
  for (const [name, subject, others, want] of rows) {
    it(`${name}: ${want}`, () => {
      const all = new Map([subject, ...others].map((one) => [idOfSummary(one), one]))
      assert.equal(
        stateOf(subject, (id) => all.get(id)),
        want,
      )
    })
  }
})
