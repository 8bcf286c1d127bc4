import { emitEvent, type EventCounts, type KubeClient } from '../kube/index.ts'
import type { Clock, Logger } from '../ports/index.ts'

/** An event about one of our objects, as Flux's recorder writes it. */
export interface ReconcileEvent {
  readonly object: {
    readonly apiVersion: string
    readonly kind: string
    readonly metadata: {
      readonly name: string
      readonly namespace?: string
      readonly uid?: string
      readonly resourceVersion?: string
      readonly annotations?: { readonly [key: string]: string }
      readonly labels?: { readonly [key: string]: string }
    }
  }
  readonly severity: 'info' | 'error'
  readonly reason: string
  readonly message: string
  readonly controller: 'kustomize-controller' | 'helm-controller' | 'source-controller' | 'notification-controller'
  /** Keys get the group of the object as a prefix. */
  readonly metadata?: { readonly [key: string]: string }
}

/** Collects a run's events and writes them without holding anything up. */
export interface EventSink {
  emit(event: ReconcileEvent): void
  /** Resolves when everything emitted so far was written or given up. Never rejects. */
  flush(): Promise<void>
}

/** Events in flight while a run works: they must not crowd out what it applies. */
const eventsMeanwhile = 1

/** Events in flight when nothing else is left to do. */
const eventsAtTheEnd = 16

/**
 * A sink that writes Kubernetes Events, best effort: a failure is logged and forgotten, as Flux does. `counts` remembers between runs which events
 * are there already.
 */
export function createEventSink(client: KubeClient, clock: Clock, logger: Logger, counts: EventCounts): EventSink {
  const queue: (ReconcileEvent & { readonly timestamp: number })[] = []
  const workers = new Set<Promise<void>>()
  const work = async (): Promise<void> => {
    for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
      try {
        await emitEvent(client, event, { counts })
      } catch (error) {
        const { kind, metadata } = event.object
        logger.log('warn', 'event not written', {
          object: `${kind}/${metadata.namespace ?? ''}/${metadata.name}`,
          reason: event.reason,
          error: error instanceof Error ? error.message : 'unknown',
        })
      }
    }
  }
  const startWorker = (): void => {
    const worker: Promise<void> = work().finally(() => workers.delete(worker))
    workers.add(worker)
  }
  return {
    emit: (event) => {
      queue.push({ ...event, timestamp: clock.now() })
      if (workers.size < eventsMeanwhile) startWorker()
    },
    flush: async () => {
      while (workers.size > 0 || queue.length > 0) {
        while (workers.size < Math.min(queue.length, eventsAtTheEnd)) startWorker()
        await Promise.all(workers)
      }
    },
  }
}
