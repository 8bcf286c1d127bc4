import type { CustomResource } from './metadata.ts'
import type { ArtifactStatus, CommonStatus, DurationText, LocalObjectReference } from './shared-types.ts'

export interface BucketStsSpec {
  readonly provider: 'aws' | 'ldap'
  readonly endpoint: string
  readonly secretRef?: LocalObjectReference
  readonly certSecretRef?: LocalObjectReference
}

export interface BucketSpec {
  readonly provider?: 'generic' | 'aws' | 'gcp' | 'azure'
  readonly bucketName: string
  readonly endpoint: string
  readonly interval: DurationText
  readonly timeout?: DurationText
  readonly region?: string
  readonly prefix?: string
  readonly insecure?: boolean
  readonly secretRef?: LocalObjectReference
  readonly serviceAccountName?: string
  readonly certSecretRef?: LocalObjectReference
  readonly proxySecretRef?: LocalObjectReference
  readonly sts?: BucketStsSpec
  readonly ignore?: string
  readonly suspend?: boolean
}

export interface BucketStatus extends CommonStatus {
  artifact?: ArtifactStatus
  url?: string
  observedIgnore?: string
}

/** `source.toolkit.fluxcd.io/v1`. */
export type Bucket = CustomResource<'Bucket', BucketSpec, BucketStatus>
