import { ownAnnotations, type Alert, type Provider } from '../../api/index.ts'
import { isEngineError, sha256Hex, toEngineError } from '../../base/index.ts'
import {
  combineMetadata,
  groupEvents,
  isCommitStatusType,
  isForProvider,
  maskSecrets,
  matchAlert,
  notificationProvider,
  objectPath,
  rateLimitKey,
  type NotificationEvent,
} from '../../notify/index.ts'
import { admit, tenantOfObject } from '../tenancy.ts'
import type { Managed } from '../world.ts'
import type { Lookup } from './lookup.ts'
import type { NotifyContext } from './run-events.ts'
import type { ErrorState, NotificationStore, Waiting } from './store.ts'
import { readyCondition, readyEvent, type LabelledEvent } from './to-event.ts'
import type { AlertWarnings } from './warnings.ts'

/** What planning works with. */
export interface PlanInput {
  readonly store: Pick<NotificationStore, 'wasSeen'>
  readonly lookup: Lookup
  readonly warnings: AlertWarnings
  readonly events: readonly LabelledEvent[]
  /** Errors that were told. */
  readonly errors: readonly ErrorState[]
  /** Of these: what is over. */
  readonly recovered: readonly { readonly error: ErrorState; readonly object: Managed }[]
}

/** What is to be sent and remembered. */
export interface NotificationPlan {
  readonly notifications: readonly Waiting[]
  /** Keys of the rate limit. */
  readonly seen: readonly string[]
  readonly errors: readonly ErrorState[]
  readonly over: readonly ErrorState[]
}

/** Decides which Alerts send which events, and in which form (see notification-controller 1.9 for the rules; infra/adr/0081 for what is told more or less often). Reads Alerts, Providers and Secrets; sends nothing. */
export async function planNotifications(ctx: NotifyContext, input: PlanInput): Promise<NotificationPlan> {
  const alerts = await input.lookup.alerts()
  const fresh = await freshEvents(input, alerts)
  const plans = []
  for (const alert of alerts) plans.push(await planAlert(ctx, { ...input, fresh }, alert))
  const known = (state: ErrorState): boolean => alerts.some((alert) => isOf(state, alert))
  return {
    notifications: plans.flatMap((plan) => plan.notifications),
    seen: fresh.filter(({ wanted }) => wanted).map(({ key }) => key),
    errors: plans.flatMap((plan) => plan.errors),
    // An Alert that is gone has nobody to tell.
    over: input.recovered.map(({ error }) => error).concat(input.errors.filter((error) => !known(error))),
  }
}

interface FreshEvent extends LabelledEvent {
  readonly key: string
  /** Some Alert asks for it. */
  readonly wanted: boolean
  /** It was told within the last minutes. */
  readonly isRepeat: boolean
}

/** Flux limits the rate of an event whoever sends it: the same one is told once in five minutes. Events that nobody asks for are not remembered. */
async function freshEvents(input: PlanInput, alerts: readonly Alert[]): Promise<readonly FreshEvent[]> {
  const keys = new Set<string>()
  const fresh: FreshEvent[] = []
  for (const { event, labels } of input.events) {
    const key = rateLimitKey(event)
    const wanted = alerts.some((alert) => matchAlert(alert, event, labels).matches)
    const isRepeat = wanted && (keys.has(key) || (await input.store.wasSeen(key)))
    keys.add(key)
    fresh.push({ event, labels, key, wanted, isRepeat })
  }
  return fresh
}

async function planAlert(
  ctx: NotifyContext,
  input: PlanInput & { readonly fresh: readonly FreshEvent[] },
  alert: Alert,
): Promise<{ readonly notifications: readonly Waiting[]; readonly errors: readonly ErrorState[] }> {
  const recoveries = recoveriesOf(ctx, input, alert)
  const told = new Set(recoveries.map(({ instead }) => instead))
  const matching: { readonly event: NotificationEvent; readonly isRecovery: boolean }[] = []
  for (const { event, labels, isRepeat } of input.fresh) {
    if (told.has(event)) continue
    const { matches, bad } = matchAlert(alert, event, labels)
    for (const { list, pattern } of bad)
      await input.warnings.warn(alert, 'InvalidConfig', `failed to compile ${list} regex: ${pattern}`)
    if (matches && !isRepeat) matching.push({ event, isRecovery: false })
  }
  const candidates = [...matching, ...recoveries.map(({ event }) => ({ event, isRecovery: true }))]
  if (candidates.length === 0) return { notifications: [], errors: [] }
  const provider = await usableProvider(ctx, input, alert, candidates[0]?.event)
  if (provider === undefined) return { notifications: [], errors: [] }
  const events: NotificationEvent[] = []
  const errors: ErrorState[] = []
  for (const { event: candidate, isRecovery } of candidates) {
    const event = isRecovery ? asRecovery(provider, candidate) : candidate
    if (!(await mayTell(ctx, input, alert, event)) || !isForProvider(provider.spec.type, event)) continue
    const state = isRecovery ? undefined : errorStateOf(ctx, input, { alert, provider, event, later: errors })
    if (state === 'told') continue
    if (state !== undefined) errors.push(state)
    events.push(await readyForAlert(input, alert, provider, event))
  }
  return { notifications: notificationsOf(ctx, { alert, provider, events }), errors }
}

/**
 * Objects whose error the Alert has told and that are ready now: the event of their success where there was one, else one made from their condition. It is sent whatever the severity and the words, and however lately it
 * was told.
 */
function recoveriesOf(
  ctx: NotifyContext,
  input: PlanInput,
  alert: Alert,
): readonly { readonly event: NotificationEvent; readonly instead: NotificationEvent | undefined }[] {
  return input.recovered.flatMap(({ error, object }) => {
    if (!isOf(error, alert)) return []
    const success = input.events.findLast(
      ({ event }) =>
        objectPath(event) === error.object && event.severity === 'info' && event.reason.endsWith('Succeeded'),
    )
    const { event, labels } = success ?? readyEvent(object, ctx.deps.clock.now())
    if (!matchAlert(alert, event, labels, { isRecovery: true }).matches) return []
    return [{ event, instead: success?.event }]
  })
}

/** That something is over renews the status of a commit; for everybody else it is an event of its own. */
function asRecovery(provider: Provider, event: NotificationEvent): NotificationEvent {
  const key = `${event.involvedObject.apiVersion.split('/')[0] ?? ''}/commit_status`
  const { [key]: _update, ...metadata } = event.metadata
  return { ...event, metadata: isCommitStatusType(provider.spec.type) ? { ...metadata, [key]: 'update' } : metadata }
}

/** Why the policy of its tenant does not let an Alert tell anything. */
function refusalOf(ctx: NotifyContext, alert: Alert): string | undefined {
  try {
    admit(ctx, alert)
    return undefined
  } catch (error) {
    return toEngineError(error).message
  }
}

async function usableProvider(
  ctx: NotifyContext,
  input: PlanInput,
  alert: Alert,
  event: NotificationEvent | undefined,
): Promise<Provider | undefined> {
  const fail = (what: string): Promise<void> =>
    input.warnings.warn(
      alert,
      'NotificationDispatchFailed',
      `failed to dispatch notification for ${event === undefined ? '' : objectPath(event)}: ${what}`,
    )
  const refusal = refusalOf(ctx, alert)
  if (refusal !== undefined) {
    await fail(refusal)
    return undefined
  }
  const provider = await input.lookup.provider(alert)
  if (provider === undefined) {
    await fail(
      `failed to read provider: there is no Provider '${alert.metadata.namespace}/${alert.spec.providerRef.name}'`,
    )
    return undefined
  }
  if (notificationProvider(provider.spec.type) === undefined) {
    await fail(`failed to initialize notifier: provider ${provider.spec.type} not supported`)
    return undefined
  }
  return provider.spec.suspend === true ? undefined : provider
}

/** Alerts tell of their own namespace only, where the deployment says so. */
async function mayTell(ctx: NotifyContext, input: PlanInput, alert: Alert, event: NotificationEvent): Promise<boolean> {
  const { namespace = '', name } = alert.metadata
  if (event.involvedObject.namespace === namespace) return true
  // What the Alert of a tenant may tell of is in the policy, which has been asked before.
  if (tenantOfObject(ctx, alert) !== undefined || !ctx.deps.settings.noCrossNamespaceRefs) return true
  const path = objectPath(event)
  await input.warnings.warn(
    alert,
    'NotificationDispatchFailed',
    `failed to dispatch notification for ${path}: discarding event, access denied to cross-namespace sources: alert '${namespace}/${name}' can't process event from '${path}', cross-namespace references have been blocked`,
  )
  return false
}

/**
 * What is remembered of an error that is told: nothing where the object is ready all the same (drift that was put right). `told`: people have been told the same of this object, which has not been ready since.
 */
function errorStateOf(
  ctx: NotifyContext,
  input: PlanInput,
  told: {
    readonly alert: Alert
    readonly provider: Provider
    readonly event: NotificationEvent
    /** States of this dispatch, in which the same object may be again. */
    readonly later: readonly ErrorState[]
  },
): ErrorState | 'told' | undefined {
  const { alert, provider, event, later } = told
  if (event.severity !== 'error') return undefined
  const path = objectPath(event)
  const object = ctx.world.get(path)
  if (object === undefined || readyCondition(object)?.status === 'True') return undefined
  const known =
    later.findLast((state) => state.object === path) ??
    input.errors.find((state) => isOf(state, alert) && state.object === path)
  const digest = messageDigest(event)
  if (known?.told.includes(digest) === true && notificationProvider(provider.spec.type)?.isChat === true) return 'told'
  const { namespace = '', name } = alert.metadata
  return { alert: { namespace, name }, object: path, told: [...new Set([...(known?.told ?? []), digest])] }
}

/** By which the same error is known again: times in a message differ from one look to the next. */
function messageDigest(event: NotificationEvent): string {
  const message = event.message.replace(/\d+(?:\.\d+)?(?:ms|µs|ns|s|m|h)\b/g, '#')
  const revision = Object.entries(event.metadata).find(([key]) => key.endsWith('/revision'))?.[1] ?? ''
  return sha256Hex([event.reason, message, revision].join('\0')).slice(0, 16)
}

/** The event as the Alert sends it, without what the Provider's Secrets hold. */
async function readyForAlert(
  input: PlanInput,
  alert: Alert,
  provider: Provider,
  event: NotificationEvent,
): Promise<NotificationEvent> {
  const { event: combined, conflicts } = combineMetadata(event, alert)
  if (Object.keys(conflicts).length > 0) {
    const sources = Object.fromEntries(Object.entries(conflicts).map(([key, given]) => [key, given.join(', ')]))
    const message =
      'metadata key conflicts detected (please refer to the Alert API docs and Flux RFC 0008 for more information)'
    await input.warnings.warn(alert, 'MetadataAppendFailed', message, sources)
  }
  let secrets: readonly string[] = []
  try {
    secrets = (await input.lookup.resolved(provider)).inMessages
  } catch (error) {
    // Sending says what is wrong with them.
    if (!isEngineError(error)) throw error
  }
  return { ...combined, message: maskSecrets(combined.message, secrets) }
}

function notificationsOf(
  ctx: NotifyContext,
  made: { readonly alert: Alert; readonly provider: Provider; readonly events: readonly NotificationEvent[] },
): readonly Waiting[] {
  const { alert, provider, events } = made
  const isChat = notificationProvider(provider.spec.type)?.isChat === true
  const isGrouped = isChat && alert.metadata.annotations?.[ownAnnotations.group] === 'run' && events.length > 0
  const now = ctx.deps.clock.now()
  const { namespace = '', name } = alert.metadata
  return (isGrouped ? [groupEvents(events, ctx.client.cluster)] : events).map((event) => ({
    alert: { namespace, name },
    event,
    createdAt: now,
    attempts: 0,
    nextAt: now,
  }))
}

function isOf(state: ErrorState, alert: Alert): boolean {
  return state.alert.name === alert.metadata.name && state.alert.namespace === (alert.metadata.namespace ?? '')
}
