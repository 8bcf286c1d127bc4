import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HelmRelease, HelmReleaseStatus, ReleaseSnapshot } from '../../../src/api/index.ts'
import { mustResetFailures } from '../../../src/reconcile/helmrelease/failures.ts'
import { keptSnapshots, previousSnapshot } from '../../../src/reconcile/helmrelease/history.ts'
import { isForceRequested, isResetRequested } from '../../../src/reconcile/helmrelease/requests.ts'

/** `deployed`, or `deployed!` for one with a failed test: the newest first, so the last one is version 1. */
function history(...statuses: readonly string[]): ReleaseSnapshot[] {
  return statuses.map((text, index) => ({
    name: 'app',
    namespace: 'default',
    version: statuses.length - index,
    digest: 'sha256:r',
    status: text.replace('!', ''),
    chartName: 'app',
    chartVersion: '1.0.0',
    configDigest: 'sha256:c',
    firstDeployed: '2026-01-01T00:00:00Z',
    lastDeployed: '2026-01-01T00:00:00Z',
    ...(text.endsWith('!') ? { testHooks: { t: { phase: 'Failed' } } } : {}),
  }))
}

describe('history', () => {
  const failed = Array.from({ length: 7 }, () => 'failed')
  const rows: {
    name: string
    history: ReleaseSnapshot[]
    ignoreTests?: boolean
    previous: number | undefined
    kept: number
  }[] = [
    { name: 'nothing', history: [], previous: undefined, kept: 0 },
    { name: 'the latest is not what came before', history: history('deployed'), previous: undefined, kept: 1 },
    { name: 'the one before', history: history('failed', 'deployed', 'superseded'), previous: 2, kept: 2 },
    { name: 'one that was superseded', history: history('failed', 'failed', 'superseded'), previous: 1, kept: 3 },
    { name: 'however far back', history: history(...failed, 'deployed'), previous: 1, kept: 8 },
    { name: 'none was good', history: history(...failed), previous: undefined, kept: 5 },
    { name: 'not one whose tests failed', history: history('failed', 'deployed!', 'superseded'), previous: 1, kept: 3 },
    {
      name: 'unless those do not matter',
      history: history('failed', 'deployed!', 'superseded'),
      ignoreTests: true,
      previous: 2,
      kept: 2,
    },
    { name: 'not one that was uninstalled', history: history('failed', 'uninstalled'), previous: undefined, kept: 2 },
  ]
  for (const row of rows) {
    it(row.name, () => {
      const ignoreTests = row.ignoreTests ?? false
      assert.equal(previousSnapshot(row.history, ignoreTests)?.version, row.previous)
      const kept = keptSnapshots(row.history.toReversed(), { isRetried: false, ignoreTests })
      assert.deepEqual(kept, row.history.slice(0, row.kept))
    })
  }

  it('five are kept of a release that is retried without remediation', () => {
    const all = history(...failed, 'deployed')
    assert.deepEqual(keptSnapshots(all, { isRetried: true, ignoreTests: false }), all.slice(0, 5))
  })
})

function object(status: Partial<HelmReleaseStatus>, annotations: { [key: string]: string } = {}): HelmRelease {
  const prefixed = Object.fromEntries(
    Object.entries(annotations).map(([key, at]) => [`reconcile.fluxcd.io/${key}`, at]),
  )
  return {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name: 'app', namespace: 'default', generation: 2, annotations: prefixed },
    spec: { interval: '10m' },
    status,
  } as HelmRelease
}

describe('requests by annotation', () => {
  const rows: { name: string; given: { [key: string]: string }; status?: Partial<HelmReleaseStatus>; want: boolean }[] =
    [
      { name: 'none', given: {}, want: false },
      { name: 'with the request to reconcile', given: { requestedAt: '1', at: '1' }, want: true },
      { name: 'without it', given: { at: '1' }, want: false },
      { name: 'of another time', given: { requestedAt: '2', at: '1' }, want: false },
      {
        name: 'reconciled already',
        given: { requestedAt: '1', at: '1' },
        status: { lastHandledReconcileAt: '1' },
        want: false,
      },
      {
        name: 'done already',
        given: { requestedAt: '1', at: '1' },
        status: { lastHandledReconcileAt: '0', lastHandledForceAt: '1', lastHandledResetAt: '1' },
        want: false,
      },
      {
        name: 'a new one',
        given: { requestedAt: '2', at: '2' },
        status: { lastHandledReconcileAt: '1', lastHandledForceAt: '1', lastHandledResetAt: '1' },
        want: true,
      },
    ]
  for (const { name, given, status = {}, want } of rows) {
    it(name, () => {
      const { at, ...rest } = given
      const asked = (key: string): HelmRelease => object(status, at === undefined ? rest : { ...rest, [key]: at })
      assert.equal(isForceRequested(asked('forceAt')), want)
      assert.equal(isForceRequested(asked('resetAt')), false)
      assert.equal(isResetRequested(asked('resetAt')), want)
      assert.equal(isResetRequested(asked('forceAt')), false)
    })
  }
})

describe('failures are counted anew', () => {
  const attempted = { chartVersion: '1.0.0', configDigest: 'sha256:c' }
  const same = { lastAttemptedGeneration: 2, lastAttemptedRevision: '1.0.0', lastAttemptedConfigDigest: 'sha256:c' }
  const rows: { name: string; object: HelmRelease; want: boolean }[] = [
    { name: 'nothing has changed', object: object(same), want: false },
    { name: 'another generation', object: object({ ...same, lastAttemptedGeneration: 1 }), want: true },
    { name: 'another version of the chart', object: object({ ...same, lastAttemptedRevision: '0.9.0' }), want: true },
    { name: 'other values', object: object({ ...same, lastAttemptedConfigDigest: 'sha256:x' }), want: true },
    { name: 'values of an old controller', object: object({ ...same, lastAttemptedConfigDigest: '' }), want: false },
    { name: 'by request', object: object(same, { requestedAt: '1', resetAt: '1' }), want: true },
    { name: 'a request to force is none', object: object(same, { requestedAt: '1', forceAt: '1' }), want: false },
  ]
  for (const row of rows) it(row.name, () => assert.equal(mustResetFailures(row.object, attempted), row.want))
})
