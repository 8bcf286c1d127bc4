import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BlobStore } from '../../src/ports/index.ts'

const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)

/** The contract of the BlobStore port. `make` returns an empty store. */
export function describeBlobStore(name: string, make: () => BlobStore | Promise<BlobStore>): void {
  describe(`BlobStore contract: ${name}`, () => {
    it('gives back what was put, and nothing for what was not', async () => {
      const store = await make()
      assert.equal(await store.get('a'), undefined)
      await store.put('a', bytes('1'))
      await store.put('b', new Uint8Array(0))
      assert.deepEqual(await store.get('a'), bytes('1'))
      assert.deepEqual(await store.get('b'), new Uint8Array(0))
    })

    it('replaces and deletes', async () => {
      const store = await make()
      await store.put('a', bytes('1'))
      await store.put('a', bytes('22'))
      assert.deepEqual(await store.get('a'), bytes('22'))
      await store.delete('a')
      await store.delete('never there')
      assert.equal(await store.get('a'), undefined)
    })

    it('takes any key', async () => {
      const store = await make()
      const keys = ['../../x', '/etc/passwd', 'a/b', 'a', 'a/b/c', 'ünï 𝒳', '', '__proto__', 'x'.repeat(500), 'A', '.']
      for (const key of keys) await store.put(key, bytes(`value of ${key}`))
      for (const key of keys) assert.deepEqual(await store.get(key), bytes(`value of ${key}`), key)
    })

    it('keeps values apart from the buffers that they came in and go out with', async () => {
      const store = await make()
      const value = bytes('abc')
      await store.put('a', value)
      value.fill(0)
      const first = await store.get('a')
      first?.fill(1)
      assert.deepEqual(await store.get('a'), bytes('abc'))
    })

    it('takes part of a larger buffer, and megabytes', async () => {
      const store = await make()
      const large = new Uint8Array(3 << 20).map((_, i) => i % 251)
      await store.put('part', large.subarray(10, 20))
      await store.put('large', large)
      assert.deepEqual(await store.get('part'), large.slice(10, 20))
      assert.equal(Buffer.compare((await store.get('large')) ?? new Uint8Array(0), large), 0)
    })

    it('never shows half a value while many write', async () => {
      const store = await make()
      const values = Array.from({ length: 20 }, (_, i) => new Uint8Array(50_000).fill(i))
      await Promise.all(values.map((value) => store.put('same', value)))
      const got = (await store.get('same')) ?? new Uint8Array(0)
      assert.equal(got.length, 50_000)
      assert.ok(got.every((byte) => byte === got[0]))
    })
  })
}
