import type { ReconcileEvent } from '../events.ts'
import type { Managed } from '../world.ts'
import { createLookup } from './lookup.ts'
import { planNotifications } from './plan.ts'
import type { NotifyContext } from './run-events.ts'
import { sendWaiting, type SendInput } from './send-waiting.ts'
import { createNotificationStore, type ErrorState } from './store.ts'
import { readyCondition, toNotificationEvent } from './to-event.ts'
import { createWarnings } from './warnings.ts'

/**
 * Sends the events of a run that Alerts ask for, what earlier runs could not send, and for each object whose error was told and that is ready now that it is.
 *
 * What is to be sent is stored first, so that it is sent by the next run where this one is cut off. Alerts are read only when there is something to send. Runs of one cluster plan one after the other, and
 * send one after the other; those that wait while one sends share the next turn.
 * @throws EngineError when the cluster or the state store does not answer.
 */
export async function dispatchEvents(
  ctx: NotifyContext,
  emitted: readonly (ReconcileEvent & { readonly timestamp: number })[],
): Promise<void> {
  const { planning, sending } = ctx.deps.caches.notifications
  const store = createNotificationStore(ctx.deps.state, ctx.client.cluster)
  const lookup = createLookup(ctx)
  const warnings = createWarnings(ctx)
  const work = { store, lookup, warnings }
  if (await planning.run(() => plan(ctx, work, emitted))) await sending.join(() => sendWaiting(ctx, work))
}

/** Stores what is to be sent. Returns whether anything waits. */
async function plan(
  ctx: NotifyContext,
  work: SendInput,
  emitted: readonly (ReconcileEvent & { readonly timestamp: number })[],
): Promise<boolean> {
  const { store, lookup, warnings } = work
  const [errors, waiting] = await Promise.all([store.errors(), store.waiting()])
  const recovered = await recoveredObjects(ctx, errors)
  if (emitted.length === 0 && recovered.length === 0) return waiting.length > 0
  const events = emitted.map(toNotificationEvent)
  const planned = await planNotifications(ctx, { store, lookup, warnings, events, errors, recovered })
  const dropped = await store.enqueue(planned.notifications, waiting.length)
  if (dropped > 0) ctx.logger.log('warn', 'notifications dropped: too many wait to be sent', { dropped })
  // Only now: an event that was not stored is not known either.
  await Promise.all([
    ...planned.seen.map((key) => store.see(key)),
    ...planned.errors.map((error) => store.putError(error)),
    ...planned.over.map((error) => store.forgetError(error)),
  ])
  return waiting.length + planned.notifications.length > 0
}

/** Errors whose objects are ready again. The run may have seen an object before somebody else found the error, so each is looked at once more. */
async function recoveredObjects(
  ctx: NotifyContext,
  errors: readonly ErrorState[],
): Promise<readonly { readonly error: ErrorState; readonly object: Managed }[]> {
  const candidates = errors.filter((error) => isReady(ctx.world.get(error.object)))
  const found = await Promise.all(
    candidates.map(async (error) => {
      const { apiVersion, kind, metadata } = ctx.world.get(error.object) as Managed
      const key = { apiVersion, kind, namespace: metadata.namespace, name: metadata.name }
      const object = await ctx.client.get<Managed>(key, { signal: ctx.signal })
      return object !== undefined && isReady(object) ? [{ error, object }] : []
    }),
  )
  return found.flat()
}

/** It is there, and ready for its current generation. */
function isReady(object: Managed | undefined): boolean {
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return false
  const { observedGeneration } = (object.status ?? {}) as { readonly observedGeneration?: number }
  const isCurrent = observedGeneration === undefined || observedGeneration === object.metadata.generation
  return isCurrent && readyCondition(object)?.status === 'True'
}
