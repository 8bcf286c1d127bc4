import { sha256Hex, type Json } from '../base/index.ts'
import type { StateStore } from '../ports/index.ts'
import { idOfSummary, type Job, type RunRecord } from '../reconcile/index.ts'
import { observeValue, requestBounds, secondBounds, type Histogram } from './histogram.ts'

/** What is counted of the runs of a cluster, since the state store was new. */
export interface RunCounters {
  /** Ended runs by `trigger/state`. */
  readonly runs: { readonly [key: string]: number }
  /** Runs that could not be done as a whole, by the code of the error. */
  readonly errors: { readonly [code: string]: number }
  readonly requests: number
  readonly requestsPerRun?: Histogram
  readonly changes: number
  readonly drifted: number
  /** Seconds between a push and the last object applied, or healthy. */
  readonly pushToApplied?: Histogram
  readonly pushToHealthy?: Histogram
}

/** Seconds that objects took, by their id. */
export type ObjectDurations = ReadonlyMap<string, Histogram>

const shardCount = 8
/** Objects of a shard that are remembered; those that were not worked on for longest are forgotten. */
const maxObjectsPerShard = 1_500
const maxErrorCodes = 30

const empty: RunCounters = { runs: {}, errors: {}, requests: 0, changes: 0, drifted: 0 }

/** The end of one run of a cluster, or of a part of one that goes on later. */
export interface RunEnd {
  readonly job: Job
  readonly record: RunRecord
  /** Whether it goes on later. */
  readonly isUnfinished: boolean
}

/**
 * Adds a run to what is counted of its cluster: one get and put for the numbers of runs, and one each for the shards of the objects it worked on. Runs of a cluster end one
 * after the other, so nothing is lost between the two: the caller sees to that.
 */
export async function countRun(state: StateStore, cluster: string, end: RunEnd): Promise<void> {
  // What a run does on later is in the record at its end, with what it did before.
  const nodes = end.isUnfinished ? [] : end.record.nodes
  const byShard = Map.groupBy(nodes, (node) => shardOf(idOfSummary(node)))
  await Promise.all([
    update(state, runsKey(cluster), (known) => addRun(parseCounters(known), end)),
    ...[...byShard].map(([shard, found]) =>
      update(state, `metrics/${cluster}/objects/${shard}`, (known) => {
        const durations = new Map(parseDurations(known))
        for (const node of found) {
          const id = idOfSummary(node)
          const { startedAt, finishedAt } = node.timings
          const next = observeValue(durations.get(id), secondBounds, Math.max(0, finishedAt - startedAt) / 1000)
          durations.delete(id)
          durations.set(id, next)
        }
        return [...durations].slice(-maxObjectsPerShard).map(([id, { counts, sum }]) => [id, sum, ...counts])
      }),
    ),
  ])
}

/** What is counted of a cluster. Two gets' worth of lists. */
export async function readCounters(
  state: StateStore,
  cluster: string,
): Promise<{ readonly runs: RunCounters; readonly objects: ObjectDurations }> {
  const [runs, shards] = await Promise.all([
    state.get(runsKey(cluster)),
    state.list(`metrics/${cluster}/objects/`, { limit: shardCount }),
  ])
  return {
    runs: parseCounters(runs),
    objects: new Map(shards.flatMap(({ value }) => parseDurations(value))),
  }
}

function addRun(known: RunCounters, { job, record, isUnfinished }: RunEnd): RunCounters {
  const requests = record.requests ?? 0
  const asked: RunCounters = {
    ...known,
    requests: known.requests + requests,
    requestsPerRun: observeValue(known.requestsPerRun, requestBounds, requests),
  }
  if (isUnfinished) return asked
  const changes = record.nodes.reduce((sum, node) => sum + node.changes.length, 0)
  const drifted = record.nodes.reduce(
    (sum, node) => sum + node.changes.filter(({ drift }) => drift !== undefined && drift.length > 0).length,
    0,
  )
  const counted: RunCounters = {
    ...asked,
    changes: known.changes + changes,
    drifted: known.drifted + drifted,
  }
  const { error } = record
  if (error !== undefined) {
    const isKnown = Object.hasOwn(known.errors, error.code) || Object.keys(known.errors).length < maxErrorCodes
    return { ...counted, errors: plusOne(known.errors, isKnown ? error.code : 'other') }
  }
  const ended = { ...counted, runs: plusOne(known.runs, `${job.kind}/${record.state}`) }
  return job.kind === 'push' && changes > 0 ? { ...ended, ...addPush(known, record) } : ended
}

function addPush(known: RunCounters, record: RunRecord): Pick<RunCounters, 'pushToApplied' | 'pushToHealthy'> {
  const { appliedAt, healthyAt } = record.timings
  const seconds = (at: number): number => Math.max(0, at - record.receivedAt) / 1000
  return {
    ...(appliedAt === undefined
      ? {}
      : { pushToApplied: observeValue(known.pushToApplied, secondBounds, seconds(appliedAt)) }),
    ...(healthyAt === undefined
      ? {}
      : { pushToHealthy: observeValue(known.pushToHealthy, secondBounds, seconds(healthyAt)) }),
  }
}

async function update(state: StateStore, key: string, change: (known: Json | undefined) => unknown): Promise<void> {
  const next = change(await state.get(key))
  await state.put(key, JSON.parse(JSON.stringify(next)) as Json)
}

function plusOne(counts: { readonly [key: string]: number }, key: string): { readonly [key: string]: number } {
  return { ...counts, [key]: (counts[key] ?? 0) + 1 }
}

function runsKey(cluster: string): string {
  return `metrics/${cluster}/runs`
}

function shardOf(id: string): number {
  return Number.parseInt(sha256Hex(id).slice(0, 2), 16) % shardCount
}

/** What another version has written, or nobody, counts as nothing. */
function parseCounters(value: Json | undefined): RunCounters {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return empty
  return { ...empty, ...(value as object) }
}

function parseDurations(value: Json | undefined): readonly (readonly [string, Histogram])[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((row) => {
    if (!Array.isArray(row)) return []
    const [id, sum, ...counts] = row
    if (typeof id !== 'string' || typeof sum !== 'number' || !counts.every((count) => typeof count === 'number'))
      return []
    return [[id, { sum, counts: counts as number[] }] as const]
  })
}
