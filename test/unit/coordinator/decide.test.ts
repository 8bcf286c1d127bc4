import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decideAfterFailure, maxAttempts, mergeKey, pickNext } from '../../../src/coordinator/index.ts'
import type { Waiting } from '../../../src/coordinator/decide.ts'
import type { Job } from '../../../src/reconcile/index.ts'

const key = { kind: 'GitRepository', namespace: 'a', name: 'b' }
const job = (change: Partial<Job> = {}): Job => ({ kind: 'scan', runId: 'r', cluster: 'c', receivedAt: 0, ...change })
const push = (urls: readonly string[], ref = 'refs/heads/main'): Job =>
  job({ kind: 'push', push: { provider: 'github', deliveryId: 'd', urls, ref } })
const trigger = (target?: Job['target']): Job => job({ kind: 'trigger', ...(target === undefined ? {} : { target }) })

const change = (pullRequest: number | undefined, plan: string, url = 'u'): Job =>
  job({
    kind: 'trigger',
    plan: true,
    change: {
      plan,
      urls: [url],
      repository: 'r',
      branch: 'refs/heads/main',
      base: 'a',
      head: 'b',
      live: 'read',
      secrets: 'used',
      ...(pullRequest === undefined ? {} : { pullRequest }),
    },
  })

const afterMerge = (pullRequest: number, plan: string): Job => {
  const made = change(pullRequest, plan)
  return { ...made, ...(made.change === undefined ? {} : { change: { ...made.change, afterMerge: true } }) }
}

void describe('which jobs ask for the same', () => {
  const rows: { name: string; a: Job; b: Job; same: boolean }[] = [
    { name: 'pushes to one branch', a: push(['u']), b: push(['u']), same: true },
    { name: 'pushes to one branch, URLs in another order', a: push(['u', 'v']), b: push(['v', 'u']), same: true },
    { name: 'pushes to two branches', a: push(['u']), b: push(['u'], 'refs/heads/other'), same: false },
    { name: 'pushes to two repositories', a: push(['u']), b: push(['v']), same: false },
    { name: 'plans after one merge', a: afterMerge(7, 'a'), b: afterMerge(7, 'b'), same: false },
    { name: 'a plan after a merge, twice', a: afterMerge(7, 'a'), b: afterMerge(7, 'a'), same: true },
    { name: 'a plan after a merge and one before it', a: afterMerge(7, 'a'), b: change(7, 'b'), same: false },
    { name: 'scans', a: job(), b: job({ runId: 's' }), same: true },
    { name: 'a scan and a trigger of everything', a: job(), b: trigger('cluster'), same: false },
    { name: 'triggers of everything', a: trigger('cluster'), b: trigger(), same: true },
    {
      name: 'triggers of one object',
      a: trigger({ object: key }),
      b: trigger({ object: { name: 'b', namespace: 'a', kind: 'GitRepository' } }),
      same: true,
    },
    {
      name: 'triggers of two objects',
      a: trigger({ object: key }),
      b: trigger({ object: { ...key, name: 'x' } }),
      same: false,
    },
    {
      name: 'trigger of a source and of the object itself',
      a: trigger({ source: key }),
      b: trigger({ object: key }),
      same: false,
    },
    { name: 'plans of one pull request', a: change(7, 'p'), b: change(7, 'q'), same: true },
    { name: 'plans of two pull requests', a: change(7, 'p'), b: change(8, 'p'), same: false },
    { name: 'pull requests of two repositories', a: change(7, 'p'), b: change(7, 'p', 'v'), same: false },
    { name: 'plans of two branches', a: change(undefined, 'p'), b: change(undefined, 'q'), same: false },
    {
      name: 'a plan of a change and one of everything',
      a: change(7, 'p'),
      b: job({ kind: 'trigger', plan: true }),
      same: false,
    },
    {
      name: 'names that only look alike when joined',
      a: trigger({ object: { ...key, namespace: 'a/b', name: 'c' } }),
      b: trigger({ object: { ...key, namespace: 'a', name: 'b/c' } }),
      same: false,
    },
  ]
  for (const { name, a, b, same } of rows) void it(name, () => assert.equal(mergeKey(a) === mergeKey(b), same))
})

void describe('what runs next', () => {
  const scan = { job: job(), isFollowUp: false }
  const pushed = { job: push(['u']), isFollowUp: false }
  const continued = { job: push(['u']), isFollowUp: true }
  const rows: {
    name: string
    waiting: Waiting[]
    now?: number
    want: number
  }[] = [
    { name: 'nothing', waiting: [], want: -1 },
    {
      name: 'a push before a plan, a plan before a scan',
      waiting: [
        { job: job(), isFollowUp: false, since: 0 },
        { job: change(7, 'p'), isFollowUp: false, since: 0 },
        { job: push(['u']), isFollowUp: false, since: 0 },
      ],
      now: 1,
      want: 2,
    },
    {
      name: 'whose source was served longest ago',
      waiting: [
        { ...pushed, since: 0, served: 2 },
        { ...pushed, since: 1, served: 1 },
      ],
      want: 1,
    },
    {
      name: 'a push whose source was just served, before a scan',
      waiting: [
        { ...scan, since: 0, served: 1 },
        { ...pushed, since: 1, served: 2 },
      ],
      want: 1,
    },
    { name: 'what runs already in another form waits', waiting: [{ ...pushed, since: 0, isBlocked: true }], want: -1 },
    {
      name: 'first come, first served',
      waiting: [
        { ...pushed, since: 1 },
        { ...pushed, since: 2 },
      ],
      want: 0,
    },
    {
      name: 'a push before a scan',
      waiting: [
        { ...scan, since: 1 },
        { ...pushed, since: 2 },
      ],
      want: 1,
    },
    {
      name: 'a push before a continued run',
      waiting: [
        { ...continued, since: 1 },
        { ...pushed, since: 2 },
      ],
      want: 1,
    },
    {
      name: 'a continued run before a scan',
      waiting: [
        { ...scan, since: 1 },
        { ...continued, since: 2 },
      ],
      want: 1,
    },
    {
      name: 'a scan that has waited for a minute',
      waiting: [
        { ...scan, since: 0 },
        { ...pushed, since: 59_999 },
      ],
      now: 60_000,
      want: 0,
    },
  ]
  for (const { name, waiting, now = 3, want } of rows) void it(name, () => assert.equal(pickNext(waiting, now), want))
})

void describe('after a failure', () => {
  const retry = (delaySeconds: number) => ({ kind: 'retry', delaySeconds })
  const rows: {
    name: string
    kind?: Job['kind']
    failure: Parameters<typeof decideAfterFailure>[1]
    attempt: number
    want: object
  }[] = [
    { name: 'first attempt', failure: { disposition: 'retry' }, attempt: 1, want: retry(1) },
    { name: 'fourth attempt', failure: { disposition: 'retry' }, attempt: 4, want: retry(8) },
    { name: 'late attempt', failure: { disposition: 'retry' }, attempt: maxAttempts - 1, want: retry(60) },
    { name: 'last attempt', failure: { disposition: 'retry' }, attempt: maxAttempts, want: { kind: 'dead-letter' } },
    {
      name: 'the other side asked for more time',
      failure: { disposition: 'wait', retryAfterMs: 90_500 },
      attempt: 1,
      want: retry(91),
    },
    {
      name: 'the other side asked for a day',
      failure: { disposition: 'retry', retryAfterMs: 86_400_000 },
      attempt: 1,
      want: retry(900),
    },
    { name: 'a defect of ours may be gone next time', failure: { disposition: 'bug' }, attempt: 2, want: retry(2) },
    { name: 'needs a human', failure: { disposition: 'stall' }, attempt: 1, want: { kind: 'give-up' } },
    {
      name: 'a scan is soon repeated anyway',
      kind: 'scan',
      failure: { disposition: 'retry' },
      attempt: 3,
      want: { kind: 'give-up' },
    },
  ]
  for (const { name, kind = 'push', failure, attempt, want } of rows) {
    void it(name, () => assert.deepEqual(decideAfterFailure(kind, failure, attempt), want))
  }
})
