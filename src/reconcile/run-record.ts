import type { Json } from '../base/index.ts'
import type { EngineDeps, Job, NodeRecord, RunRecord } from './job.ts'
import { idOfKey, isSource, type Managed, type World } from './world.ts'

/** Records of runs are kept for two weeks. */
const recordTtlSeconds = 14 * 24 * 3600

/** State, order and times of a run from those of its nodes. A failed source is one of them. */
export function summarize(
  nodes: readonly NodeRecord[],
  fetchedAt: number | undefined,
): Pick<RunRecord, 'state' | 'nodes' | 'timings'> {
  const failed = nodes.filter((node) => node.state === 'failed' || node.state === 'blocked').length
  const waiting = nodes.some((node) => node.state === 'waiting')
  const last = (times: readonly (number | undefined)[]): number | undefined => {
    const known = times.filter((time) => time !== undefined)
    return known.length === 0 ? undefined : Math.max(...known)
  }
  const renderedAt = last(nodes.map((node) => node.timings.renderedAt))
  const appliedAt = last(nodes.map((node) => node.timings.appliedAt))
  const healthyAt = last(nodes.filter((node) => node.state === 'ready').map((node) => node.timings.finishedAt))
  return {
    state: waiting ? 'running' : failed === 0 ? 'succeeded' : failed === nodes.length ? 'failed' : 'partial',
    nodes: nodes.toSorted((a, b) => a.timings.startedAt - b.timings.startedAt),
    timings: {
      ...(fetchedAt === undefined ? {} : { fetchedAt }),
      ...(renderedAt === undefined ? {} : { renderedAt }),
      ...(appliedAt === undefined ? {} : { appliedAt }),
      ...(healthyAt === undefined ? {} : { healthyAt }),
    },
  }
}

/** What the record of a run says from its beginning. */
export type RunHead = Pick<RunRecord, 'id' | 'cluster' | 'trigger' | 'receivedAt' | 'startedAt' | 'actor' | 'plan'>

/** The head of a job's record. */
export function headOf(job: Job, startedAt: number): RunHead {
  const { runId: id, cluster, kind: trigger, receivedAt, actor, plan } = job
  return {
    id,
    cluster,
    trigger,
    receivedAt,
    startedAt,
    ...(actor === undefined ? {} : { actor }),
    ...(plan === undefined ? {} : { plan }),
  }
}

/** Something in this run waits for health, so the same job must look again. What failed is left to its retry interval. */
export function isUnfinished(nodes: Iterable<NodeRecord>): boolean {
  return [...nodes].some((node) => node.state === 'waiting')
}

/** What earlier attempts and looks of the same run did: one that waits for health, or was cut off, goes on as another job. */
export async function loadEarlierNodes(deps: EngineDeps, job: Job): Promise<readonly NodeRecord[]> {
  const value = await deps.state.get(`runs/${job.runId}/${job.cluster}`)
  const { nodes } = (value ?? {}) as { readonly nodes?: unknown }
  return Array.isArray(nodes) ? (nodes as readonly NodeRecord[]) : []
}

/** Changes of one node that a record keeps from earlier looks. */
const maxEarlierChanges = 500

/** The nodes of a run over all of its looks. `records` is what this one did; what waited before and is not among them is told as the cluster has it now. */
export function withEarlierNodes(
  earlier: readonly NodeRecord[],
  records: ReadonlyMap<string, NodeRecord>,
  world: World,
): readonly NodeRecord[] {
  const nodes = new Map(earlier.map((node) => [idOfKey(node), node]))
  for (const [id, node] of nodes) {
    if (!records.has(id) && (node.state === 'waiting' || node.state === 'blocked'))
      nodes.set(id, asItIsNow(node, world))
  }
  for (const [id, node] of records) {
    const before = nodes.get(id)
    nodes.set(id, before === undefined ? node : mergeNodes(before, node))
  }
  return [...nodes.values()]
}

/** One node from two looks of a run: how it ended in the later one, with the changes of both. */
export function mergeNodes(before: NodeRecord, node: NodeRecord): NodeRecord {
  return {
    ...node,
    changes: [...before.changes.slice(0, maxEarlierChanges), ...node.changes],
    timings: { ...node.timings, startedAt: before.timings.startedAt },
  }
}

/** Another job has gone on with it. */
function asItIsNow(node: NodeRecord, world: World): NodeRecord {
  const object = world.get(idOfKey(node))
  const ready = object?.status?.conditions?.find((condition) => condition.type === 'Ready')
  if (ready?.status === 'True') return { ...node, state: 'ready', reason: ready.reason, message: ready.message }
  if (ready?.status === 'False') return { ...node, state: 'failed', reason: ready.reason, message: ready.message }
  return { ...node, state: 'skipped', message: object === undefined ? 'deleted' : 'another run works on it' }
}

/** Keeps the record for `GET /runs/<id>`. */
export async function saveRecord(deps: EngineDeps, record: RunRecord): Promise<void> {
  await deps.state.put(`runs/${record.id}/${record.cluster}`, JSON.parse(JSON.stringify(record)) as Json, {
    ttlSeconds: recordTtlSeconds,
  })
}

/**
 * The record of a source that could not be fetched, undefined for all others: without it, a run whose source is away would say that all is well.
 * Times are milliseconds since 1970.
 */
export function failedSourceRecord(
  source: Managed | undefined,
  startedAt: number,
  finishedAt: number,
): NodeRecord | undefined {
  if (!isSource(source) || ('suspend' in source.spec && source.spec.suspend === true)) return undefined
  const ready = source.status?.conditions?.find((condition) => condition.type === 'Ready')
  if (ready?.status !== 'False') return undefined
  return {
    kind: source.kind,
    namespace: source.metadata.namespace ?? '',
    name: source.metadata.name,
    state: 'failed',
    reason: ready.reason,
    message: ready.message,
    changes: [],
    unchanged: 0,
    timings: { startedAt, finishedAt },
  }
}

/** Tells of objects that nothing can be done about. Times are milliseconds since 1970. */
export function noteWithoutSpec(world: World, records: Map<string, NodeRecord>, at: number): void {
  for (const key of world.withoutSpec) {
    records.set(idOfKey(key), {
      ...key,
      state: 'failed',
      reason: 'NoSpec',
      message: 'the object has no spec; give it one, or delete it',
      changes: [],
      unchanged: 0,
      timings: { startedAt: at, finishedAt: at },
    })
  }
}
