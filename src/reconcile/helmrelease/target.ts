import type { HelmRelease } from '../../api/index.ts'
import { latestSnapshot } from './history.ts'
import { releaseNameOf, releaseNamespaceOf, storageNamespaceOf } from './names.ts'

/** What of a release's identity has changed, in the words of a message. */
export type TargetChange = 'storage namespace' | 'release namespace' | 'release name' | 'chart name'

/**
 * Whether the spec points at another release than the one that was made: then the old one is uninstalled before the new one is
 * installed (helm-controller 1.6, ReleaseTargetChanged). Another chart name counts unless `chartNameChangeStrategy` is `InPlaceUpdate`.
 */
export function targetChange(object: HelmRelease, chartName: string): TargetChange | undefined {
  const { status, spec } = object
  const latest = latestSnapshot(status?.history)
  if (latest === undefined || (status?.storageNamespace ?? '') === '') return undefined
  if (storageNamespaceOf(object) !== status?.storageNamespace) return 'storage namespace'
  if (releaseNamespaceOf(object) !== latest.namespace) return 'release namespace'
  if (releaseNameOf(object) !== latest.name) return 'release name'
  const isReinstall = (spec.upgrade?.chartNameChangeStrategy ?? 'Reinstall') === 'Reinstall'
  return isReinstall && chartName !== latest.chartName ? 'chart name' : undefined
}
