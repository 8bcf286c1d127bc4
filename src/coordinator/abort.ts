import type { StoredRecord } from './run-store.ts'

/** What became of the wish to end a run. Plain data: it crosses from a Durable Object to its caller. */
export type AbortOutcome =
  | { readonly kind: 'aborted' }
  /** It had ended before. */
  | { readonly kind: 'finished' }
  /** Another run does its work. */
  | { readonly kind: 'merged'; readonly into: string }
  /** There is no such run in this cluster. */
  | { readonly kind: 'unknown' }

/** The last record of a run that somebody has ended: what it did so far, and who it was. */
export function abortedRecord(known: StoredRecord, by: string, now: number): StoredRecord {
  const { retryAt: _retryAt, ...kept } = known
  const error = { code: 'run-aborted', message: `aborted by ${by.slice(0, 253)}; what it had done stays` }
  return { ...kept, state: 'failed', error, finishedAt: now, givenUp: true }
}
