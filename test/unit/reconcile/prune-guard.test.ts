import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Kustomization } from '../../../src/api/index.ts'
import { checkPrune, type PrunePlan } from '../../../src/reconcile/kustomization/guards.ts'
import { defaultSettings, type Settings } from '../../../src/reconcile/settings.ts'

const object = (annotations: { readonly [name: string]: string } = {}): Kustomization => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name: 'app', namespace: 'apps', annotations },
  spec: { interval: '10m', prune: true, sourceRef: { kind: 'GitRepository', name: 'app' } },
})
const revision = 'main@sha1:a'
const plan = (stale: number, before: number, kinds: readonly string[] = []): PrunePlan => ({
  stale,
  before,
  wanted: before - stale,
  revision,
  kinds,
})
const guard = defaultSettings.pruneGuard

const rows: readonly {
  readonly name: string
  readonly plan: PrunePlan
  readonly guard?: Partial<Settings['pruneGuard']>
  readonly confirmed?: string
  readonly refused: RegExp | undefined
}[] = [
  { name: 'nothing to prune', plan: plan(0, 30), refused: undefined },
  { name: 'a few', plan: plan(5, 6), refused: undefined },
  { name: 'everything', plan: plan(1, 1), refused: /the build has no objects any more, so all 1 would be pruned/ },
  {
    name: 'many, and most of them',
    plan: plan(20, 39),
    refused: /20 of 39 objects would be pruned; nothing was deleted/,
  },
  { name: 'many, and not most of them', plan: plan(20, 41), refused: undefined },
  { name: 'more than the limit', plan: plan(11, 400), guard: { maxObjects: 10 }, refused: /11 of 400/ },
  { name: 'as many as the limit', plan: plan(10, 400), guard: { maxObjects: 10 }, refused: undefined },
  {
    name: 'one of a kind that is guarded',
    plan: plan(2, 400, ['ConfigMap', 'Namespace']),
    guard: { kinds: ['Namespace', 'PersistentVolumeClaim'] },
    refused: /2 of 400 objects would be pruned, Namespace among them/,
  },
  { name: 'a kind that is not guarded by default', plan: plan(1, 400, ['Namespace']), refused: undefined },
  { name: 'confirmed for this revision', plan: plan(1, 1), confirmed: revision, refused: undefined },
  { name: 'confirmed for another revision', plan: plan(1, 1), confirmed: 'main@sha1:b', refused: /confirm it/ },
  { name: 'confirmed for good', plan: plan(1, 1), confirmed: 'Enabled', refused: undefined },
]

describe('the guard of prunes', () => {
  for (const { name, plan: planned, guard: more, confirmed, refused } of rows) {
    it(name, () => {
      const given = object(confirmed === undefined ? {} : { 'sluice.dev/confirm-prune': confirmed })
      const check = (): void => checkPrune(given, planned, { ...guard, ...more })
      if (refused === undefined) check()
      else assert.throws(check, (error: Error) => refused.test(error.message))
    })
  }
})
