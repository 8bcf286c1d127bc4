import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { StateStore } from '../../src/ports/index.ts'

/** The contract of the StateStore port. `make` returns an empty store and a way to let time pass for it. */
export function describeStateStore(
  name: string,
  make: () => Promise<{ store: StateStore; pass: (ms: number) => Promise<void> }>,
): void {
  void describe(`StateStore contract: ${name}`, () => {
    void it('gives back what was put, replaces, deletes', async () => {
      const { store } = await make()
      assert.equal(await store.get('a'), undefined)
      const value = { text: 'ü\u0000\u2028', list: [1, null, true, -0.5, 1e300], nested: { 'a.b/c': [] } }
      await store.put('a', value)
      assert.deepEqual(await store.get('a'), value)
      await store.put('a', null)
      assert.equal(await store.get('a'), null)
      await store.delete('a')
      await store.delete('a')
      assert.equal(await store.get('a'), undefined)
    })

    void it('lets one of many have a key', async () => {
      const { store } = await make()
      const results = await Promise.all(Array.from({ length: 20 }, (_, i) => store.putIfAbsent('one', i)))
      assert.equal(results.filter(Boolean).length, 1)
      assert.equal(await store.get('one'), results.indexOf(true))
      await store.delete('one')
      assert.equal(await store.putIfAbsent('one', 'again'), true)
    })

    void it('forgets after the time to live', async () => {
      const { store, pass } = await make()
      await store.put('short', 1, { ttlSeconds: 1 })
      await store.put('kept', 1, { ttlSeconds: 1 })
      await store.put('kept', 2)
      await store.put('long', 1, { ttlSeconds: 3600 })
      assert.equal(await store.putIfAbsent('short', 2, { ttlSeconds: 1 }), false)
      await pass(1100)
      assert.equal(await store.get('short'), undefined)
      assert.deepEqual(
        (await store.list('')).map((entry) => entry.key),
        ['kept', 'long'],
      )
      assert.equal(await store.putIfAbsent('short', 3), true)
      assert.equal(await store.get('short'), 3)
      assert.equal(await store.get('kept'), 2)
    })

    void it('lists by prefix in byte order, both ways, in pages', async () => {
      const { store } = await make()
      const keys = ['p/', 'p/10', 'p/2', 'p/Z', 'p/a', 'p/a/b', 'p/ä', 'p/\u{1f600}', 'p/\uffee']
      for (const key of [...keys.toReversed(), 'o', 'p', 'p.', 'p0', 'q/1']) await store.put(key, key)
      const ordered = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      const keysOf = async (...args: Parameters<StateStore['list']>): Promise<string[]> =>
        (await store.list(...args)).map((entry) => entry.key)
      assert.deepEqual(await keysOf('p/'), ordered)
      assert.deepEqual(await keysOf('p/', { reverse: true }), ordered.toReversed())
      assert.deepEqual(await keysOf('p/', { limit: 2 }), ordered.slice(0, 2))
      assert.deepEqual(await keysOf('p/', { after: ordered[2] ?? '', limit: 2 }), ordered.slice(3, 5))
      assert.deepEqual(await keysOf('p/', { after: ordered[2] ?? '', reverse: true }), ordered.slice(0, 2).toReversed())
      assert.deepEqual(await keysOf('p/', { after: 'p/b' }), ordered.slice(ordered.indexOf('p/a/b') + 1))
      assert.deepEqual(await keysOf('nothing/'), [])
      assert.deepEqual(
        (await store.list('o')).map((entry) => entry.value),
        ['o'],
      )
      for (let i = 0; i < 120; i++) await store.put(`many/${i}`, i)
      assert.equal((await store.list('many/')).length, 100)
      assert.equal((await store.list('many/', { limit: 1000 })).length, 120)
    })

    void it('holds what the port promises to hold', async () => {
      const { store } = await make()
      const key = 'k'.repeat(512)
      const value = 'x'.repeat(1024 * 1024 - 2)
      await store.put(key, value)
      assert.equal(await store.get(key), value)
      assert.deepEqual(
        (await store.list('k')).map((entry) => entry.key.length),
        [512],
      )
    })

    void it('names in keys are data', async () => {
      const { store } = await make()
      for (const key of ['__proto__', "a' OR '1'='1", 'a%', 'a_', 'a"; DROP TABLE state; --']) await store.put(key, key)
      assert.deepEqual(
        (await store.list('a%')).map((entry) => entry.key),
        ['a%'],
      )
      assert.deepEqual(
        (await store.list('a_')).map((entry) => entry.key),
        ['a_'],
      )
      assert.equal(await store.get('__proto__'), '__proto__')
    })
  })
}
