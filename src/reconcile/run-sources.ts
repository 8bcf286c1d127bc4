import { getCondition, isConditionTrue, type ExternalArtifact, type GitRepository } from '../api/index.ts'
import type { Checks } from './checks.ts'
import { jittered } from './jitter.ts'
import type { Job, NodeRecord, ObjectKey, PushNotice } from './job.ts'
import { failedSourceRecord } from './run-record.ts'
import { intervalMs, type SelectionContext } from './selection.ts'
import { isOciHelmRepository } from './source/helm-repository.ts'
import type { SourceResults } from './source/index.ts'
import { isRefAffected, isRepositoryMatch } from './source-match.ts'
import { idOf, idOfKey, keyOf, originOf, revisionOf, sourceKinds, type Source, type World } from './world.ts'

/** A source that failed is left alone for at least this long, so that a failure costs the server no request in every scan. */
const minRetryMs = 60_000

/** source-controller's backoff ends here as well (`--max-retry-delay`). */
const maxRetryMs = 15 * 60_000

/** Fetches sources; charts after what they are made from. */
export async function refreshAll(sources: SourceResults, keys: readonly ObjectKey[]): Promise<void> {
  const isChart = (key: ObjectKey): boolean => key.kind === 'HelmChart'
  await Promise.all(keys.filter((key) => !isChart(key)).map((key) => sources.refresh(key)))
  await Promise.all(keys.filter(isChart).map((key) => sources.refresh(key)))
}

/** When a job looks, in milliseconds since 1970, and how exact intervals are. */
export interface Time {
  readonly now: number
  readonly jitterPercent: number
}

/** The sources that a job looks at: those a push concerns, those whose interval is over or that are tried again after a failure, those that were asked for, and charts made from any of these. */
export function sourcesOf(world: World, job: Job, checks: Checks, time: Time): readonly ObjectKey[] {
  const keys: ObjectKey[] = []
  const concerned = new Set<string>()
  for (const kind of sourceKinds) {
    for (const source of world.ofKind(kind)) {
      if (!world.serves(source)) continue
      const origin = originOf(source)
      // A HelmRepository of type oci is not looked at itself: who asks for it means its charts.
      const isFollower = origin !== undefined && (concerned.has(idOfKey(origin)) || isNamed(job, origin))
      if (!isFollower && !isSourceConcerned(source, job, checks, time)) continue
      keys.push(keyOf(source))
      concerned.add(idOf(source))
    }
  }
  return keys
}

/** Whether a trigger names an object, as a source or among others. */
function isNamed(job: Job, key: ObjectKey): boolean {
  const { target } = job
  if (target === undefined || target === 'cluster') return false
  const keys = 'objects' in target ? target.objects : 'source' in target ? [target.source] : []
  return keys.some((one) => idOfKey(one) === idOfKey(key))
}

/** Whether a push can change what a GitRepository with this spec gives out. */
export function followsPush(spec: Pick<GitRepository['spec'], 'url' | 'ref'>, push: PushNotice): boolean {
  return isRepositoryMatch(spec.url, push) && isRefAffected(spec.ref, push.ref)
}

function isSourceConcerned(source: Source, job: Job, checks: Checks, { now, jitterPercent }: Time): boolean {
  if (source.metadata.deletionTimestamp !== undefined) return true
  // Others write an ExternalArtifact; there is nothing to look at.
  if (source.kind === 'ExternalArtifact') return false
  if (source.kind === 'HelmRepository' && isOciHelmRepository(source)) return false
  if (job.push !== undefined) return source.kind === 'GitRepository' && followsPush(source.spec, job.push)
  if (job.kind === 'trigger') return job.target === 'cluster' || job.target === undefined || isNamed(job, keyOf(source))
  const mark = checks.get(idOf(source))
  const requestedAt = source.metadata.annotations?.['reconcile.fluxcd.io/requestedAt']
  if (requestedAt !== undefined && requestedAt !== source.status?.lastHandledReconcileAt) return true
  if (source.status?.observedGeneration !== source.metadata.generation) return true
  if (mark === undefined) return true
  return now - mark.at >= jittered(pauseOf(source, mark.at), jitterPercent, idOf(source), mark.at)
}

/**
 * Milliseconds from the last look at a source to the next: its interval, or less after a failure that may pass by itself, since nobody tells again of a push that could not be fetched. The
 * pause is as long as the failure had lasted at the last look, so that pauses double; the time at which Ready became False is in the cluster.
 */
function pauseOf({ spec, status }: Exclude<Source, ExternalArtifact>, lookedAt: number): number {
  const interval = intervalMs(spec.interval)
  const ready = getCondition(status?.conditions, 'Ready')
  if (ready?.status !== 'False' || spec.suspend === true) return interval
  // Neither passes: one needs another spec, the other another policy for tenants.
  if (isConditionTrue(status?.conditions, 'Stalled') || ready.reason === 'AccessDenied') return interval
  const failedMs = lookedAt - Date.parse(ready.lastTransitionTime)
  return Math.min(interval, maxRetryMs, failedMs > minRetryMs ? failedMs : minRetryMs)
}

/** Notes that a source was looked at, and puts it among the nodes of the run where it failed. */
export function noteSource(
  ctx: SelectionContext,
  checks: Checks,
  key: ObjectKey,
  records: Map<string, NodeRecord>,
  startedAt: number,
): void {
  const source = ctx.world.get(idOfKey(key))
  if (source === undefined) return
  const problem = failedSourceRecord(source, startedAt, ctx.deps.clock.now())
  if (problem !== undefined) records.set(idOfKey(key), problem)
  const revision = revisionOf(ctx.world, key) ?? ''
  checks.set(idOfKey(key), {
    // What else a long run does puts off no retry.
    at: problem === undefined ? ctx.deps.clock.now() : startedAt,
    state: 'ready',
    revision,
    generation: source.metadata.generation ?? 0,
  })
}
