import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import { loadConfig } from '../../../functions/config.ts'
import { requestRedeliveries, undelivered, type GithubDelivery } from '../../../functions/github-redelivery.ts'
import { createNodeHttpClient, type NodeHttpClient } from '../../../src/platforms/node/index.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'

const now = Date.now()
const token = 'a token that reads hooks'
let ids = 1
const attempt = (guid: string, more: Partial<GithubDelivery> & { readonly ageMs?: number } = {}): GithubDelivery => {
  const { ageMs = 600_000, ...rest } = more
  return {
    id: ids++,
    guid,
    delivered_at: new Date(now - ageMs).toISOString(),
    status_code: 503,
    event: 'push',
    ...rest,
  }
}

describe('which deliveries of GitHub are asked for again', () => {
  const rows: { name: string; attempts: readonly GithubDelivery[]; want: readonly string[] }[] = [
    { name: 'one that failed', attempts: [attempt('a')], want: ['a'] },
    { name: 'none that arrived', attempts: [attempt('a', { status_code: 202 })], want: [] },
    {
      name: 'none that arrived later',
      attempts: [attempt('a', { status_code: 202, ageMs: 90_000 }), attempt('a')],
      want: [],
    },
    { name: 'one without an answer', attempts: [attempt('a', { status_code: 0 })], want: ['a'] },
    { name: 'none three times', attempts: [attempt('a'), attempt('a'), attempt('a')], want: [] },
    { name: 'none that may be under way', attempts: [attempt('a', { ageMs: 5_000 })], want: [] },
    { name: 'none that is too old', attempts: [attempt('a', { ageMs: 4 * 86_400_000 })], want: [] },
    { name: 'none that nothing is done about', attempts: [attempt('a', { event: 'star' })], want: [] },
    { name: 'none with a time that is none', attempts: [attempt('a', { delivered_at: 'x' })], want: [] },
    {
      name: 'the oldest first',
      attempts: [attempt('b', { ageMs: 100_000 }), attempt('a', { ageMs: 200_000 })],
      want: ['a', 'b'],
    },
  ]
  for (const { name, attempts, want } of rows)
    it(name, () =>
      assert.deepEqual(
        undelivered(attempts, now).map(({ guid }) => guid),
        want,
      ),
    )
})

describe('asking GitHub', () => {
  let server: Server
  let origin: string
  let http: NodeHttpClient
  let pages: readonly (readonly GithubDelivery[])[] = []
  let asked: string[] = []
  let postStatus = 202
  before(async () => {
    http = createNodeHttpClient({ egress: { allowPrivate: true } })
    server = createServer((request, response) => {
      const url = new URL(request.url ?? '', origin)
      if (request.headers.authorization !== `Bearer ${token}`) return void response.writeHead(401).end('{}')
      if (request.method === 'POST') {
        asked.push(url.pathname)
        return void response.writeHead(postStatus).end('{}')
      }
      const page = Number(url.searchParams.get('cursor') ?? 0)
      const more = page + 1 < pages.length
      // Only the cursor of this may be believed.
      const link = more ? { link: `<https://evil.example/steal?cursor=${page + 1}&per_page=100>; rel="next"` } : {}
      response.writeHead(200, { 'content-type': 'application/json', ...link })
      response.end(JSON.stringify(pages[page] ?? []))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(async () => {
    http.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  beforeEach(() => {
    asked = []
    postStatus = 202
  })
  const depsOf = (secret: string | undefined = token, privateHosts: readonly string[] = ['127.0.0.1']) =>
    testDeps({
      http,
      read: (name) => (name === 'HOOK_TOKEN' ? secret : undefined),
      config: testConfig({
        privateHosts,
        githubRedelivery: [{ hook: `${origin}/repos/team/app/hooks/7`, tokenSecret: 'HOOK_TOKEN' }],
      }),
    })

  it('asks once for each that failed, over several pages, and not again at once', async () => {
    pages = [[attempt('ok', { status_code: 202 }), attempt('a')], [attempt('b')]]
    const deps = depsOf()
    await requestRedeliveries(deps)
    const want = [pages[0]?.[1], pages[1]?.[0]].map((one) => `/repos/team/app/hooks/7/deliveries/${one?.id}/attempts`)
    assert.deepEqual(asked.toSorted(), want.toSorted())
    await requestRedeliveries(deps)
    assert.equal(asked.length, 2)
    // Also when the hook is looked at again and GitHub does not list the new attempts yet.
    for (const { key } of await deps.state.list('redelivery/'))
      if (key.endsWith('/looked')) await deps.state.delete(key)
    await requestRedeliveries(deps)
    assert.equal(asked.length, 2)
  })
  it('asks for ten at most', async () => {
    pages = [Array.from({ length: 40 }, (_, index) => attempt(`many-${index}`))]
    await requestRedeliveries(depsOf())
    assert.equal(asked.length, 10)
  })
  it('stops at the first refusal', async () => {
    pages = [[attempt('a'), attempt('b')]]
    postStatus = 403
    const deps = depsOf()
    await requestRedeliveries(deps)
    assert.equal(asked.length, 1)
  })
  it('a wrong token, none, a host that is not allowed, answers of any kind: logged, never thrown, no secret in it', async () => {
    const cases = [depsOf('another token of mine'), depsOf(''), depsOf(token, [])]
    for (const deps of cases) {
      pages = [[attempt('a')]]
      await requestRedeliveries(deps)
      assert.ok(deps.logger.lines.length > 0)
      for (const line of deps.logger.lines) assert.ok(!line.includes(token) && !line.includes('another token of mine'))
    }
    for (const answer of [null, {}, [null], [{ id: 'x' }], 7] as unknown[]) {
      pages = [answer as readonly GithubDelivery[]]
      await requestRedeliveries(depsOf())
    }
    assert.deepEqual(asked, [])
  })
  it('the configuration takes URLs of hooks only', () => {
    const load = (hook: string): unknown =>
      loadConfig((name) =>
        name === 'GITHUB_REDELIVERY'
          ? JSON.stringify([{ hook, tokenSecret: 'HOOK_TOKEN' }])
          : name === 'CLUSTERS'
            ? '[{"name": "one", "server": "https://one.example"}]'
            : undefined,
      ).githubRedelivery
    assert.ok(load('https://api.github.com/repos/team/app/hooks/1'))
    assert.ok(load('https://github.corp.example/api/v3/orgs/team/hooks/1'))
    for (const bad of [
      'https://api.github.com/',
      'https://u:p@api.github.com/repos/a/b/hooks/1',
      'https://x/repos/a/b/hooks/1?x',
      'ftp://x/repos/a/b/hooks/1',
    ])
      assert.throws(() => load(bad), { code: 'config-invalid' })
  })
})
