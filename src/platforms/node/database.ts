import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { EngineError } from '../../base/index.ts'

/**
 * Opens the SQLite file that holds state and queue (`:memory:` for none), creating folder and file. Writes are durable once they return, up
 * to the last one when the machine loses power; readers never block the writer; another process on the file is waited for up to five seconds.
 * Throws EngineError `database-unavailable`.
 */
export function openDatabase(path: string): DatabaseSync {
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const database = new DatabaseSync(path)
    database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;')
    return database
  } catch (caught) {
    throw new EngineError(
      `the database ${path} cannot be opened: ${caught instanceof Error ? caught.message : String(caught)}`,
      {
        code: 'database-unavailable',
        cause: caught,
      },
    )
  }
}
