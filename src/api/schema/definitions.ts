import { apiVersions, plurals, type Kind } from '../names.ts'
import { bucketSpec, bucketStatus } from './bucket.ts'
import { externalArtifactSpec, externalArtifactStatus } from './external-artifact.ts'
import { gitRepositorySpec, gitRepositoryStatus } from './git-repository.ts'
import { helmReleaseSpec, helmReleaseStatus } from './helm-release.ts'
import { helmChartSpec, helmChartStatus, helmRepositorySpec, helmRepositoryStatus } from './helm-sources.ts'
import { kustomizationSpec, kustomizationStatus } from './kustomization.ts'
import type { SchemaNode, SchemaRule } from './node.ts'
import { alertSpec, alertSpecV1, providerSpec, providerSpecV1, receiverSpec, receiverStatus } from './notification.ts'
import { ociRepositoryRules, ociRepositorySpec, ociRepositoryStatus } from './oci-repository.ts'

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string
  readonly type: 'string' | 'date'
  readonly jsonPath: string
}

/** One version of a kind. */
export interface ResourceVersion {
  readonly name: string
  readonly spec: SchemaNode
  /** Left out for a kind without status. */
  readonly status?: SchemaNode
  /** Rules over the whole object. */
  readonly rules?: readonly SchemaRule[]
  readonly columns: readonly PrinterColumn[]
  readonly storage: boolean
  /** Warning that the server adds to every answer of a deprecated version. */
  readonly deprecation?: string
}

/** What the CRD of a kind says. */
export interface ResourceDefinition {
  readonly kind: Kind
  readonly group: string
  readonly plural: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly description: string
  readonly versions: readonly ResourceVersion[]
}

const age: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }
const ready: readonly PrinterColumn[] = [
  { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
]

function field(name: string, jsonPath: string): PrinterColumn {
  return { name, type: 'string', jsonPath }
}

type Draft = Omit<ResourceDefinition, 'group' | 'plural' | 'kind' | 'shortNames' | 'categories'> & {
  readonly shortName?: string
  readonly category: 'sources' | 'appliers' | 'notifications'
}

function define(kind: Kind, draft: Draft): ResourceDefinition {
  return {
    kind,
    group: apiVersions[kind].slice(0, apiVersions[kind].indexOf('/')),
    plural: plurals[kind],
    shortNames: draft.shortName === undefined ? [] : [draft.shortName],
    categories: ['all', 'fluxcd', `fluxcd-${draft.category}`],
    description: draft.description,
    versions: draft.versions,
  }
}

/** Every kind of ours. */
export const definitions: { readonly [kind in Kind]: ResourceDefinition } = {
  GitRepository: define('GitRepository', {
    shortName: 'gitrepo',
    category: 'sources',
    description: 'A revision of a Git repository.',
    versions: [
      {
        name: 'v1',
        storage: true,
        spec: gitRepositorySpec,
        status: gitRepositoryStatus,
        columns: [field('URL', '.spec.url'), age, ...ready],
      },
    ],
  }),
  OCIRepository: define('OCIRepository', {
    shortName: 'ocirepo',
    category: 'sources',
    description: 'A revision of an artifact in an OCI registry.',
    versions: [
      {
        name: 'v1',
        storage: true,
        spec: ociRepositorySpec,
        status: ociRepositoryStatus,
        rules: ociRepositoryRules,
        columns: [field('URL', '.spec.url'), ...ready, age],
      },
    ],
  }),
  HelmRepository: define('HelmRepository', {
    shortName: 'helmrepo',
    category: 'sources',
    description: 'The index of a chart repository, or an OCI registry with charts.',
    versions: [
      {
        name: 'v1',
        storage: true,
        spec: helmRepositorySpec,
        status: helmRepositoryStatus,
        columns: [field('URL', '.spec.url'), age, ...ready],
      },
    ],
  }),
  HelmChart: define('HelmChart', {
    shortName: 'hc',
    category: 'sources',
    description: 'A version of a chart.',
    versions: [
      {
        name: 'v1',
        storage: true,
        spec: helmChartSpec,
        status: helmChartStatus,
        columns: [
          field('Chart', '.spec.chart'),
          field('Version', '.spec.version'),
          field('Source Kind', '.spec.sourceRef.kind'),
          field('Source Name', '.spec.sourceRef.name'),
          age,
          ...ready,
        ],
      },
    ],
  }),
  Bucket: define('Bucket', {
    category: 'sources',
    description: 'The content of a bucket.',
    versions: [
      {
        name: 'v1',
        storage: true,
        spec: bucketSpec,
        status: bucketStatus,
        columns: [field('Endpoint', '.spec.endpoint'), age, ...ready],
      },
    ],
  }),
  ExternalArtifact: define('ExternalArtifact', {
    shortName: 'ea',
    category: 'sources',
    description: 'An artifact that somebody else makes.',
    versions: [
      {
        name: 'v1',
        storage: true,
        spec: externalArtifactSpec,
        status: externalArtifactStatus,
        columns: [age, ...ready, field('Source', '.spec.sourceRef.name')],
      },
    ],
  }),
  Kustomization: define('Kustomization', {
    shortName: 'ks',
    category: 'appliers',
    description: 'Manifests of a source that are built with kustomize and applied.',
    versions: [
      { name: 'v1', storage: true, spec: kustomizationSpec, status: kustomizationStatus, columns: [age, ...ready] },
    ],
  }),
  HelmRelease: define('HelmRelease', {
    shortName: 'hr',
    category: 'appliers',
    description: 'A release of a Helm chart.',
    versions: [
      { name: 'v2', storage: true, spec: helmReleaseSpec, status: helmReleaseStatus, columns: [age, ...ready] },
    ],
  }),
  Receiver: define('Receiver', {
    category: 'notifications',
    description: 'Webhooks that cause reconciliations.',
    versions: [{ name: 'v1', storage: true, spec: receiverSpec, status: receiverStatus, columns: [age, ...ready] }],
  }),
  Alert: define('Alert', {
    category: 'notifications',
    description: 'Events that are sent to a provider.',
    versions: [
      { name: 'v1', storage: true, spec: alertSpecV1, columns: [age] },
      {
        name: 'v1beta3',
        storage: false,
        spec: alertSpec,
        columns: [age],
        deprecation: 'v1beta3 Alert is deprecated, upgrade to v1',
      },
    ],
  }),
  Provider: define('Provider', {
    category: 'notifications',
    description: 'Where events are sent.',
    versions: [
      { name: 'v1', storage: true, spec: providerSpecV1, columns: [age] },
      {
        name: 'v1beta3',
        storage: false,
        spec: providerSpec,
        columns: [age],
        deprecation: 'v1beta3 Provider is deprecated, upgrade to v1',
      },
    ],
  }),
}
