import type { MessageBatch, Queue as QueueBinding } from '@cloudflare/workers-types'
import { toEngineError, type Json } from '../../base/index.ts'
import type { Logger, Queue, QueueHandler } from '../../ports/index.ts'

/** Longest delay that Queues takes. */
const maxDelaySeconds = 43_200

/** The Queue port over a binding of Cloudflare Queues. Delays are rounded up to seconds. */
export function createCloudflareQueue(binding: QueueBinding): Queue {
  return {
    send: async (message, options) => {
      const delaySeconds = Math.min(maxDelaySeconds, Math.ceil(options?.delaySeconds ?? 0))
      await binding.send(message, { contentType: 'json', ...(delaySeconds === 0 ? {} : { delaySeconds }) })
    },
  }
}

/** Gives the messages of a batch to `handle`, all at the same time, each acknowledged or sent back on its own. */
export async function consumeBatch(batch: MessageBatch, handle: QueueHandler, logger: Logger): Promise<void> {
  await Promise.all(
    batch.messages.map(async (message) => {
      try {
        const outcome = await handle(message.body as Json, { attempt: message.attempts })
        if (outcome.kind === 'ack') message.ack()
        else message.retry({ delaySeconds: Math.min(maxDelaySeconds, Math.ceil(outcome.delaySeconds)) })
      } catch (caught) {
        logger.log('error', 'message failed', { attempt: message.attempts, error: toEngineError(caught).message })
        message.retry({ delaySeconds: Math.min(60, 2 ** (message.attempts - 1)) })
      }
    }),
  )
}
