import type { CustomResource } from './metadata.ts'
import type {
  ArtifactStatus,
  CommonStatus,
  DurationText,
  LocalObjectReference,
  OciVerification,
} from './shared-types.ts'

/** Precedence: digest, semver, tag; `latest` without any. */
export interface OciRepositoryRef {
  readonly digest?: string
  readonly semver?: string
  readonly semverFilter?: string
  readonly tag?: string
}

export interface OciLayerSelector {
  readonly mediaType?: string
  readonly operation?: 'extract' | 'copy'
}

/** The fields of an OCIRepository, which the chart template of a HelmRelease shares. */
export interface OciRepositoryFields {
  readonly timeout?: DurationText
  readonly ref?: OciRepositoryRef
  readonly layerSelector?: OciLayerSelector
  readonly provider?: 'generic' | 'aws' | 'azure' | 'gcp'
  readonly secretRef?: LocalObjectReference
  readonly verify?: OciVerification & { readonly trustedRootSecretRef?: LocalObjectReference }
  readonly serviceAccountName?: string
  readonly certSecretRef?: LocalObjectReference
  readonly proxySecretRef?: LocalObjectReference
  readonly ignore?: string
  readonly insecure?: boolean
  readonly suspend?: boolean
}

export interface OciRepositorySpec extends OciRepositoryFields {
  readonly url: string
  readonly interval: DurationText
}

export interface OciRepositoryStatus extends CommonStatus {
  artifact?: ArtifactStatus
  url?: string
  observedIgnore?: string
  observedLayerSelector?: OciLayerSelector
  sourceVerificationFingerprint?: string
}

/** `source.toolkit.fluxcd.io/v1`. */
export type OciRepository = CustomResource<'OCIRepository', OciRepositorySpec, OciRepositoryStatus>
