import type { ReleaseSnapshot } from '../../api/index.ts'

/** Snapshots that are kept where no earlier good release limits them (helm-controller 1.6, defaultMaxHistory). */
const maxSnapshots = 5

/** The snapshot of the newest release. */
export function latestSnapshot(history: readonly ReleaseSnapshot[] | undefined): ReleaseSnapshot | undefined {
  return sorted(history ?? [])[0]
}

/**
 * The newest release before the latest one that was good: deployed or superseded, without a failed test unless those are ignored
 * (helm-controller 1.6, Snapshots.Previous). It is what a failed upgrade is rolled back to.
 */
export function previousSnapshot(
  history: readonly ReleaseSnapshot[] | undefined,
  ignoreTests: boolean,
): ReleaseSnapshot | undefined {
  return sorted(history ?? [])
    .slice(1)
    .find((snapshot) => isGood(snapshot, ignoreTests))
}

/** History up to and including the previous good release; five where there is none (helm-controller 1.6, Snapshots.Truncate). */
function truncateHistory(history: readonly ReleaseSnapshot[], ignoreTests: boolean): ReleaseSnapshot[] {
  const all = sorted(history)
  const good = all.findIndex((snapshot, index) => index > 0 && isGood(snapshot, ignoreTests))
  return all.slice(0, good < 0 ? maxSnapshots : good + 1)
}

/**
 * The part of the history that is kept when a release is in sync, or before a failure is answered: the five newest snapshots where failures are retried
 * without remediation, else everything up to what a rollback would go back to.
 */
export function keptSnapshots(
  history: readonly ReleaseSnapshot[],
  rules: { readonly isRetried: boolean; readonly ignoreTests: boolean },
): ReleaseSnapshot[] {
  return rules.isRetried ? sorted(history).slice(0, maxSnapshots) : truncateHistory(history, rules.ignoreTests)
}

/** Puts a snapshot in place of the one of the same release, whose test results stay; a new one goes to the head. */
export function putSnapshot(history: readonly ReleaseSnapshot[], snapshot: ReleaseSnapshot): ReleaseSnapshot[] {
  const known = history.find((other) => isSameRelease(other, snapshot))
  if (known === undefined) return sorted([snapshot, ...history])
  const merged: ReleaseSnapshot = {
    ...(known.action === undefined ? {} : { action: known.action }),
    ...(known.ociDigest === undefined ? {} : { ociDigest: known.ociDigest }),
    ...(known.testHooks === undefined ? {} : { testHooks: known.testHooks }),
    ...snapshot,
  }
  return history.map((other) => (other === known ? merged : other))
}

/** True for two snapshots of one revision. */
export function isSameRelease(
  a: { readonly name: string; readonly namespace: string; readonly version: number },
  b: { readonly name: string; readonly namespace: string; readonly version: number },
): boolean {
  return a.name === b.name && a.namespace === b.namespace && a.version === b.version
}

/**
 * True when results of tests are known: one failed, or all that were to run have succeeded; also where there are none. Hooks that have not ended say nothing
 * (helm-controller 1.6.3, HasBeenTested).
 */
export function hasBeenTested(snapshot: Pick<ReleaseSnapshot, 'testHooks'>): boolean {
  const { testHooks } = snapshot
  if (testHooks === undefined) return false
  return hasFailedTest(snapshot) || Object.values(testHooks).every((hook) => hook.phase === 'Succeeded')
}

/** True when a test hook of the release ended in failure. */
export function hasFailedTest(snapshot: Pick<ReleaseSnapshot, 'testHooks'>): boolean {
  return Object.values(snapshot.testHooks ?? {}).some((hook) => hook.phase === 'Failed')
}

/** `namespace/name.vN`, as messages have it. */
export function releaseText(snapshot: {
  readonly namespace: string
  readonly name: string
  readonly version: number
}): string {
  return `${snapshot.namespace}/${snapshot.name}.v${snapshot.version}`
}

/** `chart@version`, as messages have it. */
export function chartText(snapshot: Pick<ReleaseSnapshot, 'chartName' | 'chartVersion'>): string {
  return `${snapshot.chartName}@${snapshot.chartVersion}`
}

function isGood(snapshot: ReleaseSnapshot, ignoreTests: boolean): boolean {
  const isDone = snapshot.status === 'deployed' || snapshot.status === 'superseded'
  return isDone && (ignoreTests || !hasFailedTest(snapshot))
}

function sorted(history: readonly ReleaseSnapshot[]): ReleaseSnapshot[] {
  return history.toSorted((a, b) => b.version - a.version)
}
