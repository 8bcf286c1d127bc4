import { parseDuration, type EngineError } from '../../base/index.ts'
import { parseCron, windowInvalid } from './cron.ts'
import { addDays, compareDays, weekdayOf, type LocalDay, type Zone } from './zone-time.ts'

/** A stretch of time, milliseconds since 1970; `end` is not part of it. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Stretches of time that come again and again. */
export interface Schedule {
  readonly zone: Zone
  /** All stretches that have a part in `[from, to)`, by their start. */
  readonly spans: (from: number, to: number) => readonly Span[]
}

/** What happens on one day: minutes after midnight at which a stretch begins, and when it ends. */
interface Rule {
  /** Begins on this day, as minutes after midnight; empty for none. */
  readonly startsOn: (day: LocalDay) => readonly number[]
  /** As clocks show it (`wall`, minutes after the midnight before the start), or as time that passes. */
  readonly length: { readonly wall: number } | { readonly ms: number }
}

const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const dayMinutes = 1440
const weekMinutes = 7 * dayMinutes
const maxLengthMs = 31 * 86_400_000
/** Nobody needs more, and each costs a look at the time zone. */
const maxStartsPerDay = 24

/**
 * Reads when a window is open, in the clocks of a time zone:
 *
 * - `mon-fri 08:00-16:00`, `sat,sun`, `daily 22:00-06:00`: on these days; an end that is not after the start is on the next day;
 * - `fri 18:00-mon 08:00`: from a day of the week to another;
 * - `0 22 * * 1-5 for 8h`: a schedule of cron, and how long each time lasts (at most 31 days).
 *
 * Ends are what clocks show, except after `for`, where time passes.
 *
 * @throws EngineError `window-invalid` that names what is wrong.
 */
export function parseWhen(text: string, zone: Zone): Schedule {
  return createSchedule(ruleOf(text.trim().toLowerCase(), text), zone)
}

function ruleOf(when: string, text: string): Rule {
  const cron = /^(\S+ \S+ \S+ \S+ \S+)\s+for\s+(\S+)$/.exec(when.replaceAll(/\s+/g, ' '))
  if (cron !== null) return cronRule(cron[1] ?? '', cron[2] ?? '')
  const week = /^([a-z]{3}) (\d\d:\d\d)\s*-\s*([a-z]{3}) (\d\d:\d\d)$/.exec(when)
  if (week !== null) return weekRule(week.slice(1), text)
  const days = /^([a-z,-]+?)(?:\s+(\d\d:\d\d)\s*-\s*(\d\d:\d\d))?$/.exec(when)
  if (days === null) throw invalid(text)
  const wanted = daysOf(days[1] ?? '', text)
  const from = minutesOf(days[2] ?? '00:00', text)
  const to = minutesOf(days[3] ?? '24:00', text)
  return {
    startsOn: (day) => (wanted.has(weekdayOf(day)) ? [from] : []),
    length: { wall: to > from ? to : to + dayMinutes },
  }
}

function cronRule(schedule: string, length: string): Rule {
  const cron = parseCron(schedule)
  const days = /^(\d+)d$/.exec(length)?.[1]
  const ms = days === undefined ? durationOf(length) : Number(days) * 86_400_000
  if (!(ms > 0) || ms > maxLengthMs)
    throw windowInvalid(`'for ${length}' must be more than nothing and at most 31 days`)
  if (cron.times.length > maxStartsPerDay)
    throw windowInvalid(`'${schedule}' begins more than ${maxStartsPerDay} times a day`)
  return { startsOn: (day) => (cron.isOn(day) ? cron.times : []), length: { ms } }
}

function durationOf(text: string): number {
  try {
    return parseDuration(text)
  } catch {
    throw windowInvalid(`'${text.slice(0, 40)}' is not a duration; write 90m, 8h or 3d`)
  }
}

function weekRule([firstDay = '', firstTime = '', lastDay = '', lastTime = '']: readonly string[], text: string): Rule {
  const [first] = daysOf(firstDay, text)
  const [last] = daysOf(lastDay, text)
  const from = minutesOf(firstTime, text)
  const days = ((last ?? 0) - (first ?? 0) + 7) % 7
  const to = days * dayMinutes + minutesOf(lastTime, text)
  return {
    startsOn: (day) => (weekdayOf(day) === first ? [from] : []),
    length: { wall: to > from ? to : to + weekMinutes },
  }
}

function daysOf(text: string, whole: string): ReadonlySet<number> {
  if (text === 'daily') return new Set(dayNames.keys())
  const found = new Set<number>()
  for (const part of text.split(',')) {
    const [first = '', last = first, ...more] = part.split('-')
    const [from, to] = [dayNames.indexOf(first), dayNames.indexOf(last)]
    if (from < 0 || to < 0 || more.length > 0) throw invalid(whole)
    for (let day = from; ; day = (day + 1) % 7) {
      found.add(day)
      if (day === to) break
    }
  }
  return found
}

function minutesOf(text: string, whole: string): number {
  const [hours = 99, minutes = 99] = text.split(':').map(Number)
  const total = hours * 60 + minutes
  if (minutes > 59 || total > dayMinutes) throw invalid(whole)
  return total
}

function createSchedule(rule: Rule, zone: Zone): Schedule {
  const longest = 'ms' in rule.length ? rule.length.ms : rule.length.wall * 60_000
  const momentOf = (day: LocalDay, minutes: number): number =>
    zone.fromLocal({ ...addDays(day, Math.floor(minutes / dayMinutes)), hour: 0, minute: minutes % dayMinutes })
  return {
    zone,
    spans: (from, to) => {
      const found: Span[] = []
      const lastDay = addDays(zone.toLocal(to), 1)
      for (let day = addDays(zone.toLocal(from - longest), -1); compareDays(day, lastDay) <= 0; day = addDays(day, 1)) {
        for (const minutes of rule.startsOn(day)) {
          const start = momentOf(day, minutes)
          const end = 'ms' in rule.length ? start + rule.length.ms : momentOf(day, rule.length.wall)
          // Where clocks were set forward over all of it, it does not take place.
          if (end > start && end > from && start < to) found.push({ start, end })
        }
      }
      return found.toSorted((a, b) => a.start - b.start)
    },
  }
}

function invalid(text: string): EngineError {
  return windowInvalid(
    `'${text.slice(0, 60)}' does not say when: write 'mon-fri 08:00-16:00', 'sat,sun', 'daily 22:00-06:00', 'fri 18:00-mon 08:00', or a schedule of cron with a duration, '0 22 * * 1-5 for 8h'`,
  )
}
