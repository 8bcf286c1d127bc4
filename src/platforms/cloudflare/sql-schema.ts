import type { SqlStorage } from '@cloudflare/workers-types'
import { currentSchema, decideSchema, type StoredSchema } from '../schema-version.ts'

/**
 * Compares the schema of a Durable Object's storage with the program's, and notes the program's where it is newer. To be called before the
 * tables are touched. Throws EngineError `state-newer` for storage that a newer version has written in a way that this one does not understand:
 * calls of the object then fail, and its messages and alarms wait for the newer version.
 */
export function markSqlSchema(sql: SqlStorage, known: StoredSchema = currentSchema): void {
  sql.exec(
    'CREATE TABLE IF NOT EXISTS schema_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, readable_from INTEGER NOT NULL)',
  )
  const [row] = sql.exec('SELECT version, readable_from FROM schema_version').toArray()
  const found = row && { version: Number(row['version']), readableFrom: Number(row['readable_from']) }
  // A write costs: the row is written when it changes, not each time an object wakes up.
  const { version, readableFrom } = known
  if (found?.version === version || decideSchema(found, known) === 'keep') return
  sql.exec('INSERT OR REPLACE INTO schema_version (id, version, readable_from) VALUES (1, ?, ?)', version, readableFrom)
}
