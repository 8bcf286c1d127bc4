import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { followersOf, mayApprove, policyOf } from '../../../functions/changes-config.ts'
import { loadConfig } from '../../../functions/config.ts'
import { DiagnosticsError } from '../../../src/base/index.ts'

const key = 'a key of plans that only tests use'

function load(changes: { readonly [cluster: string]: object }, planKey: string | undefined = key) {
  const clusters = Object.entries(changes).map(([name, own]) => ({
    name,
    server: 'https://127.0.0.1:1',
    changes: own,
  }))
  const settings: { readonly [name: string]: string | undefined } = {
    CLUSTERS: JSON.stringify(clusters),
    PLAN_KEY: planKey,
  }
  return loadConfig((name) => settings[name])
}

function problemsOf(changes: { readonly [cluster: string]: object }, planKey?: string): readonly string[] {
  try {
    load(changes, planKey)
  } catch (caught) {
    if (caught instanceof DiagnosticsError)
      return caught.diagnostics.map(({ field, message }) => `${field}: ${message}`)
    throw caught
  }
  return []
}

const wrong: readonly (readonly [what: string, changes: { readonly [cluster: string]: object }, problem: RegExp])[] = [
  ['a policy that is none', { a: { afterMerge: 'ask' } }, /CLUSTERS\.0\.changes\.afterMerge: /],
  ['a cluster that is not there', { a: { after: ['b'] } }, /^CLUSTERS\.0\.changes\.after: there is no cluster b$/],
  ['a cluster that waits for itself', { a: { after: ['a'] } }, /the clusters wait for each other: a -> a$/],
  [
    'clusters that wait for each other',
    { a: { after: ['c'] }, b: { after: ['a'] }, c: { after: ['b'] } },
    /the clusters wait for each other: a -> c -> b -> a$/,
  ],
  ['a time without clusters', { a: { healthyFor: '10m' } }, /healthyFor: belongs to after/],
  ['a time that is none', { a: { after: ['b'], healthyFor: 'soon' }, b: {} }, /must be a duration such as 10m/],
  ['a time that is too long', { a: { after: ['b'], healthyFor: '1000h' }, b: {} }, /at most a week/],
]

void describe('the policy of a cluster for changes', () => {
  for (const [what, changes, problem] of wrong)
    void it(`refuses ${what}`, () => assert.match(problemsOf(changes)[0] ?? '', problem))

  void it('needs the key that signs approvals, and waves need none', () => {
    assert.match(problemsOf({ a: { afterMerge: 'hold' } }, '')[0] ?? '', /changes: needs PLAN_KEY/)
    assert.deepEqual(problemsOf({ a: { after: ['b'] }, b: {} }, ''), [])
  })

  void it('is what the engine is given, in milliseconds', () => {
    const { clusters } = load({ staging: {}, prod: { afterMerge: 'hold', after: ['staging'], healthyFor: '10m' } })
    const [staging, prod] = clusters
    assert.ok(staging && prod)
    assert.deepEqual(policyOf(prod), { afterMerge: 'hold', after: ['staging'], healthyForMs: 600_000 })
    assert.deepEqual(followersOf(clusters, 'staging'), ['prod'])
    assert.deepEqual(followersOf(clusters, 'prod'), [])
    assert.equal(policyOf({ name: 'x' }), undefined)
  })

  void it('lets maintainers approve by default', () => {
    const by = (permission: Parameters<typeof mayApprove>[1], wanted?: 'write' | 'admin'): boolean =>
      mayApprove({ name: 'a', changes: { approvers: { permission: wanted } } }, permission)
    assert.deepEqual([by('admin'), by('maintain'), by('write'), by('none')], [true, true, false, false])
    assert.deepEqual([by('write', 'write'), by('triage', 'write'), by('maintain', 'admin')], [true, false, false])
  })
})
