import type { RuleName } from '../../src/tenancy/index.ts'

/** One way for a tenant to reach beyond what is its own. */
export interface TenancyCase {
  readonly title: string
  readonly rule: RuleName
  /** The field that the refusal names. */
  readonly field: string
  readonly kind: string
  readonly spec: { readonly [field: string]: unknown }
  readonly annotations?: { readonly [name: string]: string }
  readonly status?: object
}

/** Where the cases are: `own` is the tenant's namespace with a GitRepository `app` of `url`, `other` is one of somebody else. */
export interface TenancyPlace {
  readonly own: string
  readonly other: string
  readonly url: string
}

/** Every field of our kinds that refers to another object, namespace, place or identity, turned to something that is not the tenant's. */
export function tenancyCases({ own, other, url }: TenancyPlace): readonly TenancyCase[] {
  return [
    ...kustomizationCases(other),
    ...helmReleaseCases(other),
    ...sourceCases({ own, other, url }),
    ...notificationCases(other),
  ]
}

function kustomizationCases(other: string): readonly TenancyCase[] {
  const kustomization = (
    title: string,
    rule: RuleName,
    field: string,
    spec: object,
    annotations?: TenancyCase['annotations'],
  ): TenancyCase => ({
    title,
    rule,
    field,
    kind: 'Kustomization',
    spec: { interval: '10m', prune: true, path: './app', sourceRef: { kind: 'GitRepository', name: 'app' }, ...spec },
    ...(annotations === undefined ? {} : { annotations }),
  })
  const sources = ['GitRepository', 'OCIRepository', 'Bucket', 'ExternalArtifact'].map((kind) =>
    kustomization(`sourceRef to a ${kind}`, 'cross-namespace-reference', 'spec.sourceRef.namespace', {
      sourceRef: { kind, name: 'shared', namespace: other },
    }),
  )
  return [
    ...sources,
    kustomization('dependsOn', 'cross-namespace-reference', 'spec.dependsOn[0].namespace', {
      dependsOn: [{ name: 'shared', namespace: other, readyExpr: 'true' }],
    }),
    kustomization(
      'dependsOn of the annotation',
      'cross-namespace-reference',
      'metadata.annotations[sluice.dev/depends-on]',
      {},
      { 'sluice.dev/depends-on': `HelmRelease/${other}/shared` },
    ),
    kustomization('healthChecks', 'cross-namespace-reference', 'spec.healthChecks[0].namespace', {
      healthChecks: [{ apiVersion: 'v1', kind: 'Secret', name: 'shared', namespace: other }],
    }),
    kustomization('targetNamespace', 'target-namespace', 'spec.targetNamespace', { targetNamespace: other }),
    kustomization('serviceAccountName', 'identity', 'spec.serviceAccountName', { serviceAccountName: 'admin' }),
    kustomization('kubeConfig.secretRef', 'remote-cluster', 'spec.kubeConfig', {
      kubeConfig: { secretRef: { name: 'elsewhere' } },
    }),
    kustomization('kubeConfig.configMapRef', 'remote-cluster', 'spec.kubeConfig', {
      kubeConfig: { configMapRef: { name: 'elsewhere' } },
    }),
    kustomization('decryption with the keys of the deployment', 'platform-credentials', 'spec.decryption', {
      decryption: { provider: 'sops' },
    }),
  ]
}

function helmReleaseCases(other: string): readonly TenancyCase[] {
  const release = (title: string, rule: RuleName, field: string, spec: object): TenancyCase => ({
    title,
    rule,
    field,
    kind: 'HelmRelease',
    spec: { interval: '10m', ...('chartRef' in spec ? {} : { chart: chartOf({}) }), ...spec },
  })
  const chartRefs = ['OCIRepository', 'HelmChart', 'ExternalArtifact'].map((kind) =>
    release(`chartRef to a ${kind}`, 'cross-namespace-reference', 'spec.chartRef.namespace', {
      chartRef: { kind, name: 'shared', namespace: other },
    }),
  )
  const charts = ['GitRepository', 'HelmRepository', 'Bucket'].map((kind) =>
    release(`chart from a ${kind}`, 'cross-namespace-reference', 'spec.chart.spec.sourceRef.namespace', {
      chart: chartOf({ kind, name: 'shared', namespace: other }),
    }),
  )
  return [
    ...chartRefs,
    ...charts,
    release('dependsOn', 'cross-namespace-reference', 'spec.dependsOn[0].namespace', {
      dependsOn: [{ name: 'shared', namespace: other }],
    }),
    release('targetNamespace', 'target-namespace', 'spec.targetNamespace', { targetNamespace: other }),
    release('storageNamespace', 'target-namespace', 'spec.storageNamespace', { storageNamespace: other }),
    release('createNamespace', 'cluster-scoped-kind', 'spec.install.createNamespace', {
      targetNamespace: other,
      install: { createNamespace: true },
    }),
    release('serviceAccountName', 'identity', 'spec.serviceAccountName', { serviceAccountName: 'admin' }),
    release('kubeConfig', 'remote-cluster', 'spec.kubeConfig', { kubeConfig: { secretRef: { name: 'elsewhere' } } }),
  ]
}

function chartOf(sourceRef: object): object {
  return { spec: { chart: './chart', sourceRef: { kind: 'GitRepository', name: 'app', ...sourceRef } } }
}

function sourceCases({ other, url }: TenancyPlace): readonly TenancyCase[] {
  const elsewhere = url.replace('/team/', '/secret/')
  const source = (
    title: string,
    kind: string,
    spec: TenancyCase['spec'],
    more: Partial<TenancyCase> = {},
  ): TenancyCase => ({
    title,
    rule: 'source-url',
    field: 'spec.url',
    kind,
    spec: kind === 'ExternalArtifact' ? spec : { interval: '1h', ...spec },
    ...more,
  })
  const cloud = { rule: 'platform-credentials', field: 'spec.provider' } as const
  return [
    source('a repository of somebody else', 'GitRepository', { url: elsewhere, ref: { branch: 'main' } }),
    source(
      'submodules',
      'GitRepository',
      { url, ref: { branch: 'main' }, recurseSubmodules: true },
      { field: 'spec.recurseSubmodules' },
    ),
    source('a login as the deployment', 'GitRepository', { url, ref: { branch: 'main' }, provider: 'azure' }, cloud),
    source('an artifact of somebody else', 'OCIRepository', { url: 'oci://registry.example/secret/app' }),
    source(
      'a login as the deployment',
      'OCIRepository',
      { url: 'oci://registry.example/secret/app', provider: 'aws' },
      cloud,
    ),
    source('a chart repository of somebody else', 'HelmRepository', { url: 'https://charts.example/secret' }),
    source('a registry of somebody else', 'HelmRepository', { url: 'oci://registry.example/secret', type: 'oci' }),
    source(
      'a bucket of somebody else',
      'Bucket',
      { endpoint: 'minio.example', bucketName: 'secret', secretRef: { name: 'b' } },
      { field: 'spec.endpoint' },
    ),
    source(
      'a login as the deployment',
      'Bucket',
      { endpoint: 's3.example', bucketName: 'secret', provider: 'aws' },
      cloud,
    ),
    source(
      'an artifact from anywhere',
      'ExternalArtifact',
      {},
      {
        field: 'status.artifact.url',
        status: artifact(`externalartifact/${other}/shared/a.tar.gz`, 'https://elsewhere.example/a.tar.gz'),
      },
    ),
    source(
      'the file of somebody else',
      'ExternalArtifact',
      {},
      {
        rule: 'cross-namespace-reference',
        field: 'status.artifact.path',
        status: artifact(`externalartifact/${other}/shared/a.tar.gz`, url),
      },
    ),
  ]
}

function artifact(path: string, url: string): object {
  const digest = `sha256:${'0'.repeat(64)}`
  return { artifact: { path, url, digest, revision: 'main@sha1:0', lastUpdateTime: '2026-01-01T00:00:00Z' } }
}

function notificationCases(other: string): readonly TenancyCase[] {
  const reference = { kind: 'Kustomization', name: '*', namespace: other }
  return [
    {
      title: 'resources',
      rule: 'cross-namespace-reference',
      field: 'spec.resources[0].namespace',
      kind: 'Receiver',
      spec: {
        type: 'generic',
        secretRef: { name: 'hook' },
        resources: [{ ...reference, apiVersion: 'kustomize.toolkit.fluxcd.io/v1', name: 'shared' }],
      },
    },
    {
      title: 'eventSources',
      rule: 'cross-namespace-reference',
      field: 'spec.eventSources[0].namespace',
      kind: 'Alert',
      spec: { providerRef: { name: 'provider' }, eventSources: [reference] },
    },
  ]
}
