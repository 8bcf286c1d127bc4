import {
  anything,
  duration,
  flag,
  integer,
  list,
  object,
  oneOf,
  optional,
  text,
  textMap,
  time,
  mapOf,
  type Schema,
  type SchemaRule,
} from './node.ts'
import {
  child,
  commonMetadata,
  commonStatus,
  dependsOn,
  has,
  healthCheckExprs,
  ignoreRules,
  images,
  initialStatus,
  inventory,
  kubeConfig,
  patches,
  suspend,
} from './shared.ts'
import type { ReleaseAction } from '../helm-release.ts'
import { ociRepositoryFields } from './oci-repository.ts'

type Self = { readonly [field: string]: unknown }

const isOci = (self: Self): boolean => self['kind'] === 'OCIRepository'
const specOf = (self: Self): Self => child(self, 'spec') ?? {}
const isOciRule = "!has(self.kind) || self.kind != 'OCIRepository'"

/** A rule that forbids a field of a HelmChart in the template of an OCIRepository, except with its default. */
function onlyForCharts(field: string, except?: string): SchemaRule {
  return {
    rule: `${isOciRule} || !has(self.spec.${field})${except === undefined ? '' : ` || self.spec.${field} == '${except}'`}`,
    message: `chart.spec.${field} cannot be set when chart.kind is 'OCIRepository'`,
    holds: (self) => {
      const spec = specOf(self)
      return !isOci(self) || !has(spec, field) || (except !== undefined && spec[field] === except)
    },
  }
}

const chartTemplateRules: readonly SchemaRule[] = [
  {
    rule: `${isOciRule} || (has(self.spec.url) && size(self.spec.url) > 0)`,
    message: "chart.spec.url must be set when chart.kind is 'OCIRepository'",
    holds: (self) => !isOci(self) || (has(specOf(self), 'url') && specOf(self)['url'] !== ''),
  },
  {
    rule: "!has(self.spec.url) || (has(self.kind) && self.kind == 'OCIRepository')",
    message:
      "chart.spec.url requires chart.kind: 'OCIRepository'; for a HelmChart template set spec.chart and spec.sourceRef instead",
    holds: (self) => !has(specOf(self), 'url') || isOci(self),
  },
  {
    rule: "(has(self.kind) && self.kind == 'OCIRepository') || (has(self.spec.chart) && has(self.spec.sourceRef))",
    message: "chart.spec.chart and chart.spec.sourceRef must be set when chart.kind is not 'OCIRepository'",
    holds: (self) => isOci(self) || (has(specOf(self), 'chart') && has(specOf(self), 'sourceRef')),
  },
  onlyForCharts('chart'),
  onlyForCharts('version', '*'),
  onlyForCharts('sourceRef'),
  onlyForCharts('reconcileStrategy', 'ChartVersion'),
  onlyForCharts('valuesFiles'),
  onlyForCharts('ignoreMissingValuesFiles'),
]

const chartTemplate = object(
  'The chart, as the template of a HelmChart or OCIRepository.',
  {
    kind: optional(oneOf('Kind of object to make; by default HelmChart.', ['HelmChart', 'OCIRepository'])),
    metadata: optional(
      object('Metadata of the object.', {
        labels: optional(textMap('Labels to add.')),
        annotations: optional(textMap('Annotations to add.')),
      }),
    ),
    spec: object('Spec of the object.', {
      ...ociRepositoryFields,
      chart: optional(
        text('Name of the chart in a HelmRepository, or path of its directory.', { minLength: 1, maxLength: 2048 }),
      ),
      version: optional(text('Version or range; by default the latest.')),
      sourceRef: optional(
        object('Where the chart is.', {
          apiVersion: optional(text('API version of the source.')),
          kind: oneOf('Kind of the source.', ['HelmRepository', 'GitRepository', 'Bucket']),
          name: text('Name of the source.', { minLength: 1, maxLength: 253 }),
          namespace: optional(
            text('Namespace of the source; by default the one of this object.', { minLength: 1, maxLength: 63 }),
          ),
        }),
      ),
      reconcileStrategy: optional(
        oneOf('What counts as a change: a new version of the chart (the default), or a new revision of its source.', [
          'ChartVersion',
          'Revision',
        ]),
      ),
      valuesFiles: optional(list("Files that replace the chart's values.yaml, merged in order.", text(''))),
      ignoreMissingValuesFiles: optional(flag('Leaves out values files that do not exist.')),
    }),
  },
  { rules: chartTemplateRules },
)

const strategyNames = ['RemediateOnFailure', 'RetryOnFailure'] as const

const installStrategy = object(
  'What to do after a failed installation.',
  {
    name: oneOf('Roll back, or try again without rolling back.', strategyNames),
    retryInterval: optional(duration('How long to wait before trying again; by default 5m.')),
  },
  {
    rules: [
      {
        rule: "!has(self.retryInterval) || self.name != 'RemediateOnFailure'",
        message: ".retryInterval cannot be set when .name is 'RemediateOnFailure'",
        holds: (self) => !has(self, 'retryInterval') || self['name'] !== 'RemediateOnFailure',
      },
    ],
  },
)

const upgradeStrategy = object(
  'What to do after a failed upgrade.',
  {
    name: oneOf('Roll back, or try again without rolling back.', strategyNames),
    retryInterval: optional(duration('How long to wait before trying again; by default 5m.')),
  },
  {
    rules: [
      {
        rule: "!has(self.retryInterval) || self.name == 'RetryOnFailure'",
        message: ".retryInterval can only be set when .name is 'RetryOnFailure'",
        holds: (self) => !has(self, 'retryInterval') || self['name'] === 'RetryOnFailure',
      },
    ],
  },
)

const remediationFields = {
  retries: optional(integer('Attempts after the first; negative for no limit.')),
  ignoreTestFailures: optional(flag('A failed test counts as a success; by default as spec.test.ignoreFailures says.')),
  remediateLastFailure: optional(flag('Remediates also when no attempts are left.')),
}

const timeout = optional(duration('Time limit of each operation; by default spec.timeout.'))
const disableWait = optional(flag('Does not wait until objects are ready.'))
const disableWaitForJobs = optional(flag('Does not wait until Jobs are complete.'))
const disableHooks = optional(flag('Runs no hooks.'))
const serverSideApplyMode = optional(
  oneOf('Whether objects are applied by the server; auto, the default, does as the last release did.', [
    'enabled',
    'disabled',
    'auto',
  ]),
)

const releaseActionFields = {
  timeout,
  disableTakeOwnership: optional(flag('Refuses objects that do not belong to the release already.')),
  disableWait,
  disableWaitForJobs,
  disableHooks,
  disableOpenAPIValidation: optional(flag("Does not check objects against the server's schemas.")),
  disableSchemaValidation: optional(flag("Does not check values against the chart's schema.")),
  crds: optional(
    oneOf("What to do with the chart's custom resource definitions.", ['Skip', 'Create', 'CreateReplace']),
  ),
}

const install = object('How the chart is installed.', {
  ...releaseActionFields,
  strategy: optional(installStrategy),
  remediation: optional(object('How a failed installation is remedied.', remediationFields)),
  replace: optional(flag('Reuses the name of a release that was deleted and is still in the history.')),
  skipCRDs: optional(flag('Deprecated: use crds with Skip.')),
  createNamespace: optional(flag('Creates the target namespace.')),
  serverSideApply: optional(flag('Whether objects are applied by the server; by default true.')),
})

const upgrade = object('How the release is upgraded.', {
  ...releaseActionFields,
  strategy: optional(upgradeStrategy),
  remediation: optional(
    object('How a failed upgrade is remedied.', {
      ...remediationFields,
      strategy: optional(oneOf('What the remedy is; by default rollback.', ['rollback', 'uninstall'])),
    }),
  ),
  force: optional(flag('Replaces objects instead of patching them; without effect with server-side apply.')),
  preserveValues: optional(flag('Keeps the values of the last release underneath the given ones.')),
  cleanupOnFail: optional(flag('Deletes objects that a failed upgrade created.')),
  serverSideApply: serverSideApplyMode,
  chartNameChangeStrategy: optional(
    oneOf('What a change of the chart to another name does; by default Reinstall.', ['InPlaceUpdate', 'Reinstall']),
  ),
})

const rollback = object('How a release is rolled back.', {
  timeout,
  disableWait,
  disableWaitForJobs,
  disableHooks,
  recreate: optional(flag('Deprecated, without effect.')),
  force: optional(flag('Replaces objects instead of patching them; without effect with server-side apply.')),
  cleanupOnFail: optional(flag('Deletes objects that a failed rollback created.')),
  serverSideApply: serverSideApplyMode,
})

const uninstall = object('How the release is removed.', {
  timeout,
  disableHooks,
  keepHistory: optional(flag('Keeps the history of the release.')),
  disableWait: optional(flag('Does not wait until all objects are gone.')),
  deletionPropagation: optional(
    oneOf('What happens to what the objects own.', ['background', 'foreground', 'orphan'], { default: 'background' }),
  ),
})

const test = object('Which tests run after an installation or upgrade.', {
  enable: optional(flag('Runs the tests of the chart.')),
  timeout,
  ignoreFailures: optional(flag('A failed test counts as a success.')),
  filters: optional(
    list(
      'Tests to run, or to leave out.',
      object('A test.', {
        name: text('Name of the test.', { minLength: 1, maxLength: 253 }),
        exclude: optional(flag('Leaves the test out.')),
      }),
    ),
  ),
})

const valuesFrom = list(
  'Objects with values, merged in order; spec.values wins.',
  object('A source of values.', {
    kind: oneOf('Kind of the object.', ['Secret', 'ConfigMap']),
    name: text('Name of the object.', { minLength: 1, maxLength: 253 }),
    valuesKey: optional(
      text('Key in its data; by default values.yaml.', {
        maxLength: 253,
        pattern: '^[\\-._a-zA-Z0-9]+$',
        hint: 'use letters, digits, dots, dashes and underscores',
      }),
    ),
    targetPath: optional(
      text('Path, in the syntax of helm --set, that the value goes to; by default it is merged at the root.', {
        maxLength: 250,
        pattern: '^([a-zA-Z0-9_\\-.\\\\\\/]|\\[[0-9]{1,5}\\])+$',
        hint: 'write a path such as a.b[0].c',
      }),
    ),
    optional: optional(flag('A missing object counts as an empty one.')),
    literal: optional(flag('Takes the value as text, without the syntax of helm --set.')),
  }),
)

/** `spec` of a HelmRelease. */
export const helmReleaseSpec = object(
  'Which chart to release, and how.',
  {
    chart: optional(chartTemplate),
    chartRef: optional(
      object('Object that holds the chart.', {
        apiVersion: optional(text('API version of the object.')),
        kind: oneOf('Kind of the object.', ['OCIRepository', 'HelmChart', 'ExternalArtifact']),
        name: text('Name of the object.', { minLength: 1, maxLength: 253 }),
        namespace: optional(
          text('Namespace of the object; by default the one of this object.', { minLength: 1, maxLength: 63 }),
        ),
      }),
    ),
    interval: duration('How often to reconcile without a change.'),
    kubeConfig: optional(kubeConfig),
    suspend: optional(suspend),
    releaseName: optional(
      text('Name of the release; by default [targetNamespace-]name.', { minLength: 1, maxLength: 53 }),
    ),
    targetNamespace: optional(
      text('Namespace of the release; by default the one of this object.', { minLength: 1, maxLength: 63 }),
    ),
    storageNamespace: optional(
      text('Namespace of the records of the release; by default the one of this object.', {
        minLength: 1,
        maxLength: 63,
      }),
    ),
    dependsOn: optional(dependsOn),
    timeout: optional(duration('Time limit of each operation; by default 5m0s.')),
    maxHistory: optional(integer('Records to keep; 0 for all, by default 5.')),
    serviceAccountName: optional(text('Service account to act as.', { minLength: 1, maxLength: 253 })),
    persistentClient: optional(flag('Uses one client for a whole reconciliation; by default true.')),
    driftDetection: optional(
      object('What to do about differences between the release and the cluster.', {
        mode: optional(oneOf('Correct, report or ignore them; by default disabled.', ['enabled', 'warn', 'disabled'])),
        ignore: optional(ignoreRules),
      }),
    ),
    install: optional(install),
    upgrade: optional(upgrade),
    test: optional(test),
    rollback: optional(rollback),
    uninstall: optional(uninstall),
    valuesFrom: optional(valuesFrom),
    values: optional(anything('Values for the chart.')),
    commonMetadata: optional(commonMetadata),
    postRenderers: optional(
      list(
        'Changes to the rendered chart, in order.',
        object('A change.', {
          kustomize: optional(
            object('Patches and images, as in a kustomization.', {
              patches: optional(patches),
              images: optional(images),
            }),
          ),
        }),
      ),
    ),
    postRenderStrategy: optional(
      oneOf('Whether hooks are changed as well: not, together with the rest (the default), or on their own.', [
        'nohooks',
        'combined',
        'separate',
      ]),
    ),
    waitStrategy: optional(
      object('How the readiness of objects is found out.', {
        name: oneOf('By kstatus (the default), or as Helm 3 did.', ['poller', 'legacy']),
      }),
    ),
    healthCheckExprs: optional(healthCheckExprs),
  },
  {
    rules: [
      {
        rule: '(has(self.chart) && !has(self.chartRef)) || (!has(self.chart) && has(self.chartRef))',
        message: 'either chart or chartRef must be set',
        holds: (self) => has(self, 'chart') !== has(self, 'chartRef'),
      },
    ],
  },
)

// The CRD has no enumeration here: what a newer controller wrote must stay readable.
const actionText: Schema<ReleaseAction> = { description: 'What made it.', type: 'string' }

const snapshot = object('A release as it was left.', {
  apiVersion: optional(text('Version of the way that the digest is made.')),
  digest: text('Checksum of the stored release.'),
  name: text('Name of the release.'),
  namespace: text('Namespace of the release.'),
  version: integer('Number of the release.'),
  status: text('State of the release.'),
  action: optional(actionText),
  chartName: text('Name of the chart.'),
  chartVersion: text('Version of the chart.'),
  appVersion: optional(text('Version of the application in the chart.')),
  configDigest: text('Checksum of the values.'),
  firstDeployed: time('When the release was first deployed.'),
  lastDeployed: time('When the release was last deployed.'),
  deleted: optional(time('When the release was deleted.')),
  testHooks: optional(
    mapOf(
      'Outcome of the tests by their names.',
      object('The outcome of a test.', {
        lastStarted: optional(time('When the test was last started.')),
        lastCompleted: optional(time('When the test was last complete.')),
        phase: optional(text('Outcome.')),
      }),
    ),
  ),
  ociDigest: optional(text('Digest of the OCI artifact that the chart came from.')),
})

const count = (description: string) => optional(integer(description, { format: 'int64' }))

/** `status` of a HelmRelease. */
export const helmReleaseStatus = object(
  'What was found and done last.',
  {
    ...commonStatus,
    observedPostRenderersDigest: optional(text('Checksum of the post-renderers that were last applied.')),
    observedCommonMetadataDigest: optional(text('Checksum of the common metadata that was last applied.')),
    lastAttemptedGeneration: count('Generation that was last tried.'),
    helmChart: optional(text('HelmChart of this release, as namespace/name.')),
    storageNamespace: optional(text('Namespace of the records of the release.', { minLength: 1, maxLength: 63 })),
    history: optional(list('Latest releases, newest first.', snapshot)),
    inventory: optional(inventory),
    lastAttemptedReleaseAction: optional(oneOf('What was last tried.', ['install', 'upgrade'])),
    lastAttemptedReleaseActionDuration: optional(text('Time that it took.')),
    failures: count('Failed reconciliations since the last change.'),
    installFailures: count('Failed installations since the last change.'),
    upgradeFailures: count('Failed upgrades since the last change.'),
    lastAttemptedRevision: optional(text('Version of the chart that was last tried.')),
    lastAttemptedRevisionDigest: optional(text('Digest of the OCI artifact that was last tried.')),
    lastAttemptedValuesChecksum: optional(text('Deprecated.')),
    lastReleaseRevision: optional(integer('Deprecated.')),
    lastAttemptedConfigDigest: optional(text('Checksum of the values that were last tried.')),
    lastHandledForceAt: optional(text('Value of the annotation reconcile.fluxcd.io/forceAt last acted on.')),
    lastHandledResetAt: optional(text('Value of the annotation reconcile.fluxcd.io/resetAt last acted on.')),
  },
  { default: initialStatus },
)
