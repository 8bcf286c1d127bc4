import { mapLimit, type Json } from '../../base/index.ts'
import type { StateStore } from '../../ports/index.ts'
import type { NodeRecord, RecordedChange } from '../job.ts'
import { clip } from './summarize-object.ts'
import type { HistoryEntry, Outcome } from './types.ts'

/** Entries are kept as long as the runs that they lead to. */
const ttlSeconds = 14 * 24 * 3600
/** Changes of one run, and fields of one change, that an entry names. */
const maxChanges = 30
const maxFields = 10
const maxTextLength = 400
/** Entries that are written at the same time. */
const concurrency = 8

/** An entry that is to be written. */
export interface NewHistory {
  readonly id: string
  readonly entry: HistoryEntry
  /** An earlier look of the same run has left one, whose changes stay. */
  readonly goesOn: boolean
}

/** Bytes of the longest key that stores take. An object whose names are longer together has no history. */
const maxKeyBytes = 512

function prefixOf(cluster: string, id: string): string {
  return `history/${cluster}/${id}/`
}

/** The entry of an outcome. */
export function historyEntry(
  outcome: Outcome,
  job: { readonly receivedAt: number; readonly actor?: string | undefined },
  record: Pick<NodeRecord, 'changes' | 'timings'> | undefined,
): HistoryEntry {
  const { changes = [], timings } = record ?? {}
  const kept = changes.slice(0, maxChanges).map(pickChange)
  return {
    ...outcome,
    ...(job.actor === undefined ? {} : { actor: clip(job.actor, 253) }),
    receivedAt: job.receivedAt,
    ...(timings === undefined ? {} : { startedAt: timings.startedAt }),
    ...(timings?.renderedAt === undefined ? {} : { renderedAt: timings.renderedAt }),
    ...(timings?.appliedAt === undefined ? {} : { appliedAt: timings.appliedAt }),
    changes: kept,
    ...(changes.length > kept.length ? { changesOmitted: changes.length - kept.length } : {}),
  }
}

function pickChange({ object, action, drift, note }: RecordedChange): RecordedChange {
  return {
    object: clip(object, maxTextLength),
    action,
    ...(drift === undefined ? {} : { drift: drift.slice(0, maxFields) }),
    ...(note === undefined ? {} : { note: clip(note, maxTextLength) }),
  }
}

/** Writes entries, one put each; one that goes on costs a read. Throws what the store throws. */
export async function saveHistory(state: StateStore, cluster: string, news: readonly NewHistory[]): Promise<void> {
  await mapLimit(news, concurrency, async ({ id, entry, goesOn }) => {
    const key = `${prefixOf(cluster, id)}${entry.run}`
    if (key.length > maxKeyBytes) return
    const before = goesOn ? ((await state.get(key)) as unknown as HistoryEntry | undefined) : undefined
    const whole = before === undefined || !Array.isArray(before.changes) ? entry : goOn(before, entry)
    await state.put(key, JSON.parse(JSON.stringify(whole)) as Json, { ttlSeconds })
  })
}

/** The entry of a run that goes on: how it stands now, with what its earlier looks did. */
function goOn(before: HistoryEntry, now: HistoryEntry): HistoryEntry {
  const seen = new Set(before.changes.map((change) => `${change.object} ${change.action}`))
  const added = now.changes.filter((change) => !seen.has(`${change.object} ${change.action}`))
  const changes = [...before.changes, ...added].slice(0, maxChanges)
  const more = before.changes.length + added.length - changes.length
  const omitted = (before.changesOmitted ?? 0) + (now.changesOmitted ?? 0) + more
  const startedAt = before.startedAt ?? now.startedAt
  const renderedAt = now.renderedAt ?? before.renderedAt
  const appliedAt = now.appliedAt ?? before.appliedAt
  return {
    ...now,
    changes,
    ...(omitted === 0 ? {} : { changesOmitted: omitted }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(renderedAt === undefined ? {} : { renderedAt }),
    ...(appliedAt === undefined ? {} : { appliedAt }),
  }
}

/** What runs did to an object, newest first, older than the run `before` where it is given; at most `limit`. One list. */
export async function readHistory(
  state: Pick<StateStore, 'list'>,
  cluster: string,
  id: string,
  { limit, before }: { readonly limit: number; readonly before?: string | undefined },
): Promise<readonly HistoryEntry[]> {
  const prefix = prefixOf(cluster, id)
  const after = before === undefined ? {} : { after: `${prefix}${before}` }
  const entries = await state.list(prefix, { limit, reverse: true, ...after })
  return entries.map(({ value }) => value as unknown as HistoryEntry).filter(isEntry)
}

function isEntry(entry: HistoryEntry): boolean {
  return typeof entry === 'object' && entry !== null && typeof entry.run === 'string' && Array.isArray(entry.changes)
}
