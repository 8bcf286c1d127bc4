import { handleDeadLetter, handleMessage, type ConsumerDeps } from '../src/coordinator/index.ts'
import type { Json } from '../src/base/index.ts'
import type { QueueOutcome } from '../src/ports/index.ts'
import type { FunctionDeps } from './deps.ts'
import { parseLook } from './plans/look-message.ts'
import { dropLook, handleLook } from './plans/look.ts'
import { parseReplan } from './plans/replan-message.ts'
import { dropReplan, handleReplan } from './plans/replan.ts'

/** Takes one message of the queue to the coordinator of its cluster, or does what it asks for no cluster, and says what becomes of the message. */
export function consumeMessage(
  deps: FunctionDeps,
  body: Json,
  info: { readonly attempt: number },
): Promise<QueueOutcome> {
  const look = parseLook(body)
  if (look !== undefined) return handleLook(deps, look, info)
  const replan = parseReplan(body)
  return replan === undefined ? handleMessage(consumerOf(deps), body, info) : handleReplan(deps, replan, info)
}

/** Takes one message that the queue has given up. */
export async function consumeDeadLetter(deps: FunctionDeps, body: Json): Promise<void> {
  const look = parseLook(body)
  if (look !== undefined) return dropLook(deps, look)
  const replan = parseReplan(body)
  if (replan === undefined) return handleDeadLetter(consumerOf(deps), body)
  dropReplan(deps, replan)
}

function consumerOf(deps: FunctionDeps): ConsumerDeps {
  return { ...deps, putBack: (body, delaySeconds) => deps.queue.send(body, { delaySeconds }) }
}
