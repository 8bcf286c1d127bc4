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
  /** The earlier good release: not in history, no longer in storage as it was recorded, or as it was. */
  readonly rollbackTarget: 'none' | 'changed' | 'verified'
  /** One forced install or upgrade was asked for by annotation. */
  readonly force: boolean
}

/** Actions on a release. `resume` goes on with an operation of ours that was cut off. */
export type ActionName = 'install' | 'upgrade' | 'unlock' | 'resume' | 'test' | 'rollback' | 'uninstall'

/** `stall` needs a human or a change of the spec; it is what the Stalled condition says. */
export interface Stall {
  readonly action: 'stall'
  readonly reason: 'RetriesExceeded' | 'MissingRollbackTarget'
  readonly message: string
}

/** What to do next. `none` means that the release is as wanted. */
export type Decision =
  | { readonly action: ActionName; readonly clearHistory?: boolean }
  | { readonly action: 'none' }
  | Stall
  | { readonly action: 'error'; readonly message: string }

/** The next action for a state, after helm-controller 1.6's actionForState. Pure; each row of its table has a test. */
export function decide(state: ReleaseState, input: DecisionInput): Decision {
  switch (state.kind) {
    case 'Absent':
      return !input.force && isExhausted(input.installFailures, input.installRetries)
        ? exceeded(input)
        : { action: 'install' }
    case 'Locked':
      return { action: state.ours ? 'resume' : 'unlock' }
    case 'Unmanaged':
      return { action: 'upgrade', clearHistory: true }
    case 'Failed':
      return decideFailed(input)
    case 'OutOfSync':
      return !input.force && isExhausted(input.upgradeFailures, input.upgradeRetries)
        ? exceeded(input)
        : { action: 'upgrade' }
    case 'Untested':
      return { action: 'test' }
    case 'InSync':
      return input.force ? { action: 'upgrade' } : { action: 'none' }
    case 'Unknown':
      return { action: 'error', message: state.reason }
  }
}

function decideFailed(input: DecisionInput): Decision {
  if (isRetryInForce(input) || input.lastAction === undefined || activeFailures(input) <= 0 || input.force)
    return { action: 'upgrade' }
  const isUpgrade = input.lastAction === 'upgrade'
  const remediateLast = isUpgrade ? input.remediateLastUpgradeFailure : input.remediateLastInstallFailure
  if (areRetriesExhausted(input) && !remediateLast) return exceeded(input)
  if (!isUpgrade || input.upgradeRemediation === 'uninstall') return { action: 'uninstall' }
  switch (input.rollbackTarget) {
    case 'verified':
      return { action: 'rollback' }
    case 'changed':
      // What would be rolled back to is not what was deployed then: another upgrade is the better remedy.
      return { action: 'upgrade' }
    case 'none':
      return {
        action: 'stall',
        reason: 'MissingRollbackTarget',
        message: 'Failed to perform remediation: missing target release for rollback: cannot remediate failed release',
      }
  }
}

/**
 * What follows a remediation: the next attempt, at once, or (where no retries are left and the release was not uninstalled to be
 * installed afresh) the end until something changes.
 */
export function decideAfterRemediation(input: DecisionInput): Stall | undefined {
  const isUninstallAfterUpgrade = input.lastAction === 'upgrade' && input.upgradeRemediation === 'uninstall'
  if (isRetryInForce(input) || input.lastAction === undefined) return undefined
  return areRetriesExhausted(input) && !isUninstallAfterUpgrade ? exceeded(input) : undefined
}

/** True where a failure of the last action is answered by trying again after `retryInterval`, never by remediation. */
export function isRetryInForce(input: DecisionInput): boolean {
  if (input.lastAction === undefined) return false
  return (input.lastAction === 'upgrade' ? input.upgradeStrategy : input.installStrategy) === 'RetryOnFailure'
}

/** True when the last action has failed more often than its retries allow. */
export function areRetriesExhausted(input: DecisionInput): boolean {
  if (input.lastAction === undefined) return false
  return isExhausted(
    activeFailures(input),
    input.lastAction === 'upgrade' ? input.upgradeRetries : input.installRetries,
  )
}

function activeFailures(input: DecisionInput): number {
  return input.lastAction === 'upgrade' ? input.upgradeFailures : input.installFailures
}

/** `failures` counts failed attempts; one attempt is always allowed, so `retries` of them may follow it. */
function isExhausted(failures: number, retries: number): boolean {
  return retries >= 0 && failures > retries
}

function exceeded(input: DecisionInput): Stall {
  const action = input.lastAction ?? 'install'
  return {
    action: 'stall',
    reason: 'RetriesExceeded',
    message: `Failed to ${action} after ${activeFailures(input)} attempt(s)`,
  }
}
