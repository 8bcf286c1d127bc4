/** Condition types. `Reconciling` and `Stalled` are there only while they are True. */
export const conditionTypes = {
  ready: 'Ready',
  reconciling: 'Reconciling',
  stalled: 'Stalled',
  healthy: 'Healthy',
  artifactInStorage: 'ArtifactInStorage',
  artifactOutdated: 'ArtifactOutdated',
  sourceVerified: 'SourceVerified',
  fetchFailed: 'FetchFailed',
  buildFailed: 'BuildFailed',
  storageOperationFailed: 'StorageOperationFailed',
  includeUnavailable: 'IncludeUnavailable',
  released: 'Released',
  testSuccess: 'TestSuccess',
  remediated: 'Remediated',
  drifted: 'Drifted',
} as const

/** Reasons that several kinds share. */
const commonReasons = {
  succeeded: 'Succeeded',
  failed: 'Failed',
  progressing: 'Progressing',
  progressingWithRetry: 'ProgressingWithRetry',
  suspended: 'Suspended',
  dependencyNotReady: 'DependencyNotReady',
  accessDenied: 'AccessDenied',
  invalidCelExpression: 'InvalidCELExpression',
  featureGateDisabled: 'FeatureGateDisabled',
  healthCheckCanceled: 'HealthCheckCanceled',
} as const

const kustomizationReasons = {
  reconciliationSucceeded: 'ReconciliationSucceeded',
  reconciliationFailed: 'ReconciliationFailed',
  artifactFailed: 'ArtifactFailed',
  buildFailed: 'BuildFailed',
  healthCheckFailed: 'HealthCheckFailed',
  pruneFailed: 'PruneFailed',
} as const

const helmReasons = {
  installSucceeded: 'InstallSucceeded',
  installFailed: 'InstallFailed',
  upgradeSucceeded: 'UpgradeSucceeded',
  upgradeFailed: 'UpgradeFailed',
  testSucceeded: 'TestSucceeded',
  testFailed: 'TestFailed',
  rollbackSucceeded: 'RollbackSucceeded',
  rollbackFailed: 'RollbackFailed',
  uninstallSucceeded: 'UninstallSucceeded',
  uninstallFailed: 'UninstallFailed',
  driftDetected: 'DriftDetected',
  noDriftDetected: 'NoDriftDetected',
  awaitingTests: 'AwaitingTests',
  pendingRelease: 'PendingRelease',
  retriesExceeded: 'RetriesExceeded',
  missingRollbackTarget: 'MissingRollbackTarget',
  sourceNotReady: 'SourceNotReady',
  valuesError: 'ValuesError',
  chartMutateError: 'ChartMutateError',
  restClientError: 'RESTClientError',
  stateError: 'StateError',
  reconcileError: 'ReconcileError',
} as const

const sourceReasons = {
  gitOperationSucceeded: 'GitOperationSucceeded',
  gitOperationFailed: 'GitOperationFailed',
  ociPullFailed: 'OCIArtifactPullFailed',
  ociLayerOperationFailed: 'OCIArtifactLayerOperationFailed',
  indexationFailed: 'IndexationFailed',
  bucketOperationSucceeded: 'BucketOperationSucceeded',
  bucketOperationFailed: 'BucketOperationFailed',
  chartPullSucceeded: 'ChartPullSucceeded',
  chartPackageSucceeded: 'ChartPackageSucceeded',
  urlInvalid: 'URLInvalid',
  authenticationFailed: 'AuthenticationFailed',
  verificationError: 'VerificationError',
  newArtifact: 'NewArtifact',
  artifactUpToDate: 'ArtifactUpToDate',
  noSourceArtifact: 'NoSourceArtifact',
  invalidProviderConfiguration: 'InvalidProviderConfiguration',
  invalidStsConfiguration: 'InvalidSTSConfiguration',
} as const

const notificationReasons = {
  initialized: 'Initialized',
  validationFailed: 'ValidationFailed',
  tokenNotFound: 'TokenNotFound',
} as const

/** Reasons of conditions and events, spelled as Flux spells them. */
export const reasons = {
  ...commonReasons,
  ...kustomizationReasons,
  ...helmReasons,
  ...sourceReasons,
  ...notificationReasons,
} as const
