import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import { test } from 'node:test'
import { isEngineError } from '../../../src/base/index.ts'
import { DiskTree } from '../../../src/cli/disk-tree.ts'
import {
  applySet,
  configDigest,
  createReleasePrinter,
  decodeRelease,
  encodeRelease,
  loadChart,
  parseValuesDocuments,
  releaseSecretName,
  snapshotDigest,
  toValues,
  type Release,
} from '../../../src/helm/index.ts'
import { combineCrc32, crc32 } from '../../../src/helm/release/crc32.ts'
import { renderOf } from '../../support/helm-charts.ts'

/** A release that Helm v4.3.1's own packages made of a chart, with the digests that Flux's algorithms give for it. */
const fixture = new URL('../../fixtures/helm-release/', import.meta.url)
const expected = JSON.parse(readFileSync(new URL('expected.json', fixture), 'utf8')) as {
  readonly secret: string
  readonly json: string
  readonly snapshotDigest: string
  readonly configDigest: string
}

const jsonOf = (encoded: string): string => gunzipSync(Buffer.from(encoded, 'base64')).toString('utf8')

test('what Helm stored is read, and written again to the byte', () => {
  const release = decodeRelease(expected.secret)
  assert.equal(release.name, 'rel')
  assert.equal(release.info.status, 'deployed')
  assert.deepEqual(
    release.hooks.map(({ name, weight, events }) => ({ name, weight, events })),
    [
      { name: 'try', weight: 0, events: ['test'] },
      { name: 'before', weight: -5, events: ['pre-install', 'pre-upgrade'] },
    ],
  )
  const again = jsonOf(encodeRelease(release))
  // Helm reads every number as a float64, so an integer beyond 2^53 changes in its own hands, too.
  assert.equal(again, expected.json.replace('9007199254740993', '9007199254740992'))
  assert.equal(jsonOf(encodeRelease(decodeRelease(encodeRelease(release)))), again)
})

test('a release made here is the one that Helm makes', () => {
  const chart = loadChart(new DiskTree(new URL('chart', fixture).pathname), '')
  const values = parseValuesDocuments(readFileSync(new URL('values.yaml', fixture), 'utf8'))
  applySet('set.count=3,set.big=9007199254740993', values, { kind: 'typed' })
  applySet('set.list={1,x,true}', values, { kind: 'typed' })
  const stored = decodeRelease(expected.secret)
  const { storedChart, hooks } = renderOf(chart, { values })
  const release: Release = {
    ...stored,
    chart: storedChart,
    config: toValues(values),
    hooks: hooks.map((hook, index) =>
      index === 0 ? { ...hook, last_run: stored.hooks[0]?.last_run ?? hook.last_run } : hook,
    ),
  }
  assert.equal(jsonOf(encodeRelease(release)), expected.json)
})

test('digests are those of Flux', () => {
  const release = decodeRelease(expected.secret)
  assert.equal(snapshotDigest(release), expected.snapshotDigest)
  assert.equal(configDigest(release.config), expected.configDigest)
  assert.notEqual(snapshotDigest(release, { ociDigest: 'sha256:0' }), expected.snapshotDigest)
})

test('vectors of Flux: an empty observation, empty values, keys that look like numbers', () => {
  const empty = {
    name: 'foo',
    info: { description: '', status: '' },
    manifest: '',
    hooks: [],
    version: 0,
    namespace: '',
  } as unknown as Release
  assert.equal(snapshotDigest(empty), 'sha256:f1498f27a16a09cd7e1ee610d924df065c03d30035638babc95dd9a8d412ce4d')
  const none = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
  assert.deepEqual([configDigest({}), configDigest(undefined)], [none, none])
  const ports = [
    { protocol: 'TCP', port: 8080 },
    { port: 9090, protocol: 'UDP' },
  ]
  assert.equal(
    configDigest({ replicas: 3, image: { tag: 'latest', repository: 'nginx' }, ports }),
    'sha256:fcdc2b0de1581a3633ada4afee3f918f6eaa5b5ab38c3fef03d5b48d3f85d9f6',
  )
  const test_ = {
    '632bd80235a05f4192aefade': 'value1',
    '632bd80ddf416cf32fd50679': 'value2',
    '632bd817c559818a52307da2': 'value3',
    '632bd82398e71231a98004b6': 'value4',
  }
  assert.equal(
    configDigest({ replicas: 3, test: test_ }),
    'sha256:8a980fcbeadd6f05818f07e8aec14070c22250ca3d96af1fcd5f93b3e85b4d70',
  )
})

test('the digest does not depend on test hooks', () => {
  const release = decodeRelease(expected.secret)
  const ran: Release = {
    ...release,
    hooks: release.hooks.map((hook) =>
      hook.events.includes('test') ? { ...hook, last_run: { phase: 'Failed' } } : hook,
    ),
  }
  assert.equal(snapshotDigest(ran), expected.snapshotDigest)
  const other: Release = {
    ...release,
    hooks: release.hooks.map((hook) => ({ ...hook, last_run: { phase: 'Failed' } })),
  }
  assert.notEqual(snapshotDigest(other), expected.snapshotDigest)
})

test('releases that are not compressed are read', () => {
  assert.equal(decodeRelease(btoa('{"name":"old","version":2}')).version, 2)
})

for (const [name, data] of [
  ['no base64', '%%%'],
  ['no JSON', btoa('hello')],
  ['a list', btoa('[]')],
  ['damaged', btoa('\x1f\x8b\x08\x00broken')],
] as const) {
  test(`a stored release that is ${name} is an error of its own`, () => {
    assert.throws(
      () => decodeRelease(data),
      (error) => isEngineError(error) && error.code === 'release-invalid',
    )
  })
}

test('odd members of a stored release do no harm', () => {
  const odd = JSON.stringify({
    name: 1,
    info: null,
    chart: [],
    config: 'x',
    hooks: [null, 1, { events: null, weight: 'x', last_run: [] }],
    version: 'y',
    manifest: {},
  })
  const release = decodeRelease(btoa(odd))
  assert.equal(release.hooks.length, 1)
  assert.equal(jsonOf(encodeRelease(release)), '{"info":{"status":"unknown"},"hooks":[{"last_run":{"phase":""}}]}')
})

test('a bomb in a stored release is not unpacked', () => {
  const bomb = gzipSync(Buffer.alloc(200 << 20)).toString('base64')
  assert.throws(() => decodeRelease(bomb), /larger than/)
})

test('the name of the Secret', () => assert.equal(releaseSecretName('web', 12), 'sh.helm.release.v1.web.v12'))

test('what is packed is what Helm stores, however much of it is shared', async () => {
  // Text that does not compress to nothing, of every size around those at which parts are shared.
  let seed = 1
  const noise = (length: number): string =>
    Array.from({ length }, () => String.fromCharCode(32 + ((seed = (seed * 48_271) % 2_147_483_647) % 90))).join('')
  const printer = createReleasePrinter()
  const packed = new Map<string, string>()
  for (const [index, size] of [0, 1, 12_000, 16_000, 40_000, 300_000].entries()) {
    const files = index % 2 === 0 ? null : [{ name: 'big', data: btoa(noise(size)) }]
    const origin = { templates: [size], files: [size] }
    const chart = {
      metadata: { name: 'c', version: '1.0.0' },
      lock: null,
      templates: [{ name: 'templates/a.yaml', data: btoa(noise(size)) }],
      values: { note: noise(size % 20_000), many: 'é'.repeat(9) },
      schema: null,
      files,
      origin,
    }
    for (const version of [1, 2]) {
      const release: Release = {
        ...decodeRelease(expected.secret),
        name: `rel-${size}`,
        version,
        chart,
        manifest: noise(30_000),
      }
      const text = jsonOf(encodeRelease(release))
      assert.equal(printer.print(release), text)
      assert.equal(jsonOf(printer.pack(release)), text)
      // Again without knowing where its parts come from, as it is read from a Secret.
      const stored = decodeRelease(printer.pack(release))
      assert.equal(jsonOf(printer.pack(stored)), text)
      packed.set(text, printer.pack(release))
    }
  }
  for (const [text, encoded] of packed) {
    const bytes = Buffer.from(encoded, 'base64')
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))
    assert.equal(await new Response(stream).text(), text)
  }
})

test('checksums of parts give that of the whole', () => {
  const bytes = Buffer.from('The quick brown fox jumps over the lazy dog')
  assert.equal(crc32(bytes), 0x41_4f_a3_39)
  for (const at of [0, 1, 7, bytes.length])
    assert.equal(combineCrc32(crc32(bytes.subarray(0, at)), crc32(bytes.subarray(at)), bytes.length - at), crc32(bytes))
})

test('the fixture is complete', () => assert.ok(existsSync(new URL('chart/Chart.yaml', fixture))))
