import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Json } from '../../../src/base/index.ts'
import type { KubeObject } from '../../../src/resources/index.ts'
import { createApprovals, type ApprovalOptions } from '../../../src/reconcile/approval/gate.ts'
import { applicationDigest } from '../../../src/reconcile/approval/plans.ts'
import { afterMerges, type AfterMerge } from '../../../src/reconcile/approval/policy.ts'
import {
  applicationPrefix,
  getSigned,
  putSigned,
  waitKey,
  type PlannedRecord,
  type WaitRecord,
} from '../../../src/reconcile/approval/records.ts'
import { desiredOf } from '../../../src/reconcile/change/desired.ts'
import type { ApprovalStore, ReplanWish } from '../../../src/reconcile/index.ts'
import type { Workload } from '../../../src/reconcile/world.ts'
import { createMemoryLogger, createMemoryState } from '../../support/memory-ports.ts'

const key = new TextEncoder().encode('a key of plans that only tests use')
const now = 1_700_000_000_000
const application = 'Kustomization/shop/web'
const metadata = { name: 'web', namespace: 'shop', generation: 1 }
const object = {
  kind: 'Kustomization',
  metadata,
  spec: { sourceRef: { kind: 'GitRepository', name: 'app' } },
} as unknown as Workload
const source = {
  kind: 'GitRepository',
  metadata: { name: 'app', namespace: 'shop' },
  spec: { url: 'https://git.example/team/app.git', ref: { branch: 'main' } },
}
const revision = `main@sha1:${'b'.repeat(40)}`

const secretOf = (value: string): { readonly objects: readonly KubeObject[]; readonly artifacts: object } => ({
  objects: [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, stringData: { value } }],
  artifacts: {},
})

/** A plan of an open pull request in which somebody has put what they take the secret for. */
interface Guess {
  readonly value: string
  readonly at: number
  readonly pullRequest: number
}

/** Everything that people can get to know of a run that finds what waits, and the keys of what it has read. */
async function seenOf(afterMerge: AfterMerge, guesses: readonly Guess[]): Promise<object> {
  const state = createMemoryState()
  const store: ApprovalStore = { state, clock: { now: () => now }, key }
  for (const { value, at, pullRequest } of guesses) {
    const plan = `p${pullRequest}`
    const desired = desiredOf(object, { ...secretOf(value), artifacts: {} })
    const digest = applicationDigest(
      { cluster: 'prod', kind: 'Kustomization', namespace: 'shop', name: 'web', ...desired, touched: [] },
      key,
    )
    const record: PlannedRecord = { plan, pullRequest, at, ...digest }
    await putSigned(store, `${applicationPrefix('prod', application)}${plan}`, record)
  }
  const wishes: ReplanWish[] = []
  const requests = { run: async () => undefined, plan: async (wish: ReplanWish) => void wishes.push(wish) }
  const changes = { afterMerge }
  const logger = createMemoryLogger()
  const deps = { cluster: { name: 'prod' }, state, clock: store.clock, planKey: key, changes, requests, logger }
  const world = {
    get: (id: string) => (id === 'GitRepository/shop/app' ? source : undefined),
    appliedRevision: () => `main@sha1:${'a'.repeat(40)}`,
  }
  const approvals = await createApprovals({ deps, world } as unknown as ApprovalOptions)
  assert.ok(approvals)
  const said = await approvals.check(object, revision, { ...secretOf('canary'), artifacts: {} }).then(
    (text) => ({ text }),
    (caught: Error) => ({ waits: caught.message }),
  )
  await approvals.finish()
  const wait = await getSigned<WaitRecord>(store, waitKey('prod', application))
  const asked = (await state.list('approval-replans/')) as unknown as Json
  return { said, wait, wishes, asked }
}

describe('a guess in a plan that nobody has approved', () => {
  const old = [1, 2, 3, 4, 5, 6, 7].map((pullRequest) => ({ value: `x${pullRequest}`, at: pullRequest, pullRequest }))
  const rows: readonly (readonly [what: string, guess: (value: string) => readonly Guess[]])[] = [
    ['alone', (value) => [{ value, at: 9, pullRequest: 9 }]],
    [
      'before a newer plan',
      (value) => [
        { value, at: 9, pullRequest: 9 },
        { value: 'x', at: 10, pullRequest: 10 },
      ],
    ],
    ['behind more plans than are looked at', (value) => [...old, { value, at: 0, pullRequest: 9 }]],
  ]
  for (const afterMerge of afterMerges)
    for (const [what, guess] of rows)
      it(`changes nothing that is said, noted or asked for with ${afterMerge}, ${what}`, async () => {
        const right = await seenOf(afterMerge, guess('canary'))
        assert.deepEqual(right, await seenOf(afterMerge, guess('wrong')))
        assert.match(JSON.stringify(right), /no plan of it is approved; the last one is that of pull request #/)
      })
})
