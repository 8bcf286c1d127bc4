import type { GoComplex } from '../value.ts'
import type { GoInt } from '../int.ts'
import { canBackquote, quote, quoteRune } from '../quote.ts'
import { isPrint, runeToString, toBytes } from '../text.ts'
import { noFlags, pad, truncate, type Flags } from './flags.ts'
import { formatFloat, type FloatFormat } from './float.ts'

/** Formats a bool, or gives undefined for a verb that does not fit. */
export function formatBool(value: boolean, verb: string, flags: Flags): string | undefined {
  return verb === 't' || verb === 'v' ? pad(String(value), flags) : undefined
}

/** Formats a string, or gives undefined for a verb that does not fit. */
export function formatString(value: string, verb: string, flags: Flags): string | undefined {
  switch (verb) {
    case 'v':
      return flags.sharpV ? quoted(value, flags) : pad(truncate(value, flags), flags)
    case 's':
      return pad(truncate(value, flags), flags)
    case 'x':
    case 'X':
      return hexBytes(toBytes(value), verb, flags)
    case 'q':
      return quoted(value, flags)
    default:
      return undefined
  }
}

function quoted(value: string, flags: Flags): string {
  const text = truncate(value, flags)
  return pad(flags.sharp && canBackquote(text) ? `\`${text}\`` : quote(text, flags.plus), flags)
}

/** Bytes in hexadecimal, as `%x` of a string or []byte. */
export function hexBytes(bytes: Uint8Array, verb: 'x' | 'X', flags: Flags): string {
  const shown = flags.precision === undefined ? bytes : bytes.subarray(0, flags.precision)
  const each = Array.from(shown, (byte) => byte.toString(16).padStart(2, '0'))
  const prefix = flags.sharp && each.length > 0 ? '0x' : ''
  const text = flags.space ? each.map((hex) => prefix + hex).join(' ') : prefix + each.join('')
  return pad(verb === 'X' ? text.toUpperCase() : text, flags)
}

const BASES: Readonly<Record<string, number>> = { v: 10, d: 10, b: 2, o: 8, O: 8, x: 16, X: 16 }

/** Formats an integer, or gives undefined for a verb that does not fit. */
export function formatInt(value: GoInt, verb: string, flags: Flags): string | undefined {
  if (verb === 'c' || verb === 'q') {
    const n = value.toBigInt()
    const rune = n < 0n || n > 0x10ffffn ? 0xfffd : Number(n)
    return pad(verb === 'c' ? runeToString(rune) : quoteRune(rune, flags.plus), flags)
  }
  if (verb === 'U') return formatUnicode(value, flags)
  const base = BASES[verb]
  if (base === undefined) return undefined
  if (verb === 'v' && flags.sharpV && value.isUnsigned) return formatInt(value, 'x', { ...flags, sharp: true })
  return formatInteger(value.n, base, verb, flags)
}

function formatInteger(n: number | bigint, base: number, verb: string, flags: Flags): string {
  const negative = n < 0
  let digits = (negative ? -n : n).toString(base)
  if (verb === 'X') digits = digits.toUpperCase()
  const { width, precision } = flags
  if (precision === 0 && digits === '0') return ' '.repeat(width ?? 0)
  const signed = negative || flags.plus || flags.space
  const zeros = precision ?? (flags.zero && !flags.minus && width !== undefined ? width - (signed ? 1 : 0) : 0)
  digits = digits.padStart(zeros, '0')
  if (flags.sharp) digits = withBasePrefix(digits, base, verb)
  if (verb === 'O') digits = `0o${digits}`
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  return pad(sign + digits, flags, false)
}

function withBasePrefix(digits: string, base: number, verb: string): string {
  if (base === 2) return `0b${digits}`
  if (base === 8) return digits.startsWith('0') ? digits : `0${digits}`
  return base === 16 ? `0${verb === 'X' ? 'X' : 'x'}${digits}` : digits
}

function formatUnicode(value: GoInt, flags: Flags): string {
  const n = BigInt.asUintN(64, value.toBigInt())
  const digits = n
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(flags.precision ?? 4, 4), '0')
  const shown = flags.sharp && n <= 0x10ffffn && isPrint(Number(n)) ? ` '${runeToString(Number(n))}'` : ''
  return pad(`U+${digits}${shown}`, flags, false)
}

const FLOAT_VERBS: Readonly<Record<string, [FloatFormat, number]>> = {
  v: ['g', -1],
  g: ['g', -1],
  G: ['G', -1],
  x: ['x', -1],
  X: ['X', -1],
  b: ['b', -1],
  f: ['f', 6],
  F: ['f', 6],
  e: ['e', 6],
  E: ['E', 6],
}

/** Formats a float64, or gives undefined for a verb that does not fit. */
export function formatNumber(value: number, verb: string, flags: Flags): string | undefined {
  const rule = FLOAT_VERBS[verb]
  if (rule === undefined) return undefined
  const [format, standard] = rule
  const precision = flags.precision ?? standard
  let text = formatFloat(value, format, precision)
  if (text[0] !== '-' && text[0] !== '+') text = `+${text}`
  if (flags.space && text[0] === '+' && !flags.plus) text = ` ${text.slice(1)}`
  if (text[1] === 'I' || text[1] === 'N') {
    const bare = text[1] === 'N' && !flags.space && !flags.plus
    return pad(bare ? text.slice(1) : text, flags, false)
  }
  if (flags.sharp && format !== 'b') text = keepZeros(text, format, precision)
  if (!flags.plus && text[0] === '+') return pad(text.slice(1), flags)
  const width = flags.width ?? 0
  if (!flags.zero || flags.minus || width <= text.length) return pad(text, flags)
  return text[0]! + text.slice(1).padStart(width - 1, '0')
}

/** What `#` does to floats: always a point, and no trailing zeros removed. `text` has a sign. */
function keepZeros(text: string, format: FloatFormat, precision: number): string {
  const exponentAt = /x/i.test(format) ? text.search(/p/i) : text.search(/e/i)
  let number = exponentAt === -1 ? text : text.slice(0, exponentAt)
  const tail = exponentAt === -1 ? '' : text.slice(exponentAt)
  const counts = format === 'g' || format === 'G' || format === 'x'
  const wanted = counts ? (precision === -1 ? 6 : precision) : 0
  const significant = /[1-9a-fA-FxX].*/.exec(number.slice(1).replace('.', ''))?.[0].length ?? 0
  let missing = wanted - significant
  if (!number.includes('.')) {
    if (number.length === 2 && number[1] === '0') missing--
    number += '.'
  }
  return number + '0'.repeat(Math.max(missing, 0)) + tail
}

/** Formats a complex number, or gives undefined for a verb that does not fit. */
export function formatComplex(value: GoComplex, verb: string, flags: Flags): string | undefined {
  const re = formatNumber(value.re, verb, flags)
  const im = formatNumber(value.im, verb, { ...noFlags(), ...flags, plus: true })
  return re === undefined || im === undefined ? undefined : `(${re}${im}i)`
}
