import type { EgressPolicy } from '../base/index.ts'
import type { Suspension } from './safety/cluster-state.ts'
import type { WindowRule } from './safety/windows.ts'
import type { TenantPolicy } from '../tenancy/index.ts'
import type { VaultInstance } from '../secrets/index.ts'
import {
  defaultBucketLimits,
  defaultGitLimits,
  defaultHelmLimits,
  defaultOciLimits,
  type BucketLimits,
  type GitLimits,
  type HelmSourceLimits,
  type OciLimits,
} from '../sources/index.ts'

/** Behaviour that the operator of the deployment chooses. Flux's controller flags where one exists. */
export interface Settings {
  /** Refuse references to other namespaces (`--no-cross-namespace-refs`). On by default, unlike Flux. */
  readonly noCrossNamespaceRefs: boolean
  /** Refuse kustomize bases that are URLs (`--no-remote-bases`). On by default, unlike Flux. */
  readonly noRemoteBases: boolean
  /** Service account impersonated when an object names none (`--default-service-account`). Empty: the deployment's own identity. */
  readonly defaultServiceAccount: string
  /**
   * Service account that logs in to the cluster of a `spec.kubeConfig.configMapRef` whose ConfigMap names none
   * (`--default-kubeconfig-service-account`). Empty: the ConfigMap must name one.
   */
  readonly defaultKubeConfigServiceAccount: string
  /** URL of the deployment, for links to artifacts and runs. The default is where Flux's tools look, and nothing is served there. */
  readonly publicUrl: string
  /** Pack the artifact of every GitRepository into a file that can be downloaded; otherwise only of those that ask for it by annotation. It needs all files of the repository. */
  readonly gitArchives: boolean
  /** Undefined variables of post-build substitution are errors (gate StrictPostBuildSubstitutions, on since Flux 2.9). */
  readonly strictSubstitution: boolean
  /** `group/Kind` of kinds that are applied before the rest (`--custom-apply-stage-kinds`). */
  readonly customApplyStageKinds: readonly string[]
  /** Field managers, besides kubectl's, whose fields are taken over (`--override-manager`). */
  readonly overrideManagers: readonly string[]
  /** A prune of at least `minObjects` objects that is more than this share of an inventory must be confirmed by an annotation. Not in Flux. */
  readonly pruneGuard: {
    readonly minObjects: number
    readonly share: number
    /** More objects than this must always be confirmed; 0: no such limit. */
    readonly maxObjects: number
    /** Kinds of which a single object must be confirmed (`Namespace`, `CustomResourceDefinition`, `PersistentVolumeClaim`). */
    readonly kinds: readonly string[]
  }
  /** Set: nothing in any cluster is written by this deployment. */
  readonly suspended?: Suspension | undefined
  /** When work is held back (`WINDOWS`). */
  readonly windows: readonly WindowRule[]
  /** `plan`: the first run of a cluster says what it would do, and waits for approval. */
  readonly firstRun: 'plan' | 'apply'
  /** Namespace in each cluster of the ConfigMap `sluice-hold`, the switch that suspends all of it; empty: there is none. */
  readonly holdNamespace: string
  /**
   * Check the message authentication code of SOPS files and objects. Flux never does: kustomize adds to objects, whose code then no longer
   * matches, unless they were encrypted with `mac_only_encrypted`.
   */
  readonly verifySopsMac: boolean
  /**
   * `namespace/name` of a Secret with `trusted_root.json` (Sigstore's), against which keyless signatures are verified where the object names no trusted root. Empty: none, and such objects fail. Flux fetches the root of the public Sigstore
   * over the network instead.
   */
  readonly sigstoreTrustedRootSecret: string
  /**
   * `namespace/name` of a Secret whose `*.agekey` entries decrypt for Kustomizations with `spec.decryption` and no Secret of their own (`--sops-age-secret`). Empty: none.
   */
  readonly sopsAgeSecret: string
  /** Service account that logs in to key services for Kustomizations that name none (`--default-decryption-service-account`). Empty: the deployment's own identity. */
  readonly defaultDecryptionServiceAccount: string
  /** Vaults that service accounts may log in to (`--sops-vault-configmap`): no token of theirs goes elsewhere. */
  readonly sopsVaults: readonly VaultInstance[]
  /** How much shorter an interval may be, so that looks spread over time (`--interval-jitter-percentage`). */
  readonly intervalJitterPercent: number
  /** What a run does about objects that somebody has changed while Git has not: of Kustomizations that do not say it themselves (`sluice.dev/drift`). */
  readonly drift: 'repair' | 'detect'
  /** Namespaces whose objects are looked at; empty: all (`--watch-all-namespaces`). */
  readonly namespaces: readonly string[]
  /**
   * Label selector of our objects that are worked on (`--watch-label-selector`); empty: all. The others are still seen (as dependencies, sources, and owners of what moves), and nothing is
   * ever written to them: somebody else serves them.
   */
  readonly watchLabelSelector: string
  /** Label selector of ConfigMaps and Secrets whose changes are looked for by each scan (`--watch-configs-label-selector`); empty: none. */
  readonly watchConfigsSelector: string
  /** Who may do what. Undefined: all namespaces are the platform's, and the settings above count for all. */
  readonly tenants: TenantPolicy | undefined
  /** `namespace/name` of a ConfigMap in each cluster with such a policy, read by each run, in place of `tenants`. Empty: none. */
  readonly tenantsConfigMap: string
  /** Private hosts that sources may be fetched from. */
  readonly egress: EgressPolicy
}

/** Bounds of one run. */
export interface Limits {
  /** Milliseconds after which a run stops waiting for health, saves what it has and asks to be run again. */
  readonly runBudgetMs: number
  /** Milliseconds for one request to the API server. */
  readonly requestTimeoutMs: number
  /** Nodes (Kustomizations, HelmReleases) worked on at the same time. */
  readonly nodeConcurrency: number
  /** Requests in flight for one node's objects. */
  readonly applyConcurrency: number
  /** Milliseconds between two looks at objects that are not healthy yet. */
  readonly healthPollMs: number
  /** Milliseconds for which a run holds the lock of a release without prolonging it: how long one that was killed keeps others away. */
  readonly releaseLeaseMs: number
  readonly git: GitLimits
  readonly helm: HelmSourceLimits
  readonly oci: OciLimits
  readonly bucket: BucketLimits
}

export const defaultSettings: Settings = {
  noCrossNamespaceRefs: true,
  noRemoteBases: true,
  defaultServiceAccount: '',
  defaultKubeConfigServiceAccount: '',
  publicUrl: 'http://source-controller.flux-system.svc.cluster.local.',
  gitArchives: false,
  strictSubstitution: true,
  customApplyStageKinds: [],
  overrideManagers: [],
  pruneGuard: { minObjects: 20, share: 0.5, maxObjects: 0, kinds: [] },
  windows: [],
  firstRun: 'apply',
  holdNamespace: 'flux-system',
  verifySopsMac: false,
  sigstoreTrustedRootSecret: '',
  sopsAgeSecret: '',
  defaultDecryptionServiceAccount: '',
  sopsVaults: [],
  intervalJitterPercent: 5,
  drift: 'repair',
  namespaces: [],
  watchLabelSelector: '',
  watchConfigsSelector: 'reconcile.fluxcd.io/watch=Enabled',
  tenants: undefined,
  tenantsConfigMap: '',
  egress: {},
}

export const defaultLimits: Limits = {
  runBudgetMs: 20_000,
  requestTimeoutMs: 30_000,
  nodeConcurrency: 8,
  applyConcurrency: 16,
  healthPollMs: 500,
  releaseLeaseMs: 30_000,
  git: defaultGitLimits,
  helm: defaultHelmLimits,
  oci: defaultOciLimits,
  bucket: defaultBucketLimits,
}
