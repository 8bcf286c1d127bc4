import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { EngineError } from '../../base/index.ts'

/**
 * Opens the SQLite file that holds state and queue, creating folder and file. Readers never block the writer; another connection to the file is
 * waited for up to five seconds.
 *
 * A write survives the end of the process always. With `durability: 'power-loss'` it also survives that of the machine once it returned, and so
 * does everything written to the file before, through whichever connection: the write-ahead log is one sequence. That costs a flush to the
 * disk, so it is for the writes that promise something. Throws EngineError `database-unavailable`.
 */
export function openDatabase(path: string, options: { readonly durability: 'process' | 'power-loss' }): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const database = new DatabaseSync(path)
    const synchronous = options.durability === 'power-loss' ? 'FULL' : 'NORMAL'
    database.exec(`PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};`)
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
