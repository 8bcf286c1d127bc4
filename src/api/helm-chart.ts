import type { CustomResource } from './metadata.ts'
import type { ArtifactStatus, CommonStatus, DurationText, OciVerification } from './shared-types.ts'

export type HelmChartSourceKind = 'HelmRepository' | 'GitRepository' | 'Bucket'

export interface HelmChartSpec {
  readonly chart: string
  readonly version?: string
  readonly sourceRef: { readonly apiVersion?: string; readonly kind: HelmChartSourceKind; readonly name: string }
  readonly interval: DurationText
  readonly reconcileStrategy?: 'ChartVersion' | 'Revision'
  readonly valuesFiles?: readonly string[]
  readonly ignoreMissingValuesFiles?: boolean
  readonly suspend?: boolean
  readonly verify?: OciVerification
}

export interface HelmChartStatus extends CommonStatus {
  artifact?: ArtifactStatus
  url?: string
  observedSourceArtifactRevision?: string
  observedChartName?: string
  observedValuesFiles?: readonly string[]
}

/** `source.toolkit.fluxcd.io/v1`. */
export type HelmChart = CustomResource<'HelmChart', HelmChartSpec, HelmChartStatus>
