import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { createMemoryBlobStore } from '../../src/platforms/memory/blobs.ts'
import { createDirectoryBlobStore } from '../../src/platforms/node/blobs.ts'
import { describeBlobStore } from './blobs.ts'

const directories: string[] = []
async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-blobs-'))
  directories.push(directory)
  return directory
}
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true }))))

describeBlobStore('memory', () => createMemoryBlobStore())
describeBlobStore('directory', async () => createDirectoryBlobStore({ directory: await makeDirectory() }))

describe('limits of blob stores', () => {
  it('memory forgets what was used least recently', async () => {
    const store = createMemoryBlobStore({ maxBytes: 100 })
    await store.put('a', new Uint8Array(40))
    await store.put('b', new Uint8Array(40))
    await store.get('a')
    await store.put('c', new Uint8Array(40))
    assert.equal((await store.get('a'))?.length, 40)
    assert.equal(await store.get('b'), undefined)
    await store.put('too large', new Uint8Array(101))
    assert.equal(await store.get('too large'), undefined)
    assert.equal((await store.get('c'))?.length, 40)
  })
  it('a directory stays below its limit, keys never become paths, files are private', async () => {
    const directory = await makeDirectory()
    const store = createDirectoryBlobStore({ directory, maxBytes: 100_000 })
    for (let i = 0; i < 30; i++) await store.put(`../${i}`, new Uint8Array(10_000))
    let total = 0
    for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      assert.match(entry.name, /^[0-9a-f]{62}$/)
      const { size, mode } = await stat(join(entry.parentPath, entry.name))
      assert.equal(mode & 0o777, 0o600)
      total += size
    }
    assert.ok(total > 0 && total <= 130_000, String(total))
    assert.equal((await store.get('../29'))?.length, 10_000)
  })
  it('a directory survives a new store over it', async () => {
    const directory = await makeDirectory()
    await createDirectoryBlobStore({ directory }).put('a', new Uint8Array([1]))
    assert.deepEqual(await createDirectoryBlobStore({ directory }).get('a'), new Uint8Array([1]))
  })
})
