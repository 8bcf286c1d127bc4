/** Significant decimal digits and the position of the point among them: 0.DIGITS × 10^point. */
interface Decimal {
  digits: string
  point: number
}

/** Verbs of strconv.FormatFloat. */
export type FloatFormat = 'e' | 'E' | 'f' | 'g' | 'G' | 'x' | 'X' | 'b'

/**
 * Go's strconv.FormatFloat for float64. A `precision` of -1 asks for the shortest digits that read back as the same value;
 * otherwise rounding is exact, half to even.
 */
export function formatFloat(value: number, format: FloatFormat, precision: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const magnitude = Math.abs(value)
  switch (format) {
    case 'b':
      return sign + binaryExponent(magnitude)
    case 'x':
      return sign + hexadecimal(magnitude, precision)
    case 'X':
      return sign + hexadecimal(magnitude, precision).toUpperCase()
    case 'e':
    case 'E':
      return sign + exponential(toDecimal(magnitude, precision < 0 ? undefined : precision + 1), precision, format)
    case 'f': {
      const decimal = precision < 0 ? shortest(magnitude) : roundAfterPoint(exact(magnitude), precision)
      return sign + fixed(decimal, precision < 0 ? Math.max(decimal.digits.length - decimal.point, 0) : precision)
    }
    case 'g':
    case 'G':
      return sign + general(magnitude, precision, format)
  }
}

function general(magnitude: number, precision: number, format: 'g' | 'G'): string {
  const significant = precision === 0 ? 1 : precision
  const decimal = toDecimal(magnitude, precision < 0 ? undefined : significant)
  const count = decimal.digits.length
  // The shortest form decides as if six digits were asked for: that is why 1000000 prints as 1e+06.
  let threshold = precision < 0 ? 6 : significant
  if (precision >= 0 && threshold > count && count >= decimal.point) threshold = count
  const exponent = decimal.point - 1
  if (exponent < -4 || exponent >= threshold) return exponential(decimal, count - 1, format === 'g' ? 'e' : 'E')
  return fixed(decimal, Math.max(count - decimal.point, 0))
}

function toDecimal(magnitude: number, significant: number | undefined): Decimal {
  if (significant === undefined) return shortest(magnitude)
  return roundTo(exact(magnitude), significant)
}

/** The digits that JS prints: the shortest that read back, as Go's; trailing zeros removed. */
function shortest(magnitude: number): Decimal {
  if (magnitude === 0) return { digits: '', point: 0 }
  const [mantissa, exponent] = magnitude.toExponential().split('e') as [string, string]
  const digits = mantissa.replace('.', '').replace(/0+$/, '')
  return { digits, point: Number(exponent) + 1 }
}

/** All decimal digits of the value. */
function exact(magnitude: number): Decimal {
  if (magnitude === 0) return { digits: '', point: 0 }
  const [mantissa, exponent] = split(magnitude)
  const text =
    exponent >= 0 ? (mantissa << BigInt(exponent)).toString() : (mantissa * 5n ** BigInt(-exponent)).toString()
  return { digits: text.replace(/0+$/, ''), point: text.length + Math.min(exponent, 0) }
}

/** A finite positive value as mantissa × 2^exponent with a 53-bit mantissa. */
function split(magnitude: number): [mantissa: bigint, exponent: number] {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, magnitude)
  const bits = view.getBigUint64(0)
  const biased = Number(bits >> 52n) & 0x7ff
  const fraction = bits & 0xfffffffffffffn
  return biased === 0 ? [fraction, -1074] : [fraction | (1n << 52n), biased - 1075]
}

function roundAfterPoint(decimal: Decimal, places: number): Decimal {
  return roundTo(decimal, decimal.point + places)
}

function roundTo(decimal: Decimal, count: number): Decimal {
  const { digits, point } = decimal
  if (count >= digits.length) return decimal
  if (count < 0) return { digits: '', point: 0 }
  const rest = digits.slice(count)
  const isHalf = rest === '5'
  const isOdd = count > 0 && (digits.charCodeAt(count - 1) - 48) % 2 === 1
  const up = isHalf ? isOdd : rest >= '5'
  const kept = digits.slice(0, count)
  if (!up) {
    const trimmed = kept.replace(/0+$/, '')
    return { digits: trimmed, point: trimmed === '' ? 0 : point }
  }
  const raised = (BigInt(kept === '' ? '0' : kept) + 1n).toString()
  return { digits: raised.replace(/0+$/, ''), point: point + (raised.length - kept.length) }
}

function fixed({ digits, point }: Decimal, places: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0'
  if (places <= 0) return whole
  const fraction = point >= 0 ? digits.slice(point) : '0'.repeat(Math.min(-point, places)) + digits
  return `${whole}.${fraction.slice(0, places).padEnd(places, '0')}`
}

function exponential({ digits, point }: Decimal, precision: number, letter: 'e' | 'E'): string {
  const places = precision < 0 ? Math.max(digits.length - 1, 0) : precision
  const exponent = digits === '' ? 0 : point - 1
  const fraction = places > 0 ? `.${digits.slice(1, places + 1).padEnd(places, '0')}` : ''
  const size = String(Math.abs(exponent)).padStart(2, '0')
  return `${digits[0] ?? '0'}${fraction}${letter}${exponent < 0 ? '-' : '+'}${size}`
}

function binaryExponent(magnitude: number): string {
  const [mantissa, exponent] = magnitude === 0 ? [0n, -1074] : split(magnitude)
  return `${mantissa}p${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`
}

function hexadecimal(magnitude: number, precision: number): string {
  if (magnitude === 0) return `0x0${precision > 0 ? `.${'0'.repeat(precision)}` : ''}p+00`
  let [mantissa, exponent] = split(magnitude)
  // Normalise to 1.xxx: 52 fraction bits.
  while (mantissa < 1n << 52n) {
    mantissa <<= 1n
    exponent--
  }
  exponent += 52
  if (precision >= 0 && precision < 13) {
    const drop = BigInt(52 - 4 * precision)
    const rest = mantissa & ((1n << drop) - 1n)
    const half = 1n << (drop - 1n)
    mantissa >>= drop
    if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa++
    mantissa <<= drop
    if (mantissa >= 1n << 53n) {
      mantissa >>= 1n
      exponent++
    }
  }
  let fraction = (mantissa & 0xfffffffffffffn).toString(16).padStart(13, '0')
  fraction = precision < 0 ? fraction.replace(/0+$/, '') : fraction.slice(0, precision).padEnd(precision, '0')
  const size = String(Math.abs(exponent)).padStart(2, '0')
  return `0x1${fraction === '' ? '' : `.${fraction}`}p${exponent < 0 ? '-' : '+'}${size}`
}
