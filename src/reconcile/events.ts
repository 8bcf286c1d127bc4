import { emitEvent, type KubeClient } from '../kube/index.ts'
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
    }
  }
  readonly severity: 'info' | 'error'
  readonly reason: string
  readonly message: string
  readonly controller: 'kustomize-controller' | 'helm-controller' | 'source-controller'
  /** Keys get the group of the object as a prefix. */
  readonly metadata?: { readonly [key: string]: string }
}

/** Collects a run's events and writes them without holding anything up. */
export interface EventSink {
  emit(event: ReconcileEvent): void
  /** Resolves when everything emitted so far was written or given up. Never rejects. */
  flush(): Promise<void>
}

/** Events in flight at the same time: they must not crowd out the applies. */
const eventConcurrency = 4

/** A sink that writes Kubernetes Events, best effort: a failure is logged and forgotten, as Flux does. */
export function createEventSink(client: KubeClient, clock: Clock, logger: Logger): EventSink {
  const queue: ReconcileEvent[] = []
  const workers = new Set<Promise<void>>()
  const work = async (): Promise<void> => {
    for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
      try {
        await emitEvent(client, { ...event, timestamp: clock.now() })
      } catch (error) {
        logger.log('warn', 'event not written', {
          reason: event.reason,
          error: error instanceof Error ? error.message : 'unknown',
        })
      }
    }
  }
  return {
    emit: (event) => {
      queue.push(event)
      if (workers.size >= eventConcurrency) return
      const worker: Promise<void> = work().finally(() => workers.delete(worker))
      workers.add(worker)
    },
    flush: async () => {
      while (workers.size > 0) await Promise.all(workers)
    },
  }
}
