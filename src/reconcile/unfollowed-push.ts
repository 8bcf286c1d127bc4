import type { GitRepository } from '../api/index.ts'
import type { KubeClient } from '../kube/index.ts'
import type { CoordinatorCaches } from './caches.ts'
import type { EngineDeps, Job, JobResult, PushNotice, RunRecord } from './job.ts'
import type { LiveRecords } from './live-records.ts'
import { summarize, type RunHead } from './run-record.ts'
import { followsPush } from './run-sources.ts'
import { noteUnfollowedPush } from './summary/index.ts'
import { listRepositories, loadWorld, servedBy, type World } from './world.ts'

/** A push that begins. */
export interface BegunPush {
  readonly deps: EngineDeps
  readonly client: KubeClient
  readonly job: Job
  readonly head: RunHead
  readonly records: LiveRecords
  readonly signal: AbortSignal
}

/** What a first look at a push has found. */
export interface PushLook {
  /** The record of a push that no source follows: nothing else is to be done. */
  readonly ended?: JobResult
  /** The GitRepositories of the cluster, where they were listed. */
  readonly repositories?: readonly GitRepository[]
}

/**
 * Ends a push that concerns no source, after a look at the GitRepositories alone. A repository's webhooks tell of every branch, and of every pull request; most of those refs nobody follows, and the objects of a cluster are many.
 * Where a source followed the ref at the last look, nothing is asked: the run lists everything at once.
 *
 * Exact, since the list is of now: also a source that was added, or that has begun to follow the ref, since the last run. A run that goes on is not ended here, nor one in a cluster in which a GitRepository is being deleted.
 *
 * Effects: one list; the record of the run and the note of its commit in the state store. @throws EngineError of the cluster, and of the state store.
 */
export async function lookAtPush({ deps, client, job, head, records, signal }: BegunPush): Promise<PushLook> {
  const { namespaces, watchLabelSelector } = deps.settings
  const { push } = job
  if (push === undefined || isKnownAsFollowed(deps.caches, push)) return {}
  const [repositories, earlier] = await Promise.all([
    listRepositories(client, namespaces, signal),
    records.loadEarlier(),
  ])
  const served = repositories.filter(servedBy(watchLabelSelector))
  const isConcerned = served.some((one) => isBeingDeleted(one) || followsPush(one.spec, push))
  if (isConcerned || earlier.length > 0) return { repositories }
  const startedAt = head.startedAt ?? deps.clock.now()
  await noteUnfollowedPush(deps, job, startedAt)
  const record: RunRecord = {
    ...head,
    ...summarize([], undefined),
    finishedAt: deps.clock.now(),
    requests: client.requests.total,
  }
  await records.end(record)
  deps.logger.log('info', 'push concerns nothing', {
    run: job.runId,
    cluster: job.cluster,
    ref: push.ref,
    requests: client.requests.total,
    ms: (record.finishedAt ?? 0) - job.receivedAt,
  })
  return { ended: { record } }
}

/** Loads the world of a run, and remembers what its sources follow, so that a push to one of these refs need not be looked at first. @throws EngineError of loadWorld. */
export async function loadRunWorld({ deps, client, job, signal }: BegunPush, look: PushLook): Promise<World> {
  const { namespaces, watchLabelSelector: selector } = deps.settings
  const { repositories } = look
  const world = await loadWorld(client, namespaces, job.push === undefined ? 'all' : 'referenced', signal, {
    selector,
    ...(repositories === undefined ? {} : { repositories }),
  })
  deps.caches.followed = world
    .ofKind('GitRepository')
    .filter(world.serves)
    .map(({ spec }) => ({ url: spec.url, ...(spec.ref === undefined ? {} : { ref: spec.ref }) }))
  return world
}

/** Every run gives what is being deleted its last look. */
function isBeingDeleted({ metadata }: GitRepository): boolean {
  return metadata.deletionTimestamp !== undefined
}

function isKnownAsFollowed({ followed = [] }: CoordinatorCaches, push: PushNotice): boolean {
  return followed.some((spec) => followsPush(spec, push))
}
