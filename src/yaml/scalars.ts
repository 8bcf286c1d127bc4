import type { YamlDialect } from './dialect.ts'

/** A plain scalar's value. Infinities and NaN are numbers here; JSON has none, so printing refuses them. */
export type ScalarValue = null | boolean | number | bigint | string

const words: ReadonlyMap<string, null | boolean | number> = new Map<string, null | boolean | number>([
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, Number.NaN] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word) => [word, Number.POSITIVE_INFINITY] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, Number.NEGATIVE_INFINITY] as const),
])

const oldBooleans: ReadonlyMap<string, boolean> = new Map<string, boolean>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON'].map((word) => [word, true] as const),
  ...['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF'].map((word) => [word, false] as const),
])

const floatForm = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/
const goFloatForm = /^\.[0-9]+([eE][-+]?[0-9]+)?$/
const decimalForm = /^[-+]?(0|[1-9][0-9]*)$/
const based = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+)$/
const timestampForm =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d+))?(Z|[-+]\d\d:\d\d))|(?: (\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d+))?))?$/

/**
 * The value of a plain scalar (go-yaml v2.4 and v3.0, resolve). Octal may be written `0777` and `0o777`, underscores in numbers mean
 * nothing, base 60 is text.
 */
export function resolveScalar(text: string, dialect: YamlDialect): ScalarValue {
  const first = text.charCodeAt(0)
  // What starts with a letter that begins no special word is text: the most frequent case by far.
  const isDigitOrSign = (first >= 0x30 && first <= 0x39) || first === 0x2d || first === 0x2b
  if (!isDigitOrSign) {
    if (text.length > 5) return first === 0x2e ? resolveDotted(text) : text
    const word = words.get(text)
    if (word !== undefined) return word
    if (dialect === 'sigs') return oldBooleans.get(text) ?? (first === 0x2e ? resolveDotted(text) : text)
    return first === 0x2e ? resolveDotted(text) : text
  }
  const word = words.get(text)
  if (word !== undefined) return word
  if (isTimestamp(text)) return dialect === 'sigs' ? text : formatTimestamp(text)
  return resolveNumber(text.includes('_') ? text.replaceAll('_', '') : text) ?? text
}

function resolveDotted(text: string): ScalarValue {
  return goFloatForm.test(text) ? finite(Number(text), text) : text
}

function resolveNumber(plain: string): number | bigint | undefined {
  if (decimalForm.test(plain)) return integer(plain) ?? finiteOrUndefined(Number(plain))
  const match = based.exec(plain)
  if (match !== null) {
    const [, sign = '', digits = ''] = match
    const literal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits
    const value = BigInt(literal.toLowerCase())
    return fits(sign === '-' ? -value : value)
  }
  return floatForm.test(plain) ? finiteOrUndefined(Number(plain)) : undefined
}

function integer(digits: string): number | bigint | undefined {
  const value = Number(digits)
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? 0 : value
  return fits(BigInt(digits.startsWith('+') ? digits.slice(1) : digits))
}

/** An integer of 64 bits, signed or unsigned; undefined for a larger one, which go-yaml reads as a float. */
function fits(value: bigint): number | bigint | undefined {
  if (value < -(2n ** 63n) || value >= 2n ** 64n) return undefined
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
}

/** Go refuses a float out of range, and the scalar stays text. */
function finite(value: number, text: string): number | string {
  return Number.isFinite(value) ? value : text
}

function finiteOrUndefined(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined
}

/** True for text that go-yaml takes for a time: it is quoted when printed. */
export function isTimestamp(text: string): boolean {
  if (text.length < 8 || text.charCodeAt(4) !== 0x2d) return false
  const match = timestampForm.exec(text)
  if (match === null) return false
  const [, year, month, day, h1, m1, s1, , , h2, m2, s2] = match
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
  if (date.getUTCMonth() + 1 !== Number(month) || date.getUTCDate() !== Number(day)) return false
  return Number(h1 ?? h2 ?? 0) < 24 && Number(m1 ?? m2 ?? 0) < 60 && Number(s1 ?? s2 ?? 0) < 60
}

/** A time as Go's encoding/json prints it: RFC 3339 with as many digits of a second as there are. */
function formatTimestamp(text: string): string {
  const match = timestampForm.exec(text)
  if (match === null) return text
  const [, year, month, day, h1, m1, s1, f1, zone, h2, m2, s2, f2] = match
  const two = (value: string | undefined): string => (value ?? '0').padStart(2, '0')
  const fraction = (f1 ?? f2 ?? '').slice(0, 9).replace(/0+$/, '')
  const time = `${two(h1 ?? h2)}:${two(m1 ?? m2)}:${two(s1 ?? s2)}${fraction === '' ? '' : `.${fraction}`}`
  const offset = zone === undefined || /^[-+]00:00$/.test(zone) ? 'Z' : zone
  return `${year}-${two(month)}-${two(day)}T${time}${offset}`
}
