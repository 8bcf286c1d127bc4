import { toEngineError, mapLimit } from '../../base/index.ts'
import { createDirectReader, dryRunTransport } from '../../kube/index.ts'
import type { KubeConnector } from '../../ports/index.ts'
import { closedClient } from '../change/clients.ts'
import type { RunContext } from '../context.ts'
import type { EventSink } from '../events.ts'
import { createHelmRun } from '../helmrelease/shared.ts'
import { createIdentities } from '../identity.ts'
import type { EngineDeps, Job, JobResult, ObjectKey, RunRecord } from '../job.ts'
import { createObjectLocks } from '../object-locks.ts'
import { createRunClient } from '../run-client.ts'
import { headOf, saveRecord, summarize } from '../run-record.ts'
import { refreshAll } from '../run-sources.ts'
import { createSafety } from '../safety/safety.ts'
import { createSources } from '../source/index.ts'
import {
  artifactKeyOf,
  idOf,
  idOfKey,
  keyOf,
  loadWorld,
  originOf,
  isSource,
  sourceKeyOf,
  type Workload,
  type World,
} from '../world.ts'
import { withTenants } from '../tenancy.ts'
import { planHelmRelease } from './plan-helmrelease.ts'
import { planKustomization } from './plan-kustomization.ts'
import type { PlannedNode } from './planned-node.ts'

/** Nodes that are planned at the same time: a plan must not crowd out runs. */
const concurrency = 2

/**
 * Does a job as a plan: what it would change, and nothing of it. For an object, at the revision that its source has now; for a source, at the one that
 * it would have after a look. Not a single request that the cluster carries out: the transport makes every write a dry-run, whoever sends it.
 *
 * Effects: the record of the run in the state store, with `plan: true`. @throws EngineError when the cluster cannot be reached.
 */
export async function planJob(deps: EngineDeps, job: Job, signal: AbortSignal): Promise<JobResult> {
  const head = headOf(job, deps.clock.now())
  const { ctx, requests, close } = await createPlanContext(deps, job, signal)
  try {
    const nodes = await planNodes(ctx)
    const record: RunRecord = {
      ...head,
      ...summarize(
        nodes.map((node) => node.record),
        ctx.sources.fetchedAt,
      ),
      finishedAt: deps.clock.now(),
      requests: requests(),
    }
    await saveRecord(deps, record)
    return { record }
  } catch (caught) {
    const error = toEngineError(caught)
    const failure = { code: error.code, message: error.message }
    const finishedAt = deps.clock.now()
    await saveRecord(deps, { ...head, state: 'failed', nodes: [], timings: {}, finishedAt, error: failure })
    throw error
  } finally {
    close()
  }
}

/**
 * A context like a run's in which nothing can be written. `close` ends the connections that it has opened to clusters that objects name.
 *
 * @param known our objects, where there is no cluster that could be asked for them, nor for anything else.
 */
export async function createPlanContext(
  given: EngineDeps,
  job: Job,
  signal: AbortSignal,
  known?: World,
): Promise<{ readonly ctx: RunContext; readonly requests: () => number; readonly close: () => void }> {
  const logger = given.logger.with({ run: job.runId, cluster: job.cluster, plan: true })
  const dry: EngineDeps = {
    ...given,
    logger,
    transport: dryRunTransport(given.transport),
    ...(given.connect === undefined ? {} : { connect: dryRunConnector(given.connect) }),
    // Connections that runs have opened can write.
    caches: { ...given.caches, remotes: new Map() },
  }
  const open = createRunClient(dry, logger)
  const client = known === undefined ? open : closedClient(open)
  const { namespaces, watchLabelSelector: selector } = dry.settings
  const [deps, world] = await Promise.all([
    withTenants(dry, client, signal),
    known ?? loadWorld(client, namespaces, 'all', signal, { selector }),
  ])
  // It waits for nobody, and nobody waits for it: it changes nothing.
  const locks = createObjectLocks().forJob()
  const sources = createSources({ deps, client, world, events: silence, signal, locks, skipsLocked: false })
  const ctx: RunContext = {
    deps,
    job,
    client,
    identities: createIdentities({ deps, client, signal }),
    world,
    configs: undefined,
    sources,
    events: silence,
    live: createDirectReader(),
    helm: createHelmRun(false, signal),
    claims: new Map(),
    isBulk: false,
    signal,
    superseded: undefined,
    replaced: undefined,
    // A plan writes nothing, so nothing holds it.
    safety: createSafety({ cluster: job.cluster, settings: deps.settings, state: {}, now: deps.clock.now() }),
    locks,
    deadline: deps.clock.now() + deps.limits.runBudgetMs,
  }
  const close = (): void => {
    for (const { transport } of deps.caches.remotes.values()) transport.close()
    deps.caches.remotes.clear()
  }
  return { ctx, requests: () => client.requests.total, close }
}

/** Plans what the job of the context names. */
export async function planNodes(ctx: RunContext): Promise<readonly PlannedNode[]> {
  const { target } = ctx.job
  if (target !== undefined && target !== 'cluster' && 'source' in target)
    await refreshAll(ctx.sources, [target.source, ...chartsOf(ctx, target.source)])
  const planned = await mapLimit(selectWorkloads(ctx), concurrency, (object) => planWorkload(ctx, object))
  return [...planned, ...missingNodes(ctx)]
}

/** The charts that are made from a source: a run looks at them after it, so a plan does as well. */
function chartsOf({ world }: RunContext, source: ObjectKey): readonly ObjectKey[] {
  const charts = world.ofKind('HelmChart').filter((chart) => {
    const origin = originOf(chart)
    return origin !== undefined && idOfKey(origin) === idOfKey(source) && world.serves(chart)
  })
  return charts.map(keyOf)
}

/** Nodes for objects that are named and not there: a plan of nothing would look like good news. */
function missingNodes({ deps, job, world }: RunContext): readonly PlannedNode[] {
  const { target } = job
  if (target === undefined || target === 'cluster') return []
  const keys = 'source' in target ? [target.source] : 'objects' in target ? target.objects : [target.object]
  const now = deps.clock.now()
  return keys
    .filter((key) => world.get(idOfKey(key)) === undefined)
    .map((key) => ({
      record: {
        ...key,
        state: 'failed',
        reason: 'NotFound',
        message: `${key.kind} '${key.namespace}/${key.name}' was not found`,
        changes: [],
        unchanged: 0,
        timings: { startedAt: now, finishedAt: now },
      },
      objects: [],
    }))
}

/** Plans one object. */
export function planWorkload(ctx: RunContext, object: Workload): Promise<PlannedNode> {
  return object.kind === 'Kustomization' ? planKustomization(ctx, object) : planHelmRelease(ctx, object)
}

/** Objects that are named, also suspended ones; those made from a source; or all that are not suspended. */
function selectWorkloads({ world, job }: RunContext): readonly Workload[] {
  const all: readonly Workload[] = [...world.ofKind('Kustomization'), ...world.ofKind('HelmRelease')]
  const { target } = job
  const awake = all.filter((object) => object.spec.suspend !== true && world.serves(object))
  if (target === undefined || target === 'cluster') return awake
  if ('source' in target) {
    const wanted = idOfKey(target.source)
    const isMadeFrom = (key: ObjectKey | undefined): boolean => {
      if (key === undefined) return false
      if (idOfKey(key) === wanted) return true
      const found = world.get(idOfKey(key))
      const origin = isSource(found) ? originOf(found) : undefined
      return origin !== undefined && idOfKey(origin) === wanted
    }
    return awake.filter((object) => isMadeFrom(sourceKeyOf(object)) || isMadeFrom(artifactKeyOf(object)))
  }
  const ids = new Set(('objects' in target ? target.objects : [target.object]).map(idOfKey))
  return all.filter((object) => ids.has(idOf(object)))
}

/** Events of what would happen are not for anybody. */
const silence: EventSink = { emit: () => undefined, flush: () => Promise.resolve() }

function dryRunConnector(connect: KubeConnector): KubeConnector {
  return (connection) => dryRunTransport(connect(connection))
}
