import type { Job, NodeRecord, RecordedChange } from '../job.ts'
import { clip } from './summarize-object.ts'
import type { ObjectSummary, Outcome } from './types.ts'

/** Outcomes that are kept of each object. */
const maxOutcomes = 8
/** Characters of an outcome's message. */
const maxMessageLength = 400

/** What a run did to an object, as it is remembered. */
export function outcomeOf(job: Job, record: NodeRecord): Outcome {
  const { state, revision, reason, message, changes, timings } = record
  const count = (isCounted: (change: RecordedChange) => boolean): number => changes.filter(isCounted).length
  const still = ['unchanged', 'skipped', 'created', 'deleted']
  return {
    run: job.runId,
    trigger: job.kind,
    at: timings.finishedAt,
    state,
    ...(revision === undefined ? {} : { revision }),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message: clip(message, maxMessageLength) }),
    created: count(({ action }) => action === 'created'),
    configured: count(({ action }) => !still.includes(action)),
    deleted: count(({ action }) => action === 'deleted'),
    drifted: count(({ drift }) => drift !== undefined && drift.length > 0),
  }
}

/** Whether an outcome says something that the last one did not. A run that goes on tells the same story further. */
export function isNews(last: Outcome | undefined, next: Outcome): boolean {
  if (last === undefined || changesOf(next) > 0) return true
  return last.state !== next.state || last.revision !== next.revision || last.reason !== next.reason
}

/** The outcomes of an object with one more; one of the same run takes the place of its predecessor and keeps its changes. */
export function addOutcome(
  known: Pick<ObjectSummary, 'outcomes' | 'lastChange'> | undefined,
  next: Outcome,
): Pick<ObjectSummary, 'outcomes' | 'lastChange'> {
  const outcomes = known?.outcomes ?? []
  const [last] = outcomes
  if (!isNews(last, next)) return pick(known)
  const merged: Outcome = last?.run === next.run ? mergeOutcomes(last, next) : next
  const older = last?.run === next.run ? outcomes.slice(1) : outcomes
  const lastChange = changesOf(next) > 0 ? { run: next.run, at: next.at } : known?.lastChange
  return {
    outcomes: [merged, ...older].slice(0, maxOutcomes),
    ...(lastChange === undefined ? {} : { lastChange }),
  }
}

/** What is known of outcomes, where nothing is added. */
export function pick(
  known: Pick<ObjectSummary, 'outcomes' | 'lastChange'> | undefined,
): Pick<ObjectSummary, 'outcomes' | 'lastChange'> {
  return {
    outcomes: known?.outcomes ?? [],
    ...(known?.lastChange === undefined ? {} : { lastChange: known.lastChange }),
  }
}

function mergeOutcomes(last: Outcome, next: Outcome): Outcome {
  return {
    ...next,
    created: Math.max(last.created, next.created),
    configured: Math.max(last.configured, next.configured),
    deleted: Math.max(last.deleted, next.deleted),
    drifted: Math.max(last.drifted, next.drifted),
  }
}

function changesOf(outcome: Outcome): number {
  return outcome.created + outcome.configured + outcome.deleted
}
