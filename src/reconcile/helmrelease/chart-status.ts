import { removeCondition, setCondition, type Condition, type HelmChart, type HelmChartStatus } from '../../api/index.ts'
import { timestamp } from '../timestamp.ts'

/** The status of a HelmChart whose chart is at hand (source-controller 1.9). */
export function chartStatus(
  object: HelmChart,
  found: {
    readonly digest: string
    readonly version: string
    readonly sourceRevision: string
    readonly publicUrl: string
    readonly now: number
  },
): HelmChartStatus {
  const generation = object.metadata.generation ?? 0
  const chartName = object.spec.chart.split('/').findLast((part) => part !== '' && part !== '.') ?? object.metadata.name
  const message = `packaged '${chartName}' chart with version '${found.version}'`
  const at = timestamp(found.now)
  let conditions: readonly Condition[] = object.status?.conditions ?? []
  for (const type of ['Reconciling', 'Stalled', 'FetchFailed', 'BuildFailed', 'ArtifactOutdated'])
    conditions = removeCondition(conditions, type)
  for (const type of ['Ready', 'ArtifactInStorage']) {
    conditions = setCondition(
      conditions,
      { type, status: 'True', reason: 'ChartPackageSucceeded', message, observedGeneration: generation },
      at,
    )
  }
  const path = `helmchart/${object.metadata.namespace ?? ''}/${object.metadata.name}/${chartName}-${found.version}.tgz`
  const requestedAt = object.metadata.annotations?.['reconcile.fluxcd.io/requestedAt']
  return {
    ...object.status,
    observedGeneration: generation,
    observedChartName: chartName,
    observedSourceArtifactRevision: found.sourceRevision,
    conditions: [...conditions],
    artifact: {
      digest: found.digest,
      lastUpdateTime: at,
      path,
      revision: found.version,
      url: `${found.publicUrl.replace(/\/$/, '')}/${path}`,
    },
    ...(requestedAt === undefined ? {} : { lastHandledReconcileAt: requestedAt }),
  }
}
