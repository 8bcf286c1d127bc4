import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createMemoryBlobStore } from '../../src/platforms/memory/blobs.ts'
import type { BlobStore } from '../../src/ports/index.ts'
import { retryPending } from '../../src/files/index.ts'
import { GitObjectCache, fetchArtifact, resolveRevision } from '../../src/sources/index.ts'
import { describeFileTree } from '../contract/file-tree.ts'
import { GitServer } from '../support/git-server.ts'
import { listPaths, makeGitDeps, readText } from '../support/git-sources.ts'

const app = {
  'deploy/a.yaml': 'a: 1\n',
  'deploy/b.yaml': 'b: 1\n',
  'deploy/sub/c.yaml': 'c: 1\n',
  'other/d.yaml': 'd: 1\n',
}

/** 600 files in 60 directories, of content that does not compress away. */
function manyFiles(): { [path: string]: string } {
  const files: { [path: string]: string } = {}
  for (let i = 0; i < 600; i++) {
    const noise = Array.from({ length: 40 }, (_, line) => `line ${line}: ${Math.sin(i * 100 + line)}`).join('\n')
    files[`apps/app-${i % 60}/file-${i}.yaml`] = `name: ${i}\n${noise}\n`
  }
  return files
}

/** A store that counts what is asked of it. */
function countingStore(): { store: BlobStore; counts: { get: number; put: number }; values: Map<string, Uint8Array> } {
  const values = new Map<string, Uint8Array>()
  const counts = { get: 0, put: 0 }
  return {
    counts,
    values,
    store: {
      async get(key) {
        counts.get++
        return values.get(key)
      },
      async put(key, value) {
        counts.put++
        values.set(key, value)
      },
      async delete(key) {
        values.delete(key)
      },
    },
  }
}

describe('fetching a GitRepository', () => {
  let server: GitServer
  const deps = makeGitDeps()
  before(async () => {
    server = await GitServer.start()
  })
  after(async () => {
    deps.close()
    await server.close()
  })

  it('gets directories first and files when they are wanted', async () => {
    const repository = await server.create('team/app', { ...app, 'logo.png': 'x' })
    const commit = await repository.head()
    server.reset()
    const resolved = await resolveRevision(deps, { url: repository.url, ref: { branch: 'main' } })
    assert.deepEqual(resolved, { revision: `main@sha1:${commit}`, commit, reference: 'refs/heads/main' })
    assert.equal(server.reset().requests, 2, 'capabilities and references')
    const artifact = await fetchArtifact(deps, { url: repository.url, resolved })
    assert.equal(server.reset().requests, 1, 'commit and trees')
    assert.equal(artifact.revision, `main@sha1:${commit}`)
    assert.match(artifact.digest, /^sha256:[0-9a-f]{64}$/)
    assert.equal(artifact.commit.message, 'change')
    assert.deepEqual(listPaths(artifact.files), Object.keys(app))
    assert.equal(artifact.files.stat('deploy')?.id, await repository.revParse('main:deploy'))
    assert.equal(artifact.files.stat('deploy/a.yaml')?.id, await repository.revParse('main:deploy/a.yaml'))
    assert.throws(() => artifact.files.read('deploy/a.yaml'), { name: 'PendingFiles' })
    await artifact.prefetch(['deploy', 'does/not/exist'])
    assert.equal(server.reset().requests, 1, 'all files of the directory')
    for (const path of ['deploy/a.yaml', 'deploy/b.yaml', 'deploy/sub/c.yaml'] as const) {
      assert.equal(readText(artifact.files, path), app[path])
    }
    assert.throws(() => artifact.files.read('other/d.yaml'), { name: 'PendingFiles' })
    await artifact.prefetch(['deploy', 'deploy/a.yaml'])
    assert.equal(server.reset().requests, 0, 'nothing is fetched twice')
  })

  it('answers a render that asks file by file, neighbours included', async () => {
    const repository = await server.create('team/pending', app)
    const artifact = await fetchArtifact(deps, { url: repository.url, ref: { branch: 'main' } })
    server.reset()
    const render = (): string => readText(artifact.files, 'deploy/a.yaml') + readText(artifact.files, 'deploy/b.yaml')
    assert.equal(await retryPending(render), 'a: 1\nb: 1\n')
    assert.equal(server.reset().requests, 1)
  })

  it('an unchanged remote costs one request and no download', async () => {
    const repository = await server.create('team/same', app)
    const options = { url: repository.url, ref: { branch: 'main' } }
    const artifact = await fetchArtifact(deps, options)
    await artifact.prefetch([''])
    server.reset()
    const again = await fetchArtifact(deps, options)
    await again.prefetch([''])
    assert.equal(readText(again.files, 'other/d.yaml'), 'd: 1\n')
    assert.equal(again.digest, artifact.digest)
    const { requests, log } = server.reset()
    assert.equal(requests, 1)
    assert.match(log[0] ?? '', /^POST .*git-upload-pack$/)
  })

  it('after a push of one file only the difference is downloaded', async () => {
    const repository = await server.create('team/many', manyFiles())
    const options = { url: repository.url, ref: { branch: 'main' } }
    const first = await fetchArtifact(deps, options)
    await first.prefetch(['apps'])
    assert.ok(server.reset().bytesSent > 200_000)
    await repository.commit({ 'apps/app-7/file-7.yaml': 'changed: true\n' })
    const second = await fetchArtifact(deps, { ...options, previous: first.commit.id })
    await second.prefetch(['apps'])
    assert.equal(readText(second.files, 'apps/app-7/file-7.yaml'), 'changed: true\n')
    assert.equal(readText(first.files, 'apps/app-7/file-7.yaml').slice(0, 7), 'name: 7')
    const { requests, bytesSent } = server.reset()
    assert.equal(requests, 2, 'references, and the difference')
    assert.ok(bytesSent < 20_000, `${bytesSent} bytes`)
    assert.equal(second.files.stat('apps/app-8')?.id, first.files.stat('apps/app-8')?.id)
    assert.notEqual(second.files.stat('apps/app-7')?.id, first.files.stat('apps/app-7')?.id)
  })

  it('a difference that builds on files which were never fetched', async () => {
    const long = Array.from({ length: 200 }, (_, i) => `line ${i}: ${Math.sin(i)}\n`)
    const files = {
      'a/long.txt': long.join(''),
      'b/long.txt': long.toReversed().join(''),
      'c/huge.txt': 'x'.repeat(100_000),
    }
    const repository = await server.create('team/deltas', files)
    const options = { url: repository.url, ref: { branch: 'main' } }
    const first = await fetchArtifact(deps, options)
    await first.prefetch(['a'])
    const changed = {
      'a/long.txt': long.with(50, 'new\n').join(''),
      'b/long.txt': long.toReversed().with(9, 'new\n').join(''),
    }
    await repository.commit({ ...changed, 'c/huge.txt': 'y'.repeat(100_000) })
    server.reset()
    const second = await fetchArtifact(deps, { ...options, previous: first.commit.id })
    assert.equal(readText(second.files, 'a/long.txt'), changed['a/long.txt'])
    await second.prefetch([''])
    assert.equal(readText(second.files, 'b/long.txt'), changed['b/long.txt'])
    assert.equal(readText(second.files, 'c/huge.txt'), 'y'.repeat(100_000))
    assert.equal(server.reset().requests, 3)
  })

  it('a new instance goes on from the store', async () => {
    const repository = await server.create('team/stored', manyFiles())
    const { store, values } = countingStore()
    const options = { url: repository.url, ref: { branch: 'main' } }
    const first = { ...deps, cache: new GitObjectCache({ store }) }
    const before = await fetchArtifact(first, options)
    await before.prefetch(['apps/app-1', 'apps/app-2'])
    await first.cache.flush()
    assert.equal(values.size, 2)
    server.reset()

    const second = { ...deps, cache: new GitObjectCache({ store }) }
    const same = await fetchArtifact(second, { ...options, previous: before.commit.id })
    await same.prefetch(['apps/app-1', 'apps/app-2'])
    assert.match(readText(same.files, 'apps/app-1/file-1.yaml'), /^name: 1\n/)
    assert.equal(server.reset().requests, 2, 'capabilities and references')

    let previous = before.commit.id
    for (let i = 0; i < 12; i++) {
      await repository.commit({ 'apps/app-1/file-1.yaml': `push: ${i}\n` })
      const cold = { ...deps, cache: new GitObjectCache({ store }) }
      server.reset()
      const artifact = await fetchArtifact(cold, { ...options, previous })
      await artifact.prefetch(['apps/app-1', 'apps/app-2'])
      assert.equal(readText(artifact.files, 'apps/app-1/file-1.yaml'), `push: ${i}\n`)
      assert.equal(listPaths(artifact.files).length, 600)
      const { bytesSent } = server.reset()
      assert.ok(bytesSent < 20_000, `${bytesSent} bytes after push ${i}`)
      await cold.cache.flush()
      previous = artifact.commit.id
    }
  })

  it('a store that was tampered with is as good as empty', async () => {
    const repository = await server.create('team/tampered', app)
    const { store, values } = countingStore()
    const options = { url: repository.url, ref: { branch: 'main' } }
    const first = { ...deps, cache: new GitObjectCache({ store }) }
    await (await fetchArtifact(first, options)).prefetch(['deploy'])
    await first.cache.flush()
    const clean = new Map(values)
    for (const damage of [
      (bytes: Uint8Array) => bytes.slice(0, -3),
      (bytes: Uint8Array) => bytes.map((byte, i) => (i === bytes.length - 2 ? byte ^ 1 : byte)),
      () => new Uint8Array(0),
      () => new Uint8Array(1000).fill(255),
      (bytes: Uint8Array) => bytes.map((byte, i) => (i >= 4 && i < 24 ? 7 : byte)),
    ]) {
      for (const [key, bytes] of clean) values.set(key, damage(bytes))
      const artifact = await fetchArtifact({ ...deps, cache: new GitObjectCache({ store }) }, options)
      await artifact.prefetch(['deploy'])
      assert.equal(readText(artifact.files, 'deploy/a.yaml'), 'a: 1\n')
    }
  })

  it('a store that fails is as good as none', async () => {
    const repository = await server.create('team/broken-store', app)
    const fail = (): Promise<never> => Promise.reject(new Error('store is down'))
    const cache = new GitObjectCache({ store: { get: fail, put: fail, delete: fail } })
    const artifact = await fetchArtifact({ ...deps, cache }, { url: repository.url, ref: { branch: 'main' } })
    await artifact.prefetch(['deploy'])
    assert.equal(readText(artifact.files, 'deploy/a.yaml'), 'a: 1\n')
    await cache.flush()
  })

  it('a cache that is too small forgets, and asks again', async () => {
    const repository = await server.create('team/small-cache', manyFiles())
    const small = { ...deps, cache: new GitObjectCache({ maxBytes: 20_000 }) }
    const options = { url: repository.url, ref: { branch: 'main' } }
    const first = await fetchArtifact(small, options)
    await first.prefetch(['apps'])
    assert.ok(small.cache.bytes <= 20_000)
    assert.match(readText(first.files, 'apps/app-9/file-9.yaml'), /^name: 9\n/)
    await repository.commit({ 'apps/app-7/file-7.yaml': 'changed: true\n' })
    const second = await fetchArtifact(small, { ...options, previous: first.commit.id })
    await second.prefetch(['apps'])
    assert.equal(listPaths(second.files).length, 600)
    assert.equal(readText(second.files, 'apps/app-7/file-7.yaml'), 'changed: true\n')
  })

  it('callers at the same time share one download', async () => {
    const repository = await server.create('team/shared', manyFiles())
    const alone = { ...deps, cache: new GitObjectCache() }
    const resolved = await resolveRevision(alone, { url: repository.url, ref: { branch: 'main' } })
    server.reset()
    const stopped = new AbortController()
    const all = await Promise.allSettled(
      [1, 2, 3, 4].map(async (caller) => {
        const signal = caller === 1 ? { signal: stopped.signal } : {}
        const fetched = fetchArtifact(alone, { url: repository.url, resolved, ...signal })
        if (caller === 1) stopped.abort(new Error('caller 1 went away'))
        const artifact = await fetched
        await artifact.prefetch(['apps'])
        return readText(artifact.files, 'apps/app-3/file-3.yaml').slice(0, 7)
      }),
    )
    assert.deepEqual(
      all.map((one) => one.status),
      ['rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
    )
    assert.equal(server.reset().requests, 2, 'one for the trees, one for the files')
  })

  it('a rewritten branch and an unknown previous commit are no problem', async () => {
    const repository = await server.create('team/rewritten', app)
    const options = { url: repository.url, ref: { branch: 'main' } }
    const first = await fetchArtifact(deps, options)
    await repository.git('update-ref', '-d', 'refs/heads/main')
    await repository.commit({ 'deploy/new.yaml': 'n: 1\n' })
    for (const previous of [first.commit.id, 'f'.repeat(40)]) {
      const artifact = await fetchArtifact({ ...deps }, { ...options, previous })
      assert.deepEqual(listPaths(artifact.files), ['deploy/new.yaml'])
    }
  })

  it('two repositories of the same content do not share objects', async () => {
    const one = await server.create('team/one', app)
    const two = await server.create('team/two', app)
    const shared = { ...deps, cache: new GitObjectCache() }
    await (await fetchArtifact(shared, { url: one.url, ref: { branch: 'main' } })).prefetch([''])
    server.reset()
    await (await fetchArtifact(shared, { url: two.url, ref: { branch: 'main' } })).prefetch([''])
    assert.equal(server.reset().requests, 4)
  })
})

describe('servers with less to offer', () => {
  for (const [name, options] of [
    ['no partial clones', { allowFilter: false }],
    ['no single objects over version 1, no filter', { allowFilter: false, allowAnySha1InWant: false }],
    ['protocol version 1 only', { protocol: 1 }],
    ['protocol version 1, nothing allowed', { protocol: 1, allowFilter: false, allowAnySha1InWant: false }],
  ] as const) {
    it(name, async () => {
      await using server = await GitServer.start(options)
      const repository = await server.create('team/app', app)
      await repository.tag('v1', { message: 'one' })
      const deps = makeGitDeps({ cache: new GitObjectCache({ store: createMemoryBlobStore() }) })
      const first = await fetchArtifact(deps, { url: repository.url, ref: { branch: 'main' } })
      await first.prefetch(['deploy'])
      assert.equal(readText(first.files, 'deploy/sub/c.yaml'), 'c: 1\n')
      await repository.commit({ 'deploy/a.yaml': 'a: 2\n' })
      const second = await fetchArtifact(deps, {
        url: repository.url,
        ref: { branch: 'main' },
        previous: first.commit.id,
      })
      await second.prefetch([''])
      assert.equal(readText(second.files, 'deploy/a.yaml'), 'a: 2\n')
      assert.equal(readText(second.files, 'other/d.yaml'), 'd: 1\n')
      const tagged = await fetchArtifact(deps, { url: repository.url, ref: { tag: 'v1' } })
      await tagged.prefetch([''])
      assert.equal(readText(tagged.files, 'deploy/a.yaml'), 'a: 1\n')
      await deps.cache.flush()
      // A new instance has the trees from the store, but not the files.
      const cold = makeGitDeps({
        cache: new GitObjectCache(deps.cache.store === undefined ? {} : { store: deps.cache.store }),
      })
      const again = await fetchArtifact(cold, { url: repository.url, ref: { branch: 'main' } })
      await again.prefetch(['other'])
      assert.equal(readText(again.files, 'other/d.yaml'), 'd: 1\n')
      deps.close()
      cold.close()
    })
  }
})

describe('the tree of a commit', async () => {
  const server = await GitServer.start()
  const deps = makeGitDeps()
  after(async () => {
    deps.close()
    await server.close()
  })
  let count = 0
  describeFileTree(
    'Git',
    async (files) => {
      const repository = await server.create(`contract/${count++}`, files)
      const artifact = await fetchArtifact(deps, { url: repository.url, ref: { branch: 'main' } })
      await artifact.prefetch([''])
      return artifact.files
    },
    { symlinks: false },
  )
})
