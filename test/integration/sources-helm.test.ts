import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { createNodeHttpClient, type NodeHttpClient } from '../../src/platforms/node/http.ts'
import {
  defaultHelmLimits,
  downloadChart,
  fetchHelmIndex,
  helmCredentials,
  parseEntries,
  type ChartVersion,
  type HelmDeps,
} from '../../src/sources/index.ts'
import { ChartServer, hexDigest, makeChart, makeIndex } from '../support/chart-server.ts'

let server: ChartServer
let http: NodeHttpClient
const sleeps: number[] = []

before(async () => {
  server = await ChartServer.start()
  http = createNodeHttpClient({ egress: { allowPrivate: true } })
})
after(async () => {
  http.close()
  await server.close()
})
beforeEach(() => {
  server.seen.length = 0
  sleeps.length = 0
  server.login = undefined
  server.redirects.clear()
})

const deps = (overrides: Partial<HelmDeps> = {}): HelmDeps => ({
  http,
  clock: {
    now: () => Date.now(),
    sleep: (ms) => {
      sleeps.push(ms)
      return Promise.resolve()
    },
  },
  egress: { allowPrivate: true },
  limits: defaultHelmLimits,
  ...overrides,
})
const options = (path: string) => ({
  url: `${server.url}${path}`,
  credentials: {},
  signal: AbortSignal.timeout(5000),
})
const entry = (url: string, digest = ''): ChartVersion => ({
  name: 'a',
  version: '1.0.0',
  urls: [url],
  digest,
  created: 0,
})
const index = makeIndex([{ name: 'a', version: '1.0.0', url: 'a-1.0.0.tgz' }])
const put = (path: string, body: string | Uint8Array): void => void server.files.set(path, body)

describe('the index of a Helm repository', () => {
  it('has the digest of its bytes as revision and only the wanted entries', async () => {
    put('/r/index.yaml', index)
    const found = await fetchHelmIndex(deps(), { ...options('/r/'), wanted: ['a', 'b'] })
    assert.equal(found?.revision, `sha256:${hexDigest(index)}`)
    assert.equal(found.size, index.length)
    assert.deepEqual([...found.entries.keys()], ['a'])
    assert.deepEqual(parseEntries('a', found.entries.get('a') ?? '')[0]?.urls, ['a-1.0.0.tgz'])
  })

  it('is not downloaded again while its ETag is the same', async () => {
    put('/etag/index.yaml', index)
    const first = await fetchHelmIndex(deps(), { ...options('/etag'), wanted: ['a'] })
    assert.ok(first?.etag)
    const second = await fetchHelmIndex(deps(), { ...options('/etag'), wanted: ['a'], etag: first.etag })
    assert.equal(second, undefined)
  })

  it('comes after 429 with Retry-After, 5xx and a body that breaks off', async () => {
    put('/flaky/index.yaml', index)
    server.misbehave(
      '/flaky/index.yaml',
      { kind: 'status', status: 429, headers: { 'retry-after': '3' } },
      { kind: 'status', status: 503 },
      { kind: 'truncate', after: 40 },
    )
    const found = await fetchHelmIndex(deps(), { ...options('/flaky'), wanted: ['a'] })
    assert.equal(found?.chartCount, 1)
    assert.equal(server.requestsFor('/flaky/index.yaml').length, 4)
    assert.equal(sleeps[0], 3000)
  })

  it('is given up after four tries, and at once where the server asks for a longer wait', async () => {
    const status = { kind: 'status', status: 500 } as const
    server.misbehave('/down/index.yaml', status, status, status, status)
    await assert.rejects(fetchHelmIndex(deps(), { ...options('/down'), wanted: [] }), {
      code: 'source-unavailable',
      disposition: 'retry',
      reason: 'IndexationFailed',
    })
    server.misbehave('/busy/index.yaml', { kind: 'status', status: 429, headers: { 'retry-after': '600' } })
    await assert.rejects(fetchHelmIndex(deps(), { ...options('/busy'), wanted: [] }), { retryAfterMs: 600_000 })
    assert.equal(server.requestsFor('/busy/index.yaml').length, 1)
  })

  it('ends at the deadline', async () => {
    server.misbehave('/hang/index.yaml', { kind: 'hang' })
    const signal = AbortSignal.timeout(200)
    await assert.rejects(fetchHelmIndex(deps(), { ...options('/hang'), signal, wanted: [] }), { disposition: 'retry' })
  })

  it('is refused beyond the limits, in a redirect loop, and where it is none', async () => {
    server.misbehave('/big/index.yaml', { kind: 'endless' })
    const limits = { ...defaultHelmLimits, maxIndexBytes: 3 << 20 }
    await assert.rejects(fetchHelmIndex(deps({ limits }), { ...options('/big'), wanted: [] }), {
      code: 'helm-index-too-large',
    })
    server.redirects.set('/loop/index.yaml', '/loop/index.yaml')
    await assert.rejects(fetchHelmIndex(deps(), { ...options('/loop'), wanted: [] }), { code: 'redirect-refused' })
    for (const [name, body, problem] of [
      ['empty', '', /empty index.yaml/],
      ['no-version', 'entries: {}\n', /no API version/],
      ['html', '<html></html>', /top level|mapping|no YAML|cannot be used/],
      ['twice', 'apiVersion: v1\nentries:\n  a: []\n  a: []\n', /already set/],
    ] as const) {
      put(`/${name}/index.yaml`, body)
      await assert.rejects(fetchHelmIndex(deps(), { ...options(`/${name}`), wanted: ['a'] }), {
        reason: 'IndexationFailed',
        message: problem,
      })
    }
    await assert.rejects(fetchHelmIndex(deps(), { ...options('/nowhere'), wanted: [] }), { code: 'source-not-found' })
    await assert.rejects(fetchHelmIndex(deps(), { ...options(''), url: 'ftp://x.example', wanted: [] }), {
      reason: 'URLInvalid',
    })
  })

  it('in an unusual form is parsed as a whole where it is small', async () => {
    put('/odd/index.yaml', 'apiVersion: v1\nentries: {a: [{name: a, version: 1.0.0, urls: [x]}]}\n')
    const found = await fetchHelmIndex(deps(), { ...options('/odd'), wanted: ['a'] })
    assert.equal(parseEntries('a', found?.entries.get('a') ?? '')[0]?.version, '1.0.0')
    const limits = { ...defaultHelmLimits, maxWholeIndexBytes: 10 }
    await assert.rejects(fetchHelmIndex(deps({ limits }), { ...options('/odd'), wanted: ['a'] }), /helm repo index/)
  })

  it('is not looked for at private addresses, also not behind a redirect or with a password in the URL', async () => {
    const strict = deps({ egress: { allowHosts: ['127.0.0.1'] } })
    for (const target of ['http://localhost:1/x', 'http://169.254.169.254/latest', 'http://[::ffff:10.0.0.1]/x']) {
      server.redirects.set('/ssrf/index.yaml', target)
      await assert.rejects(fetchHelmIndex(strict, { ...options('/ssrf'), wanted: [] }), { code: 'egress-refused' })
    }
    const url = server.url.replace('http://', 'http://user:hunter2@')
    const error = await fetchHelmIndex(deps(), { ...options(''), url: `${url}/none?token=s3cret`, wanted: [] }).catch(
      (caught: unknown) => caught as Error,
    )
    assert.ok(error instanceof Error)
    assert.doesNotMatch(error.message, /hunter2|s3cret/)
  })
})

describe('a packaged chart', () => {
  const chart = makeChart('a', '1.0.0')

  it('is found relative to the repository and checked against the index', async () => {
    put('/r/charts/a-1.0.0.tgz', chart)
    const bytes = await downloadChart(deps(), options('/r'), entry('charts/a-1.0.0.tgz', hexDigest(chart)))
    assert.deepEqual(bytes, chart)
    await assert.rejects(downloadChart(deps(), options('/r'), entry('charts/a-1.0.0.tgz', hexDigest('other'))), {
      code: 'chart-digest-mismatch',
      reason: 'ChartPullError',
    })
    await assert.rejects(downloadChart(deps(), options('/r'), { ...entry(''), urls: [] }), /no downloadable URLs/)
    await assert.rejects(downloadChart(deps(), options('/r'), entry('file:///etc/passwd')), {
      reason: 'ChartPullError',
    })
  })

  it('is refused beyond the limit', async () => {
    server.misbehave('/r/big.tgz', { kind: 'endless' })
    const limits = { ...defaultHelmLimits, maxChartBytes: 2 << 20 }
    await assert.rejects(downloadChart(deps({ limits }), options('/r'), entry('big.tgz')), {
      code: 'response-too-large',
    })
  })

  it('gets the credentials from the same host only, unless passCredentials', async () => {
    const credentials = helmCredentials({ secret: { username: 'u', password: 'p' } })
    assert.throws(() => helmCredentials({ secret: { username: 'u' } }), { reason: 'AuthenticationFailed' })
    server.login = 'u:p'
    put('/s/a.tgz', chart)
    const own = { ...options('/s'), credentials }
    await downloadChart(deps(), own, entry('a.tgz'))
    await assert.rejects(downloadChart(deps(), options('/s'), entry('a.tgz')), { reason: 'AuthenticationFailed' })
    server.seen.length = 0
    const elsewhere = entry(`${server.otherUrl}/s/a.tgz`)
    await assert.rejects(downloadChart(deps(), own, elsewhere), { reason: 'AuthenticationFailed' })
    assert.deepEqual(
      server.seen.map((request) => request.authorization),
      [undefined],
    )
    await downloadChart(deps(), { ...own, passCredentials: true }, elsewhere)
    server.login = undefined
    server.seen.length = 0
    server.redirects.set('/s/moved.tgz', `${server.otherUrl}/s/a.tgz`)
    await downloadChart(deps(), own, entry('moved.tgz'))
    assert.deepEqual(
      server.seen.map((request) => request.authorization === undefined),
      [false, true],
    )
  })
})
