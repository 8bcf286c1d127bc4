import type { CustomResource } from './metadata.ts'
import type {
  CommonMetadata,
  CommonStatus,
  CustomHealthCheck,
  DependencyReference,
  DurationText,
  IgnoreRule,
  ImageOverride,
  KubeConfigReference,
  LocalObjectReference,
  NamespacedObjectKindReference,
  Patch,
  ResourceInventory,
  StringMap,
} from './shared-types.ts'

export type KustomizationSourceKind = 'OCIRepository' | 'GitRepository' | 'Bucket' | 'ExternalArtifact'

export interface SubstituteReference {
  readonly kind: 'Secret' | 'ConfigMap'
  readonly name: string
  readonly optional?: boolean
}

export interface PostBuild {
  readonly substituteStrategy?: 'WithVariables' | 'Always'
  readonly substitute?: StringMap
  readonly substituteFrom?: readonly SubstituteReference[]
}

export interface Decryption {
  readonly provider: 'sops'
  readonly serviceAccountName?: string
  readonly secretRef?: LocalObjectReference
}

export type DeletionPolicy = 'MirrorPrune' | 'Delete' | 'WaitForTermination' | 'Orphan'

export interface KustomizationSpec {
  readonly sourceRef: {
    readonly apiVersion?: string
    readonly kind: KustomizationSourceKind
    readonly name: string
    readonly namespace?: string
  }
  readonly interval: DurationText
  readonly prune: boolean
  readonly retryInterval?: DurationText
  readonly timeout?: DurationText
  readonly path?: string
  readonly suspend?: boolean
  readonly wait?: boolean
  readonly force?: boolean
  readonly deletionPolicy?: DeletionPolicy
  readonly dependsOn?: readonly DependencyReference[]
  readonly targetNamespace?: string
  readonly namePrefix?: string
  readonly nameSuffix?: string
  readonly commonMetadata?: CommonMetadata
  readonly patches?: readonly Patch[]
  readonly images?: readonly ImageOverride[]
  readonly components?: readonly string[]
  readonly ignoreMissingComponents?: boolean
  readonly buildMetadata?: readonly ('originAnnotations' | 'transformerAnnotations')[]
  readonly postBuild?: PostBuild
  readonly decryption?: Decryption
  readonly healthChecks?: readonly NamespacedObjectKindReference[]
  readonly healthCheckExprs?: readonly CustomHealthCheck[]
  readonly ignore?: readonly IgnoreRule[]
  readonly serviceAccountName?: string
  readonly kubeConfig?: KubeConfigReference
}

/** One distinct input and outcome; newest first, five at most. */
export interface KustomizationSnapshot {
  readonly digest: string
  readonly firstReconciled: string
  readonly lastReconciled: string
  readonly lastReconciledDuration: DurationText
  readonly lastReconciledStatus: string
  readonly totalReconciliations: number
  readonly metadata?: StringMap
}

export interface KustomizationStatus extends CommonStatus {
  lastAppliedRevision?: string
  lastAppliedOriginRevision?: string
  lastAttemptedRevision?: string
  inventory?: ResourceInventory
  history?: readonly KustomizationSnapshot[]
}

/** `kustomize.toolkit.fluxcd.io/v1`. */
export type Kustomization = CustomResource<'Kustomization', KustomizationSpec, KustomizationStatus>
