import {
  goInt,
  goMethod,
  GoInt,
  GoObject,
  INT,
  STRING,
  structParam,
  type DefinedInt,
  type GoFunction,
  type ParamType,
  type Value,
} from '../../template/index.ts'
import { MONTHS, secondsFromCivil, WEEKDAYS } from './calendar.ts'
import { formatNanoseconds, roundNanoseconds, SECOND } from './duration.ts'
import { formatMoment, localOf, type Moment } from './moment.ts'
import { LOCAL, UTC } from './zone.ts'

const NO_FIELDS: ReadonlyMap<string, Value> = new Map()
// Seconds from year 1, where Go's zero time lies, to 1970.
const ZERO_SECONDS = -62_135_596_800

/** A Go time.Time. */
export class GoTime extends GoObject {
  readonly goType = 'time.Time'
  readonly fields = NO_FIELDS
  readonly moment: Moment

  constructor(moment: Moment) {
    super()
    this.moment = moment
  }

  override readonly methods = TIME_METHODS

  override readonly toText = (): string => formatMoment(this.moment, '2006-01-02 15:04:05.999999999 -0700 MST')

  override toJson(): Value {
    return formatMoment(this.moment, '2006-01-02T15:04:05.999999999Z07:00')
  }

  override get isComparable(): boolean {
    return true
  }

  override equals(other: Value): boolean {
    if (!(other instanceof GoTime)) return false
    const [a, b] = [this.moment, other.moment]
    return a.seconds === b.seconds && a.nanoseconds === b.nanoseconds && a.zone === b.zone
  }
}

/** Go's zero time: the year 1 in UTC. */
export function zeroTime(): GoTime {
  return new GoTime({ seconds: ZERO_SECONDS, nanoseconds: 0, zone: UTC })
}

/** The time of a clock in milliseconds, in the local zone. */
export function timeFromMilliseconds(milliseconds: number): GoTime {
  const seconds = Math.floor(milliseconds / 1000)
  return new GoTime({ seconds, nanoseconds: Math.round((milliseconds - seconds * 1000) * 1e6), zone: LOCAL })
}

/** The instant in nanoseconds since 1970. */
export function nanosecondsOf(time: GoTime): bigint {
  return BigInt(time.moment.seconds) * SECOND + BigInt(time.moment.nanoseconds)
}

/** The same zone, at another instant in nanoseconds since 1970. */
export function timeAt(nanoseconds: bigint, like: GoTime): GoTime {
  const rest = ((nanoseconds % SECOND) + SECOND) % SECOND
  const seconds = Number((nanoseconds - rest) / SECOND)
  return new GoTime({ seconds, nanoseconds: Number(rest), zone: like.moment.zone })
}

export const TIME: ParamType<GoTime> = structParam('time.Time', (v): v is GoTime => v instanceof GoTime)

function isDuration(v: Value): v is GoInt {
  return v instanceof GoInt && v.defined?.name === 'time.Duration'
}

const DURATION_PARAM: ParamType<GoInt> = structParam('time.Duration', isDuration)

/** A time.Duration of that many nanoseconds. */
export function goDuration(nanoseconds: bigint): GoInt {
  return goInt(nanoseconds, 'int64', DURATION)
}

function float(name: string, unit: number): GoFunction {
  return goMethod(name, [], (_run, d: GoInt) => Number(d.toBigInt()) / unit)
}

function whole(name: string, unit: bigint): GoFunction {
  return goMethod(name, [], (_run, d: GoInt) => goInt(d.toBigInt() / unit, 'int64'))
}

function byName(methods: readonly GoFunction[]): ReadonlyMap<string, GoFunction> {
  return new Map(methods.map((method) => [method.name, method]))
}

const DURATION: DefinedInt = Object.freeze({
  name: 'time.Duration',
  toText: (d: GoInt) => formatNanoseconds(d.toBigInt()),
  methods: byName([
    float('Hours', 3.6e12),
    float('Minutes', 6e10),
    float('Seconds', 1e9),
    whole('Milliseconds', 1_000_000n),
    whole('Microseconds', 1000n),
    whole('Nanoseconds', 1n),
    goMethod('String', [], (_run, d: GoInt) => formatNanoseconds(d.toBigInt())),
    goMethod('Abs', [], (_run, d: GoInt) => goDuration(d.n < 0 ? -d.toBigInt() : d.toBigInt())),
    goMethod('Round', [DURATION_PARAM], (_run, d: GoInt, unit) =>
      goDuration(roundNanoseconds(d.toBigInt(), unit.toBigInt())),
    ),
    goMethod('Truncate', [DURATION_PARAM], (_run, d: GoInt, unit) =>
      goDuration(unit.n <= 0 ? d.toBigInt() : d.toBigInt() - (d.toBigInt() % unit.toBigInt())),
    ),
  ]),
})

function named(name: string, texts: readonly string[], first: number): DefinedInt {
  const toText = (n: GoInt): string => texts[n.toNumber() - first] ?? `%!${name.slice(5)}(${n.toString()})`
  return Object.freeze({ name, toText, methods: byName([goMethod('String', [], (_run, n: GoInt) => toText(n))]) })
}

const MONTH = named('time.Month', MONTHS, 1)
const WEEKDAY = named('time.Weekday', WEEKDAYS, 0)

function part(name: string, pick: (time: GoTime) => number): GoFunction {
  return goMethod(name, [], (_run, time: GoTime) => goInt(pick(time)))
}

function relation(name: string, test: (order: number) => boolean): GoFunction {
  return goMethod(name, [TIME], (_run, time: GoTime, other) => test(compare(time, other)))
}

function compare(a: GoTime, b: GoTime): number {
  const [x, y] = [nanosecondsOf(a), nanosecondsOf(b)]
  return x < y ? -1 : x > y ? 1 : 0
}

function count(name: string, unit: bigint): GoFunction {
  // Floors: the instant's own fraction never counts.
  return goMethod(name, [], (_run, time: GoTime) => {
    const n = nanosecondsOf(time)
    return goInt((n - (((n % unit) + unit) % unit)) / unit, 'int64')
  })
}

function addDate(time: GoTime, years: number, months: number, days: number): GoTime {
  const local = localOf(time.moment)
  const civil = { ...local, year: local.year + years, month: local.month + months, day: local.day + days }
  const seconds = secondsFromCivil(civil) - local.offset
  return new GoTime({ ...time.moment, seconds })
}

const TIME_METHODS: ReadonlyMap<string, GoFunction> = byName([
  goMethod('Format', [STRING], (_run, time: GoTime, layout) => formatMoment(time.moment, layout)),
  goMethod('String', [], (_run, time: GoTime) => time.toText()),
  part('Year', (time) => localOf(time.moment).year),
  goMethod('Month', [], (_run, time: GoTime) => goInt(localOf(time.moment).month, 'int', MONTH)),
  goMethod('Weekday', [], (_run, time: GoTime) => goInt(localOf(time.moment).weekday, 'int', WEEKDAY)),
  part('Day', (time) => localOf(time.moment).day),
  part('YearDay', (time) => localOf(time.moment).yearDay),
  part('Hour', (time) => localOf(time.moment).hour),
  part('Minute', (time) => localOf(time.moment).minute),
  part('Second', (time) => localOf(time.moment).second),
  part('Nanosecond', (time) => time.moment.nanoseconds),
  count('Unix', SECOND),
  count('UnixMilli', 1_000_000n),
  count('UnixMicro', 1000n),
  count('UnixNano', 1n),
  goMethod('UTC', [], (_run, time: GoTime) => new GoTime({ ...time.moment, zone: UTC })),
  goMethod('Local', [], (_run, time: GoTime) => new GoTime({ ...time.moment, zone: LOCAL })),
  goMethod('IsZero', [], (_run, { moment }: GoTime) => moment.seconds === ZERO_SECONDS && moment.nanoseconds === 0),
  goMethod('Add', [DURATION_PARAM], (_run, time: GoTime, d) => timeAt(nanosecondsOf(time) + d.toBigInt(), time)),
  goMethod('Sub', [TIME], (_run, time: GoTime, other) => goDuration(clamp(nanosecondsOf(time) - nanosecondsOf(other)))),
  goMethod('AddDate', [INT, INT, INT], (_run, time: GoTime, years, months, days) =>
    addDate(time, years.toNumber(), months.toNumber(), days.toNumber()),
  ),
  goMethod('Compare', [TIME], (_run, time: GoTime, other) => goInt(compare(time, other))),
  relation('Equal', (order) => order === 0),
  relation('Before', (order) => order < 0),
  relation('After', (order) => order > 0),
  goMethod('Date', [], (run) => {
    // Go notices before the call, so this is no error of the call.
    throw run.fail('function Date has 3 return values; should be 1 or 2')
  }),
])

/** A difference that does not fit is the longest duration. */
function clamp(nanoseconds: bigint): bigint {
  const max = (1n << 63n) - 1n
  return nanoseconds > max ? max : nanoseconds < -max - 1n ? -max - 1n : nanoseconds
}
