import { toEngineError, type EngineError } from '../../base/index.ts'
import type { Logger } from '../../ports/index.ts'
import type { EngineDeps, Job, NodeRecord } from '../job.ts'
import { idOf, idOfKey, isSource, type Managed, type World } from '../world.ts'
import type { Held } from '../safety/decide.ts'
import { saveCommitNotes, type ConcernedNode } from './commits.ts'
import { historyEntry, saveHistory, type NewHistory } from './history.ts'
import { writeHeads } from './heads.ts'
import { addOutcome, isNews, outcomeOf, pick } from './outcomes.ts'
import { readShards, shardIndex, writeShards, type Shard } from './shards.ts'
import { commitsAtHand, describeObject } from './summarize-object.ts'
import type { ObjectSummary, Outcome } from './types.ts'

/** A run as its summary needs it. */
interface FinishedRun {
  readonly job: Job
  readonly world: World
  readonly records: ReadonlyMap<string, NodeRecord>
  readonly startedAt: number
  readonly sources: { readonly fetchedAt: number | undefined }
  /** Why nothing in the cluster is worked on. */
  readonly held?: Held | undefined
}

type Deps = Pick<EngineDeps, 'state' | 'clock' | 'logger'> & {
  readonly caches: Pick<EngineDeps['caches'], 'summaries'>
}

/**
 * Writes what changed at the end of a run: summaries of objects, and notes of the commits that the run concerned. A failure is logged and nothing else: reading then shows
 * what was known before. Never rejects.
 */
export function saveSummaries(
  { deps, ...run }: Pick<FinishedRun, 'job' | 'world' | 'sources' | 'held'> & { readonly deps: Deps },
  records: ReadonlyMap<string, NodeRecord>,
  startedAt: number,
): Promise<void> {
  const { job, world, sources, held } = run
  return bestEffort(deps.logger, async () => {
    const finished: FinishedRun = { job, world, sources, held, records, startedAt }
    const nodes = await deps.caches.summaries.inTurn(() => saveObjects(deps, job.cluster, finished))
    const head = headOf(deps, job, { startedAt, fetchedAt: sources.fetchedAt })
    await saveCommitNotes(deps.state, job, head, nodes)
  })
}

/** Notes that a pushed commit could not be brought to a cluster, which did not answer. Never rejects. */
export function noteFailedPush(deps: Deps, job: Job, startedAt: number | undefined, error: EngineError): Promise<void> {
  if (job.push === undefined) return Promise.resolve()
  const head = {
    ...headOf(deps, job, { startedAt, fetchedAt: undefined }),
    error: { code: error.code, message: error.message },
  }
  return bestEffort(deps.logger, () => saveCommitNotes(deps.state, job, head, []))
}

/** Notes that a pushed commit concerns nothing in a cluster. Never rejects. */
export function noteUnfollowedPush(deps: Deps, job: Job, startedAt: number): Promise<void> {
  const head = headOf(deps, job, { startedAt, fetchedAt: undefined })
  return bestEffort(deps.logger, () => saveCommitNotes(deps.state, job, head, []))
}

async function saveObjects(deps: Deps, cluster: string, run: FinishedRun): Promise<readonly ConcernedNode[]> {
  const { state, caches, clock } = deps
  const known = await readShards(state, cluster)
  const earlierOf = (id: string): ObjectSummary | undefined => known.get(shardIndex(id))?.objects.get(id)
  const isNewer = (id: string): boolean => caches.summaries.isNewer(id, run.startedAt)
  const nodes: ConcernedNode[] = []
  const history: NewHistory[] = []
  const next = new Map(keptObjects(known, run, isNewer).map((object) => [idOfKey(object), object]))
  for (const object of objectsOf(run.world)) {
    const id = idOf(object)
    const record = run.records.get(id)
    const earlier = earlierOf(id)
    // Another job has pruned it meanwhile.
    if (record === undefined && earlier === undefined && isNewer(id)) continue
    const described = newerOf(earlier, { ...describeObject(run.world, object, run.held), version: versionOf(object) })
    const outcome = record === undefined ? fetchOutcome(run, object, earlier, described) : outcomeOf(run.job, record)
    const news = outcome === undefined ? pick(earlier) : addOutcome(earlier, outcome)
    next.set(id, { ...described, ...news })
    if (outcome === undefined) continue
    const hasNews = isNews(earlier?.outcomes[0], outcome)
    if (hasNews) history.push(historyOf(run.job, id, { outcome, record, earlier }))
    if (record === undefined) continue
    if (hasNews) logOutcome(deps.logger, id, outcome)
    if (hasNews || run.job.push !== undefined) nodes.push({ record, commits: commitsAtHand(run.world, object) })
  }
  const changed = await writeShards(state, cluster, known, next)
  caches.summaries.note(changed, clock.now())
  await Promise.all([writeHeads(state, cluster, next), saveHistory(state, cluster, history)])
  return nodes
}

/** What the page of an object will tell about this run. */
function historyOf(
  job: Job,
  id: string,
  {
    outcome,
    record,
    earlier,
  }: {
    readonly outcome: Outcome
    readonly record: NodeRecord | undefined
    readonly earlier: ObjectSummary | undefined
  },
): NewHistory {
  const actor = job.actor ?? job.push?.actor
  return {
    id,
    entry: historyEntry(outcome, { receivedAt: job.receivedAt, actor }, record),
    goesOn: earlier?.outcomes[0]?.run === outcome.run,
  }
}

/** One line for what a run did to an object, where that is news. */
function logOutcome(logger: Logger, object: string, { state, reason, revision, message, ...counts }: Outcome): void {
  const isProblem = state === 'failed' || state === 'blocked'
  logger.log(isProblem ? 'warn' : 'info', 'object reconciled', {
    object,
    state,
    reason,
    revision,
    created: counts.created,
    configured: counts.configured,
    deleted: counts.deleted,
    drifted: counts.drifted,
    ...(isProblem ? { message } : {}),
  })
}

/** The later of two looks at an object: versions of one API server's objects are numbers that rise. */
function newerOf<T extends { readonly version: number }>(
  earlier: ObjectSummary | undefined,
  now: T,
): T | ObjectSummary {
  return earlier !== undefined && earlier.version > now.version ? earlier : now
}

function versionOf(object: Managed): number {
  const version = Number(object.metadata.resourceVersion ?? 0)
  return Number.isFinite(version) ? version : 0
}

/** Objects that stay as they are: a push does not look at kinds of sources that nothing refers to, and other jobs have found or made some since. */
function keptObjects(
  known: ReadonlyMap<number, Shard>,
  run: FinishedRun,
  isNewer: (id: string) => boolean,
): readonly ObjectSummary[] {
  const loaded: ReadonlySet<string> = new Set(objectsOf(run.world).map((object) => object.kind))
  const always = ['GitRepository', 'HelmChart', 'Kustomization', 'HelmRelease']
  const isLookedFor = (kind: string): boolean => run.job.push === undefined || always.includes(kind) || loaded.has(kind)
  return [...known.values()].flatMap(({ objects }) =>
    [...objects.values()].filter((object) => {
      const id = idOfKey(object)
      if (!isLookedFor(object.kind)) return true
      return isNewer(id) && run.world.get(id) === undefined && !run.records.has(id)
    }),
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
  run: { readonly startedAt: number | undefined; readonly fetchedAt: number | undefined },
): Parameters<typeof saveCommitNotes>[2] {
  return {
    run: job.runId,
    cluster: job.cluster,
    trigger: job.kind,
    receivedAt: job.receivedAt,
    ...(run.startedAt === undefined ? {} : { startedAt: run.startedAt }),
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
