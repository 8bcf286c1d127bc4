import {
  getCondition,
  removeCondition,
  setCondition,
  type ArtifactStatus,
  type CommonStatus,
  type Condition,
  type KubeObject,
} from '../../api/index.ts'
import type { Artifact } from '../../ports/index.ts'
import { timestamp } from '../timestamp.ts'

/** A source whose status is composed here. */
export interface SourceObject extends KubeObject {
  readonly status?: CommonStatus & { artifact?: ArtifactStatus; url?: string }
}

/** What was found at a source, as its status tells it. */
export interface FoundSource {
  readonly artifact: Artifact
  /** Name of the artifact's file below `<kind>/<namespace>/<name>/`. */
  readonly file: string
  /** Reason and message of Ready and ArtifactInStorage. */
  readonly reason: string
  readonly message: string
  /** Message of SourceVerified where a signature was checked. */
  readonly verified?: string
  /** Fields of the kind's own; undefined ones are removed. */
  readonly observed?: { readonly [field: string]: unknown }
}

/** Conditions that a success removes. */
const failures = ['Reconciling', 'Stalled', 'FetchFailed', 'BuildFailed', 'ArtifactOutdated', 'StorageOperationFailed']

/** Failures in what is made of the fetched content: they are told as BuildFailed (source-controller 1.9, observeChartBuild). */
const buildReasons: ReadonlySet<string> = new Set([
  'MetadataPatchError',
  'ValuesFilesError',
  'DependencyBuildError',
  'ChartPackageError',
  'ChartVerificationError',
])

/** Failures that nothing but a change of the object resolves. */
const stallReasons: ReadonlySet<string> = new Set([
  'URLInvalid',
  'InvalidChartReference',
  'MetadataPatchError',
  'ValuesFilesError',
  'UnsupportedSourceKind',
  'InvalidSTSConfiguration',
  'InvalidProviderConfiguration',
  'FeatureGateDisabled',
])

/** Path of a source's artifact: `<kind>/<namespace>/<name>/<file>` (fluxcd/pkg artifact/storage). */
export function artifactPath(object: KubeObject, file: string): string {
  return `${object.kind.toLowerCase()}/${object.metadata.namespace ?? ''}/${object.metadata.name}/${file}`
}

/** The status of a source whose revision is at hand (source-controller 1.9). */
export function fetchedStatus<T extends SourceObject>(
  object: T,
  found: FoundSource,
  url: string,
  now: number,
): NonNullable<T['status']> {
  const at = timestamp(now)
  const { artifact } = found
  let conditions: readonly Condition[] = object.status?.conditions ?? []
  for (const type of failures) conditions = removeCondition(conditions, type)
  if (found.verified === undefined) conditions = removeCondition(conditions, 'SourceVerified')
  const set = (type: string, reason: string, message: string): void => {
    conditions = setCondition(conditions, condition(object, { type, status: 'True', reason, message }), at)
  }
  set('Ready', found.reason, found.message)
  set('ArtifactInStorage', found.reason, found.message)
  if (found.verified !== undefined) set('SourceVerified', 'Succeeded', found.verified)
  const path = artifactPath(object, found.file)
  const isSame = object.status?.artifact?.digest === artifact.digest && object.status.artifact.path === path
  const status: { [field: string]: unknown } = {
    ...object.status,
    ...found.observed,
    observedGeneration: object.metadata.generation ?? 0,
    conditions: [...conditions],
    artifact: {
      digest: artifact.digest,
      lastUpdateTime: isSame ? (object.status?.artifact?.lastUpdateTime ?? at) : at,
      path,
      revision: artifact.revision,
      url,
      ...(artifact.size === undefined ? {} : { size: artifact.size }),
      ...(artifact.metadata === undefined || Object.keys(artifact.metadata).length === 0
        ? {}
        : { metadata: artifact.metadata }),
    },
  }
  return handled(object, status) as NonNullable<T['status']>
}

/** The status of a source that could not be fetched or built; the last artifact stays. */
export function failedStatus<T extends SourceObject>(
  object: T,
  failure: { readonly reason: string; readonly message: string; readonly isFinal: boolean },
  now: number,
): NonNullable<T['status']> {
  const { reason, message } = failure
  const at = timestamp(now)
  let conditions: readonly Condition[] = object.status?.conditions ?? []
  const set = (type: string, status: Condition['status'], conditionReason: string): void => {
    conditions = setCondition(conditions, condition(object, { type, status, reason: conditionReason, message }), at)
  }
  // A failed verification is always judged anew; a success stays as a fact about the last artifact.
  if (getCondition(conditions, 'SourceVerified')?.status === 'False')
    conditions = removeCondition(conditions, 'SourceVerified')
  const type = buildReasons.has(reason) ? 'BuildFailed' : 'FetchFailed'
  conditions = removeCondition(conditions, type === 'BuildFailed' ? 'FetchFailed' : 'BuildFailed')
  set('Ready', 'False', reason)
  if (reason === 'VerificationError' || reason === 'ChartVerificationError')
    set('SourceVerified', 'False', 'VerificationError')
  if (reason !== 'VerificationError') set(type, 'True', reason)
  const isStalled = failure.isFinal && stallReasons.has(reason)
  conditions = removeCondition(conditions, isStalled ? 'Reconciling' : 'Stalled')
  if (isStalled) set('Stalled', 'True', reason)
  else set('Reconciling', 'True', 'ProgressingWithRetry')
  return handled(object, {
    ...object.status,
    observedGeneration: object.metadata.generation ?? 0,
    conditions: [...conditions],
  }) as NonNullable<T['status']>
}

/** True when writing the status again would say nothing new. */
export function isUpToDate(object: SourceObject, found: FoundSource, url: string): boolean {
  const { status, metadata } = object
  const ready = status?.conditions?.find((one) => one.type === 'Ready')
  const requestedAt = metadata.annotations?.['reconcile.fluxcd.io/requestedAt']
  return (
    status?.artifact?.revision === found.artifact.revision &&
    status.artifact.digest === found.artifact.digest &&
    status.artifact.path === artifactPath(object, found.file) &&
    status.artifact.url === url &&
    status.observedGeneration === metadata.generation &&
    ready?.status === 'True' &&
    ready.message === found.message &&
    (requestedAt === undefined || status.lastHandledReconcileAt === requestedAt) &&
    Object.entries(found.observed ?? {}).every(
      ([field, value]) => JSON.stringify((status as { [field: string]: unknown })[field]) === JSON.stringify(value),
    )
  )
}

function handled(object: SourceObject, status: { [field: string]: unknown }): { [field: string]: unknown } {
  const requestedAt = object.metadata.annotations?.['reconcile.fluxcd.io/requestedAt']
  return requestedAt === undefined ? status : { ...status, lastHandledReconcileAt: requestedAt }
}

function condition(
  object: SourceObject,
  wanted: Pick<Condition, 'type' | 'status' | 'reason' | 'message'>,
): Omit<Condition, 'lastTransitionTime'> {
  return { ...wanted, message: wanted.message.slice(0, 20_000), observedGeneration: object.metadata.generation ?? 0 }
}
