import { DiagnosticsError, type Diagnostic } from '../base/index.ts'
import type { Bucket } from './bucket.ts'
import type { ExternalArtifact } from './external-artifact.ts'
import type { GitRepository } from './git-repository.ts'
import type { HelmChart } from './helm-chart.ts'
import type { HelmRelease } from './helm-release.ts'
import type { HelmRepository } from './helm-repository.ts'
import type { Kustomization } from './kustomization.ts'
import { apiVersions, type Kind } from './names.ts'
import type { Alert, Provider, Receiver } from './notification.ts'
import type { OciRepository } from './oci-repository.ts'
import { applyDefaults } from './schema/defaults.ts'
import { definitions, type ResourceVersion } from './schema/definitions.ts'
import { anything, object, optional, type SchemaNode } from './schema/node.ts'
import { validateSchema, type ValidateOptions } from './schema/validate.ts'

/** The type of each kind's objects. */
export interface ResourceTypes {
  readonly GitRepository: GitRepository
  readonly OCIRepository: OciRepository
  readonly HelmRepository: HelmRepository
  readonly HelmChart: HelmChart
  readonly Bucket: Bucket
  readonly ExternalArtifact: ExternalArtifact
  readonly Kustomization: Kustomization
  readonly HelmRelease: HelmRelease
  readonly Receiver: Receiver
  readonly Alert: Alert
  readonly Provider: Provider
}

/** Any object of ours. */
export type Resource = ResourceTypes[Kind]

/** The kind of an object of ours; undefined for any other object, also one of our groups in a version that nobody serves. */
export function kindOf(value: unknown): Kind | undefined {
  const { apiVersion, kind } = (value ?? {}) as { readonly apiVersion?: unknown; readonly kind?: unknown }
  if (typeof kind !== 'string' || typeof apiVersion !== 'string' || !Object.hasOwn(apiVersions, kind)) return undefined
  return versionOf(kind as Kind, apiVersion) === undefined ? undefined : (kind as Kind)
}

/** Whether a group and a kind are those of one of our kinds, in whatever version. */
export function isOwnKind(group: string, kind: string): kind is Kind {
  return Object.hasOwn(apiVersions, kind) && apiVersions[kind as Kind].split('/')[0] === group
}

/**
 * Checks an object of ours against its schema: types, required fields, choices, patterns, limits and the rules over several fields, as the API server
 * would with the CRDs of infra/crds. Answers every finding with its field; none for an object in order.
 */
export function validateResource(value: unknown, options: ValidateOptions = {}): readonly Diagnostic[] {
  const kind = kindOf(value)
  if (kind === undefined) return [finding(undefined, 'kind', 'is not a kind and version that Sluice knows')]
  const version = versionOf(kind, (value as { apiVersion: string }).apiVersion)
  if (version === undefined) return []
  const place = describe(value)
  const { name } = ((value as { metadata?: unknown }).metadata ?? {}) as { readonly name?: unknown }
  const unnamed = typeof name === 'string' && name !== '' ? [] : [{ field: 'metadata.name', message: 'is required' }]
  return [...unnamed, ...validateSchema(rootSchema(version), value, '', options)].map(({ field, message }) =>
    finding(place, field, message),
  )
}

/** The object with the defaults that its CRD gives to fields of the spec and status. */
export function withDefaults<T extends { readonly apiVersion: string; readonly kind: string }>(value: T): T {
  const kind = kindOf(value)
  const version = kind === undefined ? undefined : versionOf(kind, value.apiVersion)
  return version === undefined ? value : (applyDefaults(rootSchema(version), value) as T)
}

/**
 * An object read from a cluster or a repository as one of `kind`, with defaults. What is wrong with it concerns this object only: callers go on with
 * the others.
 *
 * @throws DiagnosticsError `resource-invalid` with every finding.
 */
export function parseResource<K extends Kind>(kind: K, value: unknown): ResourceTypes[K] {
  const found = kindOf(value)
  if (found !== kind) {
    throw invalid([finding(describe(value), 'kind', `is not a ${kind} of ${apiVersions[kind]}`)])
  }
  const complete = withDefaults(value as ResourceTypes[K])
  const diagnostics = validateResource(complete)
  if (diagnostics.length > 0) throw invalid(diagnostics)
  return complete
}

function invalid(diagnostics: readonly Diagnostic[]): DiagnosticsError {
  return new DiagnosticsError(diagnostics, { code: 'resource-invalid', reason: 'ValidationFailed' })
}

function versionOf(kind: Kind, apiVersion: string): ResourceVersion | undefined {
  const { group, versions } = definitions[kind]
  return versions.find((version) => `${group}/${version.name}` === apiVersion)
}

/**
 * The schema of a whole object. Of its metadata only the names are looked at. An object without spec passes the server; here it is refused where the
 * spec has required fields, because nothing can be done with it.
 */
function rootSchema(version: ResourceVersion): SchemaNode {
  const needsSpec = Object.values(version.spec.properties ?? {}).some((property) => property.optional !== true)
  return {
    ...object('', {
      apiVersion: anything(''),
      kind: anything(''),
      metadata: anything(''),
      spec: needsSpec ? version.spec : optional(version.spec),
      ...(version.status === undefined ? {} : { status: optional(version.status) }),
    }),
    ...(version.rules === undefined ? {} : { rules: version.rules }),
  }
}

function finding(place: string | undefined, field: string, message: string): Diagnostic {
  return {
    code: 'resource-invalid',
    severity: 'error',
    message,
    ...(field === '' ? {} : { field }),
    ...(place === undefined ? {} : { object: place }),
  }
}

function describe(value: unknown): string | undefined {
  const { kind, metadata } = (value ?? {}) as {
    readonly kind?: unknown
    readonly metadata?: { readonly name?: unknown; readonly namespace?: unknown }
  }
  if (typeof kind !== 'string') return undefined
  return [kind, metadata?.namespace, metadata?.name].filter((part) => typeof part === 'string' && part !== '').join('/')
}
