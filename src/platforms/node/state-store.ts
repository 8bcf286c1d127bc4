import type { DatabaseSync } from 'node:sqlite'
import type { Json } from '../../base/index.ts'
import { checkedKey, checkedValue, prefixEnd } from '../state-limits.ts'
import type { Clock, StateStore } from '../../ports/index.ts'

/** Seconds between two removals of what has expired; until then it is invisible, but takes space. */
const sweepSeconds = 300

/** A StateStore in a table of `database`. Keys are compared by their bytes. */
export function createNodeStateStore(database: DatabaseSync, clock: Clock): StateStore {
  database.exec(`
    CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, value TEXT NOT NULL, expires_at REAL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS state_expiry ON state (expires_at) WHERE expires_at IS NOT NULL;
  `)
  const alive = '(expires_at IS NULL OR expires_at > :now)'
  const select = database.prepare(`SELECT value FROM state WHERE key = :key AND ${alive}`)
  const upsert = database.prepare(
    'INSERT INTO state (key, value, expires_at) VALUES (:key, :value, :expires) ON CONFLICT (key) DO UPDATE SET value = :value, expires_at = :expires',
  )
  const insert = database.prepare(
    `INSERT INTO state (key, value, expires_at) VALUES (:key, :value, :expires)
     ON CONFLICT (key) DO UPDATE SET value = :value, expires_at = :expires WHERE NOT (state.expires_at IS NULL OR state.expires_at > :now)`,
  )
  const remove = database.prepare('DELETE FROM state WHERE key = :key')
  const removeExpired = database.prepare('DELETE FROM state WHERE expires_at <= :now')
  const page = (order: 'ASC' | 'DESC'): ReturnType<DatabaseSync['prepare']> =>
    database.prepare(
      `SELECT key, value FROM state WHERE key >= :from AND key < :to AND (:after IS NULL OR key ${order === 'ASC' ? '>' : '<'} :after)
       AND ${alive} ORDER BY key ${order} LIMIT :limit`,
    )
  const ascending = page('ASC')
  const descending = page('DESC')
  let sweptAt = 0

  const expiry = (ttlSeconds: number | undefined): number | null => {
    const now = clock.now()
    if (now - sweptAt >= sweepSeconds * 1000) {
      sweptAt = now
      removeExpired.run({ now })
    }
    return ttlSeconds === undefined ? null : now + ttlSeconds * 1000
  }
  return {
    get: async (key) => {
      const row = select.get({ key: checkedKey(key), now: clock.now() })
      return row === undefined ? undefined : (JSON.parse(row['value'] as string) as Json)
    },
    put: async (key, value, options) => {
      upsert.run({ key: checkedKey(key), value: checkedValue(key, value), expires: expiry(options?.ttlSeconds) })
    },
    putIfAbsent: async (key, value, options) => {
      const row = { key: checkedKey(key), value: checkedValue(key, value), expires: expiry(options?.ttlSeconds) }
      return insert.run({ ...row, now: clock.now() }).changes === 1
    },
    delete: async (key) => {
      remove.run({ key: checkedKey(key) })
    },
    list: async (prefix, options) => {
      const from = new TextEncoder().encode(prefix)
      const after = options?.after === undefined ? null : new TextEncoder().encode(options.after)
      const statement = options?.reverse === true ? descending : ascending
      const rows = statement.all({ from, to: prefixEnd(from), after, now: clock.now(), limit: options?.limit ?? 100 })
      return rows.map((row) => ({
        key: new TextDecoder().decode(row['key'] as Uint8Array),
        value: JSON.parse(row['value'] as string) as Json,
      }))
    },
  }
}
