/** Counts of values up to each bound, and beyond; with their sum. */
export interface Histogram {
  /** One more than there are bounds. Not cumulative. */
  readonly counts: readonly number[]
  readonly sum: number
}

/** Upper bounds in seconds of how long something took. */
export const secondBounds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300] as const

/** Upper bounds of requests in a run. */
export const requestBounds = [5, 10, 20, 50, 100, 200, 500, 1_000, 5_000] as const

/** A histogram with one more value. One of other bounds (of another version) is begun anew. */
export function observeValue(known: Histogram | undefined, bounds: readonly number[], value: number): Histogram {
  const counts = Array.from({ length: bounds.length + 1 }, (_, i) =>
    known?.counts.length === bounds.length + 1 ? (known.counts[i] ?? 0) : 0,
  )
  const sum = known?.counts.length === bounds.length + 1 ? known.sum : 0
  const index = bounds.findIndex((bound) => value <= bound)
  const bucket = index === -1 ? bounds.length : index
  counts[bucket] = (counts[bucket] ?? 0) + 1
  return { counts, sum: Math.round((sum + value) * 1e6) / 1e6 }
}
