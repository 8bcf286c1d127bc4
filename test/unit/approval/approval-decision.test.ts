import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  broughtBy,
  decideApproval,
  differenceText,
  reasonText,
  type ApprovalQuestion,
  type KnownPlan,
} from '../../../src/reconcile/approval/decide.ts'
import { afterMergeOf } from '../../../src/reconcile/approval/policy.ts'
import type { ApplicationDigest } from '../../../src/reconcile/approval/types.ts'

const digest = (desired: string, artifacts = 'x'): ApplicationDigest => ({ desired, artifacts, live: '' })
const plan = (pullRequest: number, what: ApplicationDigest, at: number, approvedAt?: number): KnownPlan => ({
  planned: { plan: `p${pullRequest}`, pullRequest, at, ...what },
  ...(approvedAt === undefined ? {} : { approved: { by: 'ada', how: 'merge' as const, at: approvedAt } }),
})
const wait = (what: ApplicationDigest, isApproved: boolean): NonNullable<ApprovalQuestion['wait']> => ({
  ...what,
  application: 'Kustomization/a/b',
  cluster: 'prod',
  revision: 'r',
  generation: 1,
  since: 5,
  message: '',
  ...(isApproved ? { approved: { by: 'ada', how: 'command' as const, at: 6 } } : {}),
})

const rows: readonly {
  readonly name: string
  readonly question: Partial<ApprovalQuestion>
  readonly want: 'approved' | RegExp
}[] = [
  { name: 'nothing is known', question: {}, want: /^waits for approval: there is no plan of it; / },
  { name: 'an approved plan says the same', question: { plans: [plan(7, digest('a'), 1, 2)] }, want: 'approved' },
  {
    name: 'a plan says the same, and nobody has approved it',
    question: { plans: [plan(7, digest('a'), 1)] },
    want: /^waits for approval: no plan of it is approved; the last one is that of pull request #7; to approve it: comment /,
  },
  {
    name: 'objects differ from what was approved',
    question: { plans: [plan(7, digest('b'), 1, 2)] },
    want: /differs in the wanted objects from what was approved with the plan of pull request #7/,
  },
  {
    name: 'a chart differs from what was approved',
    question: { plans: [plan(7, digest('a', 'y'), 1, 2)] },
    want: /differs in charts and artifacts from what was approved/,
  },
  {
    name: 'both differ from a plan that nobody has approved',
    question: { plans: [plan(7, digest('b', 'y'), 1)] },
    want: /^waits for approval: no plan of it is approved; the last one is that of pull request #7; to approve it: comment /,
  },
  {
    name: 'both differ from a plan that was made after the merge',
    question: {
      plans: [{ planned: { ...plan(7, digest('b', 'y'), 1).planned, afterMerge: true } }, plan(8, digest('a'), 9)],
    },
    want: /differs from plan p7 \(made after the merge\) in the wanted objects and charts and artifacts/,
  },
  {
    name: 'it is compared with the plan that was approved, not with a newer one',
    question: { plans: [plan(7, digest('b'), 1, 2), plan(8, digest('c'), 9)] },
    want: /pull request #7/,
  },
  { name: 'it was let through already', question: { last: { ...digest('a'), approvedAt: 9 } }, want: 'approved' },
  {
    name: 'it was approved before something else was let through',
    question: { last: { ...digest('b'), approvedAt: 9 }, plans: [plan(7, digest('a'), 1, 2)] },
    want: /the plan of pull request #7 was approved before what was applied last/,
  },
  {
    name: 'it was approved again after that',
    question: {
      last: { ...digest('b'), approvedAt: 9 },
      plans: [plan(7, digest('a'), 1, 2), plan(9, digest('a'), 8, 10)],
    },
    want: 'approved',
  },
  { name: 'exactly what waits was approved', question: { wait: wait(digest('a'), true) }, want: 'approved' },
  { name: 'what waits was not approved', question: { wait: wait(digest('a'), false) }, want: /waits for approval/ },
  {
    name: 'something else that waited was approved',
    question: { wait: wait(digest('b'), true) },
    want: /no plan of it/,
  },
]

describe('what was approved', () => {
  it('is decided without a word of a plan that nobody has approved: it may hold a guess for a secret', () => {
    const others = [plan(7, digest('b'), 1, 2), plan(8, digest('c'), 3)]
    for (const plans of [[], others, others.slice(1)]) {
      const of = (guess: string): object => {
        const verdict = decideApproval({ now: digest('a'), plans: [...plans, plan(9, digest(guess), 4)] })
        assert.ok(verdict.kind === 'differs')
        const { from, pending, changed } = verdict
        const { plan: named, pullRequest } = pending ?? from?.planned ?? {}
        return {
          text: differenceText(verdict, { cluster: 'prod' }),
          why: reasonText(verdict),
          changed,
          named,
          pullRequest,
        }
      }
      assert.deepEqual(of('a'), of('wrong'))
    }
  })

  for (const { name, question, want } of rows) {
    it(`${name}: ${want === 'approved' ? 'goes' : 'waits'}`, () => {
      const verdict = decideApproval({ now: digest('a'), plans: [], ...question })
      if (want === 'approved' || verdict.kind === 'approved') assert.equal(verdict.kind, want)
      else assert.match(differenceText(verdict, { cluster: 'prod' }), want)
    })
  }

  it('says which plan after the merge it waits for, and how that is approved', () => {
    const again = (pullRequest?: number): KnownPlan => ({
      planned: {
        plan: 'p9',
        at: 9,
        afterMerge: true,
        ...digest('a'),
        ...(pullRequest === undefined ? {} : { pullRequest }),
      },
    })
    const textOf = (plans: readonly KnownPlan[]): string => {
      const verdict = decideApproval({ now: digest('a'), plans })
      assert.ok(verdict.kind === 'differs')
      return differenceText(verdict, { cluster: 'prod' })
    }
    const begin = 'waits for approval of plan p9, which was made after the merge and says the same: '
    assert.equal(
      textOf([plan(7, digest('b'), 1, 2), again(7)]),
      `${begin}comment /apply prod on pull request #7, or sluice approve plan p9`,
    )
    assert.equal(textOf([again()]), `${begin}sluice approve plan p9`)
  })

  it('tells whose pull request brought what waits: of what was approved and is not applied yet', () => {
    const last = { ...digest('x'), approvedAt: 5 }
    const rowsOf: readonly (readonly [readonly KnownPlan[], number | undefined])[] = [
      [[plan(7, digest('b'), 1, 6), plan(8, digest('c'), 9)], 7],
      [[plan(7, digest('b'), 1, 5), plan(8, digest('c'), 9)], 8],
      [[plan(7, digest('b'), 1, 5)], undefined],
      [[], undefined],
    ]
    for (const [plans, want] of rowsOf) assert.equal(broughtBy({ last, plans }), want)
  })

  it('says why no new plan can be made', () => {
    const verdict = decideApproval({ now: digest('a'), plans: [] })
    assert.ok(verdict.kind === 'differs')
    const text = differenceText(verdict, { cluster: 'prod', cannot: 'because its source is pinned' })
    assert.match(
      text,
      /^waits for approval: there is no plan of it; no new plan can be made, because its source is pinned; to approve it: comment /,
    )
  })

  it('says that a new plan is made', () => {
    const verdict = decideApproval({ now: digest('a'), plans: [plan(7, digest('b'), 1, 2)] })
    assert.ok(verdict.kind === 'differs')
    assert.match(differenceText(verdict, { cluster: 'prod', replanned: true }), /; a new plan is made; to approve it: /)
  })

  it('takes the first rule that matches an application', () => {
    const policy = {
      afterMerge: 'apply',
      rules: [
        { namespaces: ['shop-*'], kinds: ['HelmRelease'], afterMerge: 'hold' },
        { namespaces: ['shop-*'], afterMerge: 'plan' },
      ],
    } as const
    const of = (kind: string, namespace: string): string | undefined =>
      afterMergeOf(policy, { kind, namespace, name: 'web' })
    assert.equal(of('HelmRelease', 'shop-a'), 'hold')
    assert.equal(of('Kustomization', 'shop-a'), 'plan')
    assert.equal(of('HelmRelease', 'shop'), 'apply')
    assert.equal(afterMergeOf({ after: ['staging'] }, { kind: 'HelmRelease', namespace: 'a', name: 'b' }), undefined)
  })
})
