import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import { viewFor } from '../../../functions/access/view.ts'
import { authorizeReading } from '../../../functions/authorize-reading.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { firstRun, pushRun, quietScan } from '../../support/observed-state.ts'
import { readToken, testConfig, testDeps, triggerToken } from '../../support/function-deps.ts'
import {
  aimedRun,
  asBearer,
  hiddenRun,
  hiddenWait,
  hiddenWord,
  mixedRun,
  scopedState,
  tokensOf,
  withTokens,
} from '../../support/scoped-state.ts'
import { newCommit } from '../../support/summary-objects.ts'

/** Everybody who may come. */
const visitors = {
  stranger: undefined,
  metrics: 'token-for-metrics-alone',
  reader: readToken,
  viewer: tokensOf.viewer,
  scoped: tokensOf.scoped,
  operator: tokensOf.operator,
  maintainer: tokensOf.maintainer,
  trigger: triggerToken,
} as const
type VisitorName = keyof typeof visitors

/** What each class of routes answers to whom; those who are not named get what `others` says. */
const classes = {
  /** The same for everybody, and says nothing of anything. */
  everybody: { others: [200, 303] },
  /** Proves by itself who sends it: signed deliveries, signed links, forms of a session. Without proof it is refused. */
  proof: { others: [400, 401, 403, 404, 405], trigger: [400, 401, 403, 404, 405, 200] },
  /** Nothing is public unless the configuration says so. */
  closed: { others: [401, 404] },
  page: { stranger: [303], metrics: [303], others: [200, 303] },
  /** A page of what is not there. */
  away: { stranger: [303], metrics: [303], others: [404] },
  /** Who may not see it learns nothing, not even that it is there. */
  badge: { stranger: [404], metrics: [404], others: [200] },
  read: { stranger: [401], metrics: [401], others: [200] },
  /** For those alone who see everything. */
  whole: { stranger: [401], metrics: [401], scoped: [404], operator: [404], others: [200] },
  metrics: { stranger: [401], scoped: [401], operator: [401], others: [200] },
  /** For who may do something. */
  operate: { operator: [200], maintainer: [200], trigger: [200], others: [401] },
  trigger: { operator: [202, 403, 404], maintainer: [202], trigger: [202], others: [401] },
} as const satisfies {
  readonly [name: string]: { readonly others: readonly number[] } & {
    readonly [who in VisitorName]?: readonly number[]
  }
}

const planKey = new TextEncoder().encode('a key of plans that only tests use')
const object = { cluster: 'one', kind: 'Kustomization', namespace: 'apps', name: 'shop' }
const objectPath = `one/Kustomization/apps/shop`
const hiddenPath = `one/Kustomization/${hiddenWord}/${hiddenWord}`

/** Every route, what it is, and requests to it: `seen` of what a scoped reader may see, `hidden` of what they may not. */
const routes: {
  readonly [route: string]: { readonly is: keyof typeof classes; readonly seen?: string; readonly hidden?: string }
} = {
  'ALL /hook/:provider': { is: 'proof', seen: '/hook/github' },
  'POST /trigger': { is: 'trigger', seen: '/trigger' },
  'GET /runs': { is: 'operate', seen: '/runs' },
  'GET /runs/:id': { is: 'operate', seen: `/runs/${pushRun}`, hidden: `/runs/${hiddenRun}` },
  'GET /deliveries': { is: 'operate', seen: '/deliveries' },
  'GET /artifacts/*': { is: 'proof', seen: '/artifacts/one/gitrepository/apps/app/latest.tar.gz' },
  'HEAD /artifacts/*': { is: 'proof', seen: '/artifacts/one/gitrepository/apps/app/latest.tar.gz' },
  'GET /api/deployment': { is: 'whole' },
  'GET /api/actions': { is: 'read' },
  'GET /api/public/clusters': { is: 'closed' },
  'GET /api/public/objects': { is: 'closed' },
  'GET /api/clusters': { is: 'read' },
  'GET /api/objects': { is: 'read' },
  'GET /api/objects/:cluster/:kind/:namespace/:name': {
    is: 'read',
    seen: `/api/objects/${objectPath}`,
    hidden: `/api/objects/${hiddenPath}`,
  },
  'GET /api/objects/:cluster/:kind/:namespace/:name/history': {
    is: 'read',
    seen: `/api/objects/${objectPath}/history`,
    hidden: `/api/objects/${hiddenPath}/history`,
  },
  'GET /api/drift': { is: 'read' },
  'GET /api/clusters/:cluster': { is: 'read', seen: '/api/clusters/one' },
  'GET /api/runs': { is: 'read', seen: '/api/runs?quiet=true' },
  'GET /api/runs/:id': { is: 'read', seen: `/api/runs/${pushRun}`, hidden: `/api/runs/${hiddenRun}` },
  'GET /api/commits/:commit': { is: 'read', seen: `/api/commits/${newCommit}` },
  'GET /api/overview': { is: 'read' },
  'GET /api/deliveries': { is: 'read' },
  'GET /api/plans': { is: 'read' },
  'GET /api/plans/:id': { is: 'closed', seen: '/api/plans/0123456789abcdef0123456789abcdef' },
  'GET /api/plans/:id/export': { is: 'closed', seen: '/api/plans/0123456789abcdef0123456789abcdef/export?format=json' },
  'GET /api/plans/:id/manifests': { is: 'closed', seen: '/api/plans/0123456789abcdef0123456789abcdef/manifests' },
  'GET /api/plans/:id/manifests/file': {
    is: 'closed',
    seen: '/api/plans/0123456789abcdef0123456789abcdef/manifests/file?cluster=one&kind=Kustomization&namespace=apps&name=shop&side=head',
  },
  'GET /api/plans/:id/manifests/archive': {
    is: 'closed',
    seen: '/api/plans/0123456789abcdef0123456789abcdef/manifests/archive',
  },
  'GET /api/openapi.json': { is: 'read' },
  'GET /feed.xml': { is: 'read' },
  'GET /badges/:kind/:namespace/:file{[^/]+\\.svg}': { is: 'badge', seen: '/badges/Kustomization/apps/shop.svg' },
  'GET /badges/:cluster/:kind/:namespace/:file{[^/]+\\.svg}': {
    is: 'badge',
    seen: `/badges/${objectPath}.svg`,
    hidden: `/badges/${hiddenPath}.svg`,
  },
  'GET /': { is: 'everybody' },
  'GET /ui': { is: 'page' },
  'GET /ui/runs': { is: 'page', seen: '/ui/runs?quiet=true' },
  'GET /ui/runs/:id': { is: 'page', seen: `/ui/runs/${pushRun}`, hidden: `/ui/runs/${hiddenRun}` },
  'GET /ui/objects/:cluster/:kind/:namespace/:name': {
    is: 'page',
    seen: `/ui/objects/${objectPath}`,
    hidden: `/ui/objects/${hiddenPath}`,
  },
  'GET /ui/commits': { is: 'everybody', seen: '/ui/commits?commit=abcdef1' },
  'GET /ui/commits/:commit': { is: 'page', seen: `/ui/commits/${newCommit}` },
  'GET /ui/clusters/:cluster': { is: 'page', seen: '/ui/clusters/one' },
  'GET /ui/drift': { is: 'page' },
  'GET /ui/deliveries': { is: 'page' },
  'GET /ui/plans': { is: 'page' },
  'GET /ui/plans/:id': { is: 'away', seen: '/ui/plans/0123456789abcdef0123456789abcdef' },
  'GET /ui/plans/:id/manifests': { is: 'away', seen: '/ui/plans/0123456789abcdef0123456789abcdef/manifests' },
  'GET /ui/plans/:id/manifests/:cluster/:kind/:namespace/:name': {
    is: 'away',
    seen: '/ui/plans/0123456789abcdef0123456789abcdef/manifests/one/Kustomization/apps/shop',
  },
  'GET /ui/events': { is: 'read' },
  'POST /ui/actions/:action': { is: 'proof', seen: '/ui/actions/reconcile' },
  'GET /ui/icon.svg': { is: 'everybody' },
  'GET /ui/:file{live\\.[0-9a-f]+\\.js}': { is: 'closed', seen: '/ui/live.0.js' },
  'GET /ui/:file{style\\.[0-9a-f]+\\.css}': { is: 'closed', seen: '/ui/style.0.css' },
  'GET /ui/actions': { is: 'page' },
  'GET /ui/public': { is: 'closed' },
  'GET /ui/sign-in': { is: 'everybody' },
  'POST /ui/sign-in': { is: 'proof' },
  'POST /ui/sign-out': { is: 'proof' },
  'GET /.well-known/openid-configuration': { is: 'closed' },
  'GET /.well-known/jwks.json': { is: 'closed' },
  'GET /metrics': { is: 'metrics' },
  'GET /healthz': { is: 'everybody' },
}

async function ask(deps: FunctionDeps, route: string, path: string, token: string | undefined) {
  const method = route.split(' ')[0] ?? 'GET'
  const body = method === 'POST' ? { body: JSON.stringify({ object: { ...object, cluster: undefined } }) } : {}
  const headers = { ...asBearer(token), 'content-type': 'application/json' }
  const request = new Request(`http://sluice.test${path}`, {
    method: method === 'ALL' ? 'POST' : method,
    headers,
    ...body,
  })
  const response = await createApp(deps).fetch(request)
  // A stream has no end to wait for.
  const isStream = response.headers.get('content-type') === 'text/event-stream'
  if (isStream) await response.body?.cancel()
  return { status: response.status, headers: response.headers, text: isStream ? '' : await response.text() }
}

describe('every route', () => {
  let deps: ReturnType<typeof testDeps>
  before(async () => {
    const plain = testConfig()
    deps = testDeps({ config: testConfig({ reading: withTokens(plain.reading), planKey }) })
    await scopedState(deps.state)
    await hiddenWait({ state: deps.state, clock: deps.clock, key: planKey })
  })

  it('is classified here', () => {
    const registered = new Set(createApp(deps).routes.map(({ method, path }) => `${method} ${path}`))
    registered.delete('ALL /*')
    assert.deepEqual(
      [...registered].filter((route) => !Object.hasOwn(routes, route)),
      [],
      'say in this table who may use it',
    )
    assert.deepEqual(
      Object.keys(routes).filter((route) => !registered.has(route)),
      [],
      'there is no such route any more',
    )
  })

  for (const [route, { is, seen, hidden }] of Object.entries(routes)) {
    const path = seen ?? route.split(' ')[1] ?? ''
    for (const [who, token] of Object.entries(visitors) as [VisitorName, string | undefined][]) {
      it(`${route} for ${who}`, async () => {
        const expected = classes[is] as { readonly others: readonly number[] } & {
          readonly [name: string]: readonly number[]
        }
        const { status, text, headers } = await ask(deps, route, path, token)
        assert.ok((expected[who] ?? expected.others).includes(status), `${status}: ${text.slice(0, 300)}`)
        for (const name of ['x-content-type-options', 'content-security-policy', 'referrer-policy', 'x-frame-options'])
          assert.ok(headers.has(name), name)
        const isKept =
          who === 'stranger' || who === 'scoped' || who === 'operator' || (who === 'metrics' && is !== 'metrics')
        if (!isKept) return
        assert.ok(!text.includes(hiddenWord), `${who} sees what is not theirs: ${text.slice(0, 2000)}`)
        if (status === 200) assert.doesNotMatch(text, /no route to host|"two"|>two</)
        if (hidden === undefined || (who !== 'scoped' && who !== 'operator')) return
        const other = await ask(deps, route, hidden, token)
        const nothing = await ask(
          deps,
          route,
          hidden.replaceAll(hiddenWord, 'never-there').replace(hiddenRun, '01zzzzzzzzzzzzzzzzzzzzzzzz'),
          token,
        )
        const theirs = await ask(deps, route, hidden, tokensOf.maintainer)
        assert.equal(theirs.status, 200, 'there is nothing that could be kept from anybody')
        const same = (text: string): string => text.replaceAll(hiddenWord, 'never-there').replace(/As of [^<]*/, '')
        assert.equal(other.status, nothing.status, 'it tells that there is something')
        assert.equal(same(other.text), same(nothing.text))
        assert.ok([401, 404].includes(other.status), String(other.status))
      })
    }
  }

  it('has something to hide: who may see everything finds it', async () => {
    const places = [
      '/ui',
      '/ui?text=canary-hidden',
      '/api/overview?text=canary-hidden',
      '/ui/clusters/one',
      '/api/clusters/one',
      '/api/objects',
      '/api/drift',
      '/ui/drift',
      '/api/deliveries',
      '/api/actions',
      '/api/runs',
      `/api/runs/${pushRun}`,
      `/api/runs/${mixedRun}`,
      `/api/commits/${newCommit}`,
      `/api/objects/${objectPath}`,
      `/ui/objects/${objectPath}`,
    ]
    for (const path of places) {
      const { status, text } = await ask(deps, 'GET', path, tokensOf.maintainer)
      assert.equal(status, 200, path)
      const [, ...others] = text.split(hiddenWord)
      // A page repeats what was looked for.
      assert.ok(others.length > (path.includes('text=') ? 1 : 0), path)
    }
    const { waiting } = JSON.parse((await ask(deps, 'GET', '/api/clusters/one', tokensOf.maintainer)).text) as {
      readonly waiting: readonly { readonly application: string }[]
    }
    assert.deepEqual(
      waiting.map(({ application }) => application),
      [`Kustomization/${hiddenWord}/${hiddenWord}`],
    )
  })

  it('keeps what is stored where nobody has said how it is shown', async () => {
    for (const token of [tokensOf.scoped, tokensOf.operator]) {
      const request = new Request('http://sluice.test/', { headers: asBearer(token) })
      const { state } = viewFor(deps, await authorizeReading(deps, request))
      assert.equal(await state.get('something-new/one'), undefined)
      assert.deepEqual(await state.list('something-new/'), [])
      assert.deepEqual(await state.list('approval-waits/'), [])
    }
  })

  it('shows of a run that aims at more than the reader may see what they may', async () => {
    for (const [run, target] of [
      [mixedRun, { objects: [{ kind: 'Kustomization', namespace: 'apps', name: 'shop' }] }],
      [aimedRun, undefined],
    ] as const)
      for (const [token, prefix] of [
        [tokensOf.scoped, '/api/runs'],
        [tokensOf.scoped, '/ui/runs'],
        [tokensOf.operator, '/ui/runs'],
        [tokensOf.operator, '/runs'],
      ] as const) {
        const { status, text } = await ask(deps, 'GET', `${prefix}/${run}`, token)
        assert.equal(status, 200, prefix)
        assert.ok(text.includes('the visible one') && !text.includes(hiddenWord), text.slice(0, 2000))
        if (prefix === '/runs') assert.deepEqual((JSON.parse(text) as { readonly target?: unknown }).target, target)
      }
  })

  it('finds nothing for a reader by what they may not see', async () => {
    const total = async (token: string): Promise<number> => {
      const { text } = await ask(deps, 'GET', `/api/overview?text=${hiddenWord}`, token)
      return (JSON.parse(text) as { readonly total: number }).total
    }
    assert.equal(await total(tokensOf.maintainer), 2)
    assert.equal(await total(tokensOf.scoped), 0)
  })

  it('shows somebody with a scope all of theirs', async () => {
    const { text } = await ask(deps, 'GET', '/api/objects', tokensOf.scoped)
    const names = (JSON.parse(text) as { objects: { name: string }[] }).objects.map(({ name }) => name)
    assert.deepEqual(names, ['app', 'redis', 'broken', 'infra', 'paused', 'shop'])
    const { text: runs } = await ask(deps, 'GET', '/api/runs', tokensOf.scoped)
    assert.deepEqual(
      (JSON.parse(runs) as { runs: { id: string }[] }).runs
        .map(({ id }) => id)
        .filter((id) => [firstRun, pushRun, quietScan, hiddenRun].includes(id)),
      [pushRun, firstRun],
    )
    const { text: actions } = await ask(deps, 'GET', '/api/actions', tokensOf.scoped)
    assert.deepEqual(
      (JSON.parse(actions) as { actions: { reason: string }[] }).actions.flatMap(({ reason }) => reason ?? []),
      ['the visible one'],
    )
    const { text: deliveries } = await ask(deps, 'GET', '/deliveries', tokensOf.operator)
    assert.deepEqual(
      (JSON.parse(deliveries) as { deliveries: { receiver: string }[] }).deliveries.map(({ receiver }) => receiver),
      ['apps/hook'],
    )
    const { text: page } = await ask(deps, 'GET', '/ui/actions', tokensOf.maintainer)
    assert.ok(page.includes(hiddenWord) && page.includes('sign-in'))
    const { text: viewer } = await ask(deps, 'GET', '/api/actions', tokensOf.viewer)
    assert.ok(viewer.includes(hiddenWord) && !viewer.includes('sign-in'), 'sign-ins are for who maintains everything')
  })
})
