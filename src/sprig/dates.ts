import {
  ANY,
  FunctionError,
  goFunction,
  GoInt,
  parseInteger,
  STRING,
  type GoFunction,
  type Run,
  type Value,
} from '../template/index.ts'
import { formatNanoseconds, parseNanoseconds, roundNanoseconds, SECOND } from './time/duration.ts'
import { formatMoment } from './time/moment.ts'
import { parseMoment } from './time/parse.ts'
import { GoTime, nanosecondsOf, TIME, timeAt, timeFromMilliseconds, zeroTime } from './time/time-value.ts'
import { loadZone, LOCAL, UTC, type Zone } from './time/zone.ts'

const HTML_DATE = '2006-01-02'
const ZONE_KEY = 'sprig.zone:'

function now(run: Run): GoTime {
  return timeFromMilliseconds(run.environment.now())
}

/** A zone by name; an unknown name is UTC. Making one is costly, so they are kept in the run's cache. */
function zone(run: Run, name: string): Zone {
  const key = ZONE_KEY + name.slice(0, 64)
  const cached = run.cache.get(key) as Zone | undefined
  const found = cached ?? loadZone(name) ?? UTC
  if (cached === undefined) run.cache.set(key, found)
  return found
}

/** A time, or seconds since 1970 as an int, int32 or int64; anything else is now. */
function timeOf(run: Run, v: Value, kinds: readonly GoInt['kind'][]): GoTime {
  if (v instanceof GoTime) return v
  if (v instanceof GoInt && v.defined === undefined && kinds.includes(v.kind)) {
    return new GoTime({ seconds: v.toNumber(), nanoseconds: 0, zone: LOCAL })
  }
  return now(run)
}

function dateInZone(run: Run, layout: string, v: Value, zoneName: string): string {
  const { moment } = timeOf(run, v, ['int', 'int32', 'int64'])
  return formatMoment({ ...moment, zone: zone(run, zoneName) }, layout)
}

function modify(duration: string, date: GoTime): GoTime | string {
  const nanoseconds = parseNanoseconds(duration)
  return typeof nanoseconds === 'string' ? nanoseconds : timeAt(nanosecondsOf(date) + nanoseconds, date)
}

function modifying(name: string, isMust: boolean): GoFunction {
  return goFunction(name, [STRING, TIME], (_run, duration, date) => {
    const changed = modify(duration, date)
    if (typeof changed !== 'string') return changed
    if (isMust) throw new FunctionError(changed)
    // compat(sprig): a duration that cannot be read leaves the date as it is.
    return date
  })
}

function ago(run: Run, v: Value): string {
  const then = timeOf(run, v, ['int', 'int64'])
  return formatNanoseconds(roundNanoseconds(nanosecondsOf(now(run)) - nanosecondsOf(then), SECOND))
}

function durationOfSeconds(v: Value): string {
  let seconds = 0n
  if (v instanceof GoInt && v.kind === 'int64' && v.defined === undefined) seconds = v.toBigInt()
  else if (typeof v === 'string') seconds = parsedSeconds(v)
  return formatNanoseconds(BigInt.asIntN(64, seconds * SECOND))
}

function parsedSeconds(text: string): bigint {
  const parsed = parseInteger(text, 10)
  if (typeof parsed === 'bigint') return parsed
  if (parsed === 'syntax') return 0n
  return text.startsWith('-') ? -(1n << 63n) : (1n << 63n) - 1n
}

const ROUND_UNITS: readonly (readonly [string, bigint])[] = [
  ['y', 365n * 24n * 3600n * SECOND],
  ['mo', 30n * 24n * 3600n * SECOND],
  ['d', 24n * 3600n * SECOND],
  ['h', 3600n * SECOND],
  ['m', 60n * SECOND],
  ['s', SECOND],
]

/** The largest unit that the duration exceeds, and how many of it. */
function roundDuration(run: Run, v: Value): string {
  let nanoseconds = 0n
  if (typeof v === 'string') {
    const parsed = parseNanoseconds(v)
    nanoseconds = typeof parsed === 'bigint' ? parsed : 0n
  } else if (v instanceof GoInt && v.kind === 'int64' && v.defined === undefined) nanoseconds = v.toBigInt()
  else if (v instanceof GoTime) nanoseconds = nanosecondsOf(now(run)) - nanosecondsOf(v)
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds
  for (const [name, unit] of ROUND_UNITS) if (size > unit) return `${size / unit}${name}`
  return '0s'
}

function zoned(name: string): GoFunction {
  return goFunction(name, [STRING, ANY, STRING], (run, layout, v, zoneName) => dateInZone(run, layout, v, zoneName))
}

/** Sprig's dates. The local zone is UTC. */
export const dateFunctions: readonly GoFunction[] = [
  goFunction('now', [], (run) => now(run)),
  goFunction('date', [STRING, ANY], (run, layout, v) => dateInZone(run, layout, v, 'Local')),
  zoned('dateInZone'),
  zoned('date_in_zone'),
  goFunction('htmlDate', [ANY], (run, v) => dateInZone(run, HTML_DATE, v, 'Local')),
  goFunction('htmlDateInZone', [ANY, STRING], (run, v, zoneName) => dateInZone(run, HTML_DATE, v, zoneName)),
  modifying('dateModify', false),
  modifying('date_modify', false),
  modifying('mustDateModify', true),
  modifying('must_date_modify', true),
  goFunction('ago', [ANY], ago),
  goFunction('duration', [ANY], (_run, v) => durationOfSeconds(v)),
  goFunction('durationRound', [ANY], roundDuration),
  goFunction('toDate', [STRING, STRING], (_run, layout, text) => {
    const parsed = parseMoment(layout, text, LOCAL)
    // compat(sprig): the error is dropped, and what is left is the zero time.
    return typeof parsed === 'string' ? zeroTime() : new GoTime(parsed)
  }),
  goFunction('mustToDate', [STRING, STRING], (_run, layout, text) => {
    const parsed = parseMoment(layout, text, LOCAL)
    if (typeof parsed === 'string') throw new FunctionError(parsed)
    return new GoTime(parsed)
  }),
  goFunction('unixEpoch', [TIME], (_run, date) => String(date.moment.seconds)),
]
