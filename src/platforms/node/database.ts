import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { EngineError, isEngineError } from '../../base/index.ts'
import { currentSchema, decideSchema, type StoredSchema } from '../schema-version.ts'

/**
 * Opens the SQLite file that holds state and queue, creating folder and file. Readers never block the writer; another connection to the file is
 * waited for up to five seconds.
 *
 * A write survives the end of the process always. With `durability: 'power-loss'` it also survives that of the machine once it returned, and so
 * does everything written to the file before, through whichever connection: the write-ahead log is one sequence. That costs a flush to the
 * disk, so it is for the writes that promise something. Throws EngineError `database-unavailable`, and `state-newer` for a file that a newer
 * version has written in a way that this one does not understand.
 */
export function openDatabase(
  path: string,
  options: { readonly durability: 'process' | 'power-loss'; readonly schema?: StoredSchema },
): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const database = new DatabaseSync(path)
    const synchronous = options.durability === 'power-loss' ? 'FULL' : 'NORMAL'
    database.exec(`PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};`)
    try {
      markSchema(database, options.schema ?? currentSchema)
    } catch (error) {
      database.close()
      throw error
    }
    return database
  } catch (caught) {
    if (isEngineError(caught)) throw caught
    throw new EngineError(
      `the database ${path} cannot be opened: ${caught instanceof Error ? caught.message : String(caught)}`,
      {
        code: 'database-unavailable',
        cause: caught,
      },
    )
  }
}

/** Compares the file's schema with the program's, and notes the program's where it is newer. */
function markSchema(database: DatabaseSync, known: StoredSchema): void {
  database.exec(
    'CREATE TABLE IF NOT EXISTS schema_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, readable_from INTEGER NOT NULL)',
  )
  const row = database.prepare('SELECT version, readable_from FROM schema_version').get()
  const found = row && { version: Number(row['version']), readableFrom: Number(row['readable_from']) }
  if (decideSchema(found, known) === 'keep') return
  database
    .prepare('INSERT OR REPLACE INTO schema_version (id, version, readable_from) VALUES (1, :version, :readableFrom)')
    .run({ version: known.version, readableFrom: known.readableFrom })
}
