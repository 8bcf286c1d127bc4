import type { KubeClient } from '../../kube/index.ts'
import type { Checks } from '../checks.ts'
import type { EngineDeps, Job, JobResult, NodeRecord, ObjectKey, RunRecord } from '../job.ts'
import type { LiveRecords } from '../live-records.ts'
import { planJob } from '../plan/plan-job.ts'
import { summarize, type RunHead } from '../run-record.ts'
import { sourcesOf } from '../run-sources.ts'
import { saveSummaries } from '../summary/index.ts'
import { idOfKey, type World } from '../world.ts'
import type { Held } from './decide.ts'
import { reasonOfHeld } from './hold-back.ts'

/** A run of a cluster that may not be worked on. */
export interface HeldRun {
  readonly deps: EngineDeps
  readonly client: KubeClient
  readonly job: Job
  readonly head: RunHead
  readonly world: World
  readonly checks: Checks
  readonly records: LiveRecords
  readonly startedAt: number
  readonly signal: AbortSignal
}

/**
 * What a run does where the whole cluster is held: it has looked, writes nothing into the cluster, fetches nothing, and says why. Sources that a push or a trigger concerns are
 * noted as never looked at, so that the first scan afterwards fetches them whatever their interval: nothing is lost. Where the first run waits for approval it is planned, and the plan
 * is the record.
 *
 * Effects: the state store. @throws EngineError when the cluster cannot be reached for the plan.
 */
export async function endHeld(run: HeldRun, held: Held): Promise<JobResult> {
  const { deps, job, head, world, checks, records, startedAt } = run
  const time = { now: startedAt, jitterPercent: deps.settings.intervalJitterPercent }
  const concerned = job.kind === 'scan' ? [] : sourcesOf(world, job, checks, time)
  for (const key of concerned) {
    const mark = checks.get(idOfKey(key))
    if (mark !== undefined) checks.set(idOfKey(key), { ...mark, at: 0 })
  }
  for (const key of [...concerned, ...namedObjects(job)]) records.set(idOfKey(key), heldNode(key, held, startedAt))
  const sources = { fetchedAt: undefined }
  await Promise.all([checks.save(), saveSummaries({ deps, job, world, sources, held }, new Map(), startedAt)])
  if (held.kind === 'approval' && (await isPlanWanted(deps, job))) return planFirst(run)
  const record: RunRecord = {
    ...head,
    ...summarize(records.nodes(), undefined),
    finishedAt: deps.clock.now(),
    requests: run.client.requests.total,
  }
  await records.end(record)
  deps.logger.log('info', 'run held', { run: job.runId, cluster: job.cluster, reason: held.message })
  return { record }
}

/** A scan plans once; whoever pushes or asks wants to see what it would do now. */
async function isPlanWanted({ state }: EngineDeps, job: Job): Promise<boolean> {
  return job.kind !== 'scan' || (await state.get(planKey(job.cluster))) === undefined
}

async function planFirst({ deps, job, records, signal }: HeldRun): Promise<JobResult> {
  const { push: _push, ...rest } = job
  const result = await planJob(deps, { ...rest, target: 'cluster', plan: true }, signal)
  await records.end(result.record)
  await deps.state.put(planKey(job.cluster), { run: job.runId, at: deps.clock.now() })
  return result
}

/** Where the plan of a cluster's first run is noted: `{run, at}`. */
function planKey(cluster: string): string {
  return `first-plan/${cluster}`
}

function namedObjects({ target }: Job): readonly ObjectKey[] {
  if (target === undefined || target === 'cluster') return []
  return 'objects' in target ? target.objects : 'source' in target ? [target.source] : [target.object]
}

function heldNode(key: ObjectKey, held: Held, at: number): NodeRecord {
  return {
    ...key,
    state: 'skipped',
    reason: reasonOfHeld[held.kind],
    message: held.message,
    changes: [],
    unchanged: 0,
    timings: { startedAt: at, finishedAt: at },
  }
}
