import type { ReconcileEvent } from '../events.ts'
import type { Managed } from '../world.ts'
import { createLookup } from './lookup.ts'
import { planNotifications } from './plan.ts'
import type { NotifyContext } from './run-events.ts'
import { sendWaiting } from './send-waiting.ts'
import { createNotificationStore, type ErrorState } from './store.ts'
import { readyCondition, toNotificationEvent } from './to-event.ts'
import { createWarnings } from './warnings.ts'

/**
 * Sends the events of a run that Alerts ask for, what earlier runs could not send, and for each object whose error was told and that is ready now that it is.
 *
 * What is to be sent is stored first, so that it is sent by the next run where this one is cut off. Alerts are read only when there is something to send. Never more than one at a time for a cluster.
 * @throws EngineError when the cluster or the state store does not answer.
 */
export async function dispatchEvents(
  ctx: NotifyContext,
  emitted: readonly (ReconcileEvent & { readonly timestamp: number })[],
): Promise<void> {
  const store = createNotificationStore(ctx.deps.state, ctx.client.cluster)
  const [errors, waiting] = await Promise.all([store.errors(), store.waiting()])
  const recovered = await recoveredObjects(ctx, errors)
  if (emitted.length === 0 && recovered.length === 0 && waiting.length === 0) return
  const lookup = createLookup(ctx)
  const warnings = createWarnings(ctx)
  if (emitted.length > 0 || recovered.length > 0) {
    const events = emitted.map(toNotificationEvent)
    const plan = await planNotifications(ctx, { store, lookup, warnings, events, errors, recovered })
    const dropped = await store.enqueue(plan.notifications, waiting.length)
    if (dropped > 0) ctx.logger.log('warn', 'notifications dropped: too many wait to be sent', { dropped })
    // Only now: an event that was not stored is not known either.
    await Promise.all([
      ...plan.seen.map((key) => store.see(key)),
      ...plan.errors.map((error) => store.putError(error)),
      ...plan.over.map((error) => store.forgetError(error)),
    ])
  }
  await sendWaiting(ctx, { store, lookup, warnings })
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
