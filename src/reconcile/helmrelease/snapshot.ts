import type { ReleaseAction, ReleaseSnapshot } from '../../api/index.ts'
import { configDigest, snapshotDigest, type Hook, type Release } from '../../helm/index.ts'
import type { ObservedRelease, ReleaseStatus } from './state.ts'

/** The entry of `.status.history` for a release as it is stored (helm-controller 1.6, release.ObservedToSnapshot). */
export function snapshotOf(release: Release, action: ReleaseAction, ociDigest: string | undefined): ReleaseSnapshot {
  const metadata = release.chart?.metadata
  const oci = ociDigest === undefined || ociDigest === '' ? {} : { ociDigest }
  return {
    apiVersion: 'v2',
    digest: snapshotDigest(release, oci),
    name: release.name,
    namespace: release.namespace,
    version: release.version,
    status: release.info.status,
    action,
    chartName: metadata?.name ?? '',
    chartVersion: metadata?.version ?? '',
    ...(metadata?.appVersion === undefined || metadata.appVersion === '' ? {} : { appVersion: metadata.appVersion }),
    configDigest: configDigest(release.config),
    firstDeployed: wholeSeconds(release.info.first_deployed),
    lastDeployed: wholeSeconds(release.info.last_deployed),
    ...(release.info.deleted === undefined || release.info.deleted === ''
      ? {}
      : { deleted: wholeSeconds(release.info.deleted) }),
    ...oci,
  }
}

/** Results of those test hooks of a release that are to run, for its snapshot (helm-controller 1.6.3, TestHooksFromRelease). */
export function testHooksOf(
  release: Release,
  isWanted: (hook: Hook) => boolean,
): NonNullable<ReleaseSnapshot['testHooks']> {
  return Object.fromEntries(
    release.hooks
      .filter((hook) => hook.events.includes('test') && isWanted(hook))
      .map((hook) => {
        const { started_at: started, completed_at: completed, phase } = hook.last_run
        return [
          hook.name,
          {
            ...(started === undefined || started === '' ? {} : { lastStarted: wholeSeconds(started) }),
            ...(completed === undefined || completed === '' ? {} : { lastCompleted: wholeSeconds(completed) }),
            ...(phase === '' ? {} : { phase }),
          },
        ]
      }),
  )
}

/** What decisions need of a stored release. `ociDigest` is the one its snapshot was made with. */
export function observe(release: Release, ociDigest: string | undefined): ObservedRelease {
  return {
    version: release.version,
    status: release.info.status as ReleaseStatus,
    chartName: release.chart?.metadata?.name ?? '',
    chartVersion: release.chart?.metadata?.version ?? '',
    digest: snapshotDigest(release, ociDigest === undefined ? {} : { ociDigest }),
    configDigest: configDigest(release.config),
  }
}

/** True when a stored release is the one that was recorded; snapshots of an older format cannot be verified and count as such. */
export function verifySnapshot(snapshot: ReleaseSnapshot, release: Release): boolean {
  if (snapshot.apiVersion !== 'v2') return true
  const { ociDigest } = snapshot
  return snapshot.digest === snapshotDigest(release, ociDigest === undefined ? {} : { ociDigest })
}

/** The release's own times have fractions of a second and a zone; a status has neither. */
function wholeSeconds(text: string | undefined): string {
  const time = Date.parse(text ?? '')
  return Number.isNaN(time) ? '1970-01-01T00:00:00Z' : new Date(time).toISOString().replace(/\.\d+Z$/, 'Z')
}
