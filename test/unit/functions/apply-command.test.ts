import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { applyCommand, type ApplyRequest } from '../../../functions/plans/apply-command.ts'
import { notePlanned, type ChangeRef, type Job } from '../../../src/reconcile/index.ts'
import {
  getSigned,
  partKey,
  putSigned,
  waitKey,
  type PartRecord,
  type WaitRecord,
} from '../../../src/reconcile/approval/records.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'

const planKey = new TextEncoder().encode('a key of plans that only tests use')
const head = 'b'.repeat(40)
const plan = 'f'.repeat(32)
const application = 'Kustomization/shop/web'

const clusters = [
  { name: 'staging', changes: { afterMerge: 'hold', approvers: { permission: 'write' } } },
  { name: 'prod', changes: { afterMerge: 'hold', approvers: { groups: ['team/leads'] } } },
  { name: 'free' },
] as const

function comment(text: string, isEdited = false, login = 'ada'): NonNullable<ApplyRequest['comment']> {
  return { id: '1', author: { id: '5', login, isBot: false }, text, isEdited }
}

async function scene() {
  const deps = testDeps({ config: { ...testConfig({ clusters }), planKey } })
  const store = { state: deps.state, clock: { now: () => 100 }, key: planKey }
  const change: ChangeRef = {
    plan,
    urls: [],
    repository: 'team/app',
    pullRequest: 7,
    branch: 'refs/heads/main',
    base: 'a'.repeat(40),
    head,
    live: 'read',
    secrets: 'used',
  }
  const key = { kind: 'Kustomization', namespace: 'shop', name: 'web' } as const
  const note = async (at: number, artifacts: { readonly [name: string]: string } = {}): Promise<void> => {
    for (const { name: cluster } of clusters)
      await notePlanned(
        { ...store, clock: { now: () => at } },
        { cluster, change, digests: [{ cluster, ...key, desired: [], artifacts, touched: [] }] },
      )
  }
  await note(100)
  const wait: WaitRecord = {
    application,
    cluster: 'prod',
    revision: 'main@sha1:1',
    generation: 1,
    since: 100,
    message: 'waits',
    desired: 'x',
    artifacts: 'y',
    live: '',
    plan,
    pullRequest: 7,
  }
  await putSigned(store, waitKey('prod', application), wait)
  return {
    deps,
    store,
    /** Plans once more. */
    note,
    ask: (request: Partial<ApplyRequest>, isMember = false) =>
      applyCommand(
        deps,
        { isMember: async (login, group) => isMember && login === 'ada' && group === 'team/leads' },
        {
          repository: 'team/app',
          pull: { number: 7, state: 'merged', head: { branch: 'x', commit: head } },
          comment: comment('/apply prod'),
          permission: 'maintain',
          plan: { id: plan, head },
          receivedAt: 200,
          ...request,
        },
      ),
    approvedOn: async (cluster: string) => (await getSigned<PartRecord>(store, partKey(plan, cluster)))?.approved?.by,
    waitOf: async () => getSigned<WaitRecord>(store, waitKey('prod', application)),
    jobs: (): readonly Job[] => deps.sent.map(({ job }) => job),
  }
}

const openPull = { number: 7, state: 'open', head: { branch: 'x', commit: head } } as const

const refusals: readonly (readonly [what: string, request: Partial<ApplyRequest>, why: RegExp])[] = [
  ['who may only write', { permission: 'write' }, /^ada may not approve changes of prod$/],
  ['who may read', { permission: 'read', comment: comment('/apply') }, /^ada may not approve changes of staging$/],
  ['an edited comment', { comment: comment('/apply prod', true) }, /^the comment was edited/],
  ['a comment that is gone', { comment: undefined }, /^the comment is gone$/],
  [
    'a comment that says something else by now',
    { comment: comment('never mind') },
    /^the comment does not ask to apply$/,
  ],
  ['a quoted command', { comment: comment('> /apply prod') }, /^the comment does not ask to apply$/],
  [
    'a cluster that is not there',
    { comment: comment('/apply moon') },
    /clusters that wait for approval are staging, prod$/,
  ],
  ['a cluster without a policy', { comment: comment('/apply free') }, /^the comment names another one/],
  [
    'a pull request that was closed',
    { pull: { number: 7, state: 'closed', head: { branch: 'x', commit: head } } },
    /^the pull request was closed without being merged$/,
  ],
  [
    'a head that is not planned',
    { pull: { number: 7, state: 'open', head: { branch: 'x', commit: 'c'.repeat(40) } } },
    /^there is no plan of the head yet/,
  ],
  [
    'what began to wait after the comment',
    { receivedAt: 50, plan: { id: plan, head: 'c'.repeat(40) } },
    /^what waits on prod has changed since: Kustomization\/shop\/web/,
  ],
  [
    'a plan of the head that was made after the comment came in',
    { receivedAt: 99, pull: openPull },
    /^the plan was made after the comment was written; look at it and write \/apply again$/,
  ],
  [
    'a plan of the head that was made after the comment was written, however late the comment comes in',
    { receivedAt: 5000, pull: openPull, comment: { ...comment('/apply prod'), createdAt: 99 } },
    /^the plan was made after the comment was written; look at it and write \/apply again$/,
  ],
  [
    'a plan that was made after the comment was written, where nothing waits after the merge',
    { receivedAt: 99, comment: comment('/apply staging') },
    /^the plan was made after the comment was written; look at it and write \/apply again$/,
  ],
  [
    'what began to wait after the comment was written, however late the comment comes in',
    { plan: { id: plan, head: 'c'.repeat(40) }, comment: { ...comment('/apply prod'), createdAt: 50 } },
    /^what waits on prod has changed since: Kustomization\/shop\/web/,
  ],
  [
    'what waits because of another pull request',
    { repository: 'team/other', plan: undefined },
    /^nothing waits for approval on prod$/,
  ],
]

void describe('/apply', () => {
  for (const [what, request, why] of refusals) {
    void it(`refuses ${what}`, async () => {
      const { ask, approvedOn, waitOf, jobs } = await scene()
      const result = await ask(request)
      assert.equal(result.kind, 'refused')
      assert.match(result.kind === 'refused' ? result.why : '', why)
      for (const { name } of clusters) assert.equal(await approvedOn(name), undefined)
      assert.equal((await waitOf())?.approved, undefined)
      assert.deepEqual(jobs(), [])
    })
  }

  void it('approves the plan and what waits after the merge, and has both looked at', async () => {
    const { ask, approvedOn, waitOf, jobs } = await scene()
    const result = await ask({})
    assert.equal(result.kind, 'approved')
    // What waits is not what was planned, and stays approved although the plan is too.
    assert.equal((await waitOf())?.approved?.by, 'ada (team/app#7)')
    assert.equal(await approvedOn('prod'), 'ada (team/app#7)')
    assert.equal(await approvedOn('staging'), undefined)
    assert.ok(jobs().length > 0)
    for (const { cluster, target, actor } of jobs()) {
      assert.equal(cluster, 'prod')
      assert.equal(actor, 'ada (team/app#7)')
      assert.deepEqual(target, { objects: [{ kind: 'Kustomization', namespace: 'shop', name: 'web' }] })
    }
  })

  void it('approves what waits also where the plan is that of another head', async () => {
    const { ask, approvedOn, waitOf } = await scene()
    const result = await ask({ plan: { id: plan, head: 'c'.repeat(40) } })
    assert.equal(result.kind, 'approved')
    assert.equal((await waitOf())?.approved?.by, 'ada (team/app#7)')
    assert.equal(await approvedOn('prod'), undefined)
  })

  void it('of a member of a group that is named is enough', async () => {
    const { ask, approvedOn } = await scene()
    assert.equal((await ask({ permission: 'read' }, true)).kind, 'approved')
    assert.equal(await approvedOn('prod'), 'ada (team/app#7)')
  })

  void it('without a cluster approves where its author may', async () => {
    const { ask, approvedOn } = await scene()
    assert.equal((await ask({ comment: comment('/apply'), permission: 'write' })).kind, 'approved')
    assert.equal(await approvedOn('staging'), 'ada (team/app#7)')
    assert.equal(await approvedOn('prod'), undefined)
  })

  void it('before the merge approves the plan of the head', async () => {
    const { ask, approvedOn, waitOf } = await scene()
    assert.equal((await ask({ pull: openPull })).kind, 'approved')
    assert.equal(await approvedOn('prod'), 'ada (team/app#7)')
    assert.equal((await waitOf())?.approved, undefined)
  })

  void it('approves a plan that was made again since, where it says the same', async () => {
    const { ask, note, approvedOn } = await scene()
    const request = { pull: openPull, comment: { ...comment('/apply prod'), createdAt: 150 } }
    await note(300, { chart: 'another' })
    assert.equal((await ask(request)).kind, 'refused')
    await note(400)
    assert.equal((await ask(request)).kind, 'refused', 'it said something else in between')
    await note(500)
    const later = { ...request, comment: { ...request.comment, createdAt: 450 }, receivedAt: 900 }
    assert.equal((await ask(later)).kind, 'approved')
    assert.equal(await approvedOn('prod'), 'ada (team/app#7)')
  })

  void it('approves a plan that was made after the merge, as it was when the comment was written', async () => {
    const { ask, store } = await scene()
    const id = 'e'.repeat(32)
    const change = { plan: id, repository: 'team/app', pullRequest: 7, branch: 'refs/heads/main', afterMerge: true }
    const key = { cluster: 'prod', kind: 'Kustomization', namespace: 'shop', name: 'web' } as const
    const made = { ...store, clock: { now: () => 1000 } }
    await notePlanned(made, {
      cluster: 'prod',
      change: { ...change, head } as unknown as ChangeRef,
      digests: [{ ...key, desired: [], artifacts: {}, touched: [] }],
    })
    const approvedBy = async (): Promise<string | undefined> =>
      (await getSigned<PartRecord>(store, partKey(id, 'prod')))?.approved?.by
    const replans = [{ id, clusters: ['prod'] }]
    assert.equal((await ask({ replans, plan: undefined })).kind, 'approved')
    assert.equal(await approvedBy(), undefined, 'nobody can have seen it')
    const receivedAt = 1001
    assert.equal((await ask({ replans, receivedAt, comment: comment('/apply staging') })).kind, 'approved')
    assert.equal(await approvedBy(), undefined, 'the comment names another cluster')
    assert.equal((await ask({ replans, receivedAt })).kind, 'approved')
    assert.equal(await approvedBy(), 'ada (team/app#7)')
  })
})
