import { duration, flag, list, object, oneOf, optional, shortDuration, text, textMap } from './node.ts'
import {
  artifact,
  chartVerification,
  child,
  commonStatus,
  has,
  initialStatus,
  localReference,
  suspend,
} from './shared.ts'

/** `spec` of a HelmRepository. */
export const helmRepositorySpec = object('Where charts are.', {
  url: text('Address of the repository.', {
    pattern: '^(http|https|oci)://.*$',
    hint: 'write a URL that starts with https://, http:// or oci://',
  }),
  secretRef: optional(localReference('Secret with the credentials.')),
  certSecretRef: optional(localReference('Secret with ca.crt, tls.crt and tls.key.')),
  passCredentials: optional(flag('Sends the credentials also to other hosts that the index names.')),
  interval: optional(duration('How often to fetch the index.')),
  insecure: optional(flag('Allows an OCI registry without TLS.')),
  timeout: optional(shortDuration('Time limit of fetching; by default 60s.')),
  suspend: optional(suspend),
  accessFrom: optional(
    object('Namespaces that may refer to this object.', {
      namespaceSelectors: list(
        'Selectors of which one must match.',
        object('A selector.', { matchLabels: optional(textMap('Labels that the namespace must have.')) }),
      ),
    }),
  ),
  type: optional(oneOf('Kind of repository; by default it follows from the URL.', ['default', 'oci'])),
  provider: optional(
    oneOf('How to authenticate at an OCI registry.', ['generic', 'aws', 'azure', 'gcp'], { default: 'generic' }),
  ),
})

/** `status` of a HelmRepository. */
export const helmRepositoryStatus = object(
  'What was found and fetched last.',
  {
    ...commonStatus,
    url: optional(text('Where the latest index can be fetched from.')),
    artifact: optional(artifact),
  },
  { default: initialStatus },
)

/** `spec` of a HelmChart. */
export const helmChartSpec = object(
  'Which version of which chart to fetch.',
  {
    chart: text('Name of the chart in a HelmRepository, or path of its directory.'),
    version: optional(
      text('Version or range; without meaning for charts from a GitRepository or Bucket.', { default: '*' }),
    ),
    sourceRef: object('Where the chart is.', {
      apiVersion: optional(text('API version of the source.')),
      kind: oneOf('Kind of the source.', ['HelmRepository', 'GitRepository', 'Bucket']),
      name: text('Name of the source.'),
    }),
    interval: duration('How often to look for a new version.'),
    reconcileStrategy: optional(
      oneOf(
        'What makes a new artifact: a new version of the chart, or a new revision of the source.',
        ['ChartVersion', 'Revision'],
        {
          default: 'ChartVersion',
        },
      ),
    ),
    valuesFiles: optional(list("Files that replace the chart's values.yaml, merged in order.", text(''))),
    ignoreMissingValuesFiles: optional(flag('Leaves out values files that do not exist.')),
    suspend: optional(suspend),
    verify: optional(chartVerification),
  },
  {
    rules: [
      {
        rule: "!has(self.verify) || self.sourceRef.kind == 'HelmRepository'",
        message: "spec.verify is only supported when spec.sourceRef.kind is 'HelmRepository'",
        holds: (self) => !has(self, 'verify') || child(self, 'sourceRef')?.['kind'] === 'HelmRepository',
      },
    ],
  },
)

/** `status` of a HelmChart. */
export const helmChartStatus = object(
  'What was found and fetched last.',
  {
    ...commonStatus,
    observedSourceArtifactRevision: optional(text('Revision of the source that the chart was taken from.')),
    observedChartName: optional(text('Name of the chart.')),
    observedValuesFiles: optional(list('Values files that the artifact was made with.', text(''))),
    url: optional(text('Where the latest chart can be fetched from.')),
    artifact: optional(artifact),
  },
  { default: initialStatus },
)
