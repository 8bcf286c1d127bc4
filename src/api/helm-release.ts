import type { HelmChartSourceKind } from './helm-chart.ts'
import type { CustomResource } from './metadata.ts'
import type { OciRepositoryFields } from './oci-repository.ts'
import type {
  CommonMetadata,
  CommonStatus,
  CustomHealthCheck,
  DependencyReference,
  DurationText,
  IgnoreRule,
  ImageOverride,
  KubeConfigReference,
  OciVerification,
  Patch,
  ResourceInventory,
} from './shared-types.ts'

interface ChartTemplateFields {
  readonly interval?: DurationText
  readonly version?: string
  readonly reconcileStrategy?: 'ChartVersion' | 'Revision'
  readonly valuesFiles?: readonly string[]
  readonly ignoreMissingValuesFiles?: boolean
}

/** Template of the HelmChart that stands for the release's chart. */
export interface HelmChartTemplate {
  readonly kind?: 'HelmChart'
  readonly metadata?: CommonMetadata
  readonly spec: ChartTemplateFields & {
    readonly chart: string
    readonly sourceRef: {
      readonly apiVersion?: string
      readonly kind: HelmChartSourceKind
      readonly name: string
      readonly namespace?: string
    }
    readonly verify?: OciVerification
    readonly url?: undefined
  }
}

/** Template of an OCIRepository in place of a HelmChart (helm-controller 1.7). */
export interface OciChartTemplate {
  readonly kind: 'OCIRepository'
  readonly metadata?: CommonMetadata
  readonly spec: ChartTemplateFields &
    OciRepositoryFields & { readonly url: string; readonly chart?: undefined; readonly sourceRef?: undefined }
}

export interface ValuesReference {
  readonly kind: 'Secret' | 'ConfigMap'
  readonly name: string
  readonly valuesKey?: string
  readonly targetPath?: string
  readonly optional?: boolean
  readonly literal?: boolean
}

export interface ActionStrategy {
  readonly name: 'RemediateOnFailure' | 'RetryOnFailure'
  readonly retryInterval?: DurationText
}

export type CrdsPolicy = 'Skip' | 'Create' | 'CreateReplace'

export interface InstallRemediation {
  readonly retries?: number
  readonly ignoreTestFailures?: boolean
  readonly remediateLastFailure?: boolean
}

export interface UpgradeRemediation extends InstallRemediation {
  readonly strategy?: 'rollback' | 'uninstall'
}

interface ActionFields {
  readonly timeout?: DurationText
  readonly disableHooks?: boolean
  readonly disableWait?: boolean
}

interface ReleaseActionFields extends ActionFields {
  readonly strategy?: ActionStrategy
  readonly disableTakeOwnership?: boolean
  readonly disableWaitForJobs?: boolean
  readonly disableOpenAPIValidation?: boolean
  readonly disableSchemaValidation?: boolean
  readonly crds?: CrdsPolicy
}

export interface Install extends ReleaseActionFields {
  readonly remediation?: InstallRemediation
  readonly replace?: boolean
  /** Deprecated, without effect. */
  readonly skipCRDs?: boolean
  readonly createNamespace?: boolean
  readonly serverSideApply?: boolean
}

export type ServerSideApplyMode = 'enabled' | 'disabled' | 'auto'

export interface Upgrade extends ReleaseActionFields {
  readonly remediation?: UpgradeRemediation
  readonly force?: boolean
  readonly preserveValues?: boolean
  readonly cleanupOnFail?: boolean
  readonly serverSideApply?: ServerSideApplyMode
  readonly chartNameChangeStrategy?: 'InPlaceUpdate' | 'Reinstall'
}

export interface Rollback extends ActionFields {
  readonly disableWaitForJobs?: boolean
  /** Deprecated, without effect. */
  readonly recreate?: boolean
  readonly force?: boolean
  readonly cleanupOnFail?: boolean
  readonly serverSideApply?: ServerSideApplyMode
}

export interface Uninstall extends ActionFields {
  readonly keepHistory?: boolean
  readonly deletionPropagation?: 'background' | 'foreground' | 'orphan'
}

export interface HelmTest {
  readonly enable?: boolean
  readonly timeout?: DurationText
  readonly ignoreFailures?: boolean
  readonly filters?: readonly { readonly name: string; readonly exclude?: boolean }[]
}

export interface HelmReleaseSpec {
  /** Exactly one of `chart` and `chartRef`. */
  readonly chart?: HelmChartTemplate | OciChartTemplate
  readonly chartRef?: {
    readonly apiVersion?: string
    readonly kind: 'OCIRepository' | 'HelmChart' | 'ExternalArtifact'
    readonly name: string
    readonly namespace?: string
  }
  readonly interval: DurationText
  readonly timeout?: DurationText
  readonly suspend?: boolean
  readonly releaseName?: string
  readonly targetNamespace?: string
  readonly storageNamespace?: string
  readonly dependsOn?: readonly DependencyReference[]
  readonly maxHistory?: number
  readonly serviceAccountName?: string
  readonly persistentClient?: boolean
  readonly kubeConfig?: KubeConfigReference
  readonly driftDetection?: { readonly mode?: 'enabled' | 'warn' | 'disabled'; readonly ignore?: readonly IgnoreRule[] }
  readonly install?: Install
  readonly upgrade?: Upgrade
  readonly test?: HelmTest
  readonly rollback?: Rollback
  readonly uninstall?: Uninstall
  readonly values?: unknown
  readonly valuesFrom?: readonly ValuesReference[]
  readonly commonMetadata?: CommonMetadata
  readonly postRenderers?: readonly {
    readonly kustomize?: { readonly patches?: readonly Patch[]; readonly images?: readonly ImageOverride[] }
  }[]
  readonly postRenderStrategy?: 'nohooks' | 'combined' | 'separate'
  readonly waitStrategy?: { readonly name: 'poller' | 'legacy' }
  readonly healthCheckExprs?: readonly CustomHealthCheck[]
}

export type ReleaseAction = 'install' | 'upgrade' | 'rollback' | 'uninstall' | 'uninstall-remediation'

/** One release as we left it; newest first in `.status.history`. */
export interface ReleaseSnapshot {
  readonly apiVersion?: string
  readonly digest: string
  readonly name: string
  readonly namespace: string
  readonly version: number
  readonly status: string
  readonly action?: ReleaseAction
  readonly chartName: string
  readonly chartVersion: string
  readonly appVersion?: string
  readonly configDigest: string
  readonly firstDeployed: string
  readonly lastDeployed: string
  readonly deleted?: string
  readonly testHooks?: {
    readonly [name: string]: { readonly lastStarted?: string; readonly lastCompleted?: string; readonly phase?: string }
  }
  readonly ociDigest?: string
}

export interface HelmReleaseStatus extends CommonStatus {
  lastAttemptedGeneration?: number
  observedPostRenderersDigest?: string
  observedCommonMetadataDigest?: string
  helmChart?: string
  storageNamespace?: string
  history?: readonly ReleaseSnapshot[]
  inventory?: ResourceInventory
  lastAttemptedReleaseAction?: 'install' | 'upgrade'
  lastAttemptedReleaseActionDuration?: DurationText
  failures?: number
  installFailures?: number
  upgradeFailures?: number
  lastAttemptedRevision?: string
  lastAttemptedRevisionDigest?: string
  /** Deprecated. */
  lastAttemptedValuesChecksum?: string
  /** Deprecated. */
  lastReleaseRevision?: number
  lastAttemptedConfigDigest?: string
  lastHandledForceAt?: string
  lastHandledResetAt?: string
}

/** `helm.toolkit.fluxcd.io/v2`. */
export type HelmRelease = CustomResource<'HelmRelease', HelmReleaseSpec, HelmReleaseStatus>
