import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { GitRepository } from '../../../src/api/index.ts'
import { fingerprintReads, KeptFingerprints, MemoryTree } from '../../../src/files/index.ts'
import type { FileTree } from '../../../src/ports/index.ts'
import { fingerprintOf } from '../../../src/reconcile/change/read-fingerprints.ts'
import { GitObjectCache, type SourceArtifact } from '../../../src/sources/index.ts'

const reads = { files: ['app/a.yaml'], directories: ['app'], lookups: ['app/kustomization.yaml'] }
const signal = new AbortController().signal

/** An artifact that counts how often it is asked. */
function artifactOf(
  digest: string,
  content: string,
): { readonly artifact: SourceArtifact; readonly asked: () => number } {
  let count = 0
  const tree = new MemoryTree({ 'app/a.yaml': content })
  const files: FileTree = {
    stat: (path) => {
      count += 1
      return tree.stat(path)
    },
    read: (path) => tree.read(path),
    list: (path) => tree.list(path),
  }
  return {
    artifact: { digest, files, revision: `main@sha1:${digest}` } as unknown as SourceArtifact,
    asked: () => count,
  }
}

function repository(spec: Partial<GitRepository['spec']> = {}): GitRepository {
  const metadata = { name: 'app', namespace: 'apps' }
  return {
    kind: 'GitRepository',
    metadata,
    spec: { url: 'https://git.example/app', interval: '1m', ...spec },
  } as GitRepository
}

describe('what a tree holds for a record of reads', () => {
  it('is found out once for all clusters of an instance, and is what it is without being kept', async () => {
    const shared = { cache: new GitObjectCache(), signal }
    const one = artifactOf('a', 'x: 1\n')
    const first = await fingerprintOf(shared, { artifact: one.artifact, source: repository() }, reads)
    const other = artifactOf('a', 'x: 1\n')
    assert.equal(await fingerprintOf(shared, { artifact: other.artifact, source: repository() }, reads), first)
    assert.deepEqual([one.asked() > 0, other.asked()], [true, 0])
    assert.equal(first, fingerprintReads(new MemoryTree({ 'app/a.yaml': 'x: 1\n' }), reads))
  })

  const rows: readonly { what: string; digest?: string; spec?: Partial<GitRepository['spec']>; more?: typeof reads }[] =
    [
      { what: 'another tree', digest: 'b' },
      { what: 'other rules that hide files', spec: { ignore: 'app/' } },
      { what: 'another part of the tree', spec: { sparseCheckout: ['app'] } },
      { what: 'other reads', more: { ...reads, lookups: ['app/other'] } },
      { what: 'a source with submodules', spec: { recurseSubmodules: true } },
      { what: 'a source that includes another', spec: { include: [{ repository: { name: 'other' } }] } },
    ]
  for (const { what, digest = 'a', spec, more = reads } of rows)
    it(`is found out again for ${what}`, async () => {
      const shared = { cache: new GitObjectCache(), signal }
      await fingerprintOf(shared, { artifact: artifactOf('a', 'x: 1\n').artifact, source: repository() }, reads)
      const next = artifactOf(digest, 'x: 2\n')
      const found = await fingerprintOf(shared, { artifact: next.artifact, source: repository(spec) }, more)
      assert.ok(next.asked() > 0)
      assert.equal(found, fingerprintReads(new MemoryTree({ 'app/a.yaml': 'x: 2\n' }), more))
    })

  it('is not kept where it could not be found out', async () => {
    const shared = { cache: new GitObjectCache(), signal }
    const { artifact } = artifactOf('a', 'x: 1\n')
    const broken = {
      ...artifact,
      files: {
        ...artifact.files,
        stat: (): undefined => {
          throw new Error('away')
        },
      },
    }
    await assert.rejects(fingerprintOf(shared, { artifact: broken, source: repository() }, reads), /away/)
    assert.match(await fingerprintOf(shared, { artifact, source: repository() }, reads), /^sha256:/)
  })
})

describe('fingerprints that are kept', () => {
  const make = (): string => 'x'.repeat(40)
  const isKept = (kept: KeptFingerprints, tree: string, key: string): boolean => {
    let isMade = false
    kept.get(tree, key, () => {
      isMade = true
      return make()
    })
    return !isMade
  }

  it('stay within bounds: the tree that was not asked for longest goes first', () => {
    const kept = new KeptFingerprints({ maxCharacters: 100 })
    kept.get('a', 'key', make)
    kept.get('b', 'key', make)
    assert.ok(isKept(kept, 'a', 'key'))
    kept.get('c', 'key', make)
    assert.deepEqual([isKept(kept, 'c', 'key'), isKept(kept, 'a', 'key')], [true, true])
    assert.equal(isKept(kept, 'b', 'key'), false)
  })

  it('of one tree that is too large by itself are not kept', () => {
    const kept = new KeptFingerprints({ maxCharacters: 10 })
    assert.equal(kept.get('a', 'key', make), make())
    assert.equal(isKept(kept, 'a', 'key'), false)
  })
})
