import { EngineError } from '../../src/base/index.ts'
import { newRunId } from '../../src/coordinator/index.ts'
import type { Clock, QueueOutcome, Random, StateStore } from '../../src/ports/index.ts'

/** How long others wait for a look of which nothing is heard: it may have been cut off. */
const lockSeconds = 240
/** A look begins to write no later than so long before the end of its lock: what it writes is there before anybody else may begin. Longer than a few writes to the store take. */
const writingSeconds = 30
/** Longest pause before a look is taken up again that another one is in the way of. */
const maxPauseSeconds = 45

/** The turn of a look. */
export interface Turn {
  /**
   * Has to be called before anything is written that others read, and again after each question to a forge, which may take as long as a turn does.
   *
   * @throws EngineError `turn-over` (`retry`) where the turn is over, or somebody else's: what was read is old by now.
   */
  readonly confirm: () => Promise<void>
}

/**
 * Does a look at a pull request, or at what was merged, after those at the same that are under way. The lock is a note in the store that a repeated message recognises as one of its own: an earlier attempt of it was cut off, or is so late that the queue has
 * given the message out again, and then it has lost its turn. Where another message has it, this one is to be delivered again, a second later first, then after twice as long each time: all of its attempts together outlast a lock that a look has left
 * behind. For that, a lock is never extended: a look that is too slow, because a forge limits us, is done again.
 *
 * The store compares nothing when it writes. So a look that confirms its turn and then needs more than {@link writingSeconds} for writes to the store, or loses its turn to a repetition of its own message in the middle of these, still writes over what
 * the next one has written; and one whose turn ends between the two steps of giving back the lock takes away the next one's, which that one notices when it confirms its turn.
 */
export async function lookInTurn(
  deps: { readonly state: StateStore; readonly clock: Clock; readonly random: Random },
  /** `of`: what is looked at, as a key. */
  look: { readonly of: string; readonly message: string; readonly attempt: number },
  work: (turn: Turn) => Promise<void>,
): Promise<QueueOutcome> {
  const { state, clock, random } = deps
  const lock = `plans/look/${look.of}`
  const own = `${look.message} ${newRunId(clock, random)}`
  const until = clock.now() + (lockSeconds - writingSeconds) * 1000
  const options = { ttlSeconds: lockSeconds }
  if (!(await state.putIfAbsent(lock, own, options))) {
    const other = await state.get(lock)
    // Programs before this one have noted the message alone.
    const isSameMessage = other === look.message || (typeof other === 'string' && other.startsWith(`${look.message} `))
    if (!isSameMessage) return { kind: 'retry', delaySeconds: Math.min(maxPauseSeconds, 2 ** (look.attempt - 1)) }
    await state.put(lock, own, options)
  }
  const isOwn = async (): Promise<boolean> => (await state.get(lock)) === own
  const confirm = async (): Promise<void> => {
    if (clock.now() < until && (await isOwn())) return
    throw new EngineError('it took longer than its turn, and others may have looked since', {
      code: 'turn-over',
      disposition: 'retry',
    })
  }
  try {
    await work({ confirm })
  } finally {
    if (await isOwn()) await state.delete(lock)
  }
  return { kind: 'ack' }
}
