import type { SqlStorage } from '@cloudflare/workers-types'
import type { BlobStore, Clock } from '../../ports/index.ts'

/** A row of a Durable Object's storage holds at most 2 MB. */
const chunkBytes = 1024 * 1024

/**
 * A BlobStore in the SQLite storage of the Durable Object it runs in, in rows of 1 MiB. What was used least recently goes when all together
 * is larger than `maxBytes` (default 512 MiB). A read notes its use at most once an hour, since writes cost.
 */
export function createSqlBlobStore(
  sql: SqlStorage,
  clock: Clock,
  options: { readonly maxBytes?: number } = {},
): BlobStore {
  const maxBytes = options.maxBytes ?? 512 * 1024 * 1024
  sql.exec(
    'CREATE TABLE IF NOT EXISTS blobs (key TEXT PRIMARY KEY, size INTEGER NOT NULL, used_at REAL NOT NULL) WITHOUT ROWID',
  )
  sql.exec('CREATE INDEX IF NOT EXISTS blobs_use ON blobs (used_at)')
  sql.exec(
    'CREATE TABLE IF NOT EXISTS blob_chunks (key TEXT, chunk INTEGER, bytes BLOB NOT NULL, PRIMARY KEY (key, chunk)) WITHOUT ROWID',
  )
  let total = Number(sql.exec('SELECT COALESCE(SUM(size), 0) AS total FROM blobs').one()['total'])

  const remove = (key: string): void => {
    const [row] = sql.exec('DELETE FROM blobs WHERE key = ? RETURNING size', key).toArray()
    if (row === undefined) return
    sql.exec('DELETE FROM blob_chunks WHERE key = ?', key)
    total -= Number(row['size'])
  }
  const makeRoom = (): void => {
    while (total > maxBytes) {
      const oldest = sql.exec('SELECT key FROM blobs ORDER BY used_at LIMIT 50').toArray()
      if (oldest.length === 0) return
      for (const row of oldest) {
        if (total <= maxBytes * 0.9) return
        remove(row['key'] as string)
      }
    }
  }
  return {
    get: async (key) => {
      const [entry] = sql.exec('SELECT size, used_at FROM blobs WHERE key = ?', key).toArray()
      if (entry === undefined) return undefined
      const whole = new Uint8Array(Number(entry['size']))
      let at = 0
      for (const row of sql.exec('SELECT bytes FROM blob_chunks WHERE key = ? ORDER BY chunk', key)) {
        const bytes = new Uint8Array(row['bytes'] as ArrayBuffer)
        whole.set(bytes, at)
        at += bytes.length
      }
      const now = clock.now()
      if (now - Number(entry['used_at']) > 3_600_000) sql.exec('UPDATE blobs SET used_at = ? WHERE key = ?', now, key)
      return whole
    },
    put: async (key, value) => {
      remove(key)
      if (value.length > maxBytes) return
      // Nothing is awaited in here, so the rows are written together or not at all.
      sql.exec('INSERT INTO blobs (key, size, used_at) VALUES (?, ?, ?)', key, value.length, clock.now())
      for (let chunk = 0; chunk * chunkBytes < value.length; chunk++) {
        const bytes = value.slice(chunk * chunkBytes, (chunk + 1) * chunkBytes)
        sql.exec('INSERT INTO blob_chunks (key, chunk, bytes) VALUES (?, ?, ?)', key, chunk, bytes)
      }
      total += value.length
      makeRoom()
    },
    delete: async (key) => {
      remove(key)
    },
  }
}
