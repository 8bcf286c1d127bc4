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
}

/** The entry of `.status.history` that decisions need. */
export interface ObservedSnapshot {
  readonly version: number
  readonly digest: string
  /** Absent in snapshots of old controllers: their digest is not comparable. */
  readonly apiVersion?: string
  readonly status: string
  readonly testHooks?: { readonly [name: string]: { readonly phase?: string } }
  readonly tested?: boolean
}

/** What the HelmRelease asks for. */
export interface DesiredRelease {
  readonly chartName: string
  readonly chartVersion: string
  readonly configDigest: string
  readonly testsEnabled: boolean
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
 * One difference: a `pending-*` release whose digest is that of our newest snapshot is `ours`: a step that was cut off, to be
 * gone on with, rather than somebody else's operation to be unlocked.
 */
export function determineState(
  latest: ObservedRelease | undefined,
  history: readonly ObservedSnapshot[],
  desired: DesiredRelease,
): ReleaseState {
  if (latest === undefined) return { kind: 'Absent', reason: 'no release in storage for object' }
  const newest = history[0]
  const isRecorded = newest !== undefined && newest.version === latest.version && matches(newest, latest)
  switch (latest.status) {
    case 'uninstalled':
      return { kind: 'Absent', reason: 'found uninstalled release in storage' }
    case 'pending-install':
    case 'pending-upgrade':
    case 'pending-rollback':
      return { kind: 'Locked', reason: `release with status '${latest.status}'`, ours: isRecorded }
  }
  if (newest === undefined)
    return { kind: 'Unmanaged', reason: 'found existing release in storage but no history of it' }
  if (!isRecorded) return { kind: 'Unmanaged', reason: 'release in storage differs from the last one recorded' }
  switch (latest.status) {
    case 'failed':
      return { kind: 'Failed', reason: 'release is in a failed state' }
    case 'deployed':
      return deployedState(latest, newest, desired)
    default:
      return { kind: 'Unknown', reason: `unable to determine state for release with status '${latest.status}'` }
  }
}

function deployedState(latest: ObservedRelease, newest: ObservedSnapshot, desired: DesiredRelease): ReleaseState {
  const hasFailedTest = Object.values(newest.testHooks ?? {}).some((hook) => hook.phase === 'Failed')
  if (desired.testsEnabled && hasFailedTest && !desired.ignoreTestFailures) {
    return { kind: 'Failed', reason: 'release has test in failed phase' }
  }
  if (latest.chartName !== desired.chartName) {
    return { kind: 'OutOfSync', reason: `chart name changed from '${latest.chartName}' to '${desired.chartName}'` }
  }
  if (latest.chartVersion !== desired.chartVersion) {
    return {
      kind: 'OutOfSync',
      reason: `chart version changed from '${latest.chartVersion}' to '${desired.chartVersion}'`,
    }
  }
  if (latest.configDigest !== desired.configDigest) return { kind: 'OutOfSync', reason: 'values changed' }
  if (desired.postRenderingChanged) return { kind: 'OutOfSync', reason: 'post-rendering changed' }
  if (desired.testsEnabled && newest.testHooks === undefined) {
    return { kind: 'Untested', reason: 'release has not been tested' }
  }
  return { kind: 'InSync', reason: 'release in-sync with desired state' }
}

/** A snapshot of an older format cannot be verified and counts as a match, so that taking over changes nothing. */
function matches(snapshot: ObservedSnapshot, release: ObservedRelease): boolean {
  return snapshot.apiVersion !== 'v2' || snapshot.digest === release.digest
}
