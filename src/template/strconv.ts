/** Why a number could not be read, as Go's strconv tells them apart. */
export type NumberFault = 'syntax' | 'range'

const BASES: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16 }
const DIGITS: Readonly<Record<number, RegExp>> = { 2: /^[01]+$/, 8: /^[0-7]+$/, 10: /^\d+$/, 16: /^[\da-f]+$/ }
const PREFIX: Readonly<Record<number, string>> = { 2: '0b', 8: '0o', 10: '', 16: '0x' }

/** Go's strconv.ParseInt for base 0 (prefixes, underscores) or 10, limited to `bits`. */
export function parseInteger(text: string, base: 0 | 8 | 10, bits = 64): bigint | NumberFault {
  const negative = text[0] === '-'
  const magnitude = parseUnsigned(negative || text[0] === '+' ? text.slice(1) : text, base)
  if (typeof magnitude === 'string') return magnitude
  const limit = 1n << BigInt(bits - 1)
  if (magnitude > (negative ? limit : limit - 1n)) return 'range'
  return negative ? -magnitude : magnitude
}

/** Go's strconv.ParseUint for base 0, 8 or 10 and 64 bits: no sign allowed. */
export function parseUnsigned(text: string, base: 0 | 8 | 10): bigint | NumberFault {
  let digits = text.toLowerCase()
  let actual: number = base
  if (base === 0) {
    if (digits.includes('_') && !underscoresAreFine(digits)) return 'syntax'
    actual = 10
    if (digits[0] === '0' && digits.length > 1) {
      const named = BASES[digits[1]!]
      actual = named ?? 8
      digits = digits.slice(named === undefined ? 1 : 2)
    }
    digits = digits.replaceAll('_', '')
  }
  if (!DIGITS[actual]!.test(digits)) return 'syntax'
  const value = BigInt(PREFIX[actual]! + digits)
  return value > 0xffff_ffff_ffff_ffffn ? 'range' : value
}

/** Underscores must separate digits, or the base prefix from the digits. */
function underscoresAreFine(text: string): boolean {
  const body = text.replace(/^[+-]/, '')
  const hex = /^0x/i.test(body)
  const rest = /^0[box]/i.test(body) ? body.slice(2) : `x${body}`.slice(1)
  const prefixed = rest !== body
  const digit = hex ? '[0-9a-f]' : '[0-9]'
  const run = `${digit}(?:_?${digit})*`
  return new RegExp(`^${prefixed ? '_?' : ''}${run}(?:[^0-9a-f_].*)?$`, 'i').test(rest) && !/__|_$/.test(rest)
}

const decimalFloat = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const hexFloat = /^([+-]?)0[xX]([\da-fA-F_]*)(?:\.([\da-fA-F_]*))?[pP]([+-]?\d+)$/

/** Go's strconv.ParseFloat for 64 bits. `range` stands for a value too large for a float64. */
export function parseFloat64(text: string): number | NumberFault {
  const plain = text.includes('_') && underscoresAreFine(text) ? text.replaceAll('_', '') : text
  if (decimalFloat.test(plain)) {
    const value = Number(plain)
    return Number.isFinite(value) ? value : 'range'
  }
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text)
  if (special !== null) {
    if (special[2]!.toLowerCase() === 'nan') return special[1] === '' ? Number.NaN : 'syntax'
    return special[1] === '-' ? -Infinity : Infinity
  }
  const hex = hexFloat.exec(text)
  return hex === null ? 'syntax' : parseHexFloat(hex, text)
}

function parseHexFloat(parts: RegExpExecArray, text: string): number | NumberFault {
  if (text.includes('_') && !underscoresAreFine(text)) return 'syntax'
  const whole = parts[2]!.replaceAll('_', '')
  const fraction = (parts[3] ?? '').replaceAll('_', '')
  if (whole + fraction === '') return 'syntax'
  const exponent = Number(parts[4]) - 4 * fraction.length
  let mantissa = BigInt(`0x${whole}${fraction}`)
  if (mantissa === 0n) return parts[1] === '-' ? -0 : 0
  // Keep 64 bits and a sticky bit, so that the conversions below round once, to nearest even.
  const extra = mantissa.toString(2).length - 64
  let shift = exponent
  if (extra > 0) {
    const lost = mantissa & ((1n << BigInt(extra)) - 1n)
    mantissa = (mantissa >> BigInt(extra)) | (lost === 0n ? 0n : 1n)
    shift += extra
  }
  const value = scaleByPowerOfTwo(mantissa, shift)
  if (!Number.isFinite(value)) return 'range'
  return parts[1] === '-' ? -value : value
}

function scaleByPowerOfTwo(mantissa: bigint, shift: number): number {
  const bits = mantissa.toString(2).length
  if (shift + bits > 1025) return Infinity
  if (shift + bits < -1080) return 0
  // Below the normal range the mantissa loses bits: drop them here, rounding once.
  const keep = Math.min(53, shift + bits + 1074)
  const drop = bits - keep
  if (drop <= 0) return Number(mantissa) * powerOfTwo(shift)
  const kept = mantissa >> BigInt(drop)
  const rest = mantissa & ((1n << BigInt(drop)) - 1n)
  const half = 1n << BigInt(drop - 1)
  const up = rest > half || (rest === half && (kept & 1n) === 1n)
  return Number(kept + (up ? 1n : 0n)) * powerOfTwo(shift + drop)
}

function powerOfTwo(exponent: number): number {
  // 2**-1074 is exact, but an intermediate 2**1024 would overflow: go in two steps.
  return exponent > 1023 ? Infinity : 2 ** exponent
}
