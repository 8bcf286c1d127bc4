import type { HelmRelease } from '../../api/index.ts'
import { isResetRequested } from './requests.ts'

/**
 * True when something changed since the last attempt that could make a difference, so that failures are counted anew: generation, chart
 * version, values, or a request by annotation (helm-controller 1.6, MustResetFailures).
 */
export function mustResetFailures(
  object: HelmRelease,
  attempted: { readonly chartVersion: string; readonly configDigest: string },
): boolean {
  const { status, metadata } = object
  if (status?.lastAttemptedGeneration !== metadata.generation) return true
  if (status?.lastAttemptedRevision !== attempted.chartVersion) return true
  const digest = status.lastAttemptedConfigDigest
  if (digest !== undefined && digest !== '' && digest !== attempted.configDigest) return true
  return isResetRequested(object)
}
