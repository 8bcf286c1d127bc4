/** Counts what happens often, so that only little of it is written down. */
export interface RefusalCounter {
  /**
   * Counts one more of `name` in this minute. Returns how many there were where that is to be recorded: the first, the tenth, the hundredth, …; undefined otherwise.
   */
  note(name: string, now: number): number | undefined
  /** Counts one more of `name` in this minute; false where there were `max` before. */
  mayTell(name: string, max: number, now: number): boolean
}

/** Names that are counted at the same time; what is known of older ones is forgotten. */
const maxNames = 1_000

/** A counter in memory: a flood of refused deliveries costs a handful of writes in a minute, whatever its size. */
export function createRefusalCounter(): RefusalCounter {
  const counts = new Map<string, { readonly minute: number; readonly count: number }>()
  const count = (name: string, now: number): number => {
    const minute = Math.floor(now / 60_000)
    const before = counts.get(name)
    const value = before?.minute === minute ? before.count + 1 : 1
    counts.delete(name)
    counts.set(name, { minute, count: value })
    const oldest = counts.keys().next()
    if (counts.size > maxNames && oldest.done !== true) counts.delete(oldest.value)
    return value
  }
  return {
    note: (name, now) => {
      const value = count(name, now)
      return /^10*$/.test(String(value)) ? value : undefined
    },
    mayTell: (name, max, now) => count(name, now) <= max,
  }
}
