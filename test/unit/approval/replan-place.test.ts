import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { StateStore } from '../../../src/ports/index.ts'
import { putSigned, waitKey } from '../../../src/reconcile/approval/records.ts'
import { createReplans, isPassed, type Replans } from '../../../src/reconcile/approval/replan.ts'
import type { ReplanWish } from '../../../src/reconcile/index.ts'
import type { Managed, Workload, World } from '../../../src/reconcile/world.ts'
import { createMemoryLogger, createMemoryState } from '../../support/memory-ports.ts'

const base = 'a'.repeat(40)
const head = 'b'.repeat(40)
const metadata = (name: string, annotations = {}): object => ({ name, namespace: 'shop', annotations })

const kustomization = {
  kind: 'Kustomization',
  metadata: metadata('web'),
  spec: { sourceRef: { kind: 'GitRepository', name: 'app' } },
} as unknown as Workload
const release = (spec: object): Workload =>
  ({ kind: 'HelmRelease', metadata: metadata('web'), spec }) as unknown as Workload
const ofChart = release({ chart: { spec: { chart: 'c', sourceRef: { kind: 'GitRepository', name: 'app' } } } })

const git = (spec: object, annotations = {}): object => ({
  kind: 'GitRepository',
  metadata: metadata('app', annotations),
  spec: { url: 'https://git.example/team/app.git', ...spec },
})
const chart = (kind: string): object => ({
  kind: 'HelmChart',
  metadata: metadata('shop-web'),
  spec: { chart: 'c', sourceRef: { kind, name: 'app' } },
  status: { observedSourceArtifactRevision: `main@sha1:${head}` },
})

function replansOf(
  objects: readonly object[],
  options: { readonly applied?: string | undefined } = {},
): Replans & {
  readonly wishes: readonly ReplanWish[]
  readonly state: StateStore
} {
  const known = new Map(
    (objects as readonly Managed[]).map((one) => [`${one.kind}/${one.metadata.namespace}/${one.metadata.name}`, one]),
  )
  const world = {
    get: (id: string) => known.get(id),
    appliedRevision: () => ('applied' in options ? options.applied : `main@sha1:${base}`),
  } as unknown as World
  const wishes: ReplanWish[] = []
  const requests = { run: async () => undefined, plan: async (wish: ReplanWish) => void wishes.push(wish) }
  const deps = { cluster: { name: 'prod' }, state: createMemoryState(), logger: createMemoryLogger(), requests }
  return { ...createReplans({ deps, world }), wishes, state: deps.state }
}

const revisions = { head: `main@sha1:${head}`, applied: undefined }
const url = 'https://git.example/team/app.git'

describe('what a new plan would be of', () => {
  const places: readonly (readonly [what: string, spec: object, branch: string])[] = [
    ['a branch', { ref: { branch: 'live' } }, 'refs/heads/live'],
    ['the branch that is meant where none is named', {}, 'refs/heads/master'],
    ['a name that is a branch', { ref: { name: 'refs/heads/x', branch: 'y' } }, 'refs/heads/x'],
  ]
  for (const [what, spec, branch] of places)
    it(`follows ${what}`, () => {
      const place = replansOf([git(spec)]).placeOf(kustomization, revisions)
      assert.deepEqual(place, { url, branch, base, head })
    })

  it('names no credentials', () => {
    const place = replansOf([git({ url: 'https://ada:canary@git.example/team/app.git' })]).placeOf(
      kustomization,
      revisions,
    )
    assert.deepEqual(place, { url, branch: 'refs/heads/master', base, head })
  })

  it('of a release is from what it was let through with, where its chart is of a branch', () => {
    const { placeOf } = replansOf([git({ ref: { branch: 'main' } }), chart('GitRepository')])
    const place = placeOf(ofChart, { head: '1.1.0', applied: `main@sha1:${base}` })
    assert.deepEqual(place, { url, branch: 'refs/heads/main', base, head })
    assert.deepEqual(placeOf(ofChart, revisions), { why: 'because it is not known what is applied now' })
  })

  const refused: readonly (readonly [what: string, objects: readonly object[], object: Workload, why: RegExp])[] = [
    ['a tag', [git({ ref: { tag: 'v1' } })], kustomization, /its source does not follow a branch/],
    ['a range of tags', [git({ ref: { semver: '1.x' } })], kustomization, /does not follow a branch/],
    ['a commit', [git({ ref: { commit: base, branch: 'main' } })], kustomization, /does not follow a branch/],
    ['the name of a tag', [git({ ref: { name: 'refs/tags/v1' } })], kustomization, /does not follow a branch/],
    ['a pinned source', [git({}, { 'sluice.dev/pin': base })], kustomization, /its source is pinned/],
    ['a source that is gone', [], kustomization, /its source does not come from a Git repository/],
    ['a chart of a repository', [chart('HelmRepository')], ofChart, /its chart does not come from a Git repository/],
    [
      'a chart of a registry',
      [],
      release({ chartRef: { kind: 'OCIRepository', name: 'app' } }),
      /its chart does not come from a Git repository/,
    ],
  ]
  for (const [what, objects, object, why] of refused)
    it(`is not there for ${what}`, () => {
      const place = replansOf(objects).placeOf(object, revisions)
      assert.ok(place !== undefined && 'why' in place)
      assert.match(place.why, why)
    })

  it('is not there for the commit that is applied, nor where none is', () => {
    const same = replansOf([git({})]).placeOf(kustomization, { head: `main@sha1:${base}`, applied: undefined })
    assert.ok(same !== undefined && 'why' in same && /is the one that is applied/.test(same.why))
    const none = replansOf([git({})], { applied: undefined }).placeOf(kustomization, revisions)
    assert.ok(none !== undefined && 'why' in none && /not known what is applied/.test(none.why))
  })
})

describe('new plans that are asked for', () => {
  it('are one for all that waits of the same commits, and asked for once; once more when the pull request is known', async () => {
    const { placeOf, note, finish, wishes } = replansOf([git({ ref: { branch: 'main' } })])
    const place = placeOf(kustomization, revisions)
    assert.ok(place !== undefined && !('why' in place))
    note(place, { application: 'Kustomization/shop/a', why: 'x' }, undefined)
    note(place, { application: 'Kustomization/shop/b', why: 'y' }, undefined)
    await finish()
    await finish()
    assert.deepEqual(
      wishes.map(({ cluster, waiting }) => [cluster, waiting.map(({ application }) => application)]),
      [['prod', ['Kustomization/shop/a', 'Kustomization/shop/b']]],
    )
    note(place, { application: 'Kustomization/shop/a', why: 'x' }, 7)
    await finish()
    assert.deepEqual([wishes.length, wishes[1]?.pullRequest], [2, 7])
  })

  it('are asked for again where what waited was gone meanwhile', async () => {
    const { placeOf, note, finish, wishes, state } = replansOf([git({ ref: { branch: 'main' } })])
    const place = placeOf(kustomization, revisions)
    assert.ok(place !== undefined && !('why' in place))
    const application = 'Kustomization/shop/web'
    note(place, { application, why: 'x' }, 7)
    await finish()
    const store = {
      state,
      clock: { now: () => 1 },
      key: new TextEncoder().encode('a key of plans that only tests use'),
    }
    const wish = wishes[0] as ReplanWish
    assert.equal(await isPassed(store, wish), true)
    await finish()
    assert.equal(wishes.length, 2)
    const rows: readonly (readonly [wait: object, want: boolean])[] = [
      [{ revision: revisions.head }, false],
      [{ revision: '1.1.0' }, false],
      [{ revision: `main@sha1:${'c'.repeat(40)}` }, true],
      [{ revision: revisions.head, approved: { by: 'ada', how: 'page', at: 1 } }, true],
    ]
    for (const [wait, want] of rows) {
      await putSigned(store, waitKey('prod', application), wait)
      assert.equal(await isPassed(store, wish), want, JSON.stringify(wait))
    }
  })
})
