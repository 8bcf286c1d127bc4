/** API groups of our custom resources. */
export const groups = {
  source: 'source.toolkit.fluxcd.io',
  kustomize: 'kustomize.toolkit.fluxcd.io',
  helm: 'helm.toolkit.fluxcd.io',
  notification: 'notification.toolkit.fluxcd.io',
} as const

/** The `apiVersion` that we read and write each kind in. */
export const apiVersions = {
  GitRepository: 'source.toolkit.fluxcd.io/v1',
  OCIRepository: 'source.toolkit.fluxcd.io/v1',
  HelmRepository: 'source.toolkit.fluxcd.io/v1',
  HelmChart: 'source.toolkit.fluxcd.io/v1',
  Bucket: 'source.toolkit.fluxcd.io/v1',
  ExternalArtifact: 'source.toolkit.fluxcd.io/v1',
  Kustomization: 'kustomize.toolkit.fluxcd.io/v1',
  HelmRelease: 'helm.toolkit.fluxcd.io/v2',
  Receiver: 'notification.toolkit.fluxcd.io/v1',
  Alert: 'notification.toolkit.fluxcd.io/v1beta3',
  Provider: 'notification.toolkit.fluxcd.io/v1beta3',
} as const

/** A kind that Sluice knows. */
export type Kind = keyof typeof apiVersions

/** Plural names, as in paths of the API. */
export const plurals = {
  GitRepository: 'gitrepositories',
  OCIRepository: 'ocirepositories',
  HelmRepository: 'helmrepositories',
  HelmChart: 'helmcharts',
  Bucket: 'buckets',
  ExternalArtifact: 'externalartifacts',
  Kustomization: 'kustomizations',
  HelmRelease: 'helmreleases',
  Receiver: 'receivers',
  Alert: 'alerts',
  Provider: 'providers',
} as const satisfies { readonly [kind in Kind]: string }

/** Labels. */
export const labels = {
  /** Owner of an object that a Kustomization applied; what prune selects by. */
  kustomizeName: 'kustomize.toolkit.fluxcd.io/name',
  kustomizeNamespace: 'kustomize.toolkit.fluxcd.io/namespace',
  /** Origin of an object that a HelmRelease rendered. */
  helmName: 'helm.toolkit.fluxcd.io/name',
  helmNamespace: 'helm.toolkit.fluxcd.io/namespace',
  /** `Enabled` on a Secret or ConfigMap: its changes trigger whatever refers to it. */
  watch: 'reconcile.fluxcd.io/watch',
  sharding: 'sharding.fluxcd.io/key',
  managedBy: 'app.kubernetes.io/managed-by',
} as const

/** Annotations. Those of a Kustomization's objects may be labels as well. */
export const annotations = {
  requestedAt: 'reconcile.fluxcd.io/requestedAt',
  forceAt: 'reconcile.fluxcd.io/forceAt',
  resetAt: 'reconcile.fluxcd.io/resetAt',
  /** `Override` (default), `Merge`, `IfNotPresent`, `Ignore`. */
  ssa: 'kustomize.toolkit.fluxcd.io/ssa',
  force: 'kustomize.toolkit.fluxcd.io/force',
  prune: 'kustomize.toolkit.fluxcd.io/prune',
  reconcile: 'kustomize.toolkit.fluxcd.io/reconcile',
  substitute: 'kustomize.toolkit.fluxcd.io/substitute',
  decrypt: 'kustomize.toolkit.fluxcd.io/decrypt',
  driftDetection: 'helm.toolkit.fluxcd.io/driftDetection',
  helmReleaseName: 'meta.helm.sh/release-name',
  helmReleaseNamespace: 'meta.helm.sh/release-namespace',
  /** Prefix of annotations that are copied into events. */
  eventPrefix: 'event.toolkit.fluxcd.io/',
} as const

/**
 * Annotations of our own, on Kustomizations and HelmReleases (and other kinds, where it is said). They say what Flux has no field for; Flux's controllers ignore them.
 */
export const ownAnnotations = {
  /** `enabled`: what can be applied is applied although other objects of the same Kustomization are refused. */
  partialApply: 'sluice.dev/partial-apply',
  /** The revision whose unusually large prune is meant, or `enabled` for all of them. */
  confirmPrune: 'sluice.dev/confirm-prune',
  /** More dependencies, of any kind: `HelmRelease/redis, Kustomization/other-namespace/infra`. */
  dependsOn: 'sluice.dev/depends-on',
  /** On a GitRepository, `enabled`: its artifact is packed and served as a file, for tools that read it. */
  archive: 'sluice.dev/archive',
  /** On a Kustomization, `detect`: what somebody has changed in the cluster is told and left as it is; `repair`: it is put back. */
  drift: 'sluice.dev/drift',
  /** On an Alert, `run`: Providers for people get one message for a run instead of one for each object. */
  group: 'sluice.dev/group',
  /** Who suspended an object, why, and until when (RFC 3339): a scan resumes what is past that time. */
  suspendedBy: 'sluice.dev/suspended-by',
  suspendedReason: 'sluice.dev/suspended-reason',
  suspendedUntil: 'sluice.dev/suspended-until',
  /** What an object is pinned to: a commit (GitRepository, Kustomization), a digest (OCIRepository), a version of its chart (HelmRelease); who, why, and until when. */
  pin: 'sluice.dev/pin',
  pinnedBy: 'sluice.dev/pinned-by',
  pinnedReason: 'sluice.dev/pinned-reason',
  pinnedUntil: 'sluice.dev/pinned-until',
  /** Windows of a Kustomization or HelmRelease: `allow mon-fri 08:00-16:00 Europe/Berlin; deny …`. */
  windows: 'sluice.dev/windows',
  /** Until when (RFC 3339, at most a day) windows do not hold an object; who said so, and why. */
  overrideUntil: 'sluice.dev/override-windows-until',
  overrideBy: 'sluice.dev/override-windows-by',
  overrideReason: 'sluice.dev/override-windows-reason',
  /** On any object that a Kustomization applies: the oldest version of Sluice that may apply it. An older one says so and changes nothing. */
  minimumVersion: 'sluice.dev/minimum-version',
} as const

/** On every object that has something to clean up when it is deleted. */
export const finalizer = 'finalizers.fluxcd.io'

/** Names under which Flux's controllers write, so that ownership of fields passes from them to us and back. */
export const fieldManagers = {
  /** Objects of a Kustomization. */
  kustomization: 'kustomize-controller',
  /** Objects of a HelmRelease, and its status. */
  helm: 'helm-controller',
  helmStatus: 'helm-controller',
  kustomizeStatus: 'gotk-kustomize-controller',
  sourceStatus: 'gotk-source-controller',
  notificationStatus: 'gotk-notification-controller',
  /** What somebody asks for by hand: `spec.suspend`, requests. No other manager takes its fields over, so they last until Git itself says otherwise. */
  operator: 'sluice',
} as const

/** Longest message of a condition that Flux writes. */
export const maxConditionMessageLength = 20_000
