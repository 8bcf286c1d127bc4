import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { safeNext } from '../../../functions/page-response.ts'
import { sessionSeconds } from '../../../functions/session.ts'
import { readToken, testConfig, testDeps, triggerToken } from '../../support/function-deps.ts'
import { openSignInForm } from '../../support/sign-in.ts'
import { hostilePages, hostileState, hostileTexts } from '../../support/hostile-state.ts'
import { firstRun, observedState, pushRun } from '../../support/observed-state.ts'
import { newCommit } from '../../support/summary-objects.ts'

interface Asked {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

async function ask(deps: FunctionDeps, path: string, init: RequestInit = {}): Promise<Asked> {
  const response = await createApp(deps).fetch(new Request(`http://sluice.test${path}`, init))
  return { status: response.status, headers: response.headers, text: await response.text() }
}
const bearer = { headers: { authorization: `Bearer ${readToken}` } }

async function seeded(): Promise<ReturnType<typeof testDeps>> {
  const deps = testDeps()
  await observedState(deps.state)
  return deps
}

async function signIn(
  deps: FunctionDeps,
  fields: { readonly [name: string]: string },
  headers: { readonly [name: string]: string } = { origin: 'http://sluice.test' },
): Promise<Asked> {
  const send = (path: string, init: RequestInit): Promise<Response> =>
    Promise.resolve(createApp(deps).fetch(new Request(`http://sluice.test${path}`, init)))
  const { cookie, csrf } = await openSignInForm(send)
  return ask(deps, '/ui/sign-in', {
    method: 'POST',
    body: new URLSearchParams({ csrf, ...fields }),
    headers: { 'content-type': 'application/x-www-form-urlencoded', host: 'sluice.test', cookie, ...headers },
  })
}

/** The one script of a page: nothing within it, and a name that nobody else can choose. */
const ourScript = /<script src="\/ui\/live\.[0-9a-f]{12}\.js" defer><\/script>/g

const sessionOf = (answer: Asked): string | undefined =>
  answer.headers.getSetCookie().find((line) => line.startsWith('__Host-sluice='))
const cookieOf = (answer: Asked): string => (sessionOf(answer) ?? '').split(';')[0] ?? ''

describe('pages', () => {
  const rows: readonly { path: string; status?: number; shows: readonly (string | RegExp)[] }[] = [
    {
      path: '/ui',
      shows: [
        'Blocked by broken',
        '1 failed',
        '1 suspended',
        'Stale since 2026-11-20',
        'no route to host',
        'bbbbbbbb</a>',
        'Was ready',
        '3 behind',
      ],
    },
    { path: '/ui?show=sources', shows: ['GitRepository, apps', /^(?!.*Kustomization, )/s] },
    { path: '/ui?text=SHOP', shows: ['<b>shop</b>', /^(?!.*<b>paused<\/b>)/s] },
    { path: '/ui?namespace=none', shows: ['Nothing matches'] },
    { path: '/ui?cluster=two', shows: ['<span class="cluster">two</span>', /^(?!.*<span class="cluster">one)/s] },
    { path: '/ui?behind=true', shows: ['<b>broken</b>', /^(?!.*<b>redis<\/b>)/s] },
    { path: '/ui/commits', shows: ['bbbbbbbbbbbb', 'octo', 'https://git.example/team/app/commit/'] },
    { path: '/ui/deliveries', shows: ['No webhook has come in'] },
    { path: '/ui?state=failed', shows: ['broken', /^(?!.*<b>paused<\/b>)/s] },
    {
      path: '/ui/objects/one/Kustomization/apps/shop',
      shows: [
        'Blocked by broken',
        'kustomization.yaml: no such file',
        'DependencyNotReady',
        '2 objects at the last run',
      ],
    },
    { path: '/ui/objects/two/HelmRelease/apps/redis', shows: ['redis 1.2.3', 'app 7.4.0', 'Stale since'] },
    { path: '/ui/objects/one/Kustomization/apps/shop?live=true', shows: ['there is no such object in the cluster'] },
    { path: '/ui/objects/one/Kustomization/apps/none', status: 404, shows: ['no run has seen'] },
    { path: '/ui/objects/three/Kustomization/apps/none', status: 404, shows: ['there is no cluster three'] },
    {
      path: `/ui/commits/${newCommit.slice(0, 9)}`,
      shows: ['Failed in 1 cluster', 'Queued in 1 cluster', '+150 ms', 'shop'],
    },
    { path: `/ui/commits/${'c'.repeat(40)}`, status: 404, shows: ['nothing is known of the commit'] },
    { path: '/ui/commits/main', status: 404, shows: ['There is nothing here'] },
    { path: '/ui/runs', shows: ['octo', 'Succeeded', /^(?!.*Scan)/s] },
    { path: '/ui/runs?quiet=true', shows: ['Scan'] },
    { path: `/ui/runs/${pushRun}`, shows: ['+600 ms', 'no such file', 'It has not begun.'] },
    { path: '/ui/runs/01zzzzzzzzzzzzzzzzzzzzzzzz', status: 404, shows: ['There is nothing here'] },
  ]
  for (const { path, status = 200, shows } of rows) {
    it(`${path} shows what is known`, async () => {
      const answer = await ask(await seeded(), path, bearer)
      assert.equal(answer.status, status)
      const text = answer.text.replaceAll(/\s+/g, ' ')
      for (const part of shows) {
        if (part instanceof RegExp) assert.match(text, part)
        else assert.ok(text.includes(part), `${part} is not in ${text}`)
      }
    })
  }

  it('of nothing say so', async () => {
    assert.match((await ask(testDeps(), '/ui', bearer)).text, /Nothing is known yet/)
    assert.match((await ask(testDeps(), '/ui', bearer)).text, /sluice doctor/)
    assert.match((await ask(testDeps(), '/ui/runs?state=failed', bearer)).text, /No such run is remembered/)
    const nothing: readonly (readonly [path: string, next: RegExp])[] = [
      ['/ui/runs', /href="\/ui\/deliveries"/],
      ['/ui/commits', /href="\/ui\/deliveries"/],
      ['/ui/deliveries', /list\s+of deliveries/],
      ['/ui/drift', /Not looked at yet: one, two/],
      ['/ui/plans', /PLANS/],
      ['/ui/clusters/one', /sluice doctor/],
      ['/ui/actions', /will stand here/],
    ]
    for (const [path, next] of nothing) assert.match((await ask(testDeps(), path, bearer)).text, next, path)
    const noCluster = testDeps({ config: testConfig({ clusters: [] }) })
    assert.match((await ask(noCluster, '/ui', bearer)).text, /There is no cluster that you may see/)
  })

  it('run one script of ours, and load nothing but what is theirs', async () => {
    const deps = await seeded()
    for (const path of ['/ui', '/ui/runs', `/ui/runs/${firstRun}`, '/ui/sign-in', '/ui/runs/none']) {
      const { headers, text } = await ask(deps, path, bearer)
      assert.equal(
        headers.get('content-security-policy'),
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      )
      assert.equal(headers.get('cache-control'), 'private, no-store')
      const [scripts, rest] = [text.match(/<script[^]*?<\/script>/g) ?? [], text.replaceAll(ourScript, '')]
      assert.ok(scripts.length <= 1)
      assert.doesNotMatch(rest, /<script|\sstyle=|\son\w+=|(?:href|src|action)="(?![/#])/)
      for (const script of scripts) {
        const { status, headers: own } = await ask(deps, /src="([^"]+)"/.exec(script)?.[1] ?? '')
        assert.deepEqual([status, own.get('content-type')], [200, 'text/javascript; charset=utf-8'])
      }
      const style = /href="(\/ui\/style\.[0-9a-f]+\.css)"/.exec(text)?.[1] ?? ''
      const sheet = await ask(deps, style)
      assert.equal(sheet.status, 200)
      assert.match(sheet.headers.get('content-type') ?? '', /^text\/css/)
    }
    assert.equal((await ask(deps, '/ui/style.000000000000.css')).status, 404)
    assert.equal((await ask(deps, '/ui/live.000000000000.js')).status, 404)
    assert.equal((await ask(deps, '/ui/icon.svg')).status, 200)
  })

  it('print what others have named as text', async () => {
    const deps = testDeps()
    await hostileState(deps.state)
    let shown = 0
    const mustShow = new Set<string>(['/ui/actions', '/ui/deliveries', '/ui/drift', '/ui/runs', `/ui/runs/${pushRun}`])
    for (const path of hostilePages) {
      const answer = await ask(deps, path, bearer)
      assert.ok(answer.status < 500, `${path} is answered with ${answer.status}: ${answer.text.slice(0, 500)}`)
      const text = answer.text.replace(ourScript, '')
      if (mustShow.has(path)) assert.ok(text.includes('&lt;script&gt;'), `${path} shows none of it`)
      for (const hostile of hostileTexts) {
        const isMarkup = /[<>"']/.test(hostile)
        if (isMarkup) assert.ok(!text.includes(hostile), `${path} holds ${hostile}`)
      }
      // Every tag is one of ours, with attributes of ours.
      for (const [tag] of text.matchAll(/<[a-z][^>]*>/gi)) {
        assert.doesNotMatch(tag, /^<(?:script|img|iframe|style|object|embed|base)\b/i, path)
        assert.doesNotMatch(tag.replaceAll(/"[^"]*"/g, '""'), /\son\w+\s*=|marked/i, `${path}: ${tag}`)
        assert.doesNotMatch(tag, /(?:href|action|src)="(?!\/|#)/i, `${path}: ${tag}`)
      }
      if (text.includes('&lt;script&gt;')) shown += 1
    }
    assert.ok(shown >= 6, `only ${shown} pages showed the texts`)
  })
})

describe('reading pages', () => {
  it('needs a sign-in, which leads back', async () => {
    const deps = await seeded()
    for (const path of ['/ui', '/ui/runs?quiet=true', `/ui/runs/${pushRun}`, `/ui/commits/${newCommit}`]) {
      const answer = await ask(deps, path)
      assert.equal(answer.status, 303)
      assert.equal(answer.headers.get('location'), `/ui/sign-in?next=${encodeURIComponent(path)}`)
      assert.equal(answer.text, '')
    }
    assert.equal((await ask(deps, '/')).headers.get('location'), '/ui')
  })

  it('is for everybody only where the configuration says so', async () => {
    const deps = await seeded()
    const open = { ...deps, config: testConfig({ reading: { ...deps.config.reading, isPublic: true } }) }
    assert.equal((await ask(open, '/ui')).headers.get('location'), '/ui/public')
    assert.equal((await ask(open, '/ui/public')).status, 200)
    assert.equal((await ask(open, '/ui/runs')).headers.get('location'), '/ui/sign-in?next=%2Fui%2Fruns')
    assert.equal((await ask(deps, '/ui/public')).status, 404)
    const closed = {
      ...deps,
      config: testConfig({
        triggerTokens: [],
        reading: { tokens: [], metricsTokens: [], isPublic: false, sessionKeys: [] },
      }),
    }
    assert.equal((await ask(closed, '/ui')).status, 303)
    assert.match((await ask(closed, '/ui/sign-in')).text, /Nobody may read/)
    assert.equal((await signIn(closed, { token: '' })).status, 403)
    assert.equal((await signIn(closed, { token: 'undefined' })).status, 403)
  })

  it('with a cookie that a token gives, until it is over or the token is gone', async () => {
    let now = Date.now()
    const deps = { ...(await seeded()), clock: { now: () => now, sleep: () => new Promise<void>(() => undefined) } }
    for (const token of [readToken, triggerToken]) {
      const answer = await signIn(deps, { token, next: '/ui/runs' })
      assert.equal(answer.status, 303)
      assert.equal(answer.headers.get('location'), '/ui/runs')
      const attributes = (sessionOf(answer) ?? '').split('; ').slice(1)
      assert.deepEqual(attributes, ['Path=/', `Max-Age=${sessionSeconds}`, 'HttpOnly', 'Secure', 'SameSite=Lax'])
      assert.ok(!answer.headers.get('set-cookie')?.includes(token))
      const headers = { cookie: `other=1; ${cookieOf(answer)}` }
      assert.equal((await ask(deps, '/ui', { headers })).status, 200)
      assert.equal((await ask(deps, '/api/clusters', { headers })).status, 200)
      assert.equal((await ask(deps, '/trigger', { method: 'POST', body: '{}', headers })).status, 401)
      const without = testConfig({
        triggerTokens: ['another-trigger-token'],
        reading: { ...deps.config.reading, tokens: [], sessionKeys: ['k'.repeat(32)] },
      })
      assert.equal((await ask({ ...deps, config: without }, '/ui', { headers })).status, 303)
      now += (sessionSeconds + 1) * 1000
      assert.equal((await ask(deps, '/ui', { headers })).status, 303)
    }
  })

  it('with a session key: a cookie ends with its token, and outlives the change of the key', async () => {
    const deps = await seeded()
    const keys = ['k'.repeat(32), 'l'.repeat(32)]
    const [old = '', fresh = ''] = keys
    const configured = (sessionKeys: readonly string[], tokens = [readToken]): FunctionDeps => ({
      ...deps,
      config: testConfig({ reading: { ...deps.config.reading, tokens, sessionKeys } }),
    })
    const cookie = cookieOf(await signIn(configured([old]), { token: readToken }))
    const status = async (where: FunctionDeps): Promise<number> =>
      (await ask(where, '/ui', { headers: { cookie } })).status
    assert.equal(await status(configured([fresh, old])), 200)
    assert.equal(await status(configured([fresh])), 303)
    assert.equal(await status(configured([old], ['some-other-token'])), 303)
  })

  it('not with a cookie that was changed', async () => {
    const deps = await seeded()
    const cookie = cookieOf(await signIn(deps, { token: readToken }))
    const [name = '', value = ''] = cookie.split('=')
    const [payload = '', signature = ''] = value.split('.')
    const session = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
    const forged = Buffer.from(JSON.stringify({ ...session, expiresAt: 9e12 })).toString('base64url')
    for (const bad of [`${forged}.${signature}`, payload, `${payload}.`, `${value}x`, `${value}.${signature}`, '', '.'])
      assert.equal((await ask(deps, '/ui', { headers: { cookie: `${name}=${bad}` } })).status, 303, bad)
  })

  it('refuses forms of other sites, and what is no form', async () => {
    const deps = await seeded()
    const others: readonly { readonly [name: string]: string }[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'http://sluice.test.evil.example' },
      {},
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]
    for (const headers of others) {
      const answer = await signIn(deps, { token: readToken }, headers)
      assert.equal(answer.status, 403, JSON.stringify(headers))
      assert.equal(sessionOf(answer), undefined)
      for (const csrf of ['', 'x', 'A'.repeat(43)])
        assert.equal((await signIn(deps, { token: readToken, csrf })).status, 403)
      const out = await ask(deps, '/ui/sign-out', { method: 'POST', headers })
      assert.equal(out.status, 403)
    }
    assert.equal((await signIn(deps, { token: readToken }, { 'sec-fetch-site': 'same-origin' })).status, 303)
    const json = { origin: 'http://sluice.test', 'content-type': 'application/json' }
    assert.equal((await signIn(deps, { token: readToken }, json)).status, 400)
    assert.equal((await signIn(deps, { token: 'x'.repeat(10_000) })).status, 413)
    const wrong = await signIn(deps, { token: 'not-the-token-at-all' })
    assert.equal(wrong.status, 401)
    assert.equal(sessionOf(wrong), undefined)
    assert.ok(!wrong.text.includes('not-the-token-at-all'))
    const out = await ask(deps, '/ui/sign-out', { method: 'POST', headers: { origin: 'http://sluice.test' } })
    assert.match(out.headers.get('set-cookie') ?? '', /^__Host-sluice=; Path=\/; Max-Age=0/)
  })

  it('leads to nowhere else', () => {
    const rows: readonly [string | undefined, string][] = [
      ['/ui', '/ui'],
      ['/ui/runs?quiet=true', '/ui/runs?quiet=true'],
      ['//evil.example', '/ui'],
      ['/ui//evil.example', '/ui'],
      ['https://evil.example/ui', '/ui'],
      ['/uieviL', '/ui'],
      ['/\\evil.example', '/ui'],
      ['/ui/\r\nset-cookie: a=b', '/ui'],
      ['/trigger', '/ui'],
      [undefined, '/ui'],
      [`/ui/${'x'.repeat(2000)}`, '/ui'],
    ]
    for (const [next, want] of rows) assert.equal(safeNext(next), want, next)
  })
})
