/**
 * An interval that is up to `percent` shorter, so that what was made at one moment is not looked at in one moment for ever. The same for the same object and look: it does
 * not change while it is waited for. Flux's controllers draw it at random around the interval (`--interval-jitter-percentage`); here it is never longer than was asked for.
 *
 * @param since when the object was looked at last, in milliseconds since 1970.
 */
export function jittered(intervalMs: number, percent: number, id: string, since: number): number {
  return intervalMs * (1 - (fraction(`${id}@${since}`) * percent) / 100)
}

/** A number from 0 to 1 that looks random (FNV-1a, its bits mixed once more). */
function fraction(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return ((hash ^ (hash >>> 12)) >>> 0) / 2 ** 32
}
