import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  decide,
  decideAfterRemediation,
  isRetryInForce,
  type DecisionInput,
} from '../../../src/reconcile/helmrelease/decide.ts'
import type { ReleaseState } from '../../../src/reconcile/helmrelease/state.ts'

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
    {
      name: 'absent, retries are left',
      state: 'Absent',
      input: { installFailures: 2, installRetries: 2 },
      want: 'install',
    },
    {
      // Somebody has uninstalled what failed: the retries of the remediation count, as in Flux.
      name: 'absent after a failure that is retried without remediation',
      state: 'Absent',
      input: { lastAction: 'install', installFailures: 1, installStrategy: 'RetryOnFailure' },
      want: 'stall RetriesExceeded',
    },
    {
      name: 'absent, upgrades are exhausted',
      state: 'Absent',
      input: { lastAction: 'upgrade', upgradeFailures: 3 },
      want: 'install',
    },
    { name: 'locked, forced', state: 'Locked', ours: false, input: { force: true }, want: 'unlock' },
    { name: 'locked by another', state: 'Locked', ours: false, want: 'unlock' },
    { name: 'our own operation was cut off', state: 'Locked', ours: true, want: 'resume' },
    { name: 'unmanaged', state: 'Unmanaged', want: 'upgrade clear' },
    {
      name: 'unmanaged, however often upgrades failed',
      state: 'Unmanaged',
      input: { lastAction: 'upgrade', upgradeFailures: 9 },
      want: 'upgrade clear',
    },
    {
      name: 'failed install, forced',
      state: 'Failed',
      input: { lastAction: 'install', installFailures: 9, force: true },
      want: 'upgrade',
    },
    {
      name: 'failed install, retries without end',
      state: 'Failed',
      input: { lastAction: 'install', installFailures: 9, installRetries: -1 },
      want: 'uninstall',
    },
    {
      name: 'failed upgrade, retries without end',
      state: 'Failed',
      input: { lastAction: 'upgrade', upgradeFailures: 9, upgradeRetries: -1 },
      want: 'rollback',
    },
    {
      name: 'failed upgrade, exhausted, the last one uninstalled',
      state: 'Failed',
      input: {
        lastAction: 'upgrade',
        upgradeFailures: 1,
        upgradeRemediation: 'uninstall',
        remediateLastUpgradeFailure: true,
      },
      want: 'uninstall',
    },
    {
      name: 'failed upgrade, exhausted, nothing to go back to',
      state: 'Failed',
      input: { lastAction: 'upgrade', upgradeFailures: 1, rollbackTarget: 'none' },
      want: 'stall RetriesExceeded',
    },
    {
      name: 'failed upgrade, forced, nothing to go back to',
      state: 'Failed',
      input: { lastAction: 'upgrade', upgradeFailures: 1, rollbackTarget: 'none', force: true },
      want: 'upgrade',
    },
    {
      name: 'failed upgrade, retried, although it would be remediated',
      state: 'Failed',
      input: {
        lastAction: 'upgrade',
        upgradeFailures: 1,
        upgradeStrategy: 'RetryOnFailure',
        remediateLastUpgradeFailure: true,
      },
      want: 'upgrade',
    },
    {
      name: 'out of sync, a retry left',
      state: 'OutOfSync',
      input: { upgradeFailures: 1, upgradeRetries: 1 },
      want: 'upgrade',
    },
    {
      name: 'out of sync, retries without end',
      state: 'OutOfSync',
      input: { upgradeFailures: 9, upgradeRetries: -1 },
      want: 'upgrade',
    },
    {
      name: 'out of sync, installs are exhausted',
      state: 'OutOfSync',
      input: { lastAction: 'install', installFailures: 9 },
      want: 'upgrade',
    },
    { name: 'untested, forced', state: 'Untested', input: { force: true }, want: 'test' },
    { name: 'unknown, forced', state: 'Unknown', input: { force: true }, want: 'error' },
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
    { name: 'nothing was attempted', input: { installFailures: 1 }, want: undefined },
    {
      name: 'failed upgrade, rolled back, a retry left',
      input: { lastAction: 'upgrade', upgradeFailures: 1, upgradeRetries: 1 },
      want: undefined,
    },
    {
      name: 'failed install, uninstalled, although upgrades are to be uninstalled',
      input: { lastAction: 'install', installFailures: 1, upgradeRemediation: 'uninstall' },
      want: 'Failed to install after 1 attempt(s)',
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
