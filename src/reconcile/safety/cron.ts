import { EngineError } from '../../base/index.ts'
import { weekdayOf, type LocalDay } from './zone-time.ts'

/** A schedule of cron: on which days, and when. */
export interface Cron {
  readonly isOn: (day: LocalDay) => boolean
  /** Minutes after midnight, ascending. */
  readonly times: readonly number[]
}

interface Field {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly names?: readonly string[]
}

const fields: readonly Field[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of the month', min: 1, max: 31 },
  {
    name: 'month',
    min: 1,
    max: 12,
    names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  },
  // 7 is Sunday as well.
  { name: 'day of the week', min: 0, max: 7, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
]

/**
 * Reads the five fields of cron: minute, hour, day of the month, month, day of the week; each `*`, a number or name, a range, a list, with a step. Where both
 * kinds of days are restricted either of them will do, as in cron.
 *
 * @throws EngineError `window-invalid`.
 */
export function parseCron(text: string): Cron {
  const parts = text.trim().toLowerCase().split(/\s+/)
  const [minutes, hours, days, months, weekdays] = fields.map((field, index) => valuesOf(parts[index] ?? '', field))
  if (parts.length !== fields.length) throw windowInvalid(`'${text.slice(0, 60)}' must have the five fields of cron`)
  const isAnyDay = parts[2]?.startsWith('*') === true
  const isAnyWeekday = parts[4]?.startsWith('*') === true
  return {
    isOn: (day) => {
      if (months?.has(day.month) !== true) return false
      const isDay = days?.has(day.day) === true
      const weekday = weekdayOf(day)
      const isWeekday = weekdays?.has(weekday) === true || (weekday === 0 && weekdays?.has(7) === true)
      return isAnyDay || isAnyWeekday ? isDay && isWeekday : isDay || isWeekday
    },
    times: [...(hours ?? [])]
      .flatMap((hour) => [...(minutes ?? [])].map((minute) => hour * 60 + minute))
      .toSorted((a, b) => a - b),
  }
}

function valuesOf(text: string, field: Field): ReadonlySet<number> {
  const wrong = (): never => {
    throw windowInvalid(`'${text.slice(0, 40)}' is no ${field.name} of cron (${field.min} to ${field.max})`)
  }
  const found = new Set<number>()
  for (const part of text.split(',')) {
    const match = /^(\*|[a-z0-9]+)(?:-([a-z0-9]+))?(?:\/(\d+))?$/.exec(part)
    const [, first = '', last, step] = match ?? wrong()
    const isAny = first === '*'
    if (isAny && last !== undefined) wrong()
    const from = isAny ? field.min : numberOf(first, field)
    const to = isAny ? field.max : last === undefined ? (step === undefined ? from : field.max) : numberOf(last, field)
    const by = step === undefined ? 1 : Number(step)
    if (from === undefined || to === undefined || from > to || by < 1) return wrong()
    for (let value = from; value <= to; value += by) found.add(value)
  }
  return found
}

function numberOf(text: string, { min, max, names = [] }: Field): number | undefined {
  const named = names.indexOf(text)
  const value = named >= 0 ? named + min : /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN
  return value >= min && value <= max ? value : undefined
}

/** An error about how a window is written. */
export function windowInvalid(message: string): EngineError {
  return new EngineError(message, { code: 'window-invalid', disposition: 'stall' })
}
