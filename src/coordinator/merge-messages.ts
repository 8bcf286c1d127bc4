import type { Job } from '../reconcile/index.ts'
import type { JobMessage } from './message.ts'

/** Jobs that a message carries besides its own. A queue that is never emptied must not make messages that no queue takes. */
const maxMerged = 200

/** The jobs of a message, the one that runs first. */
export function jobsOf(message: JobMessage): readonly Job[] {
  return [message.job, ...(message.merged ?? [])]
}

/**
 * One message for two that ask for the same: the newer job runs, and the older ones end with it. `dropped` are those that it has no place for: the oldest.
 */
export function mergeMessages(
  a: JobMessage,
  b: JobMessage,
): { readonly message: JobMessage; readonly dropped: readonly Job[] } {
  const jobs = [...jobsOf(a), ...jobsOf(b)].toSorted((x, y) => y.receivedAt - x.receivedAt)
  const [job = a.job, ...merged] = [...new Map(jobs.map((one) => [one.runId, one])).values()]
  // A continuation stays one only while nothing newer takes its place.
  const followUp = [a, b].find((message) => message.job.runId === job.runId)?.followUp
  const kept = merged.slice(0, maxMerged)
  const message = {
    job,
    ...(kept.length === 0 ? {} : { merged: kept }),
    ...(followUp === undefined ? {} : { followUp }),
  }
  return { message, dropped: merged.slice(maxMerged) }
}
