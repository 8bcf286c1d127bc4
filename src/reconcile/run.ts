import { labels } from '../api/index.ts'
import { toEngineError, type EngineError } from '../base/index.ts'
import { createDirectReader, createPreloadedReader } from '../kube/index.ts'
import type { Logger } from '../ports/index.ts'
import { createApprovals } from './approval/gate.ts'
import { wakeFollowers } from './approval/waves.ts'
import { changeJob, planChange, type ChangeJob } from './change/index.ts'
import { loadChecks, type Checks } from './checks.ts'
import type { RunContext } from './context.ts'
import { createIdentities } from './identity.ts'
import { createRunEvents } from './notifications/run-events.ts'
import { createHelmRun } from './helmrelease/shared.ts'
import type { EngineDeps, Job, JobResult, JobSignals, RunRecord } from './job.ts'
import { LiveRecords } from './live-records.ts'
import { planJob } from './plan/plan-job.ts'
import { concernsReceivers, reconcileReceivers } from './receiver/reconcile.ts'
import { createRunClient } from './run-client.ts'
import { runNodes } from './run-nodes.ts'
import { headOf, isUnfinished, noteWithoutSpec, summarize, withEarlierNodes } from './run-record.ts'
import { noteSource, refreshAll, sourcesOf } from './run-sources.ts'
import { leaveOutUnaffected, recallUnaffected, selectNodes, type Selection } from './selection.ts'
import { readClusterState } from './safety/cluster-state.ts'
import { endHeld } from './safety/held-run.ts'
import { createSafety } from './safety/safety.ts'
import { endExpired } from './safety/end-expired.ts'
import { createSources } from './source/index.ts'
import { noteFailedPush, saveSummaries } from './summary/index.ts'
import { withTenants } from './tenancy.ts'
import { loadRunWorld, lookAtPush } from './unfollowed-push.ts'
import { loadWatchedConfigs } from './watched-configs.ts'
import { idOfKey } from './world.ts'

/** Milliseconds after which a run that still waits for something is run again. */
const requeueWaitingMs = 2_000

/** The same for a run in which values have changed that were taken before. */
const requeueMissedMs = 100

/** Nodes of a run beyond which live objects are read as lists, and what a local comparison proves unchanged is not sent at all. */
const bulkNodes = 3

/**
 * Does one job on one cluster: finds the sources and objects it concerns, brings the sources up to date, and runs the graph of
 * Kustomizations and HelmReleases, each as soon as what it needs is there.
 *
 * What it does is in the cluster (objects, status, inventory, releases), so a job that was cut off is simply run again. The record of the
 * run is saved in the state store under `runs/<id>/<cluster>`, and has what earlier attempts and looks of the same run did in it. Several jobs of one cluster may go on at the same
 * time, with the same caches: what they do to one object comes one after the other.
 *
 * @throws EngineError when the cluster cannot be reached; the job is to be tried again. What is wrong with a single object is in the record.
 */
export async function runJob(
  given: EngineDeps,
  job: Job,
  { stop: signal = new AbortController().signal, superseded, replaced }: JobSignals = {},
): Promise<JobResult> {
  if (job.plan === true) return planOnly(given, job, signal, replaced)
  const startedAt = given.clock.now()
  const logger = given.logger.with({ run: job.runId, cluster: job.cluster })
  const client = createRunClient(given, logger)
  const head = headOf(job, startedAt)
  const records = new LiveRecords(given, job, head)
  let deps = given
  try {
    const locks = given.caches.locks.forJob() // Before the first look: what others do from now on is noticed.
    const begun = { deps: given, client, job, head, records, signal }
    const look = await lookAtPush(begun)
    if (look.ended !== undefined) return look.ended
    const { namespaces, watchConfigsSelector, holdNamespace, intervalJitterPercent: jitterPercent } = given.settings
    const [judged, world, checks, earlier, configs, state] = await Promise.all([
      withTenants(given, client, signal),
      loadRunWorld(begun, look),
      checksOf(given, job.cluster),
      records.loadEarlier(),
      job.kind === 'scan' ? loadWatchedConfigs(client, namespaces, watchConfigsSelector, signal) : undefined,
      readClusterState(client, holdNamespace, signal),
    ])
    deps = judged
    const safety = createSafety({ cluster: job.cluster, settings: deps.settings, state, now: startedAt })
    if (safety.cluster !== undefined) return await endHeld({ ...begun, deps, world, checks, startedAt }, safety.cluster)
    const events = createRunEvents({ deps, client, world, logger, signal })
    if (job.kind === 'scan')
      await endExpired({ client, clock: deps.clock, logger, signal }, { world, state, holdNamespace })
    const sources = createSources({ deps, client, world, events, signal, locks, skipsLocked: job.kind === 'scan' })
    const concerned = sourcesOf(world, job, checks, { now: startedAt, jitterPercent })
    await refreshAll(sources, concerned)
    const base = {
      deps: { ...deps, logger },
      job,
      client,
      identities: createIdentities({ deps, client, signal }),
      world,
      configs,
      sources,
      events,
      claims: new Map<string, Promise<ReadonlySet<string>>>(),
      signal,
      superseded,
      replaced,
      safety,
      approvals: await createApprovals({ deps, world }),
      locks,
      deadline: startedAt + deps.limits.runBudgetMs,
    }
    const selection: Selection = { checks, concerned: new Set(concerned.map(idOfKey)) }
    recallUnaffected(base, selection)
    const unaffected = await leaveOutUnaffected(base, selection)
    const isBulk = selectNodes(base, selection).length > bulkNodes
    const live = isBulk ? createPreloadedReader({ label: labels.kustomizeName }) : createDirectReader()
    const helm = createHelmRun(isBulk, signal)
    const { failure, hasMissed, left } = await runNodes({ ...base, live, helm, isBulk }, selection, records)
    for (const key of concerned) noteSource(base, checks, key, records, startedAt)
    if (job.push === undefined) noteWithoutSpec(world, records, startedAt)
    if (concernsReceivers(job, records.values())) await reconcileReceivers(base, job)
    await saveAll(base, { checks, records, startedAt })
    if (failure !== undefined) throw failure
    const record: RunRecord = {
      ...head,
      ...summarize(withEarlierNodes(earlier, records, world), sources.fetchedAt),
      finishedAt: deps.clock.now(),
      requests: client.requests.total,
      ...(unaffected === 0 ? {} : { unaffected }),
    }
    await records.end(record, left > 0 || hasMissed)
    logFinished(logger, job, record)
    if (left > 0) return { record, left }
    if (isUnfinished(records.values())) return { record, requeueAfterMs: requeueWaitingMs }
    return hasMissed ? { record, requeueAfterMs: requeueMissedMs } : { record }
  } catch (caught) {
    const error = toEngineError(caught)
    await noteFailedPush({ ...deps, logger }, job, startedAt, error)
    await records.end(failedRecord(head, records, { error, at: deps.clock.now(), requests: client.requests.total }))
    throw error
  }
}

/** Does a job that only looks: at a change, or at what a run would do. */
function planOnly(
  deps: EngineDeps,
  job: Job,
  stop: AbortSignal,
  replaced: AbortSignal | undefined,
): Promise<JobResult> {
  const isChange = (one: Job): one is ChangeJob => one.plan === true && one.change !== undefined
  if (!isChange(job)) return planJob(deps, job, stop)
  return changeJob(deps, job, { stop, ...(replaced === undefined ? {} : { replaced }) }, planChange)
}

function failedRecord(
  head: ReturnType<typeof headOf>,
  records: LiveRecords,
  { error, at, requests }: { readonly error: EngineError; readonly at: number; readonly requests: number },
): RunRecord {
  const { code, message } = error
  return {
    ...head,
    state: 'failed',
    nodes: records.nodes(),
    timings: {},
    finishedAt: at,
    requests,
    error: { code, message },
  }
}

/** Everything that is saved besides the record. Whoever follows this cluster is woken when it can read how the cluster stands. */
async function saveAll(
  base: Parameters<typeof saveSummaries>[0] & Pick<RunContext, 'events' | 'approvals' | 'deps'>,
  known: { readonly checks: Checks; readonly records: LiveRecords; readonly startedAt: number },
): Promise<void> {
  const { checks, records, startedAt } = known
  const { events, approvals, deps } = base
  await Promise.all([events.flush(), checks.save(), saveSummaries(base, records, startedAt), approvals?.finish()])
  await wakeFollowers(deps, records.values())
}

/** The notes of earlier runs: read once, and shared by the jobs that go on at the same time. */
function checksOf(deps: EngineDeps, cluster: string): Promise<Checks> {
  const { caches } = deps
  caches.checks ??= loadChecks(deps.state, cluster)
  caches.checks.catch(() => delete caches.checks)
  return caches.checks
}

function logFinished(logger: Logger, job: Job, record: RunRecord): void {
  const { state, nodes, requests = 0, finishedAt = 0 } = record
  logger.log('info', 'run finished', { state, nodes: nodes.length, requests, ms: finishedAt - job.receivedAt })
}
