import type { DurableObjectStorage } from '@cloudflare/workers-types'
import { toEngineError, type Json } from '../../base/index.ts'
import type { Clock, Logger, QueueHandler } from '../../ports/index.ts'

/** Delayed messages of a Durable Object to itself: rows in its storage, delivered by its alarm. */
export interface FollowUps {
  /** Durable once it resolved. */
  schedule(message: Json, delayMs: number): Promise<void>
  /** Delivers what is due, and sets the alarm for what is not. To be called from the object's `alarm`. */
  deliver(): Promise<void>
}

/** What delivering needs. */
export interface FollowUpOptions {
  readonly storage: DurableObjectStorage
  readonly clock: Clock
  readonly logger: Logger
  readonly handle: QueueHandler
  readonly handleDeadLetter: (message: Json) => Promise<void>
  readonly maxAttempts: number
}

/** Milliseconds after which a message that was being delivered is taken as lost with its delivery. */
const leaseMs = 15 * 60_000

/**
 * Delayed messages with attempts, as the queue has them, to the millisecond and inside the object. To be made in the object's constructor: what
 * an earlier instance was delivering when it was cut off is due again at once, since its alarm is repeated by the platform.
 */
export function createFollowUps(options: FollowUpOptions): FollowUps {
  const { storage, clock } = options
  const { sql } = storage
  sql.exec(`CREATE TABLE IF NOT EXISTS follow_ups
    (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, due_at REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, leased INTEGER NOT NULL DEFAULT 0)`)
  sql.exec('UPDATE follow_ups SET leased = 0, due_at = MIN(due_at, ?) WHERE leased = 1', clock.now())

  const arm = async (): Promise<void> => {
    const next = sql.exec('SELECT MIN(due_at) AS at FROM follow_ups').one()['at']
    if (typeof next === 'number') await storage.setAlarm(Math.max(next, clock.now() + 1))
  }
  const deliverOne = async (id: number, body: string, attempt: number): Promise<void> => {
    const message = JSON.parse(body) as Json
    let delaySeconds: number | undefined
    try {
      const outcome = await options.handle(message, { attempt })
      if (outcome.kind === 'retry') delaySeconds = outcome.delaySeconds
    } catch (caught) {
      options.logger.log('error', 'message failed', { attempt, error: toEngineError(caught).message })
      delaySeconds = Math.min(60, 2 ** (attempt - 1))
    }
    if (delaySeconds === undefined || attempt >= options.maxAttempts) {
      if (delaySeconds !== undefined) await options.handleDeadLetter(message)
      sql.exec('DELETE FROM follow_ups WHERE id = ?', id)
    } else {
      sql.exec('UPDATE follow_ups SET due_at = ?, leased = 0 WHERE id = ?', clock.now() + delaySeconds * 1000, id)
    }
  }
  return {
    schedule: async (message, delayMs) => {
      sql.exec('INSERT INTO follow_ups (body, due_at) VALUES (?, ?)', JSON.stringify(message), clock.now() + delayMs)
      await arm()
    },
    deliver: async () => {
      const now = clock.now()
      const due = sql
        .exec(
          'UPDATE follow_ups SET leased = 1, attempts = attempts + 1, due_at = ? WHERE due_at <= ? RETURNING id, body, attempts',
          now + leaseMs,
          now,
        )
        .toArray()
      await arm()
      await Promise.all(due.map((row) => deliverOne(Number(row['id']), row['body'] as string, Number(row['attempts']))))
      await arm()
    },
  }
}
