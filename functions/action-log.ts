import { isEngineError, type Json } from '../src/base/index.ts'
import { newRunId } from '../src/coordinator/index.ts'
import type { Action, ActionTarget } from './authorize-action.ts'
import type { FunctionDeps } from './deps.ts'

/** What somebody did or tried. */
export type RecordedAction = Action | 'sign-in' | 'sign-out' | 'plan' | 'apply'

/** What became of it: done, refused because they may not, or failed although they may. */
export type ActionResult = 'done' | 'refused' | 'failed'

/** What an action was about; left out for what is about no object, such as a sign-in, and for everything everywhere. */
export type RecordedTarget = ActionTarget | { readonly plan: string; readonly cluster: string }

/** One entry of the record of actions, as `GET /api/actions` shows it. */
export interface ActionRecord {
  /** Sorts by time. */
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** Who, as far as is proven; never a token. */
  readonly actor: string
  /** By which way it came: a page, a token, a comment at a forge, … */
  readonly how: 'session' | 'token' | 'signature' | 'oidc' | 'comment' | 'login' | 'form'
  readonly action: RecordedAction
  readonly target?: RecordedTarget
  readonly reason?: string
  readonly outcome: ActionResult
  /** The run that followed. */
  readonly run?: string
}

const prefix = 'action-log/'
const ttlSeconds = 14 * 24 * 3600
/** Refused attempts say little, and anybody can cause them. */
const refusedTtlSeconds = 3 * 24 * 3600
/** Refused attempts of one minute that are recorded one by one. */
const maxRefusedPerMinute = 30
/** Entries that are looked through for one page of somebody who may not see all. */
const maxLookedThrough = 600
const pageSize = 100

/**
 * Records what somebody did, after the answer. The record decides nothing: a failure to write is logged. Texts are cut; of refused attempts only so many in a minute are kept, so that a flood
 * cannot fill the store.
 */
export function recordAction(deps: FunctionDeps, entry: Omit<ActionRecord, 'id' | 'at'>): void {
  const now = deps.clock.now()
  const isRefused = entry.outcome === 'refused'
  if (isRefused && !deps.memory.refusals.mayTell('refused actions', maxRefusedPerMinute, now)) return
  const record: ActionRecord = { id: newRunId(deps.clock, deps.random), at: now, ...boundedOf(entry) }
  const options = { ttlSeconds: isRefused ? refusedTtlSeconds : ttlSeconds }
  const written = deps.state.put(prefix + record.id, JSON.parse(JSON.stringify(record)) as Json, options)
  deps.background(
    written.catch((caught: unknown) => {
      const error = isEngineError(caught) ? caught.message : 'the state store did not take it'
      deps.logger.log('error', 'action not recorded', { action: record.action, actor: record.actor, error })
    }),
  )
}

/** Entries, newest first, older than `before` where it is given, that `sees` lets through; `next` leads to those behind them, of which none may be left. */
export async function listActions(
  deps: Pick<FunctionDeps, 'state'>,
  options: { readonly limit: number; readonly before?: string | undefined },
  sees: (entry: ActionRecord) => boolean,
): Promise<{ readonly actions: readonly ActionRecord[]; readonly next?: string }> {
  const found: ActionRecord[] = []
  let { before } = options
  for (let looked = 0; looked < maxLookedThrough; looked += pageSize) {
    // Descending lists go on below `after`.
    const after = before === undefined ? {} : { after: prefix + before }
    const entries = await deps.state.list(prefix, { limit: pageSize, reverse: true, ...after })
    for (const { value } of entries) {
      const entry = value as unknown as ActionRecord
      if (found.length === options.limit) return { actions: found, ...(before === undefined ? {} : { next: before }) }
      before = entry.id
      if (sees(entry)) found.push(entry)
    }
    if (entries.length < pageSize) return { actions: found }
  }
  return { actions: found, ...(before === undefined ? {} : { next: before }) }
}

function boundedOf(entry: Omit<ActionRecord, 'id' | 'at'>): Omit<ActionRecord, 'id' | 'at'> {
  const { target, reason, run } = entry
  return {
    actor: entry.actor.slice(0, 200),
    how: entry.how,
    action: entry.action,
    outcome: entry.outcome,
    ...(target === undefined ? {} : { target: cutTexts(target) }),
    ...(reason === undefined ? {} : { reason: reason.slice(0, 1000) }),
    ...(run === undefined ? {} : { run: run.slice(0, 64) }),
  }
}

function cutTexts(target: RecordedTarget): RecordedTarget {
  const texts = Object.entries(target).filter(([, value]) => typeof value === 'string')
  return Object.fromEntries(texts.map(([name, text]) => [name, String(text).slice(0, 253)])) as RecordedTarget
}
