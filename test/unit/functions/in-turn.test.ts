import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { eachInTurn } from '../../../functions/in-turn.ts'
import type { StateStore } from '../../../src/ports/index.ts'
import { createMemoryLogger, createMemoryState } from '../../support/memory-ports.ts'

async function stored(count: number): Promise<StateStore> {
  const state = createMemoryState()
  for (let n = 0; n < count; n++) await state.put(keyOf(n), true)
  await state.put('waitings/another', true)
  return state
}

const keyOf = (n: number): string => `waiting/${String(n).padStart(3, '0')}`

/** What one round comes to. Each is a process of its own. */
async function round(
  state: StateStore,
  work: (key: string) => Promise<void> = async () => undefined,
): Promise<number[]> {
  const seen: number[] = []
  await eachInTurn({ state, logger: createMemoryLogger() }, { prefix: 'waiting/', limit: 4 }, async (key) => {
    seen.push(Number(key.slice('waiting/'.length)))
    await work(key)
  })
  return seen
}

describe('entries in turn', () => {
  it('are all of them where they fit into a round, each once', async () => {
    const state = await stored(3)
    assert.deepEqual(await round(state), [0, 1, 2])
    assert.deepEqual(await round(state), [0, 1, 2])
    await state.delete(keyOf(2))
    assert.deepEqual(await round(state), [0, 1])
  })

  it('are those behind the last ones, and the first again after the end', async () => {
    const state = await stored(10)
    assert.deepEqual(await round(state), [0, 1, 2, 3])
    assert.deepEqual(await round(state), [4, 5, 6, 7])
    assert.deepEqual(await round(state), [8, 9, 0, 1])
    await state.delete(keyOf(1))
    await state.delete(keyOf(3))
    assert.deepEqual(await round(state), [2, 4, 5, 6])
  })

  it('are none where there are none, and nothing is written then', async () => {
    const state = await stored(0)
    assert.deepEqual(await round(state), [])
    assert.deepEqual(await state.list(''), [{ key: 'waitings/another', value: true }])
  })

  it('go on after one that fails', async () => {
    const state = await stored(5)
    assert.deepEqual(await round(state, () => Promise.reject(new Error('refused'))), [0, 1, 2, 3])
    assert.deepEqual(await round(state), [4, 0, 1, 2])
  })

  it('go on behind the one at which a round was cut off', async () => {
    const state = await stored(5)
    const cutOff = round(state, (key) => (key === keyOf(1) ? new Promise<void>(() => undefined) : Promise.resolve()))
    await Promise.race([cutOff, new Promise((resolve) => setTimeout(resolve, 50))])
    assert.deepEqual(await round(state), [2, 3, 4, 0])
  })

  it('begin at the first where the place that was noted is none', async () => {
    for (const place of ['elsewhere/1', 7, null, { key: keyOf(2) }]) {
      const state = await stored(5)
      await round(state)
      const [note] = await state.list('retried/')
      assert.ok(note)
      await state.put(note.key, place)
      assert.deepEqual(await round(state), [0, 1, 2, 3])
    }
  })
})
