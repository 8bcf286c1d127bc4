import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LiveRecords } from '../../../src/reconcile/live-records.ts'
import type { EngineDeps, Job, NodeRecord, RunRecord } from '../../../src/reconcile/index.ts'
import { headOf } from '../../../src/reconcile/run-record.ts'
import { createMemoryState } from '../../support/memory-ports.ts'

const node = (name: string, change: Partial<NodeRecord> = {}): NodeRecord => ({
  kind: 'Kustomization',
  namespace: 'apps',
  name,
  state: 'ready',
  changes: [],
  unchanged: 0,
  timings: { startedAt: 1, finishedAt: 2 },
  ...change,
})

/** Records of a run whose clock stands until `tick`. */
function start(kind: Job['kind'] = 'push'): {
  readonly records: LiveRecords
  readonly state: ReturnType<typeof createMemoryState>
  readonly tick: () => Promise<void>
  readonly saved: () => Promise<RunRecord | undefined>
  readonly writes: () => number
  readonly end: RunRecord
} {
  const state = createMemoryState()
  const job: Job = { kind, runId: 'r', cluster: 'one', receivedAt: 1 }
  const wakers: (() => void)[] = []
  let writes = 0
  const sleep = (_ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      wakers.push(resolve)
      signal?.addEventListener('abort', () => reject(new Error('aborted')))
    })
  const put: typeof state.put = (...args) => {
    writes += 1
    return state.put(...args)
  }
  const deps = { state: { ...state, put }, clock: { now: () => 5, sleep } } as unknown as EngineDeps
  const head = headOf(job, 2)
  const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
  return {
    records: new LiveRecords(deps, job, head),
    state,
    tick: async () => {
      await settle()
      for (const wake of wakers.splice(0)) wake()
      await settle()
    },
    saved: async () => {
      await settle()
      return (await state.get('runs/r/one')) as unknown as RunRecord | undefined
    },
    writes: () => writes,
    end: { ...head, state: 'succeeded', nodes: [node('last')], timings: {} },
  }
}

void describe('the records of a run that works', () => {
  void it('show the first node at once, the others a second later, and the end in place of all', async () => {
    const { records, saved, tick, writes, end } = start()
    records.set('a', node('a'))
    assert.deepEqual(
      (await saved())?.nodes.map(({ name }) => name),
      ['a'],
    )
    assert.equal((await saved())?.state, 'running')
    records.set('b', node('b'))
    records.set('c', node('c'))
    assert.equal((await saved())?.nodes.length, 1)
    await tick()
    assert.equal((await saved())?.nodes.length, 3)
    assert.equal(writes(), 2)
    await tick()
    assert.equal(writes(), 2, 'without news nothing is saved')
    records.set('d', node('d'))
    await records.end(end)
    await tick()
    assert.deepEqual(await saved(), JSON.parse(JSON.stringify(end)))
  })
  void it('keep what earlier looks of the run have done', async () => {
    const { records, state, saved } = start()
    const changes = [{ object: 'ConfigMap/apps/x', action: 'created' }]
    await state.put('runs/r/one', JSON.parse(JSON.stringify({ nodes: [node('a', { changes }), node('b')] })) as never)
    await records.loadEarlier()
    records.set('Kustomization/apps/a', node('a'))
    const nodes = (await saved())?.nodes ?? []
    assert.deepEqual(nodes.map(({ name }) => name).toSorted(), ['a', 'b'])
    assert.deepEqual(nodes.find(({ name }) => name === 'a')?.changes, changes)
  })
  void it('of a scan are saved at its end alone', async () => {
    const { records, saved, end } = start('scan')
    records.set('a', node('a'))
    assert.equal(await saved(), undefined)
    await records.end(end)
    assert.equal((await saved())?.state, 'succeeded')
  })
})
