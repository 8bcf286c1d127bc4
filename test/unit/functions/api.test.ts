import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { Validator, type Schema } from '@cfworker/json-schema'
import { createApp } from '../../../functions/app.ts'
import { recordDelivery } from '../../../functions/delivery-log.ts'
import { openApiDocument } from '../../../functions/api/openapi.ts'
import { routes } from '../../../functions/api/routes.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { rememberDrift } from '../../../src/reconcile/drift-memory.ts'
import { Canaries } from '../../support/canaries.ts'
import { readToken, testConfig, testDeps, triggerToken } from '../../support/function-deps.ts'
import { firstRun, observedState, pushRun, quietScan, saveRun } from '../../support/observed-state.ts'
import { gitRepository, helmRelease, kustomization, newCommit, oldCommit } from '../../support/summary-objects.ts'

type Answer = { readonly status: number; readonly headers: Headers; readonly body: never }

async function ask(
  deps: FunctionDeps,
  path: string,
  headers: { readonly [name: string]: string } = {},
): Promise<Answer> {
  const response = await createApp(deps).fetch(
    new Request(`http://sluice.test${path}`, { headers: { authorization: `Bearer ${readToken}`, ...headers } }),
  )
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: (text === '' ? {} : JSON.parse(text)) as never }
}

async function seeded(): Promise<ReturnType<typeof testDeps>> {
  const deps = testDeps()
  await observedState(deps.state)
  recordDelivery(deps, {
    provider: 'github',
    receiver: 'apps/push',
    deliveryId: 'one',
    event: 'push',
    ref: 'refs/heads/main',
    verified: true,
    outcome: 'run',
    reason: 'none',
    run: pushRun,
  })
  await deps.settled()
  return deps
}

interface OpenApi {
  readonly openapi: string
  readonly paths: { readonly [path: string]: { readonly get: Operation } }
  readonly components: { readonly schemas: { readonly [name: string]: Schema } }
}
interface Operation {
  readonly operationId: string
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean }[]
  readonly responses: {
    readonly [status: string]: { readonly content?: { readonly 'application/json': { readonly schema: Schema } } }
  }
}

/** Fails unless an answer is what the document says of it. */
function assertDescribed(document: OpenApi, path: string, answer: Answer): void {
  const schema = document.paths[path]?.get.responses[String(answer.status)]?.content?.['application/json'].schema
  assert.ok(schema, `${path} is not described to answer ${answer.status}`)
  const { components } = document
  const { valid, errors } = new Validator({ ...schema, components } as Schema, '2020-12', false).validate(answer.body)
  assert.ok(valid, `${path}: ${JSON.stringify(errors.slice(-3))}\n${JSON.stringify(answer.body)}`)
}

describe('the API', () => {
  let deps: ReturnType<typeof testDeps>
  let document: OpenApi
  before(async () => {
    deps = await seeded()
    document = (await ask(deps, '/api/openapi.json')).body
  })

  it('describes every route in OpenAPI 3.1', () => {
    assert.equal(document.openapi, '3.1.0')
    assert.deepEqual(
      Object.keys(document.paths),
      routes.map(({ path }) => path),
    )
    for (const [path, { get }] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      assert.deepEqual(
        get.parameters.filter((one) => one.in === 'path').map((one) => one.name),
        inPath,
      )
    }
    assert.deepEqual(JSON.parse(JSON.stringify(openApiDocument(routes))), document)
  })

  const rows: readonly { path: string; url: string; status?: number }[] = [
    { path: '/api/deployment', url: '/api/deployment' },
    { path: '/api/clusters', url: '/api/clusters' },
    { path: '/api/actions', url: '/api/actions' },
    { path: '/api/actions', url: '/api/actions?limit=2&before=01zzzzzzzzzzzzzzzzzzzzzzzz' },
    { path: '/api/actions', url: '/api/actions?before=..', status: 400 },
    { path: '/api/public/clusters', url: '/api/public/clusters', status: 404 },
    { path: '/api/public/objects', url: '/api/public/objects?limit=3', status: 404 },
    { path: '/api/objects', url: '/api/objects' },
    { path: '/api/objects', url: '/api/objects?limit=0', status: 400 },
    { path: '/api/objects', url: '/api/objects?colour=red', status: 400 },
    { path: '/api/objects', url: '/api/objects?kind=Secret', status: 400 },
    { path: '/api/objects', url: '/api/objects?kind=Kustomization&kind=Bucket', status: 400 },
    { path: '/api/objects', url: '/api/objects?cursor=%22', status: 400 },
    { path: '/api/objects', url: '/api/objects?cursor=bm9uZQ', status: 400 },
    { path: '/api/objects', url: '/api/objects?cluster=three', status: 404 },
    {
      path: '/api/objects/{cluster}/{kind}/{namespace}/{name}',
      url: '/api/objects/one/Kustomization/apps/shop',
    },
    {
      path: '/api/objects/{cluster}/{kind}/{namespace}/{name}',
      url: '/api/objects/one/Kustomization/apps/shop?live=true',
    },
    {
      path: '/api/objects/{cluster}/{kind}/{namespace}/{name}',
      url: '/api/objects/one/Kustomization/apps/none',
      status: 404,
    },
    {
      path: '/api/objects/{cluster}/{kind}/{namespace}/{name}',
      url: '/api/objects/one/Secret/apps/shop',
      status: 400,
    },
    {
      path: '/api/objects/{cluster}/{kind}/{namespace}/{name}/history',
      url: '/api/objects/one/Kustomization/apps/infra/history',
    },
    {
      path: '/api/objects/{cluster}/{kind}/{namespace}/{name}/history',
      url: '/api/objects/one/Kustomization/apps/none/history',
      status: 404,
    },
    {
      path: '/api/objects/{cluster}/{kind}/{namespace}/{name}/history',
      url: '/api/objects/one/Kustomization/apps/infra/history?before=..',
      status: 400,
    },
    { path: '/api/drift', url: '/api/drift' },
    { path: '/api/drift', url: '/api/drift?cluster=one&limit=1&page=9' },
    { path: '/api/drift', url: '/api/drift?cluster=three', status: 404 },
    { path: '/api/drift', url: '/api/drift?limit=0', status: 400 },
    { path: '/api/clusters/{cluster}', url: '/api/clusters/one' },
    { path: '/api/clusters/{cluster}', url: '/api/clusters/three', status: 404 },
    { path: '/api/runs', url: '/api/runs' },
    { path: '/api/runs', url: '/api/runs?quiet=true&trigger=scan' },
    { path: '/api/runs/{id}', url: `/api/runs/${pushRun}` },
    { path: '/api/runs/{id}', url: '/api/runs/01zzzzzzzzzzzzzzzzzzzzzzzz', status: 404 },
    { path: '/api/runs/{id}', url: '/api/runs/..%2F..', status: 400 },
    { path: '/api/commits/{commit}', url: `/api/commits/${newCommit}` },
    { path: '/api/commits/{commit}', url: `/api/commits/${oldCommit.slice(0, 8)}` },
    { path: '/api/commits/{commit}', url: `/api/commits/${'c'.repeat(40)}`, status: 404 },
    { path: '/api/commits/{commit}', url: '/api/commits/main', status: 400 },
    { path: '/api/overview', url: '/api/overview' },
    { path: '/api/overview', url: '/api/overview?state=failed&behind=true&text=broken&page=2&columns=9' },
    { path: '/api/overview', url: '/api/overview?state=broken', status: 400 },
    { path: '/api/overview', url: '/api/overview?page=0', status: 400 },
    { path: '/api/deliveries', url: '/api/deliveries' },
    { path: '/api/deliveries', url: '/api/deliveries?outcome=run&limit=1' },
    { path: '/api/deliveries', url: '/api/deliveries?before=..', status: 400 },
  ]
  for (const { path, url, status = 200 } of rows) {
    it(`answers ${status} to ${url}, as described`, async () => {
      const answer = await ask(deps, url)
      assert.equal(answer.status, status, JSON.stringify(answer.body))
      assertDescribed(document, path, answer)
    })
  }

  it('lets in readers only, unless everybody may read', async () => {
    const paths = ['/api/openapi.json', ...rows.map(({ url }) => url)]
    for (const path of paths) {
      for (const authorization of ['', 'Bearer ', 'Bearer wrong-token-of-somebody', `Basic ${readToken}`]) {
        const answer = await ask(deps, path, { authorization })
        assert.equal(answer.status, 401, path)
        assert.equal((answer.body as { error: { code: string } }).error.code, 'unauthorized')
      }
      assert.notEqual((await ask(deps, path, { authorization: `Bearer ${triggerToken}` })).status, 401)
    }
    const { reading } = deps.config
    const open = { ...deps, config: testConfig({ reading: { ...reading, isPublic: true } }) }
    assert.equal((await ask(open, '/api/clusters', { authorization: '' })).status, 401)
    assert.equal((await ask(open, '/api/public/clusters', { authorization: '' })).status, 200)
  })

  it('of reading gives no right to trigger', async () => {
    const response = await createApp(deps).fetch(
      new Request('http://sluice.test/trigger', { method: 'POST', headers: { authorization: `Bearer ${readToken}` } }),
    )
    assert.equal(response.status, 401)
    assert.equal(deps.sent.length, 0)
  })

  it('answers 304 while nothing has changed, and is kept by no cache in between', async () => {
    const first = await ask(deps, '/api/objects')
    assert.equal(first.headers.get('cache-control'), 'private, no-cache')
    const etag = first.headers.get('etag') ?? ''
    assert.equal((await ask(deps, '/api/objects', { 'if-none-match': etag })).status, 304)
    assert.equal((await ask(deps, '/api/objects', { 'if-none-match': '"other"' })).status, 200)
    assert.equal((await ask(deps, '/api/objects', { 'if-none-match': etag, authorization: '' })).status, 401)
  })
})

interface ListedObject {
  readonly cluster: string
  readonly kind: string
  readonly name: string
  readonly state: string
  readonly stale: boolean
}

describe('objects', () => {
  const list = async (deps: FunctionDeps, query: string): Promise<readonly ListedObject[]> =>
    ((await ask(deps, `/api/objects?${query}`)).body as { objects: readonly ListedObject[] }).objects

  it('tell their state, and whether their cluster is seen', async () => {
    const deps = await seeded()
    const shown = (await list(deps, '')).map(({ cluster, name, state, stale }) => [cluster, name, state, stale])
    assert.deepEqual(shown, [
      ['one', 'app', 'ready', false],
      ['one', 'redis', 'ready', false],
      ['one', 'broken', 'failed', false],
      ['one', 'infra', 'ready', false],
      ['one', 'paused', 'suspended', false],
      ['one', 'shop', 'blocked', false],
      ['two', 'app', 'ready', true],
      ['two', 'redis', 'ready', true],
      ['two', 'infra', 'ready', true],
    ])
  })

  it('are filtered', async () => {
    const deps = await seeded()
    const rows: readonly [string, readonly string[]][] = [
      ['cluster=two&kind=Kustomization', ['infra']],
      ['name=infra', ['infra', 'infra']],
      ['ready=False', ['broken', 'shop']],
      ['state=suspended', ['paused']],
      ['source=GitRepository/app&cluster=two', ['infra']],
      ['source=GitRepository/apps/app&cluster=two', ['infra']],
      ['source=GitRepository/other/app', []],
      ['namespace=other', []],
    ]
    for (const [query, names] of rows)
      assert.deepEqual(
        (await list(deps, query)).map(({ name }) => name),
        names,
        query,
      )
  })

  it('are paged without gaps, also where objects go meanwhile', async () => {
    const deps = await seeded()
    const all = (await list(deps, '')).map(({ cluster, kind, name }) => `${cluster}/${kind}/${name}`)
    for (const limit of [1, 2, 4, 9, 100]) {
      const found: string[] = []
      let query = `limit=${limit}`
      for (;;) {
        const { objects, cursor } = (await ask(deps, `/api/objects?${query}`)).body as {
          objects: readonly ListedObject[]
          cursor?: string
        }
        assert.ok(objects.length <= limit)
        found.push(...objects.map(({ cluster, kind, name }) => `${cluster}/${kind}/${name}`))
        if (cursor === undefined) break
        query = `limit=${limit}&cursor=${cursor}`
      }
      assert.deepEqual(found, all)
    }
    const { cursor } = (await ask(deps, '/api/objects?limit=3')).body as { cursor: string }
    await deps.state.delete('objects/one/00')
    for (const { key } of await deps.state.list('objects/one/')) await deps.state.delete(key)
    assert.deepEqual(
      (await list(deps, `cursor=${cursor}`)).map(({ cluster, name }) => `${cluster}/${name}`),
      ['two/app', 'two/redis', 'two/infra'],
    )
  })
})

describe('an application', () => {
  it('has a history, newest first, that is paged without gaps', async () => {
    const deps = await seeded()
    const path = '/api/objects/one/Kustomization/apps/infra/history'
    type Shown = { history: { run: string; actor: string; changes: { object: string }[] }[]; before?: string }
    const whole = (await ask(deps, path)).body as Shown
    assert.deepEqual(
      whole.history.map(({ run, actor }) => [run, actor]),
      [
        [pushRun, 'octo'],
        [firstRun, 'octo'],
      ],
    )
    assert.deepEqual(whole.history[0]?.changes, [{ object: 'ConfigMap/apps/c0', action: 'configured' }])
    assert.equal(whole.before, undefined)
    const first = (await ask(deps, `${path}?limit=1`)).body as Shown
    assert.deepEqual([first.history.map(({ run }) => run), first.before], [[pushRun], pushRun])
    const second = (await ask(deps, `${path}?limit=1&before=${first.before}`)).body as Shown
    assert.deepEqual([second.history.map(({ run }) => run), second.before], [[firstRun], undefined])
    const third = (await ask(deps, `${path}?before=${firstRun}`)).body as Shown
    assert.deepEqual(third, { history: [] })
  })

  it('is told with what it waits for', async () => {
    const deps = await seeded()
    const { relations } = (await ask(deps, '/api/objects/one/Kustomization/apps/shop')).body as {
      relations: { chain: { id: string; state: string; why: string }[] }
    }
    assert.deepEqual(
      relations.chain.map(({ id, state }) => [id, state]),
      [['Kustomization/apps/broken', 'failed']],
    )
    assert.match(relations.chain[0]?.why ?? '', /no such file/)
  })
})

describe('drift', () => {
  it('is told with who wrote it, since when, and the rule that leaves it alone, page by page', async () => {
    const deps = await seeded()
    for (const id of ['Kustomization/apps/infra', 'HelmRelease/apps/redis'])
      await rememberDrift({ state: deps.state, cluster: { name: 'one' }, clock: deps.clock }, id, [
        {
          object: 'Deployment/apps/web',
          action: 'configured',
          drift: [
            {
              path: '.spec.replicas',
              pointer: '/spec/replicas',
              change: 'replace',
              manager: 'hpa',
              live: '3',
              wanted: '2',
            },
            { path: '.data.password', pointer: '/data/password', change: 'replace' },
          ],
        },
      ])
    type Shown = {
      applications: { kind: string; name: string; differences: { [field: string]: unknown }[]; rules: object[] }[]
      total: number
      page: number
      pages: number
    }
    const whole = (await ask(deps, '/api/drift')).body as Shown
    assert.deepEqual(
      whole.applications.map(({ kind, name }) => `${kind}/${name}`),
      ['HelmRelease/redis', 'Kustomization/infra'],
    )
    const [first] = whole.applications
    const { firstSeen, seenAt, ...difference } = first?.differences[0] ?? {}
    assert.ok(typeof firstSeen === 'number' && typeof seenAt === 'number')
    assert.deepEqual(difference, {
      object: 'Deployment/apps/web',
      path: '.spec.replicas',
      pointer: '/spec/replicas',
      change: 'replace',
      live: '3',
      wanted: '2',
      manager: 'hpa',
      count: 1,
      action: 'configured',
    })
    assert.ok(!('live' in (first?.differences[1] ?? {})), 'what was redacted has no value')
    assert.deepEqual(first?.rules, [
      { paths: ['/spec/replicas', '/data/password'], target: { kind: 'Deployment', name: 'web', namespace: 'apps' } },
    ])
    const second = (await ask(deps, '/api/drift?limit=1&page=2')).body as Shown
    assert.deepEqual([second.applications[0]?.name, second.total, second.page, second.pages], ['infra', 2, 2, 2])
    const { differences } = (await ask(deps, '/api/clusters/one')).body as { differences: number }
    assert.equal(differences, 4)
  })
})

describe('runs', () => {
  it('are listed without scans that found nothing, unless these are asked for', async () => {
    const deps = await seeded()
    const ids = async (query: string): Promise<readonly string[]> =>
      ((await ask(deps, `/api/runs?${query}`)).body as { runs: { id: string }[] }).runs.map(({ id }) => id.slice(0, 4))
    assert.deepEqual(await ids(''), ['01bb', '01aa'])
    assert.deepEqual(await ids('quiet=true'), ['01cc', '01bb', '01aa'])
    assert.deepEqual(await ids(`quiet=true&limit=1&before=${quietScan}`), ['01bb'])
    assert.deepEqual(await ids('state=queued'), [])
    assert.deepEqual(await ids('trigger=trigger'), [])
  })

  it('lead through all pages', async () => {
    const deps = await seeded()
    const found: string[] = []
    for (let before = ''; ;) {
      const page = (await ask(deps, `/api/runs?limit=1&quiet=true${before}`)).body as {
        runs: { id: string }[]
        before?: string
      }
      found.push(...page.runs.map(({ id }) => id))
      if (page.before === undefined) break
      before = `&before=${page.before}`
    }
    assert.equal(new Set(found).size, 3)
  })
})

describe('secrets', () => {
  it('of values, substitutions and URLs are in no answer', async () => {
    const deps = testDeps()
    const canaries = new Canaries()
    const objects = [
      gitRepository(newCommit, { url: `https://me:${canaries.make('password')}@git.example/team/app` }),
      kustomization('infra', { applied: newCommit, spec: { postBuild: { substitute: { T: canaries.make('var') } } } }),
      helmRelease('redis', { values: { password: canaries.make('value') } }),
    ]
    canaries.add('read token', readToken)
    canaries.add('trigger token', triggerToken)
    const push = {
      provider: 'github',
      deliveryId: 'd',
      urls: [`https://x-token:${canaries.make('clone url')}@git.example/team/app`],
      ref: 'refs/heads/main',
      after: newCommit,
    }
    const request = { id: pushRun, trigger: 'push', receivedAt: 1, clusters: ['one'], push } as const
    await saveRun(deps.state, request, 'one', objects, [])
    const paths = [
      '/api/clusters',
      '/api/objects',
      '/api/runs',
      `/api/runs/${pushRun}`,
      `/api/commits/${newCommit}`,
      ...['GitRepository/apps/app', 'Kustomization/apps/infra', 'HelmRelease/apps/redis'].map(
        (id) => `/api/objects/one/${id}?live=true`,
      ),
      ...['Kustomization/apps/infra', 'HelmRelease/apps/redis'].map((id) => `/api/objects/one/${id}/history`),
      '/api/drift',
      '/api/clusters/one',
      '/api/objects?source=x',
      '/api/nothing',
    ]
    for (const path of paths) canaries.see(path, JSON.stringify((await ask(deps, path)).body))
    canaries.assertNone(paths.length)
  })
})
