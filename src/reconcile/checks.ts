import type { StateStore } from '../ports/index.ts'
import type { NodeState } from './job.ts'
import type { CheckMark } from './select.ts'
import { shardIndexOf } from './shard-index.ts'

/** What earlier runs noted of each node of a cluster. Kept in a few shards, so that a run rewrites little. */
export interface Checks {
  get(id: string): CheckMark | undefined
  set(id: string, mark: CheckMark): void
  /** Writes what changed. */
  save(): Promise<void>
}

const shardCount = 16

/** Loads the notes of a cluster. A record that cannot be read counts as lost: everything is then looked at once more. */
export async function loadChecks(state: StateStore, cluster: string): Promise<Checks> {
  const shards = new Map<number, Map<string, CheckMark>>()
  const changed = new Set<number>()
  for (const entry of await state.list(`checks/${cluster}/`, { limit: shardCount })) {
    const index = Number(entry.key.slice(entry.key.lastIndexOf('/') + 1))
    shards.set(index, parseShard(entry.value))
  }
  const shardOf = (id: string): Map<string, CheckMark> => {
    const index = shardIndexOf(id, shardCount)
    const shard = shards.get(index) ?? new Map<string, CheckMark>()
    shards.set(index, shard)
    return shard
  }
  return {
    get: (id) => shardOf(id).get(id),
    set: (id, mark) => {
      shardOf(id).set(id, mark)
      changed.add(shardIndexOf(id, shardCount))
    },
    save: async () => {
      // What others set meanwhile is for the next time.
      const indexes = [...changed]
      changed.clear()
      await Promise.all(
        indexes.map((index) =>
          state.put(
            `checks/${cluster}/${index}`,
            Object.fromEntries(
              [...(shards.get(index) ?? [])].map(([id, m]) => [
                id,
                [
                  m.at,
                  m.state,
                  m.revision,
                  m.generation,
                  m.configs ?? '',
                  m.unaffectedBy ?? '',
                  m.hasMissed ?? false,
                  m.followed ?? 0,
                ],
              ]),
            ),
          ),
        ),
      ).catch((error: unknown) => {
        for (const index of indexes) changed.add(index)
        throw error
      })
    },
  }
}

function parseShard(value: unknown): Map<string, CheckMark> {
  const marks = new Map<string, CheckMark>()
  if (typeof value !== 'object' || value === null) return marks
  for (const [id, mark] of Object.entries(value)) {
    if (!Array.isArray(mark) || typeof mark[0] !== 'number' || typeof mark[3] !== 'number') continue
    marks.set(id, {
      at: mark[0],
      state: String(mark[1]) as NodeState,
      revision: String(mark[2]),
      generation: mark[3],
      ...(typeof mark[4] === 'string' && mark[4] !== '' ? { configs: mark[4] } : {}),
      ...(typeof mark[5] === 'string' && mark[5] !== '' ? { unaffectedBy: mark[5] } : {}),
      ...(mark[6] === true ? { hasMissed: true } : {}),
      ...(typeof mark[7] === 'number' && mark[7] > 0 ? { followed: mark[7] } : {}),
    })
  }
  return marks
}
