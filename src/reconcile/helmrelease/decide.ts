import type { ReleaseState } from './state.ts'

/** The part of the HelmRelease's spec and status that a decision depends on. */
export interface DecisionInput {
  readonly installFailures: number
  readonly upgradeFailures: number
  /** `.status.lastAttemptedReleaseAction`: whose retries and remediation are in force. */
  readonly lastAction: 'install' | 'upgrade' | undefined
  /** Failed attempts allowed after the first one; negative: without end. */
  readonly installRetries: number
  readonly upgradeRetries: number
  readonly installStrategy: 'RemediateOnFailure' | 'RetryOnFailure'
  readonly upgradeStrategy: 'RemediateOnFailure' | 'RetryOnFailure'
  readonly upgradeRemediation: 'rollback' | 'uninstall'
  readonly remediateLastInstallFailure: boolean
  readonly remediateLastUpgradeFailure: boolean
  /** True when history holds an earlier release to go back to. */
  readonly hasRollbackTarget: boolean
  /** One forced install or upgrade was asked for by annotation. */
  readonly force: boolean
}

/** What to do next. `stall` needs a human or a change of the spec; `none` means that the release is as wanted. */
export type Decision =
  | {
      readonly action: 'install' | 'upgrade' | 'unlock' | 'resume' | 'test' | 'rollback' | 'uninstall'
      readonly clearHistory?: boolean
    }
  | { readonly action: 'none' }
  | { readonly action: 'stall'; readonly reason: 'RetriesExceeded' | 'MissingRollbackTarget'; readonly message: string }
  | { readonly action: 'error'; readonly message: string }

/** The next action for a state, after helm-controller 1.6's actionForState. Pure; each row of its table has a test. */
export function decide(state: ReleaseState, input: DecisionInput): Decision {
  switch (state.kind) {
    case 'Absent':
      if (!input.force && isExhausted(input.installFailures, input.installRetries))
        return exceeded('install', input.installFailures)
      return { action: 'install' }
    case 'Locked':
      return { action: state.ours ? 'resume' : 'unlock' }
    case 'Unmanaged':
      return { action: 'upgrade', clearHistory: true }
    case 'Failed':
      return decideFailed(input)
    case 'OutOfSync':
      if (!input.force && isExhausted(input.upgradeFailures, input.upgradeRetries))
        return exceeded('upgrade', input.upgradeFailures)
      return { action: 'upgrade' }
    case 'Untested':
      return { action: 'test' }
    case 'InSync':
      return input.force ? { action: 'upgrade' } : { action: 'none' }
    case 'Unknown':
      return { action: 'error', message: state.reason }
  }
}

function decideFailed(input: DecisionInput): Decision {
  const isUpgrade = input.lastAction === 'upgrade'
  const strategy = isUpgrade ? input.upgradeStrategy : input.installStrategy
  const failures = isUpgrade ? input.upgradeFailures : input.installFailures
  const retries = isUpgrade ? input.upgradeRetries : input.installRetries
  if (strategy === 'RetryOnFailure' || input.lastAction === undefined || failures <= 0 || input.force)
    return { action: 'upgrade' }
  const remediateLast = isUpgrade ? input.remediateLastUpgradeFailure : input.remediateLastInstallFailure
  if (isExhausted(failures, retries) && !remediateLast) return exceeded(isUpgrade ? 'upgrade' : 'install', failures)
  if (!isUpgrade || input.upgradeRemediation === 'uninstall') return { action: 'uninstall' }
  if (!input.hasRollbackTarget) {
    return {
      action: 'stall',
      reason: 'MissingRollbackTarget',
      message: 'Failed to perform remediation: missing target release for rollback',
    }
  }
  return { action: 'rollback' }
}

/** `failures` counts failed attempts; one attempt is always allowed, so `retries` of them may follow it. */
function isExhausted(failures: number, retries: number): boolean {
  return retries >= 0 && failures > retries
}

function exceeded(action: 'install' | 'upgrade', failures: number): Decision {
  return { action: 'stall', reason: 'RetriesExceeded', message: `Failed to ${action} after ${failures} attempt(s)` }
}
