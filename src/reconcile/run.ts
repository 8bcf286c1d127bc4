import { labels } from '../api/index.ts'
import { toEngineError, type EngineError } from '../base/index.ts'
import { createDirectReader, createKubeClient, createPreloadedReader } from '../kube/index.ts'
import { loadChecks, type Checks } from './checks.ts'
import type { RunContext, StepControl } from './context.ts'
import { createConfigChanges } from './config-changes.ts'
import { createEventSink } from './events.ts'
import { configsDigest, loadWatchedConfigs } from './watched-configs.ts'
import { createIdentities } from './identity.ts'
import { runGraph, type GraphNode, type NodeControl } from './graph.ts'
import { createHelmRun } from './helmrelease/shared.ts'
import { stepHelmRelease } from './helmrelease/step.ts'
import type { EngineDeps, Job, JobResult, NodeRecord, ObjectKey, RunRecord } from './job.ts'
import { stepKustomization } from './kustomization/step.ts'
import { failedSourceRecord, isUnfinished, saveRecord, summarize } from './run-record.ts'
import {
  intervalMs,
  leaveOutUnaffected,
  recallUnaffected,
  selectNodes,
  withDependants,
  type Selection,
  type SelectionContext,
} from './selection.ts'
import { isOciHelmRepository } from './source/helm-repository.ts'
import { createSources, type SourceResults } from './source/index.ts'
import { isRefAffected, isRepositoryMatch } from './source-match.ts'
import {
  dependenciesOf,
  idOf,
  idOfKey,
  keyOf,
  loadWorld,
  originOf,
  parentOf,
  reloadWorld,
  revisionOf,
  sourceKinds,
  type Source,
  type Workload,
  type World,
} from './world.ts'

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
 * run is saved in the state store under `runs/<id>/<cluster>`. When `superseded` aborts, something newer waits: objects that only wait for health
 * are left to the next run.
 *
 * @throws EngineError when the cluster cannot be reached; the job is to be tried again. What is wrong with a single object is in the record.
 */
export async function runJob(
  deps: EngineDeps,
  job: Job,
  signal: AbortSignal = new AbortController().signal,
  superseded?: AbortSignal,
): Promise<JobResult> {
  const startedAt = deps.clock.now()
  const logger = deps.logger.with({ run: job.runId, cluster: job.cluster })
  const client = createKubeClient({
    transport: deps.transport,
    clock: deps.clock,
    random: deps.random,
    logger,
    cache: deps.caches.cluster,
    requestTimeoutMs: deps.limits.requestTimeoutMs,
  })
  const records = new Map<string, NodeRecord>()
  const head = headOf(job, startedAt)
  try {
    const { namespaces, watchConfigsSelector } = deps.settings
    const [world, checks, configs] = await Promise.all([
      loadWorld(client, namespaces, job.push === undefined ? 'all' : 'referenced', signal),
      loadChecks(deps.state, job.cluster),
      job.kind === 'scan' ? loadWatchedConfigs(client, namespaces, watchConfigsSelector, signal) : undefined,
    ])
    const events = createEventSink(client, deps.clock, logger, deps.caches.events)
    const sources = createSources({ deps, client, world, events, signal })
    const concerned = sourcesOf(world, job, checks, startedAt)
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
      deadline: startedAt + deps.limits.runBudgetMs,
    }
    const selection: Selection = { checks, concerned: new Set(concerned.map(idOfKey)) }
    recallUnaffected(base, selection)
    const unaffected = await leaveOutUnaffected(base, selection)
    const isBulk = selectNodes(base, selection).length > bulkNodes
    const live = isBulk ? createPreloadedReader({ label: labels.kustomizeName }) : createDirectReader()
    const helm = createHelmRun(isBulk, signal)
    const { failure, hasMissed } = await runNodes({ ...base, live, helm, isBulk }, selection, records)
    for (const key of concerned) noteSource(base, checks, key, records, startedAt)
    await Promise.all([events.flush(), checks.save()])
    if (failure !== undefined) throw failure
    const record: RunRecord = {
      ...head,
      ...summarize([...records.values()], sources.fetchedAt),
      finishedAt: deps.clock.now(),
      requests: client.requests.total,
      ...(unaffected === 0 ? {} : { unaffected }),
    }
    await saveRecord(deps, record)
    logger.log('info', 'run finished', {
      state: record.state,
      nodes: record.nodes.length,
      requests: record.requests ?? 0,
      ms: (record.finishedAt ?? 0) - job.receivedAt,
    })
    if (isUnfinished(record)) return { record, requeueAfterMs: requeueWaitingMs }
    return hasMissed ? { record, requeueAfterMs: requeueMissedMs } : { record }
  } catch (caught) {
    const error = toEngineError(caught)
    await saveRecord(deps, {
      ...head,
      state: 'failed',
      nodes: [...records.values()],
      timings: {},
      finishedAt: deps.clock.now(),
      requests: client.requests.total,
      error: { code: error.code, message: error.message },
    })
    throw error
  }
}

/** What the record of a run says from its beginning. */
function headOf(
  job: Job,
  startedAt: number,
): Pick<RunRecord, 'id' | 'cluster' | 'trigger' | 'receivedAt' | 'startedAt' | 'actor'> {
  const { runId: id, cluster, kind: trigger, receivedAt, actor } = job
  return { id, cluster, trigger, receivedAt, startedAt, ...(actor === undefined ? {} : { actor }) }
}

/** Fetches sources; charts after what they are made from. */
async function refreshAll(sources: SourceResults, keys: readonly ObjectKey[]): Promise<void> {
  const isChart = (key: ObjectKey): boolean => key.kind === 'HelmChart'
  await Promise.all(keys.filter((key) => !isChart(key)).map((key) => sources.refresh(key)))
  await Promise.all(keys.filter(isChart).map((key) => sources.refresh(key)))
}

/** The sources that a job looks at: those a push concerns, those whose interval is over, those that were asked for, and charts made from any of these. */
function sourcesOf(world: World, job: Job, checks: Checks, now: number): readonly ObjectKey[] {
  const keys: ObjectKey[] = []
  const concerned = new Set<string>()
  for (const kind of sourceKinds) {
    for (const source of world.ofKind(kind)) {
      const origin = originOf(source)
      const isFollower = origin !== undefined && concerned.has(idOfKey(origin))
      if (!isFollower && !isSourceConcerned(source, job, checks, now)) continue
      keys.push(keyOf(source))
      concerned.add(idOf(source))
    }
  }
  return keys
}

function isSourceConcerned(source: Source, job: Job, checks: Checks, now: number): boolean {
  if (source.metadata.deletionTimestamp !== undefined) return true
  // Others write an ExternalArtifact; there is nothing to look at.
  if (source.kind === 'ExternalArtifact') return false
  if (source.kind === 'HelmRepository' && isOciHelmRepository(source)) return false
  if (job.push !== undefined) {
    return (
      source.kind === 'GitRepository' &&
      isRepositoryMatch(source.spec.url, job.push) &&
      isRefAffected(source.spec.ref, job.push.ref)
    )
  }
  if (job.kind === 'trigger') {
    if (job.target === 'cluster' || job.target === undefined) return true
    if ('objects' in job.target) return job.target.objects.some((key) => idOfKey(key) === idOf(source))
    return 'source' in job.target && idOfKey(job.target.source) === idOf(source)
  }
  const mark = checks.get(idOf(source))
  const requestedAt = source.metadata.annotations?.['reconcile.fluxcd.io/requestedAt']
  if (requestedAt !== undefined && requestedAt !== source.status?.lastHandledReconcileAt) return true
  if (source.status?.observedGeneration !== source.metadata.generation) return true
  return mark === undefined || now - mark.at >= intervalMs(source.spec.interval)
}

/** Runs every selected node, and those that appear while running. Returns the first failure of the cluster itself, and whether somebody has taken values that changed then. */
async function runNodes(
  ctx: RunContext,
  selection: Selection,
  records: Map<string, NodeRecord>,
): Promise<{ readonly failure: EngineError | undefined; readonly hasMissed: boolean }> {
  const { checks } = selection
  const values = createConfigChanges(ctx.world)
  let failure: EngineError | undefined
  const extend = async (parent: Workload, control: NodeControl): Promise<void> => {
    await reloadWorld(ctx.client, ctx.world, ctx.deps.settings.namespaces, ctx.signal)
    const children = selectNodes(ctx, selection).filter((node) => parentOf(node) === idOf(parent))
    control.add(withDependants(ctx.world, children).map(graphNode))
  }
  await runGraph({
    nodes: withDependants(ctx.world, selectNodes(ctx, selection)).map(graphNode),
    concurrency: ctx.deps.limits.nodeConcurrency,
    run: async (node, control) => {
      const object = ctx.world.get(node.id)
      if (failure !== undefined || (object?.kind !== 'Kustomization' && object?.kind !== 'HelmRelease')) return
      const step: StepControl = {
        cycle: control.cycle,
        applied: async (changes) => {
          if (changes.some(isOurs)) await extend(object, control)
          control.add(values.applied(object, changes).map(graphNode))
          control.applied()
        },
      }
      try {
        values.started(node.id)
        const before = checks.get(node.id)
        const record =
          object.kind === 'Kustomization'
            ? await stepKustomization(ctx, object, step)
            : await stepHelmRelease(ctx, object, step)
        records.set(node.id, record)
        const configs = ctx.configs === undefined ? checks.get(node.id)?.configs : configsDigest(object, ctx.configs)
        checks.set(node.id, {
          at: ctx.deps.clock.now(),
          state: record.state,
          revision: record.revision ?? '',
          generation: object.metadata.generation ?? 0,
          ...(configs === undefined || configs === '' ? {} : { configs }),
          ...(before?.hasMissed === true ? { followed: before.followed ?? 0 } : {}),
        })
      } catch (caught) {
        failure ??= toEngineError(caught)
      }
    },
  })
  return { failure, hasMissed: values.noteMissed(checks) }
}

/** Whether a change wrote or deleted an object that a run works on. */
function isOurs(change: { readonly action: string; readonly apiVersion: string }): boolean {
  return (
    change.action !== 'unchanged' &&
    change.action !== 'skipped' &&
    /^(kustomize|helm|source)\.toolkit\.fluxcd\.io\//.test(change.apiVersion)
  )
}

function graphNode(object: Workload): GraphNode {
  const parent = parentOf(object)
  return {
    id: idOf(object),
    after:
      object.metadata.deletionTimestamp === undefined ? dependenciesOf(object).map((reference) => reference.id) : [],
    afterApplied: parent === undefined || parent === idOf(object) ? [] : [parent],
  }
}

/** Notes that a source was looked at, and puts it among the nodes of the run where it failed. */
function noteSource(
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
    at: ctx.deps.clock.now(),
    state: 'ready',
    revision,
    generation: source.metadata.generation ?? 0,
  })
}
