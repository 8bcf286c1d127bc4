import type { Clock, Random } from '../ports/index.ts'

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/**
 * A new id of a run: ten characters of time and sixteen of randomness, as in a ULID (lower case). Ids sort by time, and cannot be guessed.
 */
export function newRunId(clock: Clock, random: Random): string {
  let time = ''
  for (let rest = clock.now(); time.length < 10; rest = Math.floor(rest / 32))
    time = (alphabet[rest % 32] ?? '0') + time
  return time + [...random.bytes(16)].map((byte) => alphabet[byte % 32]).join('')
}

/** When an id was made, milliseconds since 1970; 0 for a text that is no id. */
export function runIdTime(id: string): number {
  const digits = Array.from(id.slice(0, 10), (letter) => alphabet.indexOf(letter))
  return digits.length < 10 || digits.includes(-1) ? 0 : digits.reduce((time, digit) => time * 32 + digit, 0)
}
