import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import type { NamedToken } from '../../../functions/access/config.ts'
import { savePlan, type PlanRecord } from '../../../functions/plans/records.ts'
import { extractTarGz } from '../../../src/sources/index.ts'
import { saveManifests } from '../../../src/reconcile/index.ts'
import { readToken, testConfig, testDeps } from '../../support/function-deps.ts'

const planKey = new TextEncoder().encode('a key of plans of the tests')
const id = '1'.padStart(32, '0')
const run = `01${'a'.repeat(24)}`
const scopes = { shop: { namespaces: ['shop'] }, two: { clusters: ['two'] }, nobody: { namespaces: ['else'] } } as const
type Who = keyof typeof scopes | 'all'
const namedTokens: readonly NamedToken[] = Object.entries(scopes).map(([name, scope]) => ({
  name,
  tokens: [`token-of-${name}-of-the-tests`],
  grant: { role: 'viewer', scope },
}))

const change: PlanRecord['change'] = {
  plan: id,
  urls: ['https://git.example/team/fleet.git'],
  repository: 'team/fleet',
  branch: 'refs/heads/main',
  base: 'a'.repeat(40),
  head: 'b'.repeat(40),
  live: 'denied',
  secrets: 'used',
  manifests: true,
}

describe('manifests for readers with a scope', () => {
  let deps: ReturnType<typeof testDeps>
  const ask = async (who: Who, path: string): Promise<Response> => {
    const token = who === 'all' ? readToken : `token-of-${who}-of-the-tests`
    const headers = { authorization: `Bearer ${token}` }
    return createApp(deps).fetch(new Request(`http://sluice.test${path}`, { headers }))
  }
  const fileOf = (cluster: string, name: string): string =>
    `/api/plans/${id}/manifests/file?cluster=${cluster}&kind=Kustomization&namespace=${name}&name=${name}&side=head`

  before(async () => {
    const config = testConfig({ planKey })
    deps = testDeps({ config: { ...config, reading: { ...config.reading, namedTokens } } })
    const records = { state: deps.state, key: planKey, logger: deps.logger }
    const plan: PlanRecord = {
      id,
      pull: id,
      repository: 'team/fleet',
      number: 1,
      title: 'a change',
      author: 'jane',
      webUrl: 'https://git.example/team/fleet/pull/1',
      isFork: false,
      change,
      attempt: 'delivery',
      run,
      listedAs: run,
      at: deps.clock.now(),
      clusters: ['one', 'two'],
      isQueued: true,
      state: 'current',
      problems: [],
    }
    await savePlan(records, plan)
    for (const cluster of plan.clusters)
      await saveManifests(deps.state, planKey, {
        plan: id,
        cluster,
        run,
        madeAt: 1,
        applications: ['bank', 'shop'].map((name) => ({
          kind: 'Kustomization',
          namespace: name,
          name,
          head: { files: [{ name: 'a.yaml', text: `of: ${name} on ${cluster}\n` }], omitted: [], omittedCount: 0 },
        })),
      })
  })

  const seenBy = async (who: Who): Promise<readonly string[] | number> => {
    const response = await ask(who, `/api/plans/${id}/manifests`)
    if (response.status !== 200) return response.status
    const { clusters } = (await response.json()) as {
      readonly clusters: readonly {
        readonly cluster: string
        readonly applications: readonly { readonly name: string }[]
      }[]
    }
    return clusters.flatMap(({ cluster, applications }) => applications.map(({ name }) => `${cluster} ${name}`))
  }

  it('are those of their applications, in lists, files, archives and pages', async () => {
    assert.deepEqual(await seenBy('all'), ['one bank', 'one shop', 'two bank', 'two shop'])
    assert.deepEqual(await seenBy('shop'), ['one shop', 'two shop'])
    assert.deepEqual(await seenBy('two'), ['two bank', 'two shop'])
    assert.equal(await seenBy('nobody'), 404)
    assert.equal((await ask('shop', fileOf('one', 'shop'))).status, 200)
    for (const [who, path] of [
      ['shop', fileOf('one', 'bank')],
      ['two', fileOf('one', 'shop')],
      ['nobody', fileOf('one', 'shop')],
      ['nobody', `/api/plans/${id}/manifests/archive`],
      ['two', `/api/plans/${id}/manifests/archive?cluster=one`],
      ['nobody', `/ui/plans/${id}/manifests`],
      ['shop', `/ui/plans/${id}/manifests/one/Kustomization/bank/bank`],
    ] as const) {
      const response = await ask(who, path)
      assert.equal(response.status, 404, path)
      assert.doesNotMatch(await response.text(), /of: /)
    }
    const archive = await ask('shop', `/api/plans/${id}/manifests/archive`)
    assert.equal(archive.headers.get('content-type'), 'application/gzip')
    const bytes = new Uint8Array(await archive.arrayBuffer())
    const files = await extractTarGz(bytes, { maxExtractedBytes: 1 << 20, maxFiles: 100 }, 'Test')
    const names = ['one', 'two'].flatMap((cluster) =>
      files.list(`head/${cluster}`).map(({ name }) => `${cluster} ${name}`),
    )
    assert.deepEqual(names, ['one shop', 'two shop'])
    const page = await (await ask('shop', `/ui/plans/${id}/manifests`)).text()
    assert.doesNotMatch(page, /bank/)
  })

  it('are not shown where somebody has changed the store', async () => {
    const piece = `plans/manifest-pieces/${id}/one/0`
    await deps.state.put(piece, (await deps.state.get(`plans/manifest-pieces/${id}/two/0`)) ?? null)
    const changed = await ask('all', fileOf('one', 'shop'))
    assert.equal(changed.status, 409)
    assert.match(await changed.text(), /plan it again/)
    assert.equal((await ask('all', `/api/plans/${id}/manifests/archive`)).status, 409)
    await deps.state.put(`plans/manifests/${id}/one`, (await deps.state.get(`plans/manifests/${id}/two`)) ?? null)
    assert.deepEqual(await seenBy('all'), ['two bank', 'two shop'])
    assert.equal((await ask('all', fileOf('one', 'shop'))).status, 404)
    assert.match(await (await ask('all', `/ui/plans/${id}/manifests`)).text(), /is not what was stored/)
  })
})
