import type { Alert } from '../../api/index.ts'
import { emitEvent } from '../../kube/index.ts'
import type { NotifyContext } from './run-events.ts'

/** Writes Warning events about Alerts, each once however often it is given. */
export interface AlertWarnings {
  warn(alert: Alert, reason: string, message: string, metadata?: { readonly [key: string]: string }): Promise<void>
}

/** The warnings of one dispatch. Writing is best effort, as everywhere with events. Messages must show no secret. */
export function createWarnings(ctx: NotifyContext): AlertWarnings {
  const written = new Set<string>()
  return {
    warn: async (alert, reason, message, metadata) => {
      const { namespace = '', name } = alert.metadata
      const id = JSON.stringify([namespace, name, reason, message])
      if (written.has(id)) return
      written.add(id)
      ctx.logger.log('warn', 'alert', { alert: `${namespace}/${name}`, reason })
      const event = {
        object: alert,
        severity: 'error' as const,
        reason,
        message,
        controller: 'notification-controller',
        timestamp: ctx.deps.clock.now(),
        ...(metadata === undefined ? {} : { metadata }),
      }
      try {
        await emitEvent(ctx.client, event, { counts: ctx.deps.caches.events, signal: ctx.signal })
      } catch (error) {
        ctx.logger.log('warn', 'event not written', { reason, error: error instanceof Error ? error.name : 'unknown' })
      }
    },
  }
}
