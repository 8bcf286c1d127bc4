import { quote } from '../../template/index.ts'

export const SECOND = 1_000_000_000n
const MAX = (1n << 63n) - 1n

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: SECOND,
  m: 60n * SECOND,
  h: 3600n * SECOND,
}

/** Nanoseconds of a Go duration such as `-1h30m` or `1.5s`, or the message of time.ParseDuration's error. */
export function parseNanoseconds(text: string): bigint | string {
  const body = text.replace(/^[+-]/, '')
  const isNegative = text.startsWith('-')
  if (body === '0') return 0n
  const invalid = `time: invalid duration ${quote(text)}`
  if (body === '') return invalid
  let total = 0n
  for (let rest = body; rest !== '';) {
    const number = /^(\d*)(?:\.(\d*))?/.exec(rest)!
    const [matched, whole = '', fraction = ''] = number
    if (whole === '' && fraction === '') return invalid
    rest = rest.slice(matched.length)
    const name = /^[^.\d]*/.exec(rest)![0]
    if (name === '') return `time: missing unit in duration ${quote(text)}`
    const unit = Object.hasOwn(UNITS, name) ? UNITS[name] : undefined
    if (unit === undefined) return `time: unknown unit ${quote(name)} in duration ${quote(text)}`
    rest = rest.slice(name.length)
    const digits = fraction.slice(0, 18)
    total += BigInt(whole === '' ? '0' : whole) * unit
    total += (BigInt(digits === '' ? '0' : digits) * unit) / 10n ** BigInt(digits.length)
    if (total > MAX + 1n) return invalid
  }
  if (isNegative) return -total
  return total > MAX ? invalid : total
}

/** Nanoseconds as Go prints a time.Duration: `1h30m0s`, `1.5s`, `250ms`, `0s`. */
export function formatNanoseconds(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s'
  const sign = nanoseconds < 0n ? '-' : ''
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds
  if (size < 1000n) return `${sign}${size}ns`
  if (size < 1_000_000n) return `${sign}${fixed(size, 1000n)}µs`
  if (size < SECOND) return `${sign}${fixed(size, 1_000_000n)}ms`
  const minutes = size / (60n * SECOND)
  const seconds = `${fixed(size % (60n * SECOND), SECOND)}s`
  if (minutes === 0n) return sign + seconds
  const hours = minutes / 60n
  return hours === 0n ? `${sign}${minutes}m${seconds}` : `${sign}${hours}h${minutes % 60n}m${seconds}`
}

function fixed(value: bigint, unit: bigint): string {
  const places = unit.toString().length - 1
  const fraction = (value % unit).toString().padStart(places, '0').replace(/0+$/, '')
  return `${value / unit}${fraction === '' ? '' : `.${fraction}`}`
}

/** Go's Duration.Round: to the nearest multiple, half away from zero. */
export function roundNanoseconds(nanoseconds: bigint, unit: bigint): bigint {
  if (unit <= 0n) return nanoseconds
  const rest = nanoseconds % unit
  const size = rest < 0n ? -rest : rest
  const down = nanoseconds - rest
  if (size * 2n < unit) return down
  return nanoseconds < 0n ? down - unit : down + unit
}
