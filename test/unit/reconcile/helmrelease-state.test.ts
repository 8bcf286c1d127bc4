import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  decide,
  decideAfterRemediation,
  isRetryInForce,
  type DecisionInput,
} from '../../../src/reconcile/helmrelease/decide.ts'
import {
  determineState,
  type DesiredRelease,
  type ObservedRelease,
  type ObservedSnapshot,
  type ReleaseState,
  type ReleaseStatus,
} from '../../../src/reconcile/helmrelease/state.ts'

const release = (status: ReleaseStatus, extra: Partial<ObservedRelease> = {}): ObservedRelease => ({
  version: 3,
  status,
  chartName: 'podinfo',
  chartVersion: '6.0.0',
  digest: 'sha256:r',
  configDigest: 'sha256:c',
  ...extra,
})
const snapshot = (extra: Partial<ObservedSnapshot> = {}): ObservedSnapshot => ({
  apiVersion: 'v2',
  version: 3,
  digest: 'sha256:r',
  status: 'deployed',
  ...extra,
})
const desired = (extra: Partial<DesiredRelease> = {}): DesiredRelease => ({
  chartName: 'podinfo',
  chartVersion: '6.0.0',
  configDigest: 'sha256:c',
  testsEnabled: false,
  ignoreTestFailures: false,
  postRenderingChanged: false,
  ...extra,
})

describe('determineState', () => {
  const rows: {
    name: string
    latest?: ObservedRelease
    history?: ObservedSnapshot[]
    desired?: DesiredRelease
    want: ReleaseState['kind']
    ours?: boolean
  }[] = [
    { name: 'nothing in storage', want: 'Absent' },
    { name: 'nothing in storage but a history', history: [snapshot()], want: 'Absent' },
    { name: 'uninstalled', latest: release('uninstalled'), history: [snapshot()], want: 'Absent' },
    { name: 'pending install of somebody else', latest: release('pending-install'), want: 'Locked', ours: false },
    {
      name: 'pending upgrade with our mark',
      latest: release('pending-upgrade', { isOurs: true }),
      want: 'Locked',
      ours: true,
    },
    {
      name: 'pending rollback that helm wrote, without our mark',
      latest: release('pending-rollback', { digest: 'x' }),
      history: [snapshot()],
      want: 'Locked',
      ours: false,
    },
    {
      name: 'deployed, and its tests were cut off',
      latest: release('deployed', { isOurs: true }),
      history: [snapshot()],
      want: 'Locked',
      ours: true,
    },
    {
      name: 'uninstalling, cut off',
      latest: release('uninstalling', { isOurs: true }),
      history: [snapshot()],
      want: 'Locked',
      ours: true,
    },
    { name: 'uninstalled without a history', latest: release('uninstalled'), want: 'Absent' },
    {
      name: 'uninstalled by somebody else',
      latest: release('uninstalled', { digest: 'x' }),
      history: [snapshot()],
      want: 'Unmanaged',
    },
    {
      name: 'failed, not as recorded',
      latest: release('failed', { digest: 'x' }),
      history: [snapshot()],
      want: 'Unmanaged',
    },
    {
      name: 'failed test, but another version is wanted',
      latest: release('deployed'),
      history: [snapshot({ testHooks: { t: { phase: 'Failed' } } })],
      desired: desired({ testsEnabled: true, chartVersion: '6.0.1' }),
      want: 'OutOfSync',
    },
    {
      name: 'values as recorded, although the stored ones differ',
      latest: release('deployed'),
      history: [snapshot({ configDigest: 'sha256:other' })],
      want: 'OutOfSync',
    },
    { name: 'deployed by helm, never recorded', latest: release('deployed'), want: 'Unmanaged' },
    {
      name: 'changed by helm rollback',
      latest: release('deployed', { version: 4 }),
      history: [snapshot()],
      want: 'Unmanaged',
    },
    {
      name: 'changed in place',
      latest: release('deployed', { digest: 'x' }),
      history: [snapshot()],
      want: 'Unmanaged',
    },
    {
      name: 'snapshot of an old format is trusted',
      latest: release('deployed', { digest: 'x' }),
      history: [{ version: 3, digest: 'old', status: 'deployed' }],
      want: 'InSync',
    },
    { name: 'failed', latest: release('failed'), history: [snapshot()], want: 'Failed' },
    {
      name: 'failed test',
      latest: release('deployed'),
      history: [snapshot({ testHooks: { t: { phase: 'Failed' } } })],
      desired: desired({ testsEnabled: true }),
      want: 'Failed',
    },
    {
      name: 'failed test, ignored',
      latest: release('deployed'),
      history: [snapshot({ testHooks: { t: { phase: 'Failed' } } })],
      desired: desired({ testsEnabled: true, ignoreTestFailures: true }),
      want: 'InSync',
    },
    {
      name: 'failed test, tests off',
      latest: release('deployed'),
      history: [snapshot({ testHooks: { t: { phase: 'Failed' } } })],
      want: 'InSync',
    },
    {
      name: 'another chart',
      latest: release('deployed'),
      history: [snapshot()],
      desired: desired({ chartName: 'other' }),
      want: 'OutOfSync',
    },
    {
      name: 'another version',
      latest: release('deployed'),
      history: [snapshot()],
      desired: desired({ chartVersion: '6.0.1' }),
      want: 'OutOfSync',
    },
    {
      name: 'other values',
      latest: release('deployed'),
      history: [snapshot()],
      desired: desired({ configDigest: 'x' }),
      want: 'OutOfSync',
    },
    {
      name: 'other post-rendering',
      latest: release('deployed'),
      history: [snapshot()],
      desired: desired({ postRenderingChanged: true }),
      want: 'OutOfSync',
    },
    {
      name: 'not tested',
      latest: release('deployed'),
      history: [snapshot()],
      desired: desired({ testsEnabled: true }),
      want: 'Untested',
    },
    {
      name: 'tested without hooks',
      latest: release('deployed'),
      history: [snapshot({ testHooks: {} })],
      desired: desired({ testsEnabled: true }),
      want: 'InSync',
    },
    { name: 'in sync', latest: release('deployed'), history: [snapshot()], want: 'InSync' },
    { name: 'uninstalling', latest: release('uninstalling'), history: [snapshot()], want: 'Unknown' },
    { name: 'superseded as the latest', latest: release('superseded'), history: [snapshot()], want: 'Unknown' },
  ]
  for (const row of rows) {
    it(row.name, () => {
      const state = determineState(row.latest, row.history ?? [], row.desired ?? desired())
      assert.equal(state.kind, row.want)
      if (row.ours !== undefined) assert.equal(state.kind === 'Locked' && state.ours, row.ours)
    })
  }
})

describe('decide', () => {
  const base: DecisionInput = {
    installFailures: 0,
    upgradeFailures: 0,
    lastAction: undefined,
    installRetries: 0,
    upgradeRetries: 0,
    installStrategy: 'RemediateOnFailure',
    upgradeStrategy: 'RemediateOnFailure',
    upgradeRemediation: 'rollback',
    remediateLastInstallFailure: false,
    remediateLastUpgradeFailure: false,
    rollbackTarget: 'verified',
    force: false,
  }
  const rows: {
    name: string
    state: ReleaseState['kind']
    ours?: boolean
    input?: Partial<DecisionInput>
    want: string
  }[] = [
    { name: 'absent', state: 'Absent', want: 'install' },
    {
      name: 'absent, one failure and no retries',
      state: 'Absent',
      input: { installFailures: 1 },
      want: 'stall RetriesExceeded',
    },
    {
      name: 'absent, one failure and one retry',
      state: 'Absent',
      input: { installFailures: 1, installRetries: 1 },
      want: 'install',
    },
    {
      name: 'absent, retries without end',
      state: 'Absent',
      input: { installFailures: 99, installRetries: -1 },
      want: 'install',
    },
    {
      name: 'absent, exhausted but forced',
      state: 'Absent',
      input: { installFailures: 5, force: true },
      want: 'install',
    },
    { name: 'locked by another', state: 'Locked', ours: false, want: 'unlock' },
    { name: 'our own operation was cut off', state: 'Locked', ours: true, want: 'resume' },
    { name: 'unmanaged', state: 'Unmanaged', want: 'upgrade clear' },
    { name: 'failed before anything was counted', state: 'Failed', want: 'upgrade' },
    {
      name: 'failed install, remediated',
      state: 'Failed',
      input: { lastAction: 'install', installFailures: 1, installRetries: 2 },
      want: 'uninstall',
    },
    {
      name: 'failed install, exhausted',
      state: 'Failed',
      input: { lastAction: 'install', installFailures: 1 },
      want: 'stall RetriesExceeded',
    },
    {
      name: 'failed install, exhausted, last one remediated',
      state: 'Failed',
      input: { lastAction: 'install', installFailures: 1, remediateLastInstallFailure: true },
      want: 'uninstall',
    },
    {
      name: 'failed install, retried',
      state: 'Failed',
      input: { lastAction: 'install', installFailures: 9, installStrategy: 'RetryOnFailure' },
      want: 'upgrade',
    },
    {
      name: 'failed upgrade, rolled back',
      state: 'Failed',
      input: { lastAction: 'upgrade', upgradeFailures: 1, upgradeRetries: 1 },
      want: 'rollback',
    },
    {
      name: 'failed upgrade, uninstalled',
      state: 'Failed',
      input: { lastAction: 'upgrade', upgradeFailures: 1, upgradeRetries: 1, upgradeRemediation: 'uninstall' },
      want: 'uninstall',
    },
    {
      name: 'failed upgrade, nothing to go back to',
      state: 'Failed',
      input: { lastAction: 'upgrade', upgradeFailures: 1, upgradeRetries: 1, rollbackTarget: 'none' },
      want: 'stall MissingRollbackTarget',
    },
    {
      name: 'failed upgrade, the earlier release is not what it was',
      state: 'Failed',
      input: { lastAction: 'upgrade', upgradeFailures: 1, upgradeRetries: 1, rollbackTarget: 'changed' },
      want: 'upgrade',
    },
    {
      name: 'failed upgrade, exhausted, last one remediated',
      state: 'Failed',
      input: { lastAction: 'upgrade', upgradeFailures: 1, remediateLastUpgradeFailure: true },
      want: 'rollback',
    },
    {
      name: 'failed upgrade, retried',
      state: 'Failed',
      input: { lastAction: 'upgrade', upgradeFailures: 9, upgradeStrategy: 'RetryOnFailure' },
      want: 'upgrade',
    },
    {
      name: 'failed, counters were reset',
      state: 'Failed',
      input: { lastAction: 'upgrade', upgradeFailures: 0, installFailures: 3 },
      want: 'upgrade',
    },
    {
      name: 'out of sync, exhausted but forced',
      state: 'OutOfSync',
      input: { upgradeFailures: 1, force: true },
      want: 'upgrade',
    },
    {
      name: 'failed upgrade, exhausted',
      state: 'Failed',
      input: { lastAction: 'upgrade', upgradeFailures: 2, upgradeRetries: 1 },
      want: 'stall RetriesExceeded',
    },
    {
      name: 'failed upgrade, forced',
      state: 'Failed',
      input: { lastAction: 'upgrade', upgradeFailures: 2, force: true },
      want: 'upgrade',
    },
    { name: 'out of sync', state: 'OutOfSync', want: 'upgrade' },
    {
      name: 'out of sync, exhausted',
      state: 'OutOfSync',
      input: { upgradeFailures: 1 },
      want: 'stall RetriesExceeded',
    },
    { name: 'untested', state: 'Untested', want: 'test' },
    { name: 'in sync', state: 'InSync', want: 'none' },
    { name: 'in sync, forced', state: 'InSync', input: { force: true }, want: 'upgrade' },
    { name: 'unknown', state: 'Unknown', want: 'error' },
  ]
  for (const row of rows) {
    it(row.name, () => {
      const state = { kind: row.state, reason: 'r', ours: row.ours ?? false } as ReleaseState
      const decision = decide(state, { ...base, ...row.input })
      const shown =
        'reason' in decision
          ? `stall ${decision.reason}`
          : `${decision.action}${'clearHistory' in decision ? ' clear' : ''}`
      assert.equal(shown, row.want)
    })
  }

  const endings: { name: string; input: Partial<DecisionInput>; want: string | undefined }[] = [
    {
      name: 'failed install, uninstalled, a retry left',
      input: { lastAction: 'install', installFailures: 1, installRetries: 1 },
      want: undefined,
    },
    {
      name: 'failed install, uninstalled, none left',
      input: { lastAction: 'install', installFailures: 2, installRetries: 1 },
      want: 'Failed to install after 2 attempt(s)',
    },
    {
      name: 'failed upgrade, rolled back, none left',
      input: { lastAction: 'upgrade', upgradeFailures: 1 },
      want: 'Failed to upgrade after 1 attempt(s)',
    },
    {
      name: 'failed upgrade, uninstalled, none left: installed afresh',
      input: { lastAction: 'upgrade', upgradeFailures: 1, upgradeRemediation: 'uninstall' },
      want: undefined,
    },
    {
      name: 'retries without end',
      input: { lastAction: 'upgrade', upgradeFailures: 99, upgradeRetries: -1 },
      want: undefined,
    },
    {
      name: 'retried on failure',
      input: { lastAction: 'upgrade', upgradeFailures: 9, upgradeStrategy: 'RetryOnFailure' },
      want: undefined,
    },
  ]
  for (const row of endings) {
    it(`after remediation: ${row.name}`, () => {
      assert.equal(decideAfterRemediation({ ...base, ...row.input })?.message, row.want)
    })
  }

  it('knows whose strategy is in force', () => {
    assert.equal(isRetryInForce({ ...base, installStrategy: 'RetryOnFailure' }), false)
    assert.equal(isRetryInForce({ ...base, lastAction: 'install', installStrategy: 'RetryOnFailure' }), true)
    assert.equal(isRetryInForce({ ...base, lastAction: 'upgrade', installStrategy: 'RetryOnFailure' }), false)
  })
})
