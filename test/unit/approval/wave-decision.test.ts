import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decideWave, type FirstCluster, type WaveQuestion } from '../../../src/reconcile/approval/wave-decision.ts'
import type { ObjectSummary, Outcome } from '../../../src/reconcile/index.ts'

const now = Date.parse('2026-11-26T11:00:00Z')
const minute = 60_000
const [one, two, three] = ['1', '2', '3'].map((digit) => `main@sha1:${digit.repeat(40)}`) as [string, string, string]

const outcome = (revision: string, at: number): Outcome => ({
  run: 'r',
  trigger: 'push',
  at,
  state: 'ready',
  revision,
  created: 0,
  configured: 0,
  deleted: 0,
  drifted: 0,
})

function object(
  kind: string,
  name: string,
  more: Partial<ObjectSummary> = {},
  ready = 'True ReconciliationSucceeded',
): ObjectSummary {
  const [status = '', reason = ''] = ready.split(' ')
  return {
    kind,
    namespace: 'shop',
    name,
    generation: 1,
    version: 1,
    observedGeneration: 1,
    suspended: false,
    deleting: false,
    conditions: [
      { type: 'Ready', status: status as 'True', reason, message: '', lastTransitionTime: '2026-11-26T08:00:00Z' },
    ],
    dependsOn: [],
    blockers: [],
    commits: [],
    outcomes: [],
    ...more,
  }
}

const source = { kind: 'GitRepository', namespace: 'shop', name: 'git' }
const git = (...revisions: readonly (readonly [string, number])[]): ObjectSummary =>
  object('GitRepository', 'git', {
    url: 'https://git.example/shop',
    appliedRevision: revisions[0]?.[0] ?? '',
    outcomes: revisions.map(([revision, at]) => outcome(revision, at)),
  })
const web = (revision: string, at: number, more: Partial<ObjectSummary> = {}, ready?: string): ObjectSummary =>
  object(
    'Kustomization',
    'web',
    { source, appliedRevision: revision, outcomes: [outcome(revision, at)], ...more },
    ready,
  )

const long = now - 60 * minute
const rows: readonly {
  readonly name: string
  readonly first?: Partial<FirstCluster>
  readonly question?: Partial<WaveQuestion>
  readonly want: RegExp | undefined
}[] = [
  { name: 'the same revision, healthy for long', want: undefined },
  { name: 'nothing is known', first: { objects: [] }, want: /^waits for staging: nothing is known of it yet$/ },
  {
    name: 'it does not answer',
    first: { failingSince: now - minute },
    want: /^waits for staging: it has not answered since 2026-11-26T10:59:00Z$/,
  },
  {
    name: 'it is suspended as a whole',
    first: { objects: [web(two, long, { held: { kind: 'suspended', message: 'the cluster is suspended by ada' } })] },
    want: /^waits for staging: the cluster is suspended by ada$/,
  },
  {
    name: 'another source',
    first: { objects: [object('GitRepository', 'other', { url: 'https://git.example/other' })] },
    want: /^waits for staging: it has no GitRepository shop\/git, nor one of its URL$/,
  },
  {
    name: 'the source has another name there',
    question: { source: { kind: 'GitRepository', namespace: 'prod', name: 'main', url: 'https://git.example/shop' } },
    want: undefined,
  },
  {
    name: 'it has not fetched the revision',
    first: { objects: [git([one, long]), web(one, long)] },
    want: /^waits for staging: GitRepository shop\/git has not fetched main@sha1:222222222222 yet$/,
  },
  { name: 'it has a newer one', first: { objects: [git([three, long], [two, 1]), web(three, long)] }, want: undefined },
  {
    name: 'it has fetched it and not applied it',
    first: { objects: [git([two, long]), web(one, long)] },
    want: /^waits for staging: Kustomization shop\/web has not applied main@sha1:222222222222 yet$/,
  },
  {
    name: 'the revision changes nothing there',
    first: { objects: [git([two, long]), web(one, long, { unaffectedBy: two })] },
    want: undefined,
  },
  {
    name: 'it has failed to apply it',
    first: { objects: [git([two, long]), web(one, long, {}, 'False BuildFailed')] },
    want: /^waits for staging: Kustomization shop\/web failed \(BuildFailed\)$/,
  },
  {
    name: 'what is made from the source is suspended behind it',
    first: { objects: [git([two, long]), web(one, long, { suspended: true })] },
    want: /^waits for staging: Kustomization shop\/web is suspended and has not applied main@sha1:222222222222$/,
  },
  {
    name: 'a release has failed',
    first: { objects: [git([two, long]), web(two, long), object('HelmRelease', 'api', {}, 'False UpgradeFailed')] },
    want: /^waits for staging: HelmRelease shop\/api failed \(UpgradeFailed\)$/,
  },
  {
    name: 'a release that failed is suspended',
    first: {
      objects: [
        git([two, long]),
        web(two, long),
        object('HelmRelease', 'api', { suspended: true }, 'False UpgradeFailed'),
      ],
    },
    want: undefined,
  },
  {
    name: 'a release is on its way',
    first: { objects: [git([two, long]), web(two, long), object('HelmRelease', 'api', { generation: 2 })] },
    want: /^waits for staging: HelmRelease shop\/api is not ready yet$/,
  },
  {
    name: 'it has been healthy for three minutes of ten',
    first: { objects: [git([two, now - 4 * minute]), web(two, now - 3 * minute)] },
    want: /^waits for staging: healthy since 2026-11-26T10:57:00Z, and to be so for 10m0s, until 2026-11-26T11:07:00Z$/,
  },
  {
    name: 'a chart that it does not have',
    question: { kind: 'HelmRelease', source: { kind: 'HelmChart', namespace: 'shop', name: 'shop-api' } },
    want: undefined,
  },
]

describe('a cluster that follows', () => {
  for (const { name, first, question, want } of rows) {
    it(`${name}: ${want === undefined ? 'goes on' : 'waits'}`, () => {
      const held = decideWave(
        { name: 'staging', objects: [git([two, long]), web(two, long)], ...first },
        { kind: 'Kustomization', source, revision: two, healthyForMs: 10 * minute, now, ...question },
      )
      if (want === undefined) assert.equal(held, undefined)
      else assert.match(held?.message ?? '', want)
    })
  }

  it('knows when the time is up', () => {
    const held = decideWave(
      { name: 'staging', objects: [git([two, long]), web(two, now - 3 * minute)] },
      { kind: 'Kustomization', source, revision: two, healthyForMs: 10 * minute, now },
    )
    assert.equal(held?.until, now + 7 * minute)
    assert.equal(held?.kind, 'wave')
  })
})
