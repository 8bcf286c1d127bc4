import type { Job } from '../reconcile/index.ts'
import type { Disposition } from '../base/index.ts'

/** Attempts of a message before it becomes a dead letter. The queue of each platform is configured to the same number. */
export const maxAttempts = 12

/** A scan is repeated by the schedule anyway, so a failing one is given up sooner. */
const maxScanAttempts = 3

/** Milliseconds that a scan or a continued run may be overtaken by others. */
const patienceMs = 60_000

/**
 * Jobs with the same key ask for the same: running the newest answers all of them. Pushes to one ref of one repository; triggers of one
 * target; plans of one pull request; scans.
 */
export function mergeKey(job: Job): string {
  switch (job.kind) {
    case 'push':
      return JSON.stringify(['push', job.push?.ref, ...(job.push?.urls.toSorted() ?? [])])
    case 'trigger':
      if (job.change !== undefined) return changeKey(job.change)
      return JSON.stringify([job.plan === true ? 'plan' : 'trigger', canonicalTarget(job.target)])
    case 'scan':
      return JSON.stringify(['scan'])
  }
}

/** Plans of one pull request: the newest counts. Those of two pull requests, or of two branches, have nothing to do with each other; nor have those of what is merged, which each say something of their own. */
function changeKey({ urls, pullRequest, plan, afterMerge }: NonNullable<Job['change']>): string {
  return JSON.stringify(['change', afterMerge === true ? plan : (pullRequest ?? plan), ...urls.toSorted()])
}

/** Jobs with the same key share what there is of places: those of one repository, the plans of one repository, those of everybody who asks by hand, of the schedule. */
export function fairKey(job: Job): string {
  if (job.change !== undefined) return JSON.stringify(['change', ...job.change.urls.toSorted()])
  return job.kind === 'push' ? JSON.stringify(['push', ...(job.push?.urls.toSorted() ?? [])]) : job.kind
}

function canonicalTarget(target: Job['target']): readonly string[] {
  if (target === undefined || target === 'cluster') return ['cluster']
  if ('objects' in target) {
    return ['objects', ...target.objects.map(({ kind, namespace, name }) => `${kind}/${namespace}/${name}`).toSorted()]
  }
  const [what, key] = 'source' in target ? ['source', target.source] : ['object', target.object]
  return [what, key.kind, key.namespace, key.name]
}

/** What the coordinator knows of a waiting job when it picks the next. */
export interface Waiting {
  readonly job: Job
  readonly isFollowUp: boolean
  /** Milliseconds since 1970 when it began to wait here. */
  readonly since: number
  /** A job for the same is running. */
  readonly isBlocked?: boolean
  /** When a job of the same {@link fairKey} was begun last: larger is later, 0 never. */
  readonly served?: number
}

/**
 * Which of the waiting jobs runs next, as an index; -1 when none waits. Somebody waits for a push or a trigger, so they go before plans of pull requests, continued
 * runs and scans, unless one of those has waited for a minute. Among equals it is the turn of whose source was served longest ago, then first come, first served.
 */
export function pickNext(waiting: readonly Waiting[], now: number): number {
  let best = -1
  let bestRank = Number.POSITIVE_INFINITY
  let bestServed = Number.POSITIVE_INFINITY
  for (const [index, entry] of waiting.entries()) {
    if (entry.isBlocked === true) continue
    const rank = now - entry.since >= patienceMs ? 0 : rankOf(entry)
    const served = entry.served ?? 0
    if (rank > bestRank || (rank === bestRank && served >= bestServed)) continue
    ;[best, bestRank, bestServed] = [index, rank, served]
  }
  return best
}

/** Plans wait for what changes clusters. */
function rankOf({ isFollowUp, job }: Waiting): number {
  if (isFollowUp || job.change !== undefined) return 1
  return job.kind === 'scan' ? 2 : 0
}

/** What happens to a message whose job failed. */
export type FailureDecision =
  | { readonly kind: 'retry'; readonly delaySeconds: number }
  | { readonly kind: 'dead-letter' }
  | { readonly kind: 'give-up' }

/** What is known of a failure. */
export interface Failure {
  readonly disposition: Disposition
  readonly retryAfterMs?: number
}

/**
 * What to do after attempt number `attempt` (from 1) of a job failed. Delays double from one second to a minute; a longer wait is honoured
 * where the other side asked for it. What needs a human is not tried again: the next scan looks anyway.
 */
export function decideAfterFailure(kind: Job['kind'], failure: Failure, attempt: number): FailureDecision {
  if (failure.disposition === 'stall') return { kind: 'give-up' }
  if (kind === 'scan' && attempt >= maxScanAttempts) return { kind: 'give-up' }
  if (attempt >= maxAttempts) return { kind: 'dead-letter' }
  const backoffSeconds = Math.min(60, 2 ** (attempt - 1))
  const askedSeconds = Math.min(900, Math.ceil((failure.retryAfterMs ?? 0) / 1000))
  return { kind: 'retry', delaySeconds: Math.max(backoffSeconds, askedSeconds) }
}
