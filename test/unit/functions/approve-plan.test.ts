import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import type { NamedToken } from '../../../functions/access/config.ts'
import { listPlanned, notePlanned, type ApprovalStore, type ChangeRef } from '../../../src/reconcile/index.ts'
import { testConfig, testDeps, triggerToken } from '../../support/function-deps.ts'
import { withTokens } from '../../support/scoped-state.ts'

const planKey = new TextEncoder().encode('a key of plans that only tests use')
const plan = 'f'.repeat(32)
const ofOne: NamedToken = {
  name: 'who decides on one',
  tokens: ['token-of-a-maintainer-of-one'],
  grant: { role: 'maintainer', scope: { clusters: ['one'] } },
}

/** A plan with a part on each of two clusters. */
async function scene() {
  const reading = withTokens(testConfig().reading, [ofOne])
  const deps = testDeps({ config: testConfig({ reading, planKey }) })
  const store: ApprovalStore = { state: deps.state, clock: deps.clock, key: planKey }
  const change: ChangeRef = {
    plan,
    urls: [],
    repository: 'team/app',
    branch: 'refs/heads/main',
    base: 'a'.repeat(40),
    head: 'b'.repeat(40),
    live: 'read',
    secrets: 'used',
  }
  const application = {
    kind: 'Kustomization' as const,
    namespace: 'shop',
    name: 'web',
    desired: [],
    artifacts: {},
    touched: [],
  }
  for (const cluster of ['one', 'two'])
    await notePlanned(store, { cluster, change, digests: [{ ...application, cluster }] })
  const approve = (token: string, cluster?: string): Promise<Response> =>
    Promise.resolve(
      createApp(deps).fetch(
        new Request('http://sluice.test/trigger', {
          method: 'POST',
          headers: { authorization: `Bearer ${token}` },
          body: JSON.stringify({ action: 'approve', planId: plan, ...(cluster === undefined ? {} : { cluster }) }),
        }),
      ),
    )
  return {
    deps,
    approve,
    approved: async () =>
      (await listPlanned(store, plan)).filter(({ approved }) => approved !== undefined).map(({ cluster }) => cluster),
  }
}

describe('a trigger that approves a plan', () => {
  it('approves it on all clusters for who decides on all', async () => {
    const { deps, approve, approved } = await scene()
    assert.equal((await approve(triggerToken)).status, 202)
    assert.deepEqual(await approved(), ['one', 'two'])
    assert.deepEqual(
      deps.sent.map(({ job }) => job.cluster),
      ['one', 'two'],
    )
  })

  it('approves nothing on a cluster that its token does not decide on', async () => {
    const { deps, approve, approved } = await scene()
    const [token = ''] = ofOne.tokens
    assert.equal((await approve(token, 'two')).status, 404)
    assert.deepEqual(await approved(), [])
    const answer = await approve(token)
    assert.equal(answer.status, 202)
    const { approved: told } = (await answer.json()) as { approved: { cluster: string }[] }
    assert.deepEqual(
      told.map(({ cluster }) => cluster),
      ['one'],
    )
    assert.deepEqual(await approved(), ['one'])
    assert.deepEqual(
      deps.sent.map(({ job }) => job.cluster),
      ['one'],
    )
  })
})
