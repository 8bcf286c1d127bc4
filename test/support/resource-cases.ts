import { apiVersions, type Kind } from '../../src/api/index.ts'

/** An object of ours, and what is wrong with it. */
export interface ResourceCase {
  readonly name: string
  readonly kind: Kind
  /** Default: the one that we read the kind in. */
  readonly apiVersion?: string
  /** Laid over the smallest valid spec of the kind; undefined removes a field. */
  readonly spec?: { readonly [field: string]: unknown }
  /** Field that is refused, with a part of the message. Left out for an object in order. */
  readonly refused?: { readonly field: string; readonly message: RegExp }
}

/** The smallest spec of each kind that is accepted. */
export const minimalSpecs: { readonly [kind in Kind]: { readonly [field: string]: unknown } } = {
  GitRepository: { url: 'https://example.com/repo.git', interval: '1m' },
  OCIRepository: { url: 'oci://example.com/artifact', interval: '1m' },
  HelmRepository: { url: 'https://example.com/charts' },
  HelmChart: { chart: 'web', interval: '1m', sourceRef: { kind: 'HelmRepository', name: 'charts' } },
  Bucket: { bucketName: 'manifests', endpoint: 'storage.example.com', interval: '1m' },
  ExternalArtifact: {},
  Kustomization: { interval: '10m', prune: true, sourceRef: { kind: 'GitRepository', name: 'repo' } },
  HelmRelease: {
    interval: '10m',
    chart: { spec: { chart: 'web', sourceRef: { kind: 'HelmRepository', name: 'charts' } } },
  },
  Receiver: { type: 'github', resources: [{ kind: 'GitRepository', name: 'repo' }], secretRef: { name: 'token' } },
  Alert: { providerRef: { name: 'chat' }, eventSources: [{ kind: 'Kustomization', name: '*' }] },
  Provider: { type: 'slack' },
}

/** The object of a case. */
export function resourceOf(
  row: ResourceCase,
  name: string,
  namespace: string,
): {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace: string }
  spec: { [field: string]: unknown }
} {
  const spec = Object.entries({ ...minimalSpecs[row.kind], ...row.spec }).filter(([, value]) => value !== undefined)
  return {
    apiVersion: row.apiVersion ?? apiVersions[row.kind],
    kind: row.kind,
    metadata: { name, namespace },
    spec: Object.fromEntries(spec),
  }
}

const chart = { chart: 'web', sourceRef: { kind: 'HelmRepository', name: 'charts' } } as const
const notOci = (field: string): RegExp =>
  new RegExp(`chart\\.spec\\.${field} cannot be set when chart\\.kind is 'OCIRepository'`)

/** Patterns, choices, limits and rules of every kind. */
export const resourceCases: readonly ResourceCase[] = [
  ...(Object.keys(minimalSpecs) as Kind[]).map((kind) => ({ name: `smallest ${kind}`, kind })),
  { name: 'Alert v1', kind: 'Alert', apiVersion: 'notification.toolkit.fluxcd.io/v1' },
  {
    name: 'Provider v1',
    kind: 'Provider',
    apiVersion: 'notification.toolkit.fluxcd.io/v1',
    spec: { type: 'mastodon' },
  },
  {
    name: 'Provider v1beta3 does not know mastodon',
    kind: 'Provider',
    spec: { type: 'mastodon' },
    refused: { field: 'spec.type', message: /mastodon/ },
  },

  // Kustomization
  { name: 'duration of several units', kind: 'Kustomization', spec: { interval: '1h30m10.5s' } },
  {
    name: 'duration without unit',
    kind: 'Kustomization',
    spec: { interval: '10' },
    refused: { field: 'spec.interval', message: /spec\.interval|duration/ },
  },
  {
    name: 'negative duration',
    kind: 'Kustomization',
    spec: { timeout: '-1m' },
    refused: { field: 'spec.timeout', message: /duration|match/ },
  },
  {
    name: 'duration in days',
    kind: 'Kustomization',
    spec: { retryInterval: '1d' },
    refused: { field: 'spec.retryInterval', message: /duration|match/ },
  },
  {
    name: 'duration as a number',
    kind: 'Kustomization',
    spec: { interval: 60 },
    refused: { field: 'spec.interval', message: /must be/ },
  },
  {
    name: 'no interval',
    kind: 'Kustomization',
    spec: { interval: undefined },
    refused: { field: 'spec.interval', message: /required/i },
  },
  {
    name: 'no prune',
    kind: 'Kustomization',
    spec: { prune: undefined },
    refused: { field: 'spec.prune', message: /required/i },
  },
  {
    name: 'prune as text',
    kind: 'Kustomization',
    spec: { prune: 'yes' },
    refused: { field: 'spec.prune', message: /must be/ },
  },
  {
    name: 'source of an unknown kind',
    kind: 'Kustomization',
    spec: { sourceRef: { kind: 'HelmRepository', name: 'a' } },
    refused: { field: 'spec.sourceRef.kind', message: /HelmRepository/ },
  },
  {
    name: 'source without name',
    kind: 'Kustomization',
    spec: { sourceRef: { kind: 'Bucket' } },
    refused: { field: 'spec.sourceRef.name', message: /required/i },
  },
  { name: 'deletion policy', kind: 'Kustomization', spec: { deletionPolicy: 'WaitForTermination' } },
  {
    name: 'unknown deletion policy',
    kind: 'Kustomization',
    spec: { deletionPolicy: 'Keep' },
    refused: { field: 'spec.deletionPolicy', message: /Keep/ },
  },
  { name: 'target namespace of 63 characters', kind: 'Kustomization', spec: { targetNamespace: 'n'.repeat(63) } },
  {
    name: 'target namespace of 64 characters',
    kind: 'Kustomization',
    spec: { targetNamespace: 'n'.repeat(64) },
    refused: { field: 'spec.targetNamespace', message: /63/ },
  },
  {
    name: 'empty name prefix',
    kind: 'Kustomization',
    spec: { namePrefix: '' },
    refused: { field: 'spec.namePrefix', message: /at least 1/ },
  },
  {
    name: 'name suffix of 201 characters',
    kind: 'Kustomization',
    spec: { nameSuffix: 's'.repeat(201) },
    refused: { field: 'spec.nameSuffix', message: /200/ },
  },
  { name: 'kubeconfig from a Secret', kind: 'Kustomization', spec: { kubeConfig: { secretRef: { name: 'remote' } } } },
  {
    name: 'kubeconfig from nowhere',
    kind: 'Kustomization',
    spec: { kubeConfig: {} },
    refused: { field: 'spec.kubeConfig', message: /exactly one of/ },
  },
  {
    name: 'kubeconfig from both',
    kind: 'Kustomization',
    spec: { kubeConfig: { secretRef: { name: 'a' }, configMapRef: { name: 'b' } } },
    refused: { field: 'spec.kubeConfig', message: /exactly one of/ },
  },
  {
    name: 'variables from a Deployment',
    kind: 'Kustomization',
    spec: { postBuild: { substituteFrom: [{ kind: 'Deployment', name: 'a' }] } },
    refused: { field: 'spec.postBuild.substituteFrom[0].kind', message: /Deployment/ },
  },
  {
    name: 'variable that is not text',
    kind: 'Kustomization',
    spec: { postBuild: { substitute: { replicas: 3 } } },
    refused: { field: 'spec.postBuild.substitute', message: /must be/ },
  },
  {
    name: 'unknown strategy of substitution',
    kind: 'Kustomization',
    spec: { postBuild: { substituteStrategy: 'Never' } },
    refused: { field: 'spec.postBuild.substituteStrategy', message: /Never/ },
  },
  {
    name: 'unknown decryption',
    kind: 'Kustomization',
    spec: { decryption: { provider: 'vault' } },
    refused: { field: 'spec.decryption.provider', message: /vault/ },
  },
  {
    name: 'unknown build metadata',
    kind: 'Kustomization',
    spec: { buildMetadata: ['managedByLabel'] },
    refused: { field: 'spec.buildMetadata[0]', message: /managedByLabel/ },
  },
  {
    name: 'patch without text',
    kind: 'Kustomization',
    spec: { patches: [{ target: { kind: 'Deployment' } }] },
    refused: { field: 'spec.patches[0].patch', message: /required/i },
  },
  {
    name: 'ignore rule without paths',
    kind: 'Kustomization',
    spec: { ignore: [{ target: {} }] },
    refused: { field: 'spec.ignore[0].paths', message: /required/i },
  },
  {
    name: 'dependencies that are no list',
    kind: 'Kustomization',
    spec: { dependsOn: { name: 'a' } },
    refused: { field: 'spec.dependsOn', message: /must be/ },
  },
  {
    name: 'health check of a custom resource',
    kind: 'Kustomization',
    spec: { healthCheckExprs: [{ apiVersion: 'a/v1', kind: 'A', current: 'true' }] },
  },
  {
    name: 'health check without expression',
    kind: 'Kustomization',
    spec: { healthCheckExprs: [{ apiVersion: 'a/v1' }] },
    refused: { field: 'spec.healthCheckExprs[0].current', message: /required/i },
  },

  // GitRepository
  { name: 'ssh URL', kind: 'GitRepository', spec: { url: 'ssh://git@example.com/repo' } },
  {
    name: 'scp-like URL',
    kind: 'GitRepository',
    spec: { url: 'git@example.com:repo' },
    refused: { field: 'spec.url', message: /url|match/ },
  },
  {
    name: 'time limit in hours',
    kind: 'GitRepository',
    spec: { timeout: '1h' },
    refused: { field: 'spec.timeout', message: /duration|match/ },
  },
  { name: 'service account with azure', kind: 'GitRepository', spec: { provider: 'azure', serviceAccountName: 'a' } },
  {
    name: 'service account with github',
    kind: 'GitRepository',
    spec: { provider: 'github', serviceAccountName: 'a' },
    refused: { field: 'spec', message: /serviceAccountName can only be set/ },
  },
  {
    name: 'service account without provider',
    kind: 'GitRepository',
    spec: { serviceAccountName: 'a' },
    refused: { field: 'spec', message: /serviceAccountName can only be set/ },
  },
  {
    name: 'verification of the head',
    kind: 'GitRepository',
    spec: { verify: { mode: 'head', secretRef: { name: 'keys' } } },
  },
  {
    name: 'unknown verification',
    kind: 'GitRepository',
    spec: { verify: { mode: 'Branch', secretRef: { name: 'keys' } } },
    refused: { field: 'spec.verify.mode', message: /Branch/ },
  },
  {
    name: 'include without repository',
    kind: 'GitRepository',
    spec: { include: [{ fromPath: 'a' }] },
    refused: { field: 'spec.include[0].repository', message: /required/i },
  },

  // OCIRepository
  {
    name: 'OCI repository over https',
    kind: 'OCIRepository',
    spec: { url: 'https://example.com/a' },
    refused: { field: 'spec.url', message: /url|match/ },
  },
  {
    name: 'OCI repository without URL',
    kind: 'OCIRepository',
    spec: { url: undefined },
    refused: { field: '', message: /spec\.url is required/ },
  },
  {
    name: 'OCI repository without interval',
    kind: 'OCIRepository',
    spec: { interval: undefined },
    refused: { field: '', message: /spec\.interval is required/ },
  },
  { name: 'layer that is copied', kind: 'OCIRepository', spec: { layerSelector: { operation: 'copy' } } },
  {
    name: 'layer that is moved',
    kind: 'OCIRepository',
    spec: { layerSelector: { operation: 'move' } },
    refused: { field: 'spec.layerSelector.operation', message: /move/ },
  },
  { name: 'signature by notation', kind: 'OCIRepository', spec: { verify: { provider: 'notation' } } },
  {
    name: 'signature by gpg',
    kind: 'OCIRepository',
    spec: { verify: { provider: 'gpg' } },
    refused: { field: 'spec.verify.provider', message: /gpg/ },
  },

  // HelmRepository, HelmChart
  {
    name: 'chart repository of type oci',
    kind: 'HelmRepository',
    spec: { type: 'oci', url: 'oci://example.com/charts' },
  },
  {
    name: 'chart repository over ftp',
    kind: 'HelmRepository',
    spec: { url: 'ftp://example.com' },
    refused: { field: 'spec.url', message: /url|match/ },
  },
  {
    name: 'chart repository of another type',
    kind: 'HelmRepository',
    spec: { type: 'git' },
    refused: { field: 'spec.type', message: /git/ },
  },
  { name: 'verified chart of a repository', kind: 'HelmChart', spec: { verify: { provider: 'cosign' } } },
  {
    name: 'verified chart of a bucket',
    kind: 'HelmChart',
    spec: { sourceRef: { kind: 'Bucket', name: 'b' }, verify: { provider: 'cosign' } },
    refused: { field: 'spec', message: /verify is only supported/ },
  },

  // Bucket
  {
    name: 'ldap credentials for generic',
    kind: 'Bucket',
    spec: { sts: { provider: 'ldap', endpoint: 'https://ldap.example.com' } },
  },
  {
    name: 'aws credentials for generic',
    kind: 'Bucket',
    spec: { sts: { provider: 'aws', endpoint: 'https://a' } },
    refused: { field: 'spec', message: /'ldap' is the only supported/ },
  },
  {
    name: 'ldap credentials for aws',
    kind: 'Bucket',
    spec: { provider: 'aws', sts: { provider: 'ldap', endpoint: 'https://a' } },
    refused: { field: 'spec', message: /'aws' is the only supported/ },
  },
  {
    name: 'credentials service for gcp',
    kind: 'Bucket',
    spec: { provider: 'gcp', sts: { provider: 'aws', endpoint: 'https://a' } },
    refused: { field: 'spec', message: /STS configuration is only supported/ },
  },
  {
    name: 'Secret for aws credentials',
    kind: 'Bucket',
    spec: { provider: 'aws', sts: { provider: 'aws', endpoint: 'https://a', secretRef: { name: 's' } } },
    refused: { field: 'spec', message: /sts\.secretRef is not required/ },
  },
  {
    name: 'service account for generic',
    kind: 'Bucket',
    spec: { serviceAccountName: 'a' },
    refused: { field: 'spec', message: /not supported for the 'generic'/ },
  },
  {
    name: 'service account and Secret',
    kind: 'Bucket',
    spec: { provider: 'gcp', serviceAccountName: 'a', secretRef: { name: 's' } },
    refused: { field: 'spec', message: /cannot set both/ },
  },

  // HelmRelease
  {
    name: 'chart by reference',
    kind: 'HelmRelease',
    spec: { chart: undefined, chartRef: { kind: 'OCIRepository', name: 'web' } },
  },
  {
    name: 'chart twice',
    kind: 'HelmRelease',
    spec: { chartRef: { kind: 'OCIRepository', name: 'web' } },
    refused: { field: 'spec', message: /either chart or chartRef/ },
  },
  {
    name: 'no chart',
    kind: 'HelmRelease',
    spec: { chart: undefined },
    refused: { field: 'spec', message: /either chart or chartRef/ },
  },
  {
    name: 'chart without source',
    kind: 'HelmRelease',
    spec: { chart: { spec: { chart: 'web' } } },
    refused: { field: 'spec.chart', message: /must be set when chart\.kind is not/ },
  },
  {
    name: 'template of an OCIRepository',
    kind: 'HelmRelease',
    spec: { chart: { kind: 'OCIRepository', spec: { url: 'oci://example.com/web', version: '*' } } },
  },
  {
    name: 'template of an OCIRepository without URL',
    kind: 'HelmRelease',
    spec: { chart: { kind: 'OCIRepository', spec: {} } },
    refused: { field: 'spec.chart', message: /url must be set/ },
  },
  {
    name: 'template of a HelmChart with URL',
    kind: 'HelmRelease',
    spec: { chart: { spec: { ...chart, url: 'oci://example.com/web' } } },
    refused: { field: 'spec.chart', message: /url requires chart\.kind/ },
  },
  ...(
    [
      ['chart', 'web'],
      ['version', '1.x'],
      ['sourceRef', chart.sourceRef],
      ['reconcileStrategy', 'Revision'],
      ['valuesFiles', ['a.yaml']],
      ['ignoreMissingValuesFiles', true],
    ] as const
  ).map(([field, value]) => ({
    name: `template of an OCIRepository with ${field}`,
    kind: 'HelmRelease' as const,
    spec: { chart: { kind: 'OCIRepository', spec: { url: 'oci://example.com/web', [field]: value } } },
    refused: { field: 'spec.chart', message: notOci(field) },
  })),
  {
    name: 'release name of 54 characters',
    kind: 'HelmRelease',
    spec: { releaseName: 'r'.repeat(54) },
    refused: { field: 'spec.releaseName', message: /53/ },
  },
  { name: 'values of any form', kind: 'HelmRelease', spec: { values: { a: [1, 'b', { c: null, d: 1.5 }] } } },
  {
    name: 'target path with an index',
    kind: 'HelmRelease',
    spec: { valuesFrom: [{ kind: 'Secret', name: 's', targetPath: 'a.b[0].c\\.d' }] },
  },
  {
    name: 'target path with a space',
    kind: 'HelmRelease',
    spec: { valuesFrom: [{ kind: 'Secret', name: 's', targetPath: 'a b' }] },
    refused: { field: 'spec.valuesFrom[0].targetPath', message: /path|match/ },
  },
  {
    name: 'values key with a slash',
    kind: 'HelmRelease',
    spec: { valuesFrom: [{ kind: 'Secret', name: 's', valuesKey: 'a/b' }] },
    refused: { field: 'spec.valuesFrom[0].valuesKey', message: /letters|match/ },
  },
  {
    name: 'unknown CRD policy',
    kind: 'HelmRelease',
    spec: { upgrade: { crds: 'Replace' } },
    refused: { field: 'spec.upgrade.crds', message: /Replace/ },
  },
  {
    name: 'retry interval without retries',
    kind: 'HelmRelease',
    spec: { install: { strategy: { name: 'RemediateOnFailure', retryInterval: '1m' } } },
    refused: { field: 'spec.install.strategy', message: /retryInterval cannot be set/ },
  },
  {
    name: 'retry interval of an upgrade without retries',
    kind: 'HelmRelease',
    spec: { upgrade: { strategy: { name: 'RemediateOnFailure', retryInterval: '1m' } } },
    refused: { field: 'spec.upgrade.strategy', message: /retryInterval can only be set/ },
  },
  {
    name: 'fraction of retries',
    kind: 'HelmRelease',
    spec: { install: { remediation: { retries: 1.5 } } },
    refused: { field: 'spec.install.remediation.retries', message: /must be/ },
  },
  {
    name: 'unknown drift mode',
    kind: 'HelmRelease',
    spec: { driftDetection: { mode: 'on' } },
    refused: { field: 'spec.driftDetection.mode', message: /on/ },
  },
  {
    name: 'test filter without name',
    kind: 'HelmRelease',
    spec: { test: { filters: [{ name: '' }] } },
    refused: { field: 'spec.test.filters[0].name', message: /at least 1/ },
  },
  {
    name: 'unknown way of waiting',
    kind: 'HelmRelease',
    spec: { waitStrategy: { name: 'none' } },
    refused: { field: 'spec.waitStrategy.name', message: /none/ },
  },

  // Receiver, Alert, Provider
  { name: 'unknown webhook', kind: 'Receiver', spec: { type: 'svn' }, refused: { field: 'spec.type', message: /svn/ } },
  {
    name: 'webhook without Secret',
    kind: 'Receiver',
    spec: { secretRef: undefined },
    refused: { field: 'spec', message: /secretRef is required/ },
  },
  {
    name: 'OIDC webhook',
    kind: 'Receiver',
    spec: {
      type: 'generic-oidc',
      secretRef: undefined,
      oidcProviders: [{ issuerURL: 'https://a', validations: [{ expression: 'true', message: 'no' }] }],
    },
  },
  {
    name: 'OIDC webhook without issuer',
    kind: 'Receiver',
    spec: { type: 'generic-oidc', secretRef: undefined },
    refused: { field: 'spec', message: /at least one oidcProvider/ },
  },
  {
    name: 'OIDC webhook with Secret',
    kind: 'Receiver',
    spec: {
      type: 'generic-oidc',
      oidcProviders: [{ issuerURL: 'https://a', validations: [{ expression: 'true', message: 'no' }] }],
    },
    refused: { field: 'spec', message: /secretRef cannot be set/ },
  },
  {
    name: 'issuer of another webhook',
    kind: 'Receiver',
    spec: { oidcProviders: [{ issuerURL: 'https://a', validations: [{ expression: 'true', message: 'no' }] }] },
    refused: { field: 'spec', message: /oidcProviders can only be set/ },
  },
  {
    name: 'issuer without condition',
    kind: 'Receiver',
    spec: { type: 'generic-oidc', secretRef: undefined, oidcProviders: [{ issuerURL: 'https://a', validations: [] }] },
    refused: { field: 'spec.oidcProviders[0].validations', message: /at least 1/ },
  },
  {
    name: 'issuer twice',
    kind: 'Receiver',
    spec: {
      type: 'generic-oidc',
      secretRef: undefined,
      oidcProviders: [1, 2].map(() => ({
        issuerURL: 'https://a',
        validations: [{ expression: 'true', message: 'no' }],
      })),
    },
    refused: { field: 'spec.oidcProviders[1]', message: /same|Duplicate/i },
  },
  {
    name: 'webhook for a Deployment',
    kind: 'Receiver',
    spec: { resources: [{ kind: 'Deployment', name: 'a' }] },
    refused: { field: 'spec.resources[0].kind', message: /Deployment/ },
  },
  {
    name: 'unknown severity',
    kind: 'Alert',
    spec: { eventSeverity: 'warning' },
    refused: { field: 'spec.eventSeverity', message: /warning/ },
  },
  {
    name: 'summary of 256 characters',
    kind: 'Alert',
    spec: { summary: 's'.repeat(256) },
    refused: { field: 'spec.summary', message: /255/ },
  },
  {
    name: 'event source without name',
    kind: 'Alert',
    spec: { eventSources: [{ kind: 'Bucket', name: '' }] },
    refused: { field: 'spec.eventSources[0].name', message: /at least 1/ },
  },
  {
    name: 'unknown provider',
    kind: 'Provider',
    spec: { type: 'fax' },
    refused: { field: 'spec.type', message: /fax/ },
  },
  { name: 'commit status for github', kind: 'Provider', spec: { type: 'github', commitStatusExpr: "'a'" } },
  {
    name: 'commit status for slack',
    kind: 'Provider',
    spec: { commitStatusExpr: "'a'" },
    refused: { field: 'spec', message: /commitStatusExpr is only supported/ },
  },
  {
    name: 'proxy over ftp',
    kind: 'Provider',
    spec: { proxy: 'ftp://a' },
    refused: { field: 'spec.proxy', message: /url|match/i },
  },
  {
    name: 'address of 2049 characters',
    kind: 'Provider',
    spec: { address: 'a'.repeat(2049) },
    refused: { field: 'spec.address', message: /2048/ },
  },
]
