import {
  ANY,
  formatFloat,
  FunctionError,
  GoInt,
  goFunction,
  goInt,
  parseFloat64,
  quote,
  typeName,
  type GoFunction,
  type Value,
} from '../../template/index.ts'
import { goDuration, parseNanoseconds, roundNanoseconds, trimSpace } from '../../sprig/index.ts'

const nanosecondsPerSecond = 1e9

const HOUR = 3_600_000_000_000n

/** Seconds that an int64 of nanoseconds can hold. */
const maxSeconds = 9_223_372_036n

/**
 * Nanoseconds of anything that Helm takes for a duration (Helm v4 asDuration): a duration, its text, or a number of seconds.
 *
 * @throws FunctionError with Helm's message.
 */
function nanosecondsOf(value: Value): bigint {
  if (value === null || value === undefined) throw new FunctionError('invalid duration')
  if (typeof value === 'string') return fromText(value)
  if (typeof value === 'number') return fromSeconds(value)
  if (!(value instanceof GoInt)) throw new FunctionError(`unsupported duration type ${typeName(value)}`)
  if (value.defined?.name === 'time.Duration') return value.toBigInt()
  const seconds = value.toBigInt()
  if (seconds > maxSeconds || seconds < -maxSeconds) throw new FunctionError(`duration seconds overflow: ${seconds}`)
  return seconds * BigInt(nanosecondsPerSecond)
}

function fromText(value: string): bigint {
  const text = trimSpace(value)
  if (text === '') throw new FunctionError('empty duration')
  const parsed = parseNanoseconds(text)
  if (typeof parsed === 'bigint') return parsed
  const seconds = parseFloat64(text)
  if (typeof seconds === 'number') return fromSeconds(seconds)
  throw new FunctionError(`could not parse duration ${quote(value)}`)
}

function fromSeconds(seconds: number): bigint {
  if (!Number.isFinite(seconds)) throw new FunctionError(`invalid duration seconds: ${floatText(seconds)}`)
  const nanoseconds = seconds * nanosecondsPerSecond
  if (Math.abs(nanoseconds) > 2 ** 63) throw new FunctionError(`duration seconds overflow: ${floatText(seconds)}`)
  return BigInt(Math.trunc(nanoseconds))
}

function floatText(value: number): string {
  return formatFloat(value, 'g', -1)
}

/** compat(helm): what is no duration counts as zero. */
function orZero(value: Value): bigint {
  return orUndefined(value) ?? 0n
}

function orUndefined(value: Value): bigint | undefined {
  try {
    return nanosecondsOf(value)
  } catch (error) {
    if (error instanceof FunctionError) return undefined
    throw error
  }
}

function inUnits(name: string, nanoseconds: bigint): GoFunction {
  return goFunction(name, [ANY], (_run, value) => split(orZero(value), nanoseconds))
}

/** Go's Duration.Hours and its like: whole units and the rest are divided apart, which rounds differently from one division. */
function split(value: bigint, unit: bigint): number {
  return Number(value / unit) + Number(value % unit) / Number(unit)
}

function inWholeUnits(name: string, nanoseconds: bigint): GoFunction {
  return goFunction(name, [ANY], (_run, value) => goInt(orZero(value) / nanoseconds, 'int64'))
}

function adjusted(name: string, adjust: (nanoseconds: bigint, unit: bigint) => bigint): GoFunction {
  return goFunction(name, [ANY, ANY], (_run, value, multiple) => {
    const unit = orUndefined(multiple)
    const nanoseconds = orUndefined(value)
    if (nanoseconds === undefined) return goDuration(0n)
    return goDuration(unit === undefined || unit <= 0n ? nanoseconds : adjust(nanoseconds, unit))
  })
}

/** Helm's duration functions (Helm v4.3 pkg/engine funcs). */
export const durationFunctions: readonly GoFunction[] = [
  goFunction('mustToDuration', [ANY], (_run, value) => goDuration(nanosecondsOf(value))),
  inUnits('durationSeconds', 1_000_000_000n),
  inWholeUnits('durationMilliseconds', 1_000_000n),
  inWholeUnits('durationMicroseconds', 1000n),
  inWholeUnits('durationNanoseconds', 1n),
  inUnits('durationMinutes', 60_000_000_000n),
  inUnits('durationHours', HOUR),
  goFunction('durationDays', [ANY], (_run, value) => split(orZero(value), HOUR) / 24),
  goFunction('durationWeeks', [ANY], (_run, value) => split(orZero(value), HOUR) / 24 / 7),
  adjusted('durationRoundTo', roundNanoseconds),
  adjusted('durationTruncateTo', (nanoseconds, unit) => nanoseconds - (nanoseconds % unit)),
]
