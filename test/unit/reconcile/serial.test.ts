import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSerial } from '../../../src/reconcile/serial.ts'

describe('work one after the other', () => {
  it('keeps its order, and goes on after a failure', async () => {
    const serial = createSerial()
    const seen: string[] = []
    const gate = Promise.withResolvers<void>()
    const first = serial.run(async () => {
      await gate.promise
      seen.push('first')
      throw new Error('first')
    })
    const second = serial.run(async () => {
      seen.push('second')
      return 2
    })
    await Promise.resolve()
    assert.deepEqual(seen, [])
    gate.resolve()
    await assert.rejects(first, /first/)
    assert.equal(await second, 2)
    assert.deepEqual(seen, ['first', 'second'])
  })

  it('is done once for all who wait for the next turn, and again for who comes later', async () => {
    const serial = createSerial()
    let turns = 0
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const work = async (): Promise<void> => {
      await gates[turns++]?.promise
    }
    const running = serial.join(work)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(turns, 1)
    const waiting = [serial.join(work), serial.join(work), serial.join(work)]
    gates[0]?.resolve()
    await running
    gates[1]?.resolve()
    await Promise.all(waiting)
    assert.equal(turns, 2)
    await serial.join(work)
    assert.equal(turns, 3)
  })
})
