/** Chooses among values, the same ones for the same seed (mulberry32). */
export function createChooser(seed: number): <T>(from: readonly T[]) => T {
  let state = seed
  return <T>(from: readonly T[]): T => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    const index = ((mixed ^ (mixed >>> 14)) >>> 0) % from.length
    const chosen = from[index]
    if (chosen === undefined) throw new RangeError('nothing to choose from')
    return chosen
  }
}
