import { FunctionError } from '../template/index.ts'

const DIVISION_PLACES = 16

/** value = digits × 10^exponent. The arithmetic of shopspring/decimal 1.4, which sprig uses for `addf` and its kin. */
export interface Decimal {
  readonly digits: bigint
  readonly exponent: number
}

/** The decimal with the fewest digits that reads back as `value`. */
export function fromFloat(value: number): Decimal {
  if (!Number.isFinite(value)) {
    const shown = Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
    throw new FunctionError(`Cannot create a Decimal from ${shown}`)
  }
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
  const fraction = mantissa.split('.')[1] ?? ''
  return { digits: BigInt(mantissa.replace('.', '')), exponent: Number(exponent) - fraction.length }
}

/** The nearest float64. */
export function toFloat(value: Decimal): number {
  return Number(`${value.digits}e${value.exponent}`)
}

function align(a: Decimal, b: Decimal): [bigint, bigint, number] {
  const exponent = Math.min(a.exponent, b.exponent)
  return [scale(a.digits, a.exponent - exponent), scale(b.digits, b.exponent - exponent), exponent]
}

function scale(digits: bigint, places: number): bigint {
  return digits * 10n ** BigInt(places)
}

export function add(a: Decimal, b: Decimal): Decimal {
  const [x, y, exponent] = align(a, b)
  return { digits: x + y, exponent }
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  const [x, y, exponent] = align(a, b)
  return { digits: x - y, exponent }
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { digits: a.digits * b.digits, exponent: a.exponent + b.exponent }
}

/** Division to 16 decimal places, half away from zero. */
export function divide(a: Decimal, b: Decimal): Decimal {
  if (b.digits === 0n) throw new FunctionError('decimal division by 0')
  const shift = a.exponent - b.exponent + DIVISION_PLACES
  const numerator = shift > 0 ? scale(a.digits, shift) : a.digits
  const denominator = shift < 0 ? scale(b.digits, -shift) : b.digits
  const quotient = numerator / denominator
  const rest = numerator % denominator
  const doubled = 2n * (rest < 0n ? -rest : rest)
  const size = denominator < 0n ? -denominator : denominator
  if (doubled < size) return { digits: quotient, exponent: -DIVISION_PLACES }
  const isNegative = numerator < 0n !== denominator < 0n
  return { digits: quotient + (isNegative ? -1n : 1n), exponent: -DIVISION_PLACES }
}
