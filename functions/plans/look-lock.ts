import type { QueueOutcome, StateStore } from '../../src/ports/index.ts'

/** Longer than a look takes: the forge is waited for at most 90 seconds. */
const lockSeconds = 150
/** Longest pause before a look is taken up again that another one is in the way of. */
const maxPauseSeconds = 30

/**
 * Does a look at a pull request, or at what was merged, after those at the same that are under way. The lock is a note in the store that a repeated message recognises as its own: an earlier attempt of it was cut off. Where another one has it, the message is
 * to be delivered again, a second later first, then after twice as long each time: all of its attempts together outlast a lock that a look has left behind.
 */
export async function lookInTurn(
  state: StateStore,
  /** `of`: what is looked at, as a key. */
  look: { readonly of: string; readonly message: string; readonly attempt: number },
  work: () => Promise<void>,
): Promise<QueueOutcome> {
  const lock = `plans/look/${look.of}`
  const isFree = await state.putIfAbsent(lock, look.message, { ttlSeconds: lockSeconds })
  if (!isFree && (await state.get(lock)) !== look.message)
    return { kind: 'retry', delaySeconds: Math.min(maxPauseSeconds, 2 ** (look.attempt - 1)) }
  try {
    await work()
  } finally {
    await state.delete(lock)
  }
  return { kind: 'ack' }
}
