import type { HelmReleaseStatus, ReleaseAction } from '../../api/index.ts'
import { configDigest, snapshotDigest, type Release } from '../../helm/index.ts'
import type { DesiredRelease, ObservedRelease, ReleaseStatus } from './state.ts'

type Snapshot = NonNullable<HelmReleaseStatus['history']>[number]

/** The entry of `.status.history` for a release as it is stored (helm-controller 1.6, release.ObservedToSnapshot). */
export function snapshotOf(release: Release, action: ReleaseAction): Snapshot {
  const metadata = release.chart?.metadata
  return {
    apiVersion: 'v2',
    digest: snapshotDigest(release),
    name: release.name,
    namespace: release.namespace,
    version: release.version,
    status: release.info.status,
    action,
    chartName: metadata?.name ?? '',
    chartVersion: metadata?.version ?? '',
    ...(metadata?.appVersion === undefined ? {} : { appVersion: metadata.appVersion }),
    configDigest: configDigest(release.config),
    firstDeployed: wholeSeconds(release.info.first_deployed),
    lastDeployed: wholeSeconds(release.info.last_deployed),
    ...(release.info.deleted === undefined || release.info.deleted === ''
      ? {}
      : { deleted: wholeSeconds(release.info.deleted) }),
  }
}

/** What decisions need of a stored release. */
export function observe(release: Release): ObservedRelease {
  return {
    version: release.version,
    status: release.info.status as ReleaseStatus,
    chartName: release.chart?.metadata?.name ?? '',
    chartVersion: release.chart?.metadata?.version ?? '',
    digest: snapshotDigest(release),
    configDigest: configDigest(release.config),
  }
}

export type { DesiredRelease }

/** The release's own times have fractions of a second and a zone; a status has neither. */
function wholeSeconds(text: string | undefined): string {
  const time = Date.parse(text ?? '')
  return Number.isNaN(time) ? '1970-01-01T00:00:00Z' : new Date(time).toISOString().replace(/\.\d+Z$/, 'Z')
}
