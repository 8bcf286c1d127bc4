import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import { recordDelivery } from '../../../functions/delivery-log.ts'
import { githubPush, githubRequest, testDeps, triggerToken } from '../../support/function-deps.ts'

type Deps = ReturnType<typeof testDeps>
interface Page {
  readonly deliveries: readonly {
    readonly id: string
    readonly outcome: string
    readonly run?: string
    readonly reason?: string
    readonly event: string
    readonly at: number
  }[]
  readonly next?: string
}
const list = async (deps: Deps, query = ''): Promise<Page> => {
  await deps.settled()
  const headers = { authorization: `Bearer ${triggerToken}` }
  const response = await createApp(deps).fetch(new Request(`http://sluice.test/deliveries${query}`, { headers }))
  assert.equal(response.status, 200)
  return (await response.json()) as Page
}

describe('GET /deliveries', () => {
  it('needs the token', async () => {
    for (const headers of [{}, { authorization: 'Bearer wrong-token' }]) {
      const response = await createApp(testDeps()).fetch(new Request('http://sluice.test/deliveries', { headers }))
      assert.equal(response.status, 401)
    }
  })
  it('shows what became of each delivery, newest first, page by page', async () => {
    const deps = testDeps()
    const app = createApp(deps)
    const first = (await (await app.fetch(githubRequest(githubPush(), { delivery: 'a' }))).json()) as { run: string }
    await deps.settled()
    await app.fetch(githubRequest(githubPush(), { delivery: 'a' }))
    await app.fetch(githubRequest({}, { event: 'issues' }))
    await app.fetch(githubRequest(githubPush(), { secret: 'wrong-secret' }))
    const { deliveries, next } = await list(deps)
    assert.equal(next, undefined)
    assert.deepEqual(deliveries.map(({ outcome }) => outcome).toSorted(), ['duplicate', 'ignored', 'refused', 'run'])
    assert.deepEqual(
      deliveries.filter(({ run }) => run !== undefined).map(({ run }) => run),
      [first.run, first.run],
    )
    assert.equal(
      deliveries.find(({ outcome }) => outcome === 'ignored')?.reason,
      'events of type issues are not acted on',
    )

    const seen: string[] = []
    let query = '?limit=1'
    for (;;) {
      const page = await list(deps, query)
      seen.push(...page.deliveries.map(({ id }) => id))
      if (page.next === undefined) break
      query = `?limit=1&before=${page.next}`
    }
    assert.deepEqual(
      seen,
      deliveries.map(({ id }) => id),
    )
    assert.deepEqual(seen, seen.toSorted().reverse())
  })
  it('limits and ids of any kind are harmless', async () => {
    const deps = testDeps()
    for (const query of ['?limit=-1', '?limit=1e9', '?limit=x', '?before=../../x', '?before=%00', '?limit=NaN&before='])
      assert.deepEqual(await list(deps, query), { deliveries: [] })
  })
  it('a flood of refused deliveries is one record that counts', async () => {
    const deps = testDeps()
    let writes = 0
    const counting: Deps = {
      ...deps,
      state: { ...deps.state, put: (key, value, options) => ((writes += 1), deps.state.put(key, value, options)) },
    }
    const app = createApp(counting)
    for (let i = 0; i < 2_000; i++) await app.fetch(githubRequest('{}', { secret: `guess-${i}` }))
    const { deliveries } = await list(deps)
    assert.ok(deliveries.length <= 2, 'one for each minute')
    assert.ok(deliveries.some(({ reason = '' }) => /at least 10+ in this minute/.test(reason)))
    assert.ok(writes <= 8, `${writes} writes`)
  })
  it('a flood of known senders is bounded too', async () => {
    const deps = testDeps()
    for (let i = 0; i < 500; i++)
      recordDelivery(deps, { provider: 'github', deliveryId: '', event: 'star', verified: true, outcome: 'ignored' })
    assert.ok((await list(deps, '?limit=200')).deliveries.length <= 120)
  })
})
