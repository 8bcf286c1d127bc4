import type { CustomResource } from './metadata.ts'
import type { ArtifactStatus, CommonStatus, DurationText, LocalObjectReference, StringMap } from './shared-types.ts'

export interface HelmRepositorySpec {
  readonly url: string
  readonly type?: 'default' | 'oci'
  readonly interval?: DurationText
  readonly timeout?: DurationText
  readonly secretRef?: LocalObjectReference
  readonly certSecretRef?: LocalObjectReference
  readonly passCredentials?: boolean
  readonly insecure?: boolean
  readonly suspend?: boolean
  readonly provider?: 'generic' | 'aws' | 'azure' | 'gcp'
  readonly accessFrom?: { readonly namespaceSelectors: readonly { readonly matchLabels?: StringMap }[] }
}

export interface HelmRepositoryStatus extends CommonStatus {
  artifact?: ArtifactStatus
  url?: string
}

/** `source.toolkit.fluxcd.io/v1`. Of type `oci` it is only a place to look charts up, and has no status. */
export type HelmRepository = CustomResource<'HelmRepository', HelmRepositorySpec, HelmRepositoryStatus>
