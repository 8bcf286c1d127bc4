import { toEngineError } from '../src/base/index.ts'
import type { Logger, StateStore } from '../src/ports/index.ts'

/** A place is forgotten after this time without a round: then there was nothing to do. */
const placeSeconds = 24 * 3600

/**
 * Does something with entries of the store that stay until it is done, `limit` of them in a round: those behind the ones of the round before, and the first again after the last. So each gets its turn, however many of them fail each time.
 *
 * Where it has got to is noted in the store before each entry, for every round may be a process of its own, and may be cut off: the next one does not begin with what has cut it off. Rounds at the same time may do the same entries; losing the note begins
 * from the first. One that fails is logged, and the others go on.
 *
 * @param given `prefix`: of the entries, with a slash at its end. @throws EngineError where the store does not list them.
 */
export async function eachInTurn(
  { state, logger }: { readonly state: StateStore; readonly logger: Logger },
  given: { readonly prefix: string; readonly limit: number },
  work: (key: string) => Promise<void>,
): Promise<void> {
  const { prefix } = given
  // Not below the prefix, where it would be an entry.
  const place = `retried/${prefix.slice(0, -1)}`
  for (const key of await nextKeys(state, given, await state.get(place)))
    try {
      await state.put(place, key, { ttlSeconds: placeSeconds })
      await work(key)
    } catch (error) {
      logger.log('warn', 'not done in its turn', { key, error: toEngineError(error).message })
    }
}

async function nextKeys(
  state: StateStore,
  { prefix, limit }: { readonly prefix: string; readonly limit: number },
  last: unknown,
): Promise<readonly string[]> {
  const first = async (): Promise<readonly string[]> => (await state.list(prefix, { limit })).map(({ key }) => key)
  if (typeof last !== 'string' || !last.startsWith(prefix)) return first()
  const behind = (await state.list(prefix, { limit, after: last })).map(({ key }) => key)
  if (behind.length === limit) return behind
  return [...new Set([...behind, ...(await first())])].slice(0, limit)
}
