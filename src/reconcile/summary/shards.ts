import type { Json } from '../../base/index.ts'
import type { StateStore } from '../../ports/index.ts'
import { shardIndexOf } from '../shard-index.ts'
import { idOfKey } from '../world.ts'
import { clip } from './summarize-object.ts'
import type { ObjectSummary } from './types.ts'

/** Records that the summaries of a cluster are spread over, so that a run rewrites little. */
export const shardCount = 32

/** Values of the state store hold at most 1 MiB; some of it is left to what is not counted here. */
const maxShardBytes = 900 * 1024

/** Summaries by id. */
export interface Shard {
  readonly objects: ReadonlyMap<string, ObjectSummary>
  /** Objects that did not fit. */
  readonly omitted: number
}

/** Key of a shard in the state store. */
export function shardKey(cluster: string, index: number): string {
  return `objects/${cluster}/${String(index).padStart(2, '0')}`
}

/** The shard of an id: always the same one. */
export function shardIndex(id: string): number {
  return shardIndexOf(id, shardCount)
}

/** Reads the shards of a cluster. One that cannot be read counts as lost: the next run writes it again. */
export async function readShards(state: StateStore, cluster: string): Promise<ReadonlyMap<number, Shard>> {
  const entries = await state.list(`objects/${cluster}/`, { limit: shardCount })
  return new Map(
    entries.map(({ key, value }) => [Number(key.slice(key.lastIndexOf('/') + 1)), parseShard(value)] as const),
  )
}

/** Writes the shards in which something differs from `known`. @returns the ids of what was written anew or is gone. */
export async function writeShards(
  state: StateStore,
  cluster: string,
  known: ReadonlyMap<number, Shard>,
  next: ReadonlyMap<string, ObjectSummary>,
): Promise<readonly string[]> {
  const byShard = Map.groupBy(next.values(), (object) => shardIndex(idOfKey(object)))
  const changed = await Promise.all(
    Array.from({ length: shardCount }, async (_, index) => {
      const before = known.get(index)?.objects ?? new Map<string, ObjectSummary>()
      const objects = byShard.get(index) ?? []
      const ids = changedIds(before, objects)
      if (ids.length === 0) return ids
      const key = shardKey(cluster, index)
      await (objects.length === 0 ? state.delete(key) : state.put(key, encodeShard(objects)))
      return ids
    }),
  )
  return changed.flat()
}

/** Ids of objects that are new, gone, or otherwise than before. Fields stand in the order in which they are always made; what had to be shortened to fit
 * counts as changed, and is written again. */
function changedIds(before: ReadonlyMap<string, ObjectSummary>, now: readonly ObjectSummary[]): readonly string[] {
  const kept = new Set(now.map(idOfKey))
  const gone = [...before.keys()].filter((id) => !kept.has(id))
  const changed = now.filter((object) => {
    const known = before.get(idOfKey(object))
    return known === undefined || JSON.stringify(known) !== JSON.stringify(object)
  })
  return [...gone, ...changed.map(idOfKey)]
}

/** A shard as it is stored. Where it would not fit, first long messages go, then what runs did, and in the end objects, which are counted. */
export function encodeShard(objects: readonly ObjectSummary[]): Json {
  const sorted = objects.toSorted((a, b) => (idOfKey(a) < idOfKey(b) ? -1 : 1))
  for (const shrink of [same, shorter, shortest]) {
    const text = JSON.stringify({ objects: sorted.map(shrink) })
    if (fits(text)) return JSON.parse(text) as Json
  }
  const kept: string[] = []
  let bytes = 100
  for (const object of sorted) {
    const text = JSON.stringify(shortest(object))
    bytes += new TextEncoder().encode(text).length + 1
    if (bytes > maxShardBytes) break
    kept.push(text)
  }
  return { objects: kept.map((text) => JSON.parse(text) as Json), omitted: sorted.length - kept.length }
}

function parseShard(value: Json): Shard {
  const { objects, omitted } = (typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}) as {
    readonly objects?: unknown
    readonly omitted?: unknown
  }
  const found = Array.isArray(objects) ? objects.filter(isSummary) : []
  return {
    objects: new Map(found.map((object) => [idOfKey(object), object])),
    omitted: typeof omitted === 'number' ? omitted : 0,
  }
}

/** Whether a stored value has what readers rely on. Another version of the deployment may have written it. */
function isSummary(value: unknown): value is ObjectSummary {
  if (typeof value !== 'object' || value === null) return false
  const object = value as { readonly [key in keyof ObjectSummary]?: unknown }
  const texts = [object.kind, object.namespace, object.name]
  const lists = [object.conditions, object.dependsOn, object.blockers, object.commits, object.outcomes]
  return texts.every((text) => typeof text === 'string') && lists.every(Array.isArray)
}

function fits(text: string): boolean {
  return text.length * 3 <= maxShardBytes || new TextEncoder().encode(text).length <= maxShardBytes
}

function same(object: ObjectSummary): ObjectSummary {
  return object
}

function shorter(object: ObjectSummary): ObjectSummary {
  return withMessages(object, 300)
}

function shortest(object: ObjectSummary): ObjectSummary {
  return withMessages(
    { ...object, outcomes: object.outcomes.slice(0, 1), dependsOn: object.dependsOn.slice(0, 8) },
    100,
  )
}

function withMessages(object: ObjectSummary, length: number): ObjectSummary {
  return {
    ...object,
    conditions: object.conditions.map((condition) => ({ ...condition, message: clip(condition.message, length) })),
    blockers: object.blockers.slice(0, 8).map(({ id, message }) => ({ id, message: clip(message, length) })),
    outcomes: object.outcomes.map((outcome) =>
      outcome.message === undefined ? outcome : { ...outcome, message: clip(outcome.message, length) },
    ),
  }
}
