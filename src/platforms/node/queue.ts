import type { DatabaseSync } from 'node:sqlite'
import { toEngineError, type Json } from '../../base/index.ts'
import type { Clock, Logger, Queue, QueueHandler } from '../../ports/index.ts'

/** How a queue is consumed. */
export interface NodeQueueOptions {
  readonly database: DatabaseSync
  /** Another connection to the same file, whose writes survive a loss of power: for what `send` promises. */
  readonly durableDatabase: DatabaseSync
  readonly clock: Clock
  readonly logger: Logger
  readonly handle: QueueHandler
  /** Called with a message whose last attempt has failed. It stays in the table of dead letters. */
  readonly handleDeadLetter: (message: Json) => Promise<void>
  readonly maxAttempts: number
  /** Messages with the same lane count together, so that one that hangs does not hold up the others. */
  readonly laneOf: (message: Json) => string
  /** Messages of one lane, and of all, that are handled at the same time. */
  readonly laneConcurrency?: number
  readonly concurrency?: number
}

/** A queue and its consumer. */
export interface NodeQueue extends Queue {
  /** Begins to deliver, with what an earlier process left behind. */
  start(): void
  /** Stops delivering; resolves when every handler has returned, or after `graceMs`. What is left is delivered after the next start. */
  stop(graceMs: number): Promise<void>
  /** Messages that have not been acknowledged. */
  size(): number
}

/** Longest sleep of a timer. */
const maxTimerMs = 2 ** 31 - 1

/**
 * A durable queue in a table of `database`, delivered in this process. A message is in the table until it is acknowledged: after a crash it is
 * delivered again, its attempts counted. One process consumes a file; senders may be others.
 */
export function createNodeQueue(options: NodeQueueOptions): NodeQueue {
  return new SqliteQueue(options)
}

interface Row {
  readonly id: number
  readonly body: string
  readonly attempts: number
}

class SqliteQueue implements NodeQueue {
  readonly #options: NodeQueueOptions
  readonly #statements: ReturnType<typeof prepare>
  readonly #inFlight = new Map<number, { readonly lane: string; readonly done: Promise<void> }>()
  /** Messages that are written together at the end of this turn of the event loop: one flush to the disk for all. */
  #unsent: { readonly row: { body: string; lane: string; at: number }; readonly settle: (error?: unknown) => void }[] =
    []
  #timer: ReturnType<typeof setTimeout> | undefined
  #isRunning = false

  constructor(options: NodeQueueOptions) {
    this.#options = options
    this.#statements = prepare(options.database, options.durableDatabase)
  }

  async send(message: Json, options?: { delaySeconds?: number }): Promise<void> {
    const at = this.#options.clock.now() + (options?.delaySeconds ?? 0) * 1000
    const row = { body: JSON.stringify(message), lane: this.#options.laneOf(message), at }
    await new Promise<void>((resolve, reject) => {
      if (this.#unsent.length === 0) setImmediate(() => this.#flush())
      this.#unsent.push({ row, settle: (error) => (error === undefined ? resolve() : reject(toEngineError(error))) })
    })
  }

  #flush(): void {
    const { durableDatabase } = this.#options
    const batch = this.#unsent
    this.#unsent = []
    try {
      durableDatabase.exec('BEGIN IMMEDIATE')
      for (const { row } of batch) this.#statements.insert.run(row)
      durableDatabase.exec('COMMIT')
    } catch (caught) {
      if (durableDatabase.isTransaction) durableDatabase.exec('ROLLBACK')
      for (const { settle } of batch) settle(caught)
      return
    }
    for (const { settle } of batch) settle()
    this.#wake(0)
  }

  start(): void {
    this.#isRunning = true
    this.#wake(0)
  }

  async stop(graceMs: number): Promise<void> {
    this.#isRunning = false
    clearTimeout(this.#timer)
    this.#timer = undefined
    const grace = new AbortController()
    const handlers = Promise.all([...this.#inFlight.values()].map((one) => one.done))
    await Promise.race([handlers, this.#options.clock.sleep(graceMs, grace.signal).catch(() => undefined)])
    grace.abort()
  }

  size(): number {
    return Number(this.#statements.count.get()?.['n'] ?? 0)
  }

  #dueAt(delaySeconds: number): number {
    return this.#options.clock.now() + delaySeconds * 1000
  }

  #wake(delayMs: number): void {
    if (!this.#isRunning) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#deliver(), Math.min(delayMs, maxTimerMs))
  }

  #deliver(): void {
    if (!this.#isRunning) return
    const { laneConcurrency = 64, concurrency = 1024 } = this.#options
    const perLane = new Map<string, number>()
    for (const { lane } of this.#inFlight.values()) perLane.set(lane, (perLane.get(lane) ?? 0) + 1)
    const isFull = (lane: string): boolean => (perLane.get(lane) ?? 0) >= laneConcurrency
    // One moment for everything: what becomes due between two looks would be neither delivered nor waited for.
    const now = this.#options.clock.now()
    for (const lane of this.#statements.lanes.all({ now })) {
      const name = lane['lane'] as string
      if (isFull(name)) continue
      const rows = this.#statements.due.all({ lane: name, now, limit: laneConcurrency * 2 })
      for (const row of rows as unknown as Row[]) {
        if (this.#inFlight.size >= concurrency || isFull(name)) break
        if (this.#inFlight.has(row.id)) continue
        perLane.set(name, (perLane.get(name) ?? 0) + 1)
        this.#begin(row, name)
      }
    }
    const next = this.#statements.next.get({ now })?.['at']
    if (typeof next === 'number') this.#wake(Math.max(1, next - this.#options.clock.now()))
  }

  #begin(row: Row, lane: string): void {
    const done = this.#handle(row).finally(() => {
      this.#inFlight.delete(row.id)
      this.#wake(0)
    })
    this.#inFlight.set(row.id, { lane, done })
  }

  async #handle(row: Row): Promise<void> {
    const { handle, handleDeadLetter, logger, maxAttempts } = this.#options
    const attempt = row.attempts + 1
    const message = JSON.parse(row.body) as Json
    try {
      // Counted before the attempt: one that takes the process down must not be repeated for ever.
      this.#statements.attempted.run({ id: row.id, attempts: attempt })
      const delaySeconds = await this.#attempt(handle, message, attempt)
      if (delaySeconds === undefined) {
        this.#statements.remove.run({ id: row.id })
      } else if (attempt < maxAttempts) {
        this.#statements.postpone.run({ id: row.id, at: this.#dueAt(delaySeconds) })
      } else {
        await handleDeadLetter(message)
        this.#statements.bury.run({ id: row.id, at: this.#options.clock.now() })
        this.#statements.remove.run({ id: row.id })
      }
    } catch (caught) {
      // The store itself failed. The message is still there; it is looked at again in a while.
      logger.log('error', 'queue failed', { error: toEngineError(caught).message })
      await this.#options.clock.sleep(1000)
    }
  }

  /** Seconds after which the message is to be delivered again; undefined when it is done. */
  async #attempt(handle: QueueHandler, message: Json, attempt: number): Promise<number | undefined> {
    try {
      const outcome = await handle(message, { attempt })
      return outcome.kind === 'ack' ? undefined : outcome.delaySeconds
    } catch (caught) {
      this.#options.logger.log('error', 'message failed', { attempt, error: toEngineError(caught).message })
      return Math.min(60, 2 ** (attempt - 1))
    }
  }
}

function prepare(database: DatabaseSync, durableDatabase: DatabaseSync) {
  database.exec(`
    CREATE TABLE IF NOT EXISTS queue
      (id INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, body TEXT NOT NULL, due_at REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX IF NOT EXISTS queue_due ON queue (lane, due_at);
    CREATE TABLE IF NOT EXISTS dead_letters (id INTEGER PRIMARY KEY, lane TEXT NOT NULL, body TEXT NOT NULL, buried_at REAL NOT NULL);
  `)
  return {
    insert: durableDatabase.prepare('INSERT INTO queue (lane, body, due_at) VALUES (:lane, :body, :at)'),
    lanes: database.prepare('SELECT DISTINCT lane FROM queue WHERE due_at <= :now'),
    due: database.prepare(
      'SELECT id, body, attempts FROM queue WHERE lane = :lane AND due_at <= :now ORDER BY due_at, id LIMIT :limit',
    ),
    next: database.prepare('SELECT MIN(due_at) AS at FROM queue WHERE due_at > :now'),
    count: database.prepare('SELECT COUNT(*) AS n FROM queue'),
    attempted: database.prepare('UPDATE queue SET attempts = :attempts WHERE id = :id'),
    postpone: database.prepare('UPDATE queue SET due_at = :at WHERE id = :id'),
    remove: database.prepare('DELETE FROM queue WHERE id = :id'),
    bury: database.prepare(
      'INSERT OR IGNORE INTO dead_letters (id, lane, body, buried_at) SELECT id, lane, body, :at FROM queue WHERE id = :id',
    ),
  }
}
