import { byteLength, toCharacters } from '../text.ts'

/** The flags, width and precision of one verb. */
export interface Flags {
  plus: boolean
  minus: boolean
  sharp: boolean
  space: boolean
  zero: boolean
  /** `%+v` and `%#v`. */
  plusV: boolean
  sharpV: boolean
  width: number | undefined
  precision: number | undefined
}

export function noFlags(): Flags {
  return {
    plus: false,
    minus: false,
    sharp: false,
    space: false,
    zero: false,
    plusV: false,
    sharpV: false,
    width: undefined,
    precision: undefined,
  }
}

/** Pads to the width: spaces, or zeros on the left where the flags ask for them. Width counts characters. */
export function pad(text: string, flags: Flags, zero: boolean = flags.zero): string {
  const { width } = flags
  if (width === undefined || width === 0) return text
  const missing = width - characterCount(text)
  if (missing <= 0) return text
  return flags.minus ? text + ' '.repeat(missing) : (zero ? '0' : ' ').repeat(missing) + text
}

/** The number of runes; an invalid byte counts as one. */
export function characterCount(text: string): number {
  return byteLength(text) === text.length ? text.length : toCharacters(text).length
}

/** The first `precision` characters, where a precision is given. */
export function truncate(text: string, flags: Flags): string {
  const { precision } = flags
  if (precision === undefined || text.length <= precision) return text
  return toCharacters(text).slice(0, precision).join('')
}
