import type { HelmRelease } from '../../api/index.ts'
import type { DecisionInput } from './decide.ts'
import type { StoredRelease } from './storage.ts'

/** The facts that {@link decide} needs, from the object and from Helm's storage, with the defaults of helm-controller 1.6. */
export function decisionInput(object: HelmRelease, stored: readonly StoredRelease[], force: boolean): DecisionInput {
  const { install, upgrade } = object.spec
  const status = object.status
  const upgradeRetries = upgrade?.remediation?.retries ?? 0
  return {
    installFailures: status?.installFailures ?? 0,
    upgradeFailures: status?.upgradeFailures ?? 0,
    lastAction: status?.lastAttemptedReleaseAction,
    installRetries: install?.remediation?.retries ?? 0,
    upgradeRetries,
    installStrategy: install?.strategy?.name ?? 'RemediateOnFailure',
    upgradeStrategy: upgrade?.strategy?.name ?? 'RemediateOnFailure',
    upgradeRemediation: upgrade?.remediation?.strategy ?? 'rollback',
    remediateLastInstallFailure: install?.remediation?.remediateLastFailure ?? false,
    remediateLastUpgradeFailure: upgrade?.remediation?.remediateLastFailure ?? upgradeRetries > 0,
    hasRollbackTarget: rollbackTarget(object, stored) !== undefined,
    force,
  }
}

/** The newest release before the failed one that was deployed, is still in storage, and is in the object's own history. */
export function rollbackTarget(object: HelmRelease, stored: readonly StoredRelease[]): StoredRelease | undefined {
  const known = new Set(
    (object.status?.history ?? [])
      .filter((snapshot) => snapshot.status === 'deployed' || snapshot.status === 'superseded')
      .map((snapshot) => snapshot.version),
  )
  return stored
    .slice(1)
    .find(
      (other) =>
        known.has(other.release.version) &&
        (other.release.info.status === 'deployed' || other.release.info.status === 'superseded'),
    )
}
