import {
  getCondition,
  removeCondition,
  setCondition,
  type ArtifactStatus,
  type Condition,
  type GitRepository,
  type GitRepositoryStatus,
} from '../../api/index.ts'
import type { Artifact } from '../../ports/index.ts'
import { timestamp } from '../timestamp.ts'
import { artifactPath } from './object-status.ts'

/** Conditions that a success takes away. */
const failConditions = Object.freeze([
  'FetchFailed',
  'IncludeUnavailable',
  'ArtifactOutdated',
  'StorageOperationFailed',
  'Reconciling',
  'Stalled',
])

const verificationReasons = Object.freeze([
  'VerificationError',
  'InvalidVerificationMode',
  'InvalidGitObject',
  'InvalidTagSignature',
  'InvalidCommitSignature',
])
const includeReasons = Object.freeze(['NotFound', 'NoArtifact', 'IncludeCycle'])
const storageReasons = Object.freeze(['IllegalPath', 'CopyFailure', 'ArchiveOperationFailed', 'SourceIgnoreError'])

/** A new artifact with what it was made of. */
export interface FetchedGit {
  readonly artifact: Artifact
  readonly includedArtifacts: readonly ArtifactStatus[]
  /** Message of SourceVerified, where signatures were asked for. */
  readonly verified?: string
}

/** Path of a GitRepository's artifact at a revision. */
export function gitArtifactPath(object: GitRepository, revision: string): string {
  return artifactPath(object, `${revision.slice(revision.lastIndexOf(':') + 1)}.tar.gz`)
}

/** The status of a GitRepository with a new artifact (source-controller 1.9, reconcileArtifact and verifySignature). */
export function fetchedGitStatus(
  object: GitRepository,
  fetched: FetchedGit,
  urlOf: (path: string) => string,
  now: number,
): GitRepositoryStatus {
  const { artifact } = fetched
  const at = timestamp(now)
  const path = gitArtifactPath(object, artifact.revision)
  const stored = {
    digest: artifact.digest,
    lastUpdateTime: at,
    path,
    revision: artifact.revision,
    url: urlOf(path),
    ...(artifact.size === undefined ? {} : { size: artifact.size }),
  }
  const { verify } = object.spec
  let conditions = object.status?.conditions ?? []
  if (fetched.verified === undefined) conditions = removeCondition(conditions, 'SourceVerified')
  else {
    const verified = condition(
      object,
      { type: 'SourceVerified', status: 'True', reason: 'Succeeded' },
      fetched.verified,
    )
    conditions = setCondition(conditions, verified, at)
  }
  const status: GitRepositoryStatus = { ...succeeded(object, stored, conditions, at), ...observations(object) }
  if (fetched.includedArtifacts.length > 0) status.includedArtifacts = [...fetched.includedArtifacts]
  if (verify !== undefined) status.sourceVerificationMode = verify.mode === 'head' ? 'HEAD' : (verify.mode ?? 'HEAD')
  return status
}

/** The status of a GitRepository whose recorded artifact is still the newest: nothing was fetched. */
export function unchangedGitStatus(object: GitRepository, artifact: ArtifactStatus, now: number): GitRepositoryStatus {
  const { includedArtifacts, sourceVerificationMode } = object.status ?? {}
  const conditions = object.status?.conditions ?? []
  return {
    ...succeeded(object, artifact, conditions, timestamp(now)),
    ...observations(object),
    ...(includedArtifacts === undefined ? {} : { includedArtifacts }),
    ...(sourceVerificationMode === undefined ? {} : { sourceVerificationMode }),
  }
}

/** Why a GitRepository has no new artifact. */
export interface GitFailure {
  readonly reason: string
  readonly message: string
  readonly isStalled: boolean
  /** The revision that was found before it failed. */
  readonly revision?: string
}

/** The status of a GitRepository that could not be fetched, verified or put together; the last artifact stays. */
export function failedGitStatus(object: GitRepository, failure: GitFailure, now: number): GitRepositoryStatus {
  const { reason, message, revision } = failure
  const at = timestamp(now)
  let conditions = object.status?.conditions ?? []
  const set = (type: string, status: Condition['status'], why = reason, text = message): void => {
    conditions = setCondition(conditions, condition(object, { type, status, reason: why }, text), at)
  }
  const remove = (type: string): void => {
    conditions = removeCondition(conditions, type)
  }
  // A failed verification is always judged anew; a success stays as a fact about the last artifact.
  if (getCondition(conditions, 'SourceVerified')?.status === 'False') remove('SourceVerified')
  set('Ready', 'False')
  if (verificationReasons.includes(reason)) {
    remove('FetchFailed')
    set('SourceVerified', 'False')
  } else if (includeReasons.includes(reason)) set('IncludeUnavailable', 'True')
  else if (storageReasons.includes(reason)) {
    remove('FetchFailed')
    set('StorageOperationFailed', 'True')
    if (object.status?.artifact !== undefined && revision !== undefined && revision !== object.status.artifact.revision)
      set('ArtifactOutdated', 'True', 'NewRevision', `new upstream revision '${revision}'`)
  } else set('FetchFailed', 'True')
  if (!includeReasons.includes(reason)) remove('IncludeUnavailable')
  remove(failure.isStalled ? 'Reconciling' : 'Stalled')
  if (failure.isStalled) set('Stalled', 'True')
  else set('Reconciling', 'True', 'ProgressingWithRetry')
  const generation = object.metadata.generation ?? 0
  return withHandledRequest(object, { ...object.status, observedGeneration: generation, conditions: [...conditions] })
}

/** True after a failure that a success ends. */
export function hasFailed(object: GitRepository): boolean {
  const { conditions } = object.status ?? {}
  return (
    failConditions.slice(0, 4).some((type) => getCondition(conditions, type)?.status === 'True') ||
    getCondition(conditions, 'SourceVerified')?.status === 'False'
  )
}

/** Fields that tell what an artifact was made with: exactly those that the spec has. */
function observations(object: GitRepository): GitRepositoryStatus {
  const { ignore, recurseSubmodules, include, sparseCheckout } = object.spec
  return {
    ...(ignore === undefined ? {} : { observedIgnore: ignore }),
    ...(recurseSubmodules === undefined ? {} : { observedRecurseSubmodules: recurseSubmodules }),
    ...(include === undefined ? {} : { observedInclude: include }),
    ...(sparseCheckout === undefined ? {} : { observedSparseCheckout: sparseCheckout }),
  }
}

function succeeded(
  object: GitRepository,
  artifact: ArtifactStatus,
  before: readonly Condition[],
  at: string,
): GitRepositoryStatus {
  const message = `stored artifact for revision '${artifact.revision}'`
  let conditions = before
  for (const type of failConditions) conditions = removeCondition(conditions, type)
  for (const type of ['Ready', 'ArtifactInStorage']) {
    conditions = setCondition(conditions, condition(object, { type, status: 'True', reason: 'Succeeded' }, message), at)
  }
  const { lastHandledReconcileAt } = object.status ?? {}
  return withHandledRequest(object, {
    ...(lastHandledReconcileAt === undefined ? {} : { lastHandledReconcileAt }),
    observedGeneration: object.metadata.generation ?? 0,
    conditions: [...conditions],
    artifact,
  })
}

function withHandledRequest(object: GitRepository, status: GitRepositoryStatus): GitRepositoryStatus {
  const requestedAt = object.metadata.annotations?.['reconcile.fluxcd.io/requestedAt']
  return requestedAt === undefined ? status : { ...status, lastHandledReconcileAt: requestedAt }
}

function condition(
  object: GitRepository,
  wanted: Pick<Condition, 'type' | 'status' | 'reason'>,
  message: string,
): Omit<Condition, 'lastTransitionTime'> {
  return { ...wanted, message: message.slice(0, 20_000), observedGeneration: object.metadata.generation ?? 0 }
}
