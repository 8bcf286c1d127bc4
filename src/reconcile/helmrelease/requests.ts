import { annotations, type HelmRelease, type HelmReleaseStatus } from '../../api/index.ts'

const { requestedAt: requestedAtKey, forceAt: forceAtKey, resetAt: resetAtKey } = annotations

/** True when one forced install or upgrade was asked for and not done yet (fluxcd/pkg apis/meta, ShouldHandleForceRequest). */
export function isForceRequested(object: HelmRelease): boolean {
  return isAsked(object, forceAtKey, object.status?.lastHandledForceAt)
}

/** True when the failure counters are to be cleared and were not yet (helm-controller 1.6, ShouldHandleResetRequest). */
export function isResetRequested(object: HelmRelease): boolean {
  return isAsked(object, resetAtKey, object.status?.lastHandledResetAt)
}

function isAsked(object: HelmRelease, key: string, handled: string | undefined): boolean {
  const given = object.metadata.annotations ?? {}
  const requestedAt = given[requestedAtKey]
  const value = given[key]
  return (
    value !== undefined &&
    value === requestedAt &&
    requestedAt !== object.status?.lastHandledReconcileAt &&
    value !== handled
  )
}

/** Marks the values of the request annotations as handled, also of those that were not honoured. */
export function withHandledRequests(object: HelmRelease, status: HelmReleaseStatus): HelmReleaseStatus {
  const given = object.metadata.annotations ?? {}
  const [requestedAt, forceAt, resetAt] = [given[requestedAtKey], given[forceAtKey], given[resetAtKey]]
  return {
    ...status,
    ...(requestedAt === undefined ? {} : { lastHandledReconcileAt: requestedAt }),
    ...(forceAt === undefined ? {} : { lastHandledForceAt: forceAt }),
    ...(resetAt === undefined ? {} : { lastHandledResetAt: resetAt }),
  }
}
