import { handleDeadLetter, handleMessage, type ConsumerDeps } from '../src/coordinator/index.ts'
import type { Json } from '../src/base/index.ts'
import type { QueueOutcome } from '../src/ports/index.ts'
import type { FunctionDeps } from './deps.ts'

/** Takes one message of the queue to the coordinator of its cluster, and says what becomes of the message. */
export function consumeMessage(
  deps: FunctionDeps,
  body: Json,
  info: { readonly attempt: number },
): Promise<QueueOutcome> {
  return handleMessage(consumerOf(deps), body, info)
}

/** Takes one message that the queue has given up. */
export function consumeDeadLetter(deps: FunctionDeps, body: Json): Promise<void> {
  return handleDeadLetter(consumerOf(deps), body)
}

function consumerOf(deps: FunctionDeps): ConsumerDeps {
  return { ...deps, putBack: (body, delaySeconds) => deps.queue.send(body, { delaySeconds }) }
}
