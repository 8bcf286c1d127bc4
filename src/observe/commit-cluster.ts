import type { Run } from '../coordinator/index.ts'
import {
  commitsIn,
  conditionOf,
  heldText,
  idOfSummary,
  isHeldBack,
  type CommitNode,
  type CommitNote,
  type ObjectState,
  type ObjectSummary,
} from '../reconcile/index.ts'
import type { ClusterHealth } from './clusters.ts'
import { withWaits } from './critical-path.ts'
import type { ObservedCluster, ObservedObject } from './objects.ts'

/** Milliseconds since 1970 at which a commit reached each stage. */
export interface Stages {
  readonly receivedAt?: number
  readonly fetchedAt?: number
  readonly renderedAt?: number
  readonly appliedAt?: number
  readonly healthyAt?: number
}

/** One object that a commit concerns. */
export interface CommitObject {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** How it ended in the last run for this commit; what has not been worked on yet has none. */
  readonly outcome?: CommitNode['state']
  /** How it stands now; gone where it is not in the cluster any more. */
  readonly state: ObjectState | 'gone'
  /** Whether its state still comes from this commit. */
  readonly isCurrent: boolean
  readonly changes: number
  readonly stages: Stages
  /** Why it is not ready. */
  readonly reason?: string
  readonly message?: string
  /** Ids of what it waits for. */
  readonly waitsFor: readonly string[]
  /** What it had to wait for after the commit was fetched, and how long. */
  readonly waited?: { readonly on: string; readonly ms: number }
  /** It is part of the chain that ends with what was healthy last. */
  readonly isCritical?: true
}

/**
 * How far a commit is in a cluster. `queued`: no run has begun. `superseded`: everything has moved on to other commits. `unconcerned`: nothing there comes from
 * it.
 */
export type CommitProgress = 'queued' | 'applying' | 'failed' | 'healthy' | 'superseded' | 'unconcerned' | 'unreachable'

/** A commit's way through one cluster. */
export interface CommitCluster {
  readonly health: ClusterHealth
  readonly progress: CommitProgress
  /** When the last object reached each stage; a stage is there only when all objects have reached it. */
  readonly stages: Stages
  readonly objects: readonly CommitObject[]
  /** Objects that are not there yet, by id. */
  readonly missing: readonly string[]
  /** Number of Kustomizations of the same source for which the commit changes nothing. */
  readonly unaffected: number
  readonly error?: { readonly code: string; readonly message: string }
}

/** Puts together what is known of a commit in one cluster. */
export function traceCluster(
  commit: string,
  cluster: ObservedCluster,
  found: { readonly notes: readonly CommitNote[]; readonly runs: readonly Run[] },
): CommitCluster {
  const notes = found.notes.toSorted((a, b) => a.receivedAt - b.receivedAt)
  const nodes = mergeNodes(notes)
  const fetched = notes.flatMap((note) => note.fetchedAt ?? [])
  const objects = withWaits(
    [...objectsOf(commit, cluster, nodes)].toSorted((a, b) => startOf(a) - startOf(b)),
    cluster,
    fetched.length === 0 ? undefined : Math.min(...fetched),
  )
  const missing = objects.filter((object) => isMissing(commit, cluster, object)).map(idOfSummary)
  const error = lastError(cluster.health.cluster, notes, found.runs)
  const pushes = found.runs.filter((run) => run.push?.after?.toLowerCase() === commit)
  const states = pushes.map((run) => run.records.find((one) => one.cluster === cluster.health.cluster)?.state)
  const isHeld = cluster.objects.some(({ summary }) => summary.held !== undefined)
  const heldBack = new Set(
    cluster.objects.filter(({ summary }) => heldText(summary) !== undefined).map(({ summary }) => idOfSummary(summary)),
  )
  return {
    health: cluster.health,
    progress: progressOf({ objects, missing, error, pushes: states, isNoted: notes.length > 0, isHeld, heldBack }),
    stages: stagesOf(notes, found.runs, objects, missing),
    objects,
    missing,
    unaffected: cluster.objects.filter(({ summary }) => isUnaffected(commit, summary)).length,
    ...(error === undefined ? {} : { error }),
  }
}

/** Each object's first times and last outcome over all runs. */
function mergeNodes(notes: readonly CommitNote[]): ReadonlyMap<string, CommitNode> {
  const nodes = new Map<string, CommitNode>()
  for (const node of notes.flatMap((note) => note.nodes)) {
    const id = idOfSummary(node)
    const known = nodes.get(id)
    if (known === undefined) {
      nodes.set(id, node)
      continue
    }
    const last = node.finishedAt >= known.finishedAt ? node : known
    const healthyAt = firstReady(known, node)
    const renderedAt = known.renderedAt ?? node.renderedAt
    const appliedAt = known.appliedAt ?? node.appliedAt
    nodes.set(id, {
      ...last,
      changes: Math.max(known.changes, node.changes),
      startedAt: Math.min(known.startedAt, node.startedAt),
      finishedAt: last.state === 'ready' ? (healthyAt ?? last.finishedAt) : last.finishedAt,
      ...(renderedAt === undefined ? {} : { renderedAt }),
      ...(appliedAt === undefined ? {} : { appliedAt }),
    })
  }
  return nodes
}

function firstReady(...nodes: readonly CommitNode[]): number | undefined {
  const times = nodes.filter((node) => node.state === 'ready').map((node) => node.finishedAt)
  return times.length === 0 ? undefined : Math.min(...times)
}

function* objectsOf(
  commit: string,
  cluster: ObservedCluster,
  nodes: ReadonlyMap<string, CommitNode>,
): Iterable<CommitObject> {
  const observed = new Map(cluster.objects.map((object) => [idOfSummary(object.summary), object]))
  for (const [id, node] of nodes) yield commitObject(commit, node, node, observed.get(id))
  for (const [id, object] of observed) {
    if (nodes.has(id)) continue
    const { summary } = object
    if (summary.commits.includes(commit) || isBehind(commit, summary, cluster))
      yield commitObject(commit, summary, undefined, object)
  }
}

/** Whether an object's source has the commit and the object has not. */
function isBehind(commit: string, summary: ObjectSummary, cluster: ObservedCluster): boolean {
  const { source } = summary
  if (summary.kind !== 'Kustomization' || source === undefined || summary.suspended) return false
  if (isUnaffected(commit, summary)) return false
  return cluster.lookup(idOfSummary(source))?.commits.includes(commit) === true
}

/** Whether the commit changes nothing for an object, which therefore stays at an earlier one. */
function isUnaffected(commit: string, summary: ObjectSummary): boolean {
  return commitsIn(summary.unaffectedBy).includes(commit)
}

function commitObject(
  commit: string,
  key: { readonly kind: string; readonly namespace: string; readonly name: string },
  node: CommitNode | undefined,
  observed: ObservedObject | undefined,
): CommitObject {
  const ready = observed === undefined ? undefined : conditionOf(observed.summary, 'Ready')
  const isDone = node?.state === 'ready' || (node?.state === 'skipped' && !isHeldBack(node))
  const isReady = node === undefined ? ready?.status === 'True' : isDone
  const reason = isReady ? undefined : (node?.reason ?? ready?.reason)
  const held = observed === undefined ? undefined : heldText(observed.summary)
  const message = isReady ? (node === undefined ? held : undefined) : (node?.message ?? held ?? ready?.message)
  return {
    kind: key.kind,
    namespace: key.namespace,
    name: key.name,
    ...(node === undefined ? {} : { outcome: node.state }),
    state: observed?.state ?? 'gone',
    isCurrent: observed?.summary.commits.includes(commit) === true,
    changes: node?.changes ?? 0,
    stages: {
      ...(node?.renderedAt === undefined ? {} : { renderedAt: node.renderedAt }),
      ...(node?.appliedAt === undefined ? {} : { appliedAt: node.appliedAt }),
      ...(node?.state === 'ready' ? { healthyAt: node.finishedAt } : {}),
    },
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    waitsFor: isReady ? [] : (observed?.summary.blockers.map(({ id }) => id) ?? []),
  }
}

function startOf(object: CommitObject): number {
  const { renderedAt, appliedAt, healthyAt } = object.stages
  return renderedAt ?? appliedAt ?? healthyAt ?? Number.MAX_SAFE_INTEGER
}

/** Whether the commit has not arrived at an object. What is gone, or has moved on to another commit, is not waited for. */
function isMissing(commit: string, cluster: ObservedCluster, object: CommitObject): boolean {
  // What is held back has a reason.
  if (object.outcome === 'ready' || (object.outcome === 'skipped' && object.reason === undefined)) return false
  const summary = cluster.lookup(idOfSummary(object))
  if (summary === undefined) return false
  if (isBehind(commit, summary, cluster) && !object.isCurrent) return true
  if (!object.isCurrent) return false
  if (object.outcome !== undefined) return true
  // What has applied it and now waits or fails does so over another commit.
  return !commitsIn(summary.appliedRevision).includes(commit) && onTheWay.includes(object.state)
}

const onTheWay: readonly CommitObject['state'][] = ['applying', 'waiting', 'blocked', 'failed']

function lastError(
  cluster: string,
  notes: readonly CommitNote[],
  runs: readonly Run[],
): { readonly code: string; readonly message: string } | undefined {
  const record = runs[0]?.records.find((one) => one.cluster === cluster)
  return record?.error ?? notes.at(-1)?.error
}

function progressOf(known: {
  readonly objects: readonly CommitObject[]
  readonly missing: readonly string[]
  readonly error: object | undefined
  /** States of the runs of its pushes. */
  readonly pushes: readonly (Run['state'] | undefined)[]
  readonly isNoted: boolean
  /** Nothing in the cluster is worked on. */
  readonly isHeld: boolean
  /** Ids of what a window or a missing approval holds back: nothing of it is wrong. */
  readonly heldBack: ReadonlySet<string>
}): CommitProgress {
  const { objects, missing } = known
  if (known.error !== undefined) return 'unreachable'
  const isUnderWay = known.pushes.some((state) => state === 'queued' || state === 'running')
  if (objects.length === 0) {
    if (known.isHeld && known.pushes.length > 0) return 'queued'
    if (known.isNoted || known.pushes.length === 0) return 'unconcerned'
    // A run that ended without a note was one with that of a newer push.
    return isUnderWay ? 'queued' : 'superseded'
  }
  const late = objects.filter((object) => missing.includes(idOfSummary(object)))
  const isWrong = (object: CommitObject): boolean =>
    object.state === 'failed' || (object.state === 'blocked' && !known.heldBack.has(idOfSummary(object)))
  if (late.some((object) => object.outcome === 'failed' || isWrong(object))) return 'failed'
  // What is known may be from a run before: there is more to come.
  if (late.length > 0 || isUnderWay) return 'applying'
  return objects.some((object) => object.isCurrent) ? 'healthy' : 'superseded'
}

function stagesOf(
  notes: readonly CommitNote[],
  runs: readonly Run[],
  objects: readonly CommitObject[],
  missing: readonly string[],
): Stages {
  const received = [...notes, ...runs.filter((run) => run.push !== undefined)].map((one) => one.receivedAt)
  const fetched = notes.flatMap((note) => note.fetchedAt ?? [])
  // What the commit changed nothing about took no time.
  const worked = objects.filter(
    (object) =>
      (object.outcome !== undefined && object.outcome !== 'skipped' && object.isCurrent) ||
      missing.includes(idOfSummary(object)),
  )
  const all = (stage: 'renderedAt' | 'appliedAt' | 'healthyAt'): number | undefined => {
    const times = worked.map((object) => object.stages[stage] ?? object.stages.healthyAt)
    const known = times.filter((time) => time !== undefined)
    return known.length === 0 || known.length < times.length ? undefined : Math.max(...known)
  }
  const stages: { [stage in keyof Stages]: number | undefined } = {
    receivedAt: received.length === 0 ? undefined : Math.min(...received),
    fetchedAt: fetched.length === 0 ? undefined : Math.min(...fetched),
    renderedAt: all('renderedAt'),
    appliedAt: all('appliedAt'),
    healthyAt: all('healthyAt'),
  }
  return Object.fromEntries(Object.entries(stages).filter(([, time]) => time !== undefined))
}
