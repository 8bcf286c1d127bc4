import {
  removeCondition,
  setCondition,
  type Condition,
  type GitRepository,
  type GitRepositoryStatus,
} from '../../api/index.ts'
import type { Artifact } from '../../ports/index.ts'
import { timestamp } from '../timestamp.ts'

/** The status of a GitRepository whose revision is at hand (source-controller 1.9). */
export function fetchedGitStatus(
  object: GitRepository,
  artifact: Artifact,
  publicUrl: string,
  now: number,
): GitRepositoryStatus {
  const generation = object.metadata.generation ?? 0
  const message = `stored artifact for revision '${artifact.revision}'`
  const at = timestamp(now)
  let conditions: readonly Condition[] = object.status?.conditions ?? []
  for (const type of ['Reconciling', 'Stalled', 'FetchFailed', 'ArtifactOutdated', 'StorageOperationFailed'])
    conditions = removeCondition(conditions, type)
  conditions = setCondition(conditions, condition('Ready', 'True', 'Succeeded', message, generation), at)
  conditions = setCondition(conditions, condition('ArtifactInStorage', 'True', 'Succeeded', message, generation), at)
  const file = `${artifact.revision.slice(artifact.revision.lastIndexOf(':') + 1)}.tar.gz`
  const path = `gitrepository/${object.metadata.namespace ?? ''}/${object.metadata.name}/${file}`
  const status: GitRepositoryStatus = {
    ...object.status,
    observedGeneration: generation,
    conditions: [...conditions],
    artifact: {
      digest: artifact.digest,
      lastUpdateTime: at,
      path,
      revision: artifact.revision,
      url: `${publicUrl.replace(/\/$/, '')}/${path}`,
      ...(artifact.size === undefined ? {} : { size: artifact.size }),
    },
  }
  if (object.spec.ignore !== undefined) status.observedIgnore = object.spec.ignore
  if (object.spec.sparseCheckout !== undefined) status.observedSparseCheckout = [...object.spec.sparseCheckout]
  return withHandledRequest(object, status)
}

/** The status of a GitRepository that could not be fetched; the last artifact stays. */
export function failedGitStatus(
  object: GitRepository,
  reason: string,
  message: string,
  stalled: boolean,
  now: number,
): GitRepositoryStatus {
  const generation = object.metadata.generation ?? 0
  const at = timestamp(now)
  let conditions: readonly Condition[] = object.status?.conditions ?? []
  conditions = setCondition(conditions, condition('Ready', 'False', reason, message, generation), at)
  conditions = setCondition(conditions, condition('FetchFailed', 'True', reason, message, generation), at)
  conditions = stalled
    ? setCondition(
        removeCondition(conditions, 'Reconciling'),
        condition('Stalled', 'True', reason, message, generation),
        at,
      )
    : setCondition(
        removeCondition(conditions, 'Stalled'),
        condition('Reconciling', 'True', 'ProgressingWithRetry', message, generation),
        at,
      )
  return withHandledRequest(object, { ...object.status, observedGeneration: generation, conditions: [...conditions] })
}

function withHandledRequest(object: GitRepository, status: GitRepositoryStatus): GitRepositoryStatus {
  const requestedAt = object.metadata.annotations?.['reconcile.fluxcd.io/requestedAt']
  return requestedAt === undefined ? status : { ...status, lastHandledReconcileAt: requestedAt }
}

function condition(
  type: string,
  status: Condition['status'],
  reason: string,
  message: string,
  observedGeneration: number,
) {
  return { type, status, reason, message: message.slice(0, 20_000), observedGeneration }
}
