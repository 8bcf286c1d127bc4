import {
  maxConditionMessageLength,
  removeCondition,
  setCondition,
  type Condition,
  type HelmRelease,
  type HelmReleaseStatus,
} from '../../api/index.ts'
import { timestamp } from '../timestamp.ts'
import { commonMetadataDigest, postRenderersDigest } from './digests.ts'

/** Sets one condition on a status, for the object's generation. */
export function withCondition(
  object: HelmRelease,
  status: HelmReleaseStatus,
  type: string,
  value: Condition['status'],
  reason: string,
  message: string,
  now: number,
): HelmReleaseStatus {
  const conditions = setCondition(
    status.conditions ?? [],
    {
      type,
      status: value,
      reason,
      message: message.slice(0, maxConditionMessageLength),
      observedGeneration: object.metadata.generation ?? 0,
    },
    timestamp(now),
  )
  return { ...status, conditions: [...conditions] }
}

/** Removes conditions from a status. */
export function withoutConditions(status: HelmReleaseStatus, ...types: readonly string[]): HelmReleaseStatus {
  let conditions: readonly Condition[] = status.conditions ?? []
  for (const type of types) conditions = removeCondition(conditions, type)
  return { ...status, conditions: [...conditions] }
}

/** The condition of a type. */
export function conditionOf(status: HelmReleaseStatus | undefined, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type)
}

/** Marks the object as being worked on, without a word on whether it is ready. */
export function reconciling(
  object: HelmRelease,
  status: HelmReleaseStatus,
  message: string,
  now: number,
  reason: 'Progressing' | 'ProgressingWithRetry' = 'Progressing',
): HelmReleaseStatus {
  return withCondition(object, withoutConditions(status, 'Stalled'), 'Reconciling', 'True', reason, message, now)
}

/** The status while a release action runs: Ready Unknown, Reconciling with what is being done (helm-controller 1.6, AtomicRelease). */
export function progressing(
  object: HelmRelease,
  status: HelmReleaseStatus,
  message: string,
  now: number,
): HelmReleaseStatus {
  const started = reconciling(object, status, message, now)
  return withCondition(object, started, 'Ready', 'Unknown', 'Progressing', message, now)
}

/**
 * The Ready condition as the sum of Remediated, TestSuccess (unless its failures are ignored) and Released: the one of the newest generation
 * counts, in this order; any remediation means not ready. Also records which post-rendering the release was last seen with
 * (helm-controller 1.6, summarize).
 */
export function summarizeReady(object: HelmRelease, status: HelmReleaseStatus, now: number): HelmReleaseStatus {
  const { test, postRenderers, commonMetadata } = object.spec
  let next = test?.enable === true ? status : withoutConditions(status, 'TestSuccess')
  const types =
    test?.enable === true && test.ignoreFailures !== true
      ? ['Remediated', 'TestSuccess', 'Released']
      : ['Remediated', 'Released']
  const [decisive] = types
    .map((type) => conditionOf(next, type))
    .filter((condition) => condition !== undefined)
    .toSorted((a, b) => (b.observedGeneration ?? 0) - (a.observedGeneration ?? 0))
  if (decisive === undefined) return next
  const value = decisive.type === 'Remediated' ? 'False' : decisive.status
  if (value === 'True') next = withoutConditions(next, 'Stalled')
  next = withCondition(object, next, 'Ready', value, decisive.reason, decisive.message, now)
  delete next.observedPostRenderersDigest
  delete next.observedCommonMetadataDigest
  return {
    ...next,
    ...(postRenderers === undefined ? {} : { observedPostRenderersDigest: postRenderersDigest(postRenderers) }),
    ...(commonMetadata === undefined ? {} : { observedCommonMetadataDigest: commonMetadataDigest(commonMetadata) }),
  }
}

/** The status without failure counters. */
export function withoutFailures(status: HelmReleaseStatus): HelmReleaseStatus {
  const next: HelmReleaseStatus = { ...status }
  delete next.failures
  delete next.installFailures
  delete next.upgradeFailures
  return next
}
