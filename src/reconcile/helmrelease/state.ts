import { hasBeenTested, hasFailedTest } from './history.ts'
import type { OperationMark } from './operation-mark.ts'

/** Statuses of a release in Helm's storage (Helm v4 `pkg/release/common`). */
export type ReleaseStatus =
  | 'unknown'
  | 'deployed'
  | 'uninstalled'
  | 'superseded'
  | 'failed'
  | 'uninstalling'
  | 'pending-install'
  | 'pending-upgrade'
  | 'pending-rollback'

/** What is known of the latest release in storage. */
export interface ObservedRelease {
  readonly version: number
  readonly status: ReleaseStatus
  readonly chartName: string
  readonly chartVersion: string
  /** Digest of the stored release, comparable with a snapshot's. */
  readonly digest: string
  readonly configDigest: string
  /** True while an operation of ours on it is not finished, or the history does not say yet how it ended. */
  readonly isOurs?: boolean
}

/** The entry of `.status.history` that decisions need. */
export interface ObservedSnapshot {
  readonly version: number
  readonly digest: string
  /** Absent in snapshots of old controllers: their digest is not comparable. */
  readonly apiVersion?: string
  readonly status: string
  /** Digest of the values it was made with. */
  readonly configDigest?: string
  readonly testHooks?: { readonly [name: string]: { readonly phase?: string } }
}

/** What the HelmRelease asks for. */
export interface DesiredRelease {
  readonly chartName: string
  readonly chartVersion: string
  readonly configDigest: string
  readonly testsEnabled: boolean
  /** True where a failed test is no failure of the release: ignored, or no action's remediation is in force. */
  readonly ignoreTestFailures: boolean
  /** True when the spec changed since it was last observed and its post-renderers or common metadata differ from those applied. */
  readonly postRenderingChanged: boolean
}

/** The state of a release compared with what is wanted. `reason` explains it in the words of an event. */
export type ReleaseState =
  | { readonly kind: 'Absent'; readonly reason: string }
  | { readonly kind: 'Locked'; readonly reason: string; readonly ours: boolean }
  | { readonly kind: 'Unmanaged'; readonly reason: string }
  | { readonly kind: 'Failed'; readonly reason: string }
  | { readonly kind: 'OutOfSync'; readonly reason: string }
  | { readonly kind: 'Untested'; readonly reason: string }
  | { readonly kind: 'InSync'; readonly reason: string }
  | { readonly kind: 'Unknown'; readonly reason: string }

/**
 * Compares the latest stored release and the recorded history with what is wanted, in the order of helm-controller 1.6's
 * DetermineReleaseState. Drift is not part of it: it is looked for only once this says `InSync`.
 *
 * One difference: a `pending-*` release that carries our mark is `ours`: a step that was cut off, to be gone on with, rather than
 * somebody else's operation to be unlocked.
 */
export function determineState(
  latest: ObservedRelease | undefined,
  history: readonly ObservedSnapshot[],
  desired: DesiredRelease,
): ReleaseState {
  if (latest === undefined) return { kind: 'Absent', reason: 'no release in storage for object' }
  if (latest.isOurs)
    return { kind: 'Locked', reason: `our operation on it was cut off ('${latest.status}')`, ours: true }
  if (latest.status.startsWith('pending-'))
    return { kind: 'Locked', reason: `release with status '${latest.status}'`, ours: false }
  const newest = history[0]
  if (newest === undefined) {
    if (latest.status === 'uninstalled') return { kind: 'Absent', reason: 'found uninstalled release in storage' }
    return { kind: 'Unmanaged', reason: 'found existing release in storage' }
  }
  if (newest.version !== latest.version || !matches(newest, latest))
    return { kind: 'Unmanaged', reason: 'release not observed to be made for object' }
  switch (latest.status) {
    case 'failed':
      return { kind: 'Failed', reason: '' }
    case 'uninstalled':
      return { kind: 'Absent', reason: 'found uninstalled release in storage' }
    case 'deployed':
      return deployedState(latest, newest, desired)
    default:
      return { kind: 'Unknown', reason: `unable to determine state for release with status '${latest.status}'` }
  }
}

function deployedState(latest: ObservedRelease, newest: ObservedSnapshot, desired: DesiredRelease): ReleaseState {
  if (latest.chartName !== desired.chartName || latest.chartVersion !== desired.chartVersion)
    return { kind: 'OutOfSync', reason: 'release chart changed' }
  if ((newest.configDigest ?? latest.configDigest) !== desired.configDigest)
    return { kind: 'OutOfSync', reason: 'release config values changed' }
  if (desired.postRenderingChanged) return { kind: 'OutOfSync', reason: 'post-rendering changed' }
  if (desired.testsEnabled) {
    if (!hasBeenTested(newest)) return { kind: 'Untested', reason: 'release has not been tested' }
    if (!desired.ignoreTestFailures && hasFailedTest(newest))
      return { kind: 'Failed', reason: 'release has test in failed phase' }
  }
  return { kind: 'InSync', reason: 'release in-sync with desired state' }
}

/**
 * True where an operation of ours on the latest release has to be gone on with: it runs, or the step that ended it was cut off before it could say so in
 * the history.
 */
export function isCutOff(
  mark: OperationMark | undefined,
  latest: ObservedRelease,
  history: readonly ObservedSnapshot[],
): boolean {
  if (mark === undefined) return false
  if (mark.finished === undefined) return true
  const known = history.find((snapshot) => snapshot.version === latest.version)
  if (known === undefined) return history.every((snapshot) => snapshot.version < latest.version)
  return !matches(known, latest) || (mark.operation === 'test' && known.testHooks === undefined)
}

/** A snapshot of an older format cannot be verified and counts as a match, so that taking over changes nothing. */
function matches(snapshot: ObservedSnapshot, release: ObservedRelease): boolean {
  return snapshot.apiVersion !== 'v2' || snapshot.digest === release.digest
}
