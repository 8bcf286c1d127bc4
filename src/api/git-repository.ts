import type { CustomResource } from './metadata.ts'
import type { ArtifactStatus, CommonStatus, DurationText, LocalObjectReference } from './shared-types.ts'

/** Precedence: commit, name, tag, semver, branch. */
export interface GitRepositoryRef {
  readonly branch?: string
  readonly tag?: string
  readonly semver?: string
  readonly name?: string
  readonly commit?: string
}

export type GitVerificationMode = 'head' | 'HEAD' | 'Tag' | 'TagAndHEAD'

export interface GitRepositoryInclude {
  readonly repository: LocalObjectReference
  readonly fromPath?: string
  readonly toPath?: string
}

export interface GitRepositorySpec {
  readonly url: string
  readonly interval: DurationText
  readonly timeout?: DurationText
  readonly ref?: GitRepositoryRef
  readonly secretRef?: LocalObjectReference
  readonly provider?: 'generic' | 'aws' | 'azure' | 'github'
  readonly serviceAccountName?: string
  readonly proxySecretRef?: LocalObjectReference
  readonly verify?: { readonly mode?: GitVerificationMode; readonly secretRef: LocalObjectReference }
  readonly ignore?: string
  readonly suspend?: boolean
  readonly recurseSubmodules?: boolean
  readonly include?: readonly GitRepositoryInclude[]
  readonly sparseCheckout?: readonly string[]
}

export interface GitRepositoryStatus extends CommonStatus {
  artifact?: ArtifactStatus
  includedArtifacts?: readonly ArtifactStatus[]
  observedIgnore?: string
  observedRecurseSubmodules?: boolean
  observedInclude?: readonly GitRepositoryInclude[]
  observedSparseCheckout?: readonly string[]
  sourceVerificationFingerprint?: string
  sourceVerificationMode?: string
}

/** `source.toolkit.fluxcd.io/v1`. */
export type GitRepository = CustomResource<'GitRepository', GitRepositorySpec, GitRepositoryStatus>
