import { handleDeadLetter, handleMessage, type ConsumerDeps } from '../src/coordinator/index.ts'
import type { Json } from '../src/base/index.ts'
import type { QueueOutcome } from '../src/ports/index.ts'
import type { FunctionDeps } from './deps.ts'
import { parseLook } from './plans/look-message.ts'
import { dropLook, handleLook } from './plans/look.ts'

/** Takes one message of the queue to the coordinator of its cluster, or does what it asks for no cluster, and says what becomes of the message. */
export function consumeMessage(
  deps: FunctionDeps,
  body: Json,
  info: { readonly attempt: number },
): Promise<QueueOutcome> {
  const look = parseLook(body)
  return look === undefined ? handleMessage(consumerOf(deps), body, info) : handleLook(deps, look, info)
}

/** Takes one message that the queue has given up. */
export async function consumeDeadLetter(deps: FunctionDeps, body: Json): Promise<void> {
  const look = parseLook(body)
  if (look === undefined) return handleDeadLetter(consumerOf(deps), body)
  dropLook(deps, look)
}

function consumerOf(deps: FunctionDeps): ConsumerDeps {
  return { ...deps, putBack: (body, delaySeconds) => deps.queue.send(body, { delaySeconds }) }
}
