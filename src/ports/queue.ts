import type { Json } from '../base/index.ts'

/** What the handler wants done with a message. */
export type QueueOutcome = { readonly kind: 'ack' } | { readonly kind: 'retry'; readonly delaySeconds: number }

/** Called for each message, at least once. A thrown error means retry with backoff; after the last attempt the message goes to the dead letters. */
export type QueueHandler = (message: Json, info: { readonly attempt: number }) => Promise<QueueOutcome>

/** Durable at-least-once queue. Once `send` resolved the message survives a restart. Order is not guaranteed. */
export interface Queue {
  send(message: Json, options?: { delaySeconds?: number }): Promise<void>
}
