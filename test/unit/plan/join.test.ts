import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  boundPlan,
  joinDigests,
  joinPlans,
  openRecord,
  parsePlan,
  planDigest,
  planDocument,
  planJson,
  planMarkdown,
  planSarif,
  raw,
  sealRecord,
  showName,
  verdictOf,
  type ApplicationInput,
  type DigestApplication,
} from '../../../src/plan/index.ts'
import { application, object, plan, sides } from './inputs.ts'

const key = new TextEncoder().encode('a key of the tests')
const change = { repository: 'shop/fleet', pullRequest: 7, base: 'a'.repeat(40), head: 'b'.repeat(40) }
const claim = (name: string): string =>
  `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: ${name}, namespace: shop}\nspec: {}\n`
const configMap = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, namespace: shop}\ndata: {key: "${value}"}\n`

const inputs: readonly ApplicationInput[] = [
  application([sides({ base: configMap('a', 'x'), head: configMap('a', 'y') })], { cluster: 'green' }),
  application([sides({ base: claim('data'), live: claim('data') })], { cluster: 'blue' }),
  application([sides({ base: configMap('a', 'x'), head: configMap('a', 'y') })], { cluster: 'blue', name: 'more' }),
]

describe('plans of several clusters', () => {
  it('are one, the same as if it had been made at once', () => {
    const parts = ['green', 'blue'].map((cluster) =>
      planDocument({ change, applications: inputs.filter((one) => one.cluster === cluster) }),
    )
    const whole = planDocument({ change, applications: inputs })
    assert.ok(whole.dangers.length > 0)
    assert.deepEqual(joinPlans(change, parts), whole)
  })

  it('have one digest, the same as if it had been made at once', () => {
    const own = (cluster: string): DigestApplication => ({
      cluster,
      kind: 'Kustomization',
      namespace: 'a',
      name: 'b',
      artifacts: {},
      touched: [],
      desired: [raw(object(configMap(cluster, 'x')))],
    })
    const parts = ['green', 'blue'].map((cluster) => planDigest([own(cluster)], key))
    assert.deepEqual(joinDigests(parts, key), planDigest([own('blue'), own('green')], key))
  })

  it('say which clusters are missing, in every form', () => {
    const joined = joinPlans(change, [plan(...inputs)], {
      unplanned: [{ cluster: showName('<red>'), reason: showName('the cluster [does] not answer') }],
    })
    assert.equal(verdictOf(joined), 'incomplete')
    const markdown = planMarkdown(joined, { id: 'sluice' })
    assert.match(markdown, /What this change does is not known for every cluster/)
    assert.match(markdown, /<code>&#60;red&#62;<\/code>: the cluster &#91;does&#93; not answer/)
    assert.match(planSarif(joined, { version: '1' }), /<red> was not planned: the cluster \\\\\[does\\\\\] not answer/)
    assert.deepEqual(parsePlan(planJson(joined)), joined)
  })
})

describe('a plan that is too large', () => {
  const many = plan(
    application(
      Array.from({ length: 300 }, (_, at) =>
        sides({ base: configMap(`m${at}`, 'x'.repeat(2000)), head: configMap(`m${at}`, 'y'.repeat(2000)) }),
      ),
      { live: 'not-asked' },
    ),
    application([sides({ base: claim('data'), live: claim('data') })], { name: 'data' }),
    application([sides({ base: configMap('same', 'x'), head: configMap('same', 'x') })], {
      name: 'same',
      live: 'not-asked',
    }),
  )

  it('keeps dangers and counts what it leaves out', () => {
    const size = (one: object): number => new TextEncoder().encode(JSON.stringify(one)).length
    for (const limit of [600_000, 100_000, 40_000]) {
      const cut = boundPlan(many, limit)
      assert.ok(size(cut) <= limit, `${size(cut)} of ${limit}`)
      assert.deepEqual(cut.dangers, many.dangers)
      const [apps] = cut.applications.filter(({ name }) => name === 'apps')
      const objects = (apps?.objects.length ?? 0) + (apps?.omittedObjects ?? 0)
      assert.equal(objects, 300)
      assert.equal((apps?.objects[0]?.differences.length ?? 0) + (apps?.objects[0]?.omitted ?? 0), 1)
      assert.equal(cut.omitted, 1)
      assert.deepEqual(parsePlan(planJson(cut)), cut)
    }
    assert.equal(boundPlan(many, 10_000_000), many)
  })

  it('is refused where not even its dangers fit', () =>
    assert.throws(() => boundPlan(many, 500), { code: 'plan-too-large' }))
})

describe('a record that is sealed', () => {
  const sealed = sealRecord(key, 'plans/a', { text: 'x', left: undefined, 10: 1, 9: 2 })

  it('opens under its name with the key', () =>
    assert.deepEqual(openRecord(key, 'plans/a', sealed), { 9: 2, 10: 1, text: 'x' }))

  const { value, seal } = sealed as { readonly value: { [field: string]: string }; readonly seal: string }
  for (const [name, stored, at, by] of [
    ['changed', { value: { ...value, text: 'y' }, seal }, 'plans/a', key],
    ['in the place of another one', sealed, 'plans/b', key],
    ['with another key', sealed, 'plans/a', new TextEncoder().encode('another key of tests')],
    ['without a seal', { value }, 'plans/a', key],
    ['with half a seal', { value, seal: seal.slice(0, 32) }, 'plans/a', key],
    ['that is none', 'text', 'plans/a', key],
  ] as const)
    it(`is nothing ${name}`, () => assert.equal(openRecord(by, at, stored), undefined))
})
