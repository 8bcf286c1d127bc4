import type { Json } from '../base/index.ts'
import type { EngineDeps, NodeRecord, RunRecord } from './job.ts'
import { isSource, type Managed } from './world.ts'

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

/** Something in this run waits for health, so the same job must look again. What failed is left to its retry interval. */
export function isUnfinished(record: RunRecord): boolean {
  return record.nodes.some((node) => node.state === 'waiting')
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
