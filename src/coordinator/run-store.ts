import type { Json } from '../base/index.ts'
import type { StateStore } from '../ports/index.ts'
import type { ChangeRef, Job, PushNotice, RunRecord, TriggerTarget } from '../reconcile/index.ts'

/** Runs are kept for two weeks, as long as the engine keeps its records. */
const ttlSeconds = 14 * 24 * 3600

/** Values of the state store hold at most 1 MiB; some of it is left to what is not counted here. */
const maxRecordBytes = 900 * 1024

/** What was asked for, before any cluster was looked at. */
export interface RunRequest {
  readonly id: string
  readonly trigger: Job['kind']
  readonly receivedAt: number
  readonly clusters: readonly string[]
  readonly push?: PushNotice
  readonly target?: TriggerTarget
  readonly actor?: string
  /** Nothing is to be written. */
  readonly plan?: true
  /** The change that is planned. */
  readonly change?: ChangeRef
}

/** The engine's record of a run on one cluster, with what the coordinator knows besides. */
export type StoredRecord = RunRecord & {
  /** The run that did the work of this one too, because both asked for the same. */
  readonly mergedInto?: string
  /** How many attempts have failed so far. */
  readonly failedAttempts?: number
  /** Milliseconds since 1970 of the next attempt. */
  readonly retryAt?: number
  /** Set when a run that failed as a whole is not tried again. */
  readonly givenUp?: true
}

/** A run over all of its clusters. */
export interface Run extends RunRequest {
  readonly state: RunRecord['state']
  readonly records: readonly StoredRecord[]
}

/** Requests and records of runs, in the state store under `requests/<id>` and `runs/<id>/<cluster>`. */
export interface RunStore {
  putRequest(request: RunRequest): Promise<void>
  putRecord(record: StoredRecord): Promise<void>
  getRecord(id: string, cluster: string): Promise<StoredRecord | undefined>
  /** A run with a record for each of its clusters; one that has not begun is `queued`. Undefined when there is no such run. */
  get(id: string): Promise<Run | undefined>
  /** Runs, newest first, older than `before` where it is given. At most `limit`. */
  list(options: { readonly limit: number; readonly before?: string }): Promise<readonly Run[]>
}

/**
 * Whether nothing more will happen to the run of this record. One that carries an error could not be done as a whole (the cluster did not
 * answer) and is tried again until it is given up.
 */
export function isFinal(record: StoredRecord | undefined): boolean {
  if (record === undefined || record.state === 'queued' || record.state === 'running') return false
  return record.error === undefined || record.givenUp === true
}

/** A run store over `state`, which all clusters share. */
export function createRunStore(state: StateStore): RunStore {
  const recordsOf = async (request: RunRequest): Promise<readonly StoredRecord[]> => {
    const entries = await state.list(`runs/${request.id}/`, { limit: 1000 })
    return entries.map((entry) => entry.value as unknown as StoredRecord)
  }
  return {
    putRequest: (request) => state.put(`requests/${request.id}`, toJson(request), { ttlSeconds }),
    putRecord: (record) => state.put(`runs/${record.id}/${record.cluster}`, boundedRecord(record), { ttlSeconds }),
    getRecord: async (id, cluster) => (await state.get(`runs/${id}/${cluster}`)) as unknown as StoredRecord | undefined,
    get: async (id) => {
      const request = (await state.get(`requests/${id}`)) as unknown as RunRequest | undefined
      return request === undefined ? undefined : aggregate(request, await recordsOf(request))
    },
    list: async ({ limit, before }) => {
      // Descending lists go on below `after`.
      const page = { limit, reverse: true, ...(before === undefined ? {} : { after: `requests/${before}` }) }
      const requests = (await state.list('requests/', page)).map((entry) => entry.value as unknown as RunRequest)
      return Promise.all(requests.map(async (request) => aggregate(request, await recordsOf(request))))
    },
  }
}

function aggregate(request: RunRequest, found: readonly StoredRecord[]): Run {
  const byCluster = new Map(found.map((record) => [record.cluster, record]))
  const records = request.clusters.map((cluster) => byCluster.get(cluster) ?? unbegunRecord(request, cluster))
  return { ...request, state: overallState(records), records }
}

function unbegunRecord(request: RunRequest, cluster: string): StoredRecord {
  const { id, trigger, receivedAt } = request
  return { id, cluster, trigger, state: 'queued', receivedAt, nodes: [], timings: {} }
}

/** The record of a job that has not begun. */
export function queuedRecord(job: Job): StoredRecord {
  return {
    id: job.runId,
    cluster: job.cluster,
    trigger: job.kind,
    state: 'queued',
    receivedAt: job.receivedAt,
    ...(job.actor === undefined ? {} : { actor: job.actor }),
    nodes: [],
    timings: {},
  }
}

/**
 * The record of a job that begins at `startedAt`, in milliseconds since 1970. What earlier attempts, whose record is `known`, have done and how many there were stays;
 * why the last one failed does not, nor when this one was to begin.
 */
export function runningRecord(job: Job, startedAt: number, known: StoredRecord | undefined): StoredRecord {
  const { nodes = [], failedAttempts } = known ?? {}
  return {
    ...queuedRecord(job),
    state: 'running',
    startedAt,
    nodes,
    ...(failedAttempts === undefined ? {} : { failedAttempts }),
  }
}

function overallState(records: readonly StoredRecord[]): RunRecord['state'] {
  const states = new Set(
    records.map((record) => (isFinal(record) ? record.state : record.state === 'queued' ? 'queued' : 'running')),
  )
  if (states.size === 1) return records[0]?.state ?? 'queued'
  if (states.size === 0) return 'succeeded'
  return states.has('queued') || states.has('running') ? 'running' : 'partial'
}

/** The record, with the lists of changes left out where it would not fit otherwise. */
function boundedRecord(record: StoredRecord): Json {
  const whole = JSON.stringify(record)
  if (whole.length * 3 <= maxRecordBytes || new TextEncoder().encode(whole).length <= maxRecordBytes)
    return JSON.parse(whole) as Json
  return toJson({
    ...record,
    nodes: record.nodes.map((node) => ({ ...node, changes: [], changesOmitted: node.changes.length })),
  })
}

function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}
