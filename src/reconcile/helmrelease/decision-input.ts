import type { HelmRelease } from '../../api/index.ts'
import type { DecisionInput } from './decide.ts'
import { previousSnapshot } from './history.ts'
import { isForceRequested } from './requests.ts'
import { verifySnapshot } from './snapshot.ts'
import type { ReleaseStorage } from './storage.ts'

/**
 * The facts that {@link decide} needs, from the object and, for a failed upgrade, from Helm's storage, with the defaults of helm-controller 1.6.
 * `mayForce` is false once a forced action has been taken in this step.
 */
export async function decisionInput(
  object: HelmRelease,
  storage: ReleaseStorage,
  mayForce: boolean,
  isFailed: boolean,
): Promise<DecisionInput> {
  const { install, upgrade } = object.spec
  const status = object.status
  const upgradeRetries = upgrade?.remediation?.retries ?? 0
  const isRollback = status?.lastAttemptedReleaseAction === 'upgrade' && upgrade?.remediation?.strategy !== 'uninstall'
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
    rollbackTarget: isFailed && isRollback ? await rollbackTarget(object, storage) : 'none',
    force: mayForce && isForceRequested(object),
  }
}

async function rollbackTarget(object: HelmRelease, storage: ReleaseStorage): Promise<DecisionInput['rollbackTarget']> {
  const target = previousSnapshot(object.status?.history, ignoresTestFailures(object))
  if (target === undefined) return 'none'
  const stored = await storage.read(target.version)
  return stored !== undefined && verifySnapshot(target, stored.release) ? 'verified' : 'changed'
}

/** Whether failed tests are no failures: the last action's `remediation.ignoreTestFailures`, else `test.ignoreFailures`. */
export function ignoresTestFailures(object: HelmRelease): boolean {
  const { spec, status } = object
  const action = status?.lastAttemptedReleaseAction
  const own = action === undefined ? undefined : spec[action]?.remediation?.ignoreTestFailures
  return own ?? spec.test?.ignoreFailures ?? false
}
