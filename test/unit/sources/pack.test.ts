import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { constants, deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { applyDelta } from '../../../src/sources/git/delta.ts'
import { Inflater } from '../../../src/sources/git/inflate.ts'
import type { GitObject } from '../../../src/sources/git/object-id.ts'
import { objectId } from '../../../src/sources/git/object-id.ts'
import { readPack } from '../../../src/sources/git/pack.ts'
import { parseTree } from '../../../src/sources/git/objects.ts'
import { GitTestRepository } from '../../support/git-repository.ts'

const limits = { maxObjects: 10_000, maxObjectBytes: 1 << 20, maxUnpackedBytes: 1 << 22 }
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const badData = { name: 'EngineError', code: 'git-bad-data' }

describe('Inflater', () => {
  const text = Array.from({ length: 3000 }, (_, i) => `line ${i * i} ${'ab'.repeat(i % 40)}\n`).join('')
  for (const [name, data] of [
    ['empty', new Uint8Array(0)],
    ['one byte', new Uint8Array([7])],
    ['text', bytes(text)],
    ['zeros', new Uint8Array(200_000)],
    ['noise', new Uint8Array(100_000).map((_, i) => createHash('md5').update(String(i)).digest()[0] ?? 0)],
  ] as const) {
    it(`reads ${name}, at every level and strategy, and knows where it ends`, () => {
      for (const level of [0, 1, 6, 9]) {
        for (const strategy of [
          constants.Z_DEFAULT_STRATEGY,
          constants.Z_FIXED,
          constants.Z_HUFFMAN_ONLY,
          constants.Z_RLE,
        ]) {
          const packed = deflateSync(data, { level, strategy })
          const input = Buffer.concat([bytes('before'), packed, bytes('after')])
          const inflater = new Inflater()
          assert.equal(Buffer.compare(inflater.inflate(input, 6, data.length), data), 0)
          assert.equal(inflater.end, 6 + packed.length)
        }
      }
    })
  }
  it('refuses wrong sizes and damaged streams', () => {
    const data = bytes(text)
    const packed = deflateSync(data)
    const inflater = new Inflater()
    for (const size of [0, 1, data.length - 1, data.length + 1])
      assert.throws(() => inflater.inflate(packed, 0, size), badData)
    for (let length = 0; length < packed.length; length += 101) {
      assert.throws(() => inflater.inflate(packed.subarray(0, length), 0, data.length), badData)
    }
    assert.throws(() => inflater.inflate(bytes('no zlib stream'), 0, 10), badData)
  })
  it('never gives more than it was told, whatever the input', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(2000), (noise, size) => {
        const input = Buffer.concat([new Uint8Array([0x78, 0x9c]), noise])
        try {
          assert.equal(new Inflater().inflate(input, 0, size).length, size)
        } catch (error) {
          assert.ok(error instanceof Error)
          assert.equal(error.name, 'EngineError')
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('applyDelta', () => {
  const base = bytes('0123456789')
  const delta = (...parts: number[]): Uint8Array => new Uint8Array(parts)
  it('copies and inserts', () => {
    const result = applyDelta(base, delta(10, 7, 0x91, 2, 3, 2, 65, 66, 0x90, 2), 100)
    assert.equal(new TextDecoder().decode(result), '234AB01')
  })
  for (const [name, bad] of [
    ['another base', delta(9, 1, 1, 65)],
    ['copy past the end', delta(10, 5, 0x91, 8, 5)],
    ['result too short', delta(10, 5, 1, 65)],
    ['result too long', delta(10, 1, 2, 65, 66)],
    ['insert cut off', delta(10, 5, 5, 65)],
    ['reserved', delta(10, 1, 0)],
    ['endless size', delta(10, ...Array.from({ length: 12 }, () => 255))],
    ['a bomb', delta(10, 0xff, 0xff, 0xff, 0xff, 0x0f)],
    ['nothing', delta()],
  ] as const) {
    it(`refuses ${name}`, () => assert.throws(() => applyDelta(base, bad, 1000), badData))
  }
})

type Entry = { type: number; size?: number; data: Uint8Array; base?: Uint8Array }

/** A pack with these entries and a right checksum. */
function makePack(entries: readonly Entry[], count = entries.length): Buffer {
  const head = Buffer.from([0x50, 0x41, 0x43, 0x4b, 0, 0, 0, 2, 0, 0, 0, 0])
  head.writeUInt32BE(count, 8)
  const parts: Uint8Array[] = [head]
  for (const { type, data, size = data.length, base } of entries) {
    const header = [(type << 4) | (size & 15)]
    for (let rest = size >>> 4; rest > 0; rest >>>= 7) {
      header.push(rest & 127)
      header[header.length - 2] = (header.at(-2) ?? 0) | 128
    }
    parts.push(Buffer.from(header), base ?? new Uint8Array(0), deflateSync(data))
  }
  const body = Buffer.concat(parts)
  return Buffer.concat([body, createHash('sha1').update(body).digest()])
}

describe('readPack', () => {
  const blob = { type: 3, data: bytes('hello') }
  const id = objectId('blob', blob.data)
  it('computes ids as Git does', () => {
    assert.equal(id, execFileSync('git', ['hash-object', '--stdin'], { input: 'hello' }).toString().trim())
    assert.deepEqual([...readPack(makePack([blob]), limits).keys()], [id])
    assert.equal(readPack(makePack([]), limits).size, 0)
  })
  it('resolves deltas: by offset, by id before and after the base, in chains, on objects from outside', () => {
    const append = (base: string, more: string): Uint8Array =>
      new Uint8Array([base.length, base.length + more.length, 0x90, base.length, more.length, ...bytes(more)])
    const byId = (of: string): Uint8Array => Buffer.from(objectId('blob', bytes(of)), 'hex')
    const outside: GitObject = { type: 'blob', data: bytes('out') }
    const first = makePack([blob]).length - 20 - 12
    const pack = makePack([
      { type: 7, data: append('hello1', '2'), base: byId('hello1') },
      { type: 7, data: append('out', '!'), base: byId('out') },
      blob,
      { type: 6, data: append('hello', '1'), base: new Uint8Array([first]) },
    ])
    const external = (wanted: string): GitObject | undefined =>
      wanted === objectId('blob', outside.data) ? outside : undefined
    const got = readPack(pack, limits, { external })
    assert.deepEqual([...got.values()].map((object) => new TextDecoder().decode(object.data)).sort(), [
      'hello',
      'hello1',
      'hello12',
      'out!',
    ])
    assert.throws(() => readPack(pack, limits), { code: 'git-missing-base' })
    assert.equal(readPack(pack, limits, { skipUnresolved: true }).size, 3)
  })
  it('refuses what is damaged', () => {
    const good = makePack([blob, { type: 2, data: new Uint8Array(0) }])
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good)
      bad.writeUInt8((bad[at] ?? 0) ^ 1, at)
      assert.throws(() => readPack(bad, limits), { name: 'EngineError' }, `byte ${at}`)
    }
    for (let length = 0; length < good.length; length++)
      assert.throws(() => readPack(good.subarray(0, length), limits), badData)
    assert.throws(() => readPack(Buffer.concat([good, bytes('x')]), limits), badData)
  })
  it('refuses what lies, under a right checksum', () => {
    const self = { type: 6, data: new Uint8Array([5, 5, 0x90, 5]), base: new Uint8Array([0]) }
    const packs = [
      makePack([blob], 2),
      makePack([blob, blob], 1),
      makePack([{ ...blob, type: 5 }]),
      makePack([{ ...blob, type: 0 }]),
      makePack([{ ...blob, size: 4 }]),
      makePack([{ ...blob, size: 6 }]),
      makePack([self]),
      makePack([blob, { ...self, base: new Uint8Array([3]) }]),
    ]
    for (const [i, pack] of packs.entries()) assert.throws(() => readPack(pack, limits), badData, `pack ${i}`)
  })
  it('holds its limits before memory is taken', () => {
    const bomb = { type: 3, data: new Uint8Array(900_000) }
    const small = makePack([bomb, bomb, bomb, bomb, bomb])
    assert.ok(small.length < 10_000)
    assert.throws(() => readPack(small, limits), { code: 'git-too-large' })
    assert.throws(() => readPack(makePack([{ ...bomb, size: 2 ** 30 }]), limits), { code: 'git-too-large' })
    assert.throws(() => readPack(makePack([], 20_000), limits), { code: 'git-too-large' })
    const delta = (size: number): Uint8Array =>
      new Uint8Array([5, (size & 127) | 128, ((size >> 7) & 127) | 128, size >> 14])
    const grown = makePack([blob, { type: 7, data: delta(2_000_000), base: Buffer.from(id, 'hex') }])
    assert.throws(() => readPack(grown, limits), badData)
  })
  it('reads what Git packs, with chains of deltas', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-pack-'))
    try {
      const options = { allowFilter: true, allowAnySha1InWant: true, branch: 'main' }
      const repository = await GitTestRepository.create(join(directory, 'r.git'), '', options)
      const lines = Array.from({ length: 300 }, (_, i) => `line ${i} ${Math.sin(i)}`)
      for (let i = 0; i < 15; i++) await repository.commit({ 'a/b.txt': lines.with(i * 20, `changed ${i}`).join('\n') })
      const objects = await repository.git('rev-list', '--objects', '--all')
      const ids = objects.split('\n').map((line) => line.slice(0, 40))
      for (const extra of [[], ['--delta-base-offset']]) {
        const pack = execFileSync('git', ['-C', repository.path, 'pack-objects', '--stdout', '-q', ...extra], {
          input: ids.join('\n'),
        })
        assert.ok(pack.length < 20_000, 'deltas are used')
        assert.deepEqual([...readPack(pack, limits).keys()].sort(), ids.toSorted())
      }
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })
})

describe('parseTree', () => {
  const entry = (mode: string, name: string): Buffer =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.alloc(20, 1)])
  it('sorts by bytes, knows kinds', () => {
    const got = parseTree(
      Buffer.concat([
        entry('100644', 'a-b'),
        entry('100755', 'a.x'),
        entry('40000', 'a'),
        entry('120000', 'l'),
        entry('160000', 's'),
      ]),
    )
    assert.deepEqual(
      got.map(({ name, kind, executable }) => `${name} ${kind}${executable === true ? '*' : ''}`),
      ['a directory', 'a-b file', 'a.x file*', 'l symlink', 's submodule'],
    )
  })
  for (const [name, data] of [
    ['cut off', entry('100644', 'a').subarray(0, -1)],
    ['no name', entry('100644', '')],
    ['odd mode', entry('100x44', 'a')],
    ['unknown mode', entry('10000', 'a')],
    ['twice', Buffer.concat([entry('100644', 'a'), entry('100644', 'a')])],
    ['slash', entry('100644', 'a/b')],
    ['.git', entry('40000', '.Git')],
  ] as const) {
    it(`refuses ${name}`, () => assert.throws(() => parseTree(data), badData))
  }
})
