import type { KubeClient } from '../../kube/index.ts'
import type { Logger } from '../../ports/index.ts'
import { createEventSink, type EventSink, type ReconcileEvent } from '../events.ts'
import type { EngineDeps } from '../job.ts'
import type { World } from '../world.ts'
import { dispatchEvents } from './dispatch.ts'

/** What the notifications of a run work with. */
export interface NotifyContext {
  readonly deps: EngineDeps
  readonly client: KubeClient
  readonly world: World
  readonly logger: Logger
  readonly signal: AbortSignal
}

/**
 * The events of a run: each is written to the cluster at once, and those that Alerts send are sent when the run is done with its objects (`flush`). Sending neither holds up nor fails the run; what could
 * not be sent is kept for the next one.
 */
export function createRunEvents(ctx: NotifyContext): EventSink {
  const { deps, client, logger } = ctx
  const sink = createEventSink(client, deps.clock, logger, deps.caches.events)
  const emitted: (ReconcileEvent & { readonly timestamp: number })[] = []
  const dispatch = async (): Promise<void> => {
    const events = emitted.splice(0)
    try {
      await dispatchEvents(ctx, events)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unexpected'
      logger.log('warn', 'notifications not dispatched', { code, events: events.length })
    }
  }
  return {
    emit: (event) => {
      emitted.push({ ...event, timestamp: deps.clock.now() })
      sink.emit(event)
    },
    flush: async () => {
      await sink.flush()
      const sending = dispatch()
      if (deps.background === undefined) await sending
      else deps.background(sending)
    },
  }
}
