import type { Alert } from '../../api/index.ts'
import { EngineError, isEngineError, mapLimit, toEngineError } from '../../base/index.ts'
import {
  commitStatusId,
  isCommitStatusType,
  maskSecrets,
  notificationProvider,
  objectPath,
} from '../../notify/index.ts'
import type { Lookup } from './lookup.ts'
import type { NotifyContext } from './run-events.ts'
import type { AlertName, NotificationStore, Waiting } from './store.ts'
import { targetOf } from './target.ts'
import type { AlertWarnings } from './warnings.ts'

/** What sending works with. */
export interface SendInput {
  readonly store: NotificationStore
  readonly lookup: Lookup
  readonly warnings: AlertWarnings
}

interface Entry {
  readonly key: string
  readonly value: Waiting
}

/** Milliseconds that sending takes at most; what is left waits for the next run. */
const budgetMs = 30_000
/** Alerts that are sent for at the same time. */
const concurrency = 4
/** The first repeat comes with the next run, the others are spread. */
const secondRetryMs = 60_000
const maxRetryMs = 3_600_000

/**
 * Sends what waits, each Alert's in its order, for half a minute at most. What was sent, or can never be, is taken off; what failed stays for a later run, for a day in all. Failures are told by an event
 * on the Alert (once for each different one) and in its record.
 */
export async function sendWaiting(ctx: NotifyContext, input: SendInput): Promise<void> {
  const waiting = await input.store.waiting()
  if (waiting.length === 0) return
  const now = ctx.deps.clock.now()
  const byAlert = Map.groupBy(waiting, ({ value }) => `${value.alert.namespace}/${value.alert.name}`)
  const due = [...byAlert.values()].filter((entries) => entries.some(({ value }) => value.nextAt <= now))
  if (due.length === 0) return
  await mapLimit(due, concurrency, async (entries) => {
    const name = entries[0]?.value.alert
    if (name === undefined) return
    const alert = await input.lookup.alert(name)
    // Nobody asks for it any more.
    if (alert === undefined || alert.spec.suspend === true)
      return void (await Promise.all(entries.map(({ key }) => input.store.done(key))))
    await sendForAlert(ctx, input, { alert, name, entries, until: now + budgetMs })
  })
}

async function sendForAlert(
  ctx: NotifyContext,
  input: SendInput,
  work: { readonly alert: Alert; readonly name: AlertName; readonly entries: readonly Entry[]; readonly until: number },
): Promise<void> {
  const { alert, name, entries, until } = work
  let sentAt: number | undefined
  let failure: string | undefined
  let left = entries.length
  for (const { key, value } of entries) {
    const now = ctx.deps.clock.now()
    if (ctx.signal.aborted || now >= until) break
    // What was refused waits for its own time; what nobody took goes first, or the order would be lost.
    if (value.isRefused === true && value.nextAt > now) continue
    const outcome = await sendOne(ctx, input, alert, value, until)
    if (!isEngineError(outcome)) {
      await input.store.done(key)
      if (outcome === 'sent') sentAt = ctx.deps.clock.now()
      left -= 1
      continue
    }
    if (ctx.signal.aborted) break
    const error = outcome
    failure = error.message
    if (error.code === 'notify-unsuitable') {
      await input.store.done(key)
      left -= 1
    } else {
      await input.store.putWaiting(key, retried(value, error, ctx.deps.clock.now()), ctx.deps.clock.now())
    }
    if (value.error !== error.message) {
      const message = `failed to send notification for ${objectPath(value.event)}: ${error.message}`
      await input.warnings.warn(alert, 'NotificationDispatchFailed', message)
    }
    if (error.disposition === 'retry') break
  }
  await recordOutcome(ctx, input, { alert, name, sentAt, failure, left })
}

/** `gone`: the Provider is not there any more, or suspended. */
async function sendOne(
  ctx: NotifyContext,
  input: SendInput,
  alert: Alert,
  { event }: Waiting,
  until: number,
): Promise<EngineError | 'sent' | 'gone'> {
  let secrets: readonly string[] = []
  try {
    const provider = await input.lookup.provider(alert)
    const sender = provider === undefined ? undefined : notificationProvider(provider.spec.type)
    if (provider === undefined || sender === undefined || provider.spec.suspend === true) return 'gone'
    const commitStatus = isCommitStatusType(provider.spec.type) ? commitStatusId(event, alert, provider) : ''
    const resolved = await input.lookup.resolved(provider)
    secrets = resolved.send.secrets
    const now = ctx.deps.clock.now()
    const deadline = Math.min(now + resolved.timeoutMs, until)
    const { http, clock, settings } = ctx.deps
    await sender.send(
      {
        http,
        clock,
        egress: settings.egress,
        signal: AbortSignal.any([ctx.signal, AbortSignal.timeout(deadline - now)]),
        deadline,
        ...resolved.send,
      },
      event,
      targetOf(resolved, alert, commitStatus),
    )
    return 'sent'
  } catch (caught) {
    const error = toEngineError(caught)
    const message = maskSecrets(error.message, secrets)
    if (message === error.message) return error
    return new EngineError(message, { code: error.code, disposition: error.disposition })
  }
}

/** The notification for its next try. */
function retried(value: Waiting, error: EngineError, now: number): Waiting {
  const attempts = value.attempts + 1
  const pause = attempts === 1 ? 0 : Math.min(secondRetryMs * 2 ** (attempts - 2), maxRetryMs)
  return {
    ...value,
    attempts,
    nextAt: now + Math.max(pause, error.retryAfterMs ?? 0),
    error: error.message,
    ...(error.disposition === 'retry' ? {} : { isRefused: true }),
  }
}

async function recordOutcome(
  ctx: NotifyContext,
  input: SendInput,
  outcome: {
    readonly alert: Alert
    readonly name: AlertName
    readonly sentAt: number | undefined
    readonly failure: string | undefined
    readonly left: number
  },
): Promise<void> {
  const { alert, name, sentAt, failure, left } = outcome
  if (sentAt === undefined && failure === undefined) return
  const known = await input.store.record(name)
  const lastSentAt = sentAt ?? known?.lastSentAt
  await input.store.putRecord(name, {
    alert: `${name.namespace}/${name.name}`,
    provider: alert.spec.providerRef.name,
    waiting: left,
    ...(lastSentAt === undefined ? {} : { lastSentAt }),
    ...(failure === undefined ? {} : { lastError: failure, lastErrorAt: ctx.deps.clock.now() }),
  })
}
