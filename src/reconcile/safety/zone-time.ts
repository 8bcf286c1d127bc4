/** A calendar day; months count from 1. */
export interface LocalDay {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** A day and a time of it as clocks in a time zone show it. Hours may be 24 or more: they are those of the days after. */
export interface LocalTime extends LocalDay {
  readonly hour: number
  readonly minute: number
}

/** A time zone with its rules for summer and winter, from what the runtime knows (IANA's names). */
export interface Zone {
  readonly name: string
  /** What clocks show at a moment (milliseconds since 1970). */
  readonly toLocal: (at: number) => LocalTime
  /**
   * The moment at which clocks show a time. Of a time that they show twice the first; one that they skip counts as if they had not been set forward: half past two in a
   * gap from two to three is what they call half past three (the rule `compatible` of ECMAScript's Temporal).
   */
  readonly fromLocal: (time: LocalTime) => number
}

const dayMs = 86_400_000

/** The zone of a name, undefined where there is none. */
export function zoneOf(name: string): Zone | undefined {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      calendar: 'gregory',
      numberingSystem: 'latn',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    return undefined
  }
  const shownAt = (at: number): number => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
    const get = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0
    return Date.UTC(get('year'), get('month') - 1, get('day'), get('hour'), get('minute'), get('second'))
  }
  /** How much clocks are ahead of UTC. */
  const offsetAt = (at: number): number => shownAt(at) - Math.floor(at / 1000) * 1000
  return {
    name,
    toLocal: (at) => {
      const shown = new Date(shownAt(at))
      return { ...dayOf(shown.getTime()), hour: shown.getUTCHours(), minute: shown.getUTCMinutes() }
    },
    fromLocal: ({ year, month, day, hour, minute }) => {
      const shown = Date.UTC(year, month - 1, day, hour, minute)
      // Clocks are not set twice within two days.
      const before = offsetAt(shown - dayMs)
      const after = offsetAt(shown + dayMs)
      const found = [before, after].map((offset) => shown - offset).filter((at) => shownAt(at) === shown)
      return found.length === 0 ? shown - before : Math.min(...found)
    },
  }
}

/** The day of a moment in UTC. */
function dayOf(at: number): LocalDay {
  const date = new Date(at)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}

/** The day that is `count` days later. */
export function addDays({ year, month, day }: LocalDay, count: number): LocalDay {
  return dayOf(Date.UTC(year, month - 1, day + count))
}

/** 0 for a Sunday. */
export function weekdayOf({ year, month, day }: LocalDay): number {
  return new Date(Date.UTC(year, month - 1, day)).getUTCDay()
}

/** Negative where `a` is before `b`. */
export function compareDays(a: LocalDay, b: LocalDay): number {
  return Date.UTC(a.year, a.month - 1, a.day) - Date.UTC(b.year, b.month - 1, b.day)
}
