import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import { changeVersion } from '../../../functions/change-version.ts'
import { readToken, testDeps } from '../../support/function-deps.ts'
import { observedState } from '../../support/observed-state.ts'

const bearer = { headers: { authorization: `Bearer ${readToken}` } }

/** A clock that stands still until somebody sleeps; then that much time has passed. */
function sleepingClock(): { now(): number; sleep(ms: number, signal?: AbortSignal): Promise<void>; slept: number } {
  const clock = {
    slept: 0,
    now: () => 1_800_000_000_000 + clock.slept,
    sleep: async (ms: number, signal?: AbortSignal) => {
      await new Promise((resolve) => setImmediate(resolve))
      if (signal?.aborted === true) throw new Error('aborted')
      clock.slept += ms
    },
  }
  return clock
}

describe('live updates', () => {
  it('are for who may read', async () => {
    const response = await createApp(testDeps()).fetch(new Request('http://sluice.test/ui/events'))
    assert.equal(response.status, 401)
  })

  it('tell a version, and another one after something has changed, give signs of life, and end after five minutes', async () => {
    const clock = sleepingClock()
    const deps = testDeps({ clock })
    await observedState(deps.state)
    const response = await createApp(deps).fetch(new Request('http://sluice.test/ui/events', bearer))
    assert.equal(response.headers.get('content-type'), 'text/event-stream')
    assert.equal(deps.memory.changes.open, 1)
    let text = ''
    let isChanged = false
    for await (const chunk of response.body ?? []) {
      text += new TextDecoder().decode(chunk)
      if (isChanged || !text.includes('event: version')) continue
      isChanged = true
      await deps.state.put('clusters/one', { cluster: 'one', lastSeenAt: 1 })
    }
    const versions = [...text.matchAll(/event: version\ndata: (\w+)\n\n/g)].map(([, version]) => version)
    assert.equal(versions.length, 2)
    assert.notEqual(versions[0], versions[1])
    assert.match(text, /^retry: \d+\n\n/)
    assert.ok((text.match(/^:\n\n/gm) ?? []).length > 10, 'signs of life')
    assert.ok(clock.slept >= 300_000 && clock.slept < 310_000, String(clock.slept))
    assert.equal(deps.memory.changes.open, 0)
  })

  it('are for so many at a time, and somebody who leaves makes room', async () => {
    const deps = testDeps()
    const app = createApp(deps)
    const listen = async (): Promise<Response> => app.fetch(new Request('http://sluice.test/ui/events', bearer))
    const open = await Promise.all(Array.from({ length: 100 }, listen))
    assert.ok(open.every(({ status }) => status === 200))
    const late = await listen()
    assert.deepEqual([late.status, late.headers.get('retry-after')], [503, '60'])
    for (const response of open) await response.body?.cancel()
    for (let i = 0; i < 50 && deps.memory.changes.open > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(deps.memory.changes.open, 0)
    const again = await listen()
    assert.equal(again.status, 200)
    await again.body?.cancel()
  })

  it('have one look for all that ask within a moment', async () => {
    const clock = sleepingClock()
    const deps = testDeps({ clock })
    const first = await changeVersion(deps)
    await deps.state.put('requests/01zzzzzzzzzz', {})
    assert.equal(await changeVersion(deps), first)
    clock.slept += 2_000
    assert.notEqual(await changeVersion(deps), first)
  })
})
