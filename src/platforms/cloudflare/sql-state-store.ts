import type { SqlStorage } from '@cloudflare/workers-types'
import type { Json } from '../../base/index.ts'
import type { Clock, StateEntry, StateStore } from '../../ports/index.ts'
import { checkedKey, checkedValue, prefixEnd } from '../state-limits.ts'

/** Seconds between two removals of what has expired; until then it is invisible, but takes space. */
const sweepSeconds = 300

const alive = '(expires_at IS NULL OR expires_at > ?)'

/** A StateStore in the SQLite storage of the Durable Object it runs in. Keys are compared by their bytes. */
export function createSqlStateStore(sql: SqlStorage, clock: Clock): StateStore {
  sql.exec(
    'CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, value TEXT NOT NULL, expires_at REAL) WITHOUT ROWID',
  )
  sql.exec('CREATE INDEX IF NOT EXISTS state_expiry ON state (expires_at) WHERE expires_at IS NOT NULL')
  let sweptAt = 0
  const expiry = (ttlSeconds: number | undefined): number | null => {
    const now = clock.now()
    if (now - sweptAt >= sweepSeconds * 1000) {
      sweptAt = now
      sql.exec('DELETE FROM state WHERE expires_at <= ?', now)
    }
    return ttlSeconds === undefined ? null : now + ttlSeconds * 1000
  }
  const write = (
    key: string,
    value: Json,
    ttlSeconds: number | undefined,
    condition: string,
    ...bindings: number[]
  ): boolean => {
    const written = sql.exec(
      `INSERT INTO state (key, value, expires_at) VALUES (?1, ?2, ?3)
       ON CONFLICT (key) DO UPDATE SET value = ?2, expires_at = ?3 ${condition} RETURNING 1`,
      checkedKey(key),
      checkedValue(key, value),
      expiry(ttlSeconds),
      ...bindings,
    )
    return written.toArray().length === 1
  }
  return {
    get: async (key) => {
      const [row] = sql
        .exec(`SELECT value FROM state WHERE key = ? AND ${alive}`, checkedKey(key), clock.now())
        .toArray()
      return row === undefined ? undefined : (JSON.parse(row['value'] as string) as Json)
    },
    put: async (key, value, options) => {
      write(key, value, options?.ttlSeconds, '')
    },
    putIfAbsent: async (key, value, options) =>
      write(
        key,
        value,
        options?.ttlSeconds,
        'WHERE NOT (state.expires_at IS NULL OR state.expires_at > ?4)',
        clock.now(),
      ),
    delete: async (key) => {
      sql.exec('DELETE FROM state WHERE key = ?', checkedKey(key))
    },
    list: async (prefix, options) => {
      const from = new TextEncoder().encode(prefix)
      const after = options?.after === undefined ? null : new TextEncoder().encode(options.after)
      const [comparison, order] = options?.reverse === true ? ['<', 'DESC'] : ['>', 'ASC']
      const rows = sql.exec(
        `SELECT key, value FROM state WHERE key >= ?1 AND key < ?2 AND (?3 IS NULL OR key ${comparison} ?3)
         AND (expires_at IS NULL OR expires_at > ?4) ORDER BY key ${order} LIMIT ?5`,
        from,
        prefixEnd(from),
        after,
        clock.now(),
        options?.limit ?? 100,
      )
      return rows.toArray().map((row): StateEntry => ({
        key: new TextDecoder().decode(row['key'] as ArrayBuffer),
        value: JSON.parse(row['value'] as string) as Json,
      }))
    },
  }
}
