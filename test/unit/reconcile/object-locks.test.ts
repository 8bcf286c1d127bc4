import assert from 'node:assert/strict'
import { setImmediate as tick } from 'node:timers/promises'
import { describe, it } from 'node:test'
import { createObjectLocks } from '../../../src/reconcile/object-locks.ts'

const signal = new AbortController().signal

describe('object locks', () => {
  it('are held by one at a time, first come, first served', async () => {
    const locks = createObjectLocks()
    const order: string[] = []
    const first = await locks.forJob().acquire('a', signal)
    assert.equal(first.contended.aborted, false)
    const others = ['two', 'three'].map(async (by) => {
      const lock = await locks.forJob().acquire('a', signal)
      order.push(by)
      assert.equal(lock.contended.aborted, by === 'two', 'the second knows of the third')
      await tick()
      lock.release()
    })
    await tick()
    assert.deepEqual(order, [])
    assert.equal(first.contended.aborted, true)
    assert.equal(locks.forJob().tryAcquire('a'), undefined)
    first.release()
    await Promise.all(others)
    assert.deepEqual(order, ['two', 'three'])
    assert.ok(locks.forJob().tryAcquire('a'))
  })

  it('of different objects do not wait for one another', async () => {
    const locks = createObjectLocks()
    await locks.forJob().acquire('a', signal)
    await locks.forJob().acquire('b', signal)
  })

  it('are given up by who is aborted, and go to the next', async () => {
    const locks = createObjectLocks()
    const first = await locks.forJob().acquire('a', signal)
    const controller = new AbortController()
    const waiting = locks.forJob().acquire('a', controller.signal)
    const next = locks.forJob().acquire('a', signal)
    const stopped = { code: 'aborted', disposition: 'retry' }
    controller.abort()
    await assert.rejects(waiting, stopped)
    first.release()
    first.release()
    ;(await next).release()
    assert.ok(locks.forJob().tryAcquire('a'))
    await assert.rejects(locks.forJob().acquire('a', controller.signal), stopped)
  })

  it('tell who has worked on an object since', async () => {
    const locks = createObjectLocks()
    const [one, two] = [locks.forJob(), locks.forJob()]
    ;(await one.acquire('a', signal)).release()
    assert.equal(two.isTouched('a'), true)
    assert.equal(one.isTouched('a'), false, 'what one did itself is known to it')
    assert.equal(two.isTouched('b'), false)
    assert.equal(locks.forJob().isTouched('a'), false, 'what came before the job is seen by it')
    two.noteSeen('a')
    assert.equal(two.isTouched('a'), false)
    ;(await two.acquire('a', signal)).release()
    ;(await one.acquire('a', signal)).release()
    assert.equal(one.isTouched('a'), true, 'also where one has come again itself')
  })
})
