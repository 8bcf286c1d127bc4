import { toEngineError, type EngineError } from '../../base/index.ts'
import type { Logger, StateStore } from '../../ports/index.ts'
import type { EngineDeps, Job, NodeRecord } from '../job.ts'
import { idOf, isSource, type Managed, type World } from '../world.ts'
import { saveCommitNotes, type ConcernedNode } from './commits.ts'
import { addOutcome, isNews, outcomeOf, pick } from './outcomes.ts'
import { encodeShard, readShards, shardCount, shardIndex, shardKey, type Shard } from './shards.ts'
import { commitsOf, describeObject } from './summarize-object.ts'
import type { ObjectSummary, Outcome } from './types.ts'

/** What a run saves for those who read. */
export interface Summaries {
  /**
   * Writes what changed: summaries of objects, and notes of the commits that the run concerned. A failure is logged and nothing else: reading then
   * shows what was known before.
   */
  save(run: FinishedRun): Promise<void>
}

/** A run as its summary needs it. */
export interface FinishedRun {
  readonly job: Job
  readonly world: World
  readonly records: ReadonlyMap<string, NodeRecord>
  readonly startedAt: number
  readonly sources: { readonly fetchedAt: number | undefined }
}

type Deps = Pick<EngineDeps, 'state' | 'clock' | 'logger'>

/** Begins to read what earlier runs saved of a cluster, so that it is there when the run ends. */
export function loadSummaries(deps: Deps, cluster: string): Summaries {
  const shards = readShards(deps.state, cluster)
  shards.catch(() => undefined) // Whoever saves says so.
  return {
    save: (run) =>
      bestEffort(deps.logger, async () => {
        const known = await shards
        const { nodes } = await saveObjects(deps.state, cluster, known, run)
        const head = headOf(deps, run.job, { startedAt: run.startedAt, fetchedAt: run.sources.fetchedAt })
        await saveCommitNotes(deps.state, run.job, head, nodes)
      }),
  }
}

/** Notes that a pushed commit could not be brought to a cluster, which did not answer. Never rejects. */
export function noteFailedPush(deps: Deps, job: Job, startedAt: number, error: EngineError): Promise<void> {
  if (job.push === undefined) return Promise.resolve()
  const head = { ...headOf(deps, job, { startedAt }), error: { code: error.code, message: error.message } }
  return bestEffort(deps.logger, () => saveCommitNotes(deps.state, job, head, []))
}

async function saveObjects(
  state: StateStore,
  cluster: string,
  known: ReadonlyMap<number, Shard>,
  run: FinishedRun,
): Promise<{ readonly nodes: readonly ConcernedNode[] }> {
  const nodes: ConcernedNode[] = []
  const next = keptObjects(known, run)
  for (const object of objectsOf(run.world)) {
    const id = idOf(object)
    const index = shardIndex(id)
    const earlier = known.get(index)?.objects.get(id)
    const described = describeObject(run.world, object)
    const record = run.records.get(id)
    const outcome = record === undefined ? fetchOutcome(run, object, earlier, described) : outcomeOf(run.job, record)
    const news = outcome === undefined ? pick(earlier) : addOutcome(earlier, outcome)
    next[index]?.push({ ...described, ...news })
    const concerns =
      record !== undefined && (run.job.push !== undefined || isNews(earlier?.outcomes[0], outcomeOf(run.job, record)))
    if (concerns) nodes.push({ record, commits: commitsOf(run.world, object) })
  }
  await Promise.all(
    next.map(async (objects, index) => {
      const before = known.get(index)
      const value = encodeShard(objects)
      const isSame =
        JSON.stringify(value) === JSON.stringify(encodeShard([...(before?.objects.values() ?? [])])) &&
        (before !== undefined || objects.length === 0)
      if (isSame) return
      const key = shardKey(cluster, index)
      await (objects.length === 0 ? state.delete(key) : state.put(key, value))
    }),
  )
  return { nodes }
}

/** Objects that stay as they are: a push does not look at kinds of sources that nothing refers to. */
function keptObjects(known: ReadonlyMap<number, Shard>, run: FinishedRun): ObjectSummary[][] {
  const loaded = new Set(objectsOf(run.world).map((object) => object.kind))
  const always = ['GitRepository', 'HelmChart', 'Kustomization', 'HelmRelease']
  return Array.from({ length: shardCount }, (_, index) =>
    [...(known.get(index)?.objects.values() ?? [])].filter(
      ({ kind }) => run.job.push !== undefined && !always.includes(kind) && !(loaded as ReadonlySet<string>).has(kind),
    ),
  )
}

const kinds = [
  'GitRepository',
  'OCIRepository',
  'HelmRepository',
  'Bucket',
  'ExternalArtifact',
  'HelmChart',
  'Kustomization',
  'HelmRelease',
] as const satisfies readonly Managed['kind'][]

function objectsOf(world: World): readonly Managed[] {
  return kinds.flatMap((kind): readonly Managed[] => world.ofKind(kind))
}

/** A source that brought something new; runs have records only of those that failed. */
function fetchOutcome(
  run: FinishedRun,
  object: Managed,
  earlier: ObjectSummary | undefined,
  now: Pick<ObjectSummary, 'appliedRevision'>,
): Outcome | undefined {
  if (!isSource(object) || now.appliedRevision === undefined || now.appliedRevision === earlier?.appliedRevision)
    return undefined
  return {
    run: run.job.runId,
    trigger: run.job.kind,
    at: run.sources.fetchedAt ?? run.startedAt,
    state: 'ready',
    revision: now.appliedRevision,
    created: 0,
    configured: 0,
    deleted: 0,
    drifted: 0,
  }
}

function headOf(
  deps: Deps,
  job: Job,
  run: { readonly startedAt: number; readonly fetchedAt?: number | undefined },
): Parameters<typeof saveCommitNotes>[2] {
  return {
    run: job.runId,
    cluster: job.cluster,
    trigger: job.kind,
    receivedAt: job.receivedAt,
    startedAt: run.startedAt,
    finishedAt: deps.clock.now(),
    ...(run.fetchedAt === undefined ? {} : { fetchedAt: run.fetchedAt }),
    ...(job.push === undefined ? {} : { ref: job.push.ref }),
  }
}

async function bestEffort(logger: Logger, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (caught) {
    const error = toEngineError(caught)
    logger.log('warn', 'summary not saved', { code: error.code, error: error.message })
  }
}
