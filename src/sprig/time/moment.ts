import { civilFromSeconds, MONTHS, WEEKDAYS, weekdayOf, yearDayOf, type Civil } from './calendar.ts'
import { parseLayout } from './layout.ts'
import type { Zone } from './zone.ts'

/** An instant with a zone to show it in: what a Go time.Time holds. */
export interface Moment {
  /** Seconds since 1970. */
  readonly seconds: number
  /** 0 to 999,999,999. */
  readonly nanoseconds: number
  readonly zone: Zone
}

/** A moment taken apart in its zone. */
export interface LocalMoment extends Civil {
  readonly nanoseconds: number
  readonly weekday: number
  readonly yearDay: number
  readonly offset: number
  readonly abbreviation: string
}

/** The civil time of a moment in its own zone. */
export function localOf(moment: Moment): LocalMoment {
  const { offset, abbreviation } = moment.zone.at(moment.seconds)
  const shifted = moment.seconds + offset
  const civil = civilFromSeconds(shifted)
  return {
    ...civil,
    nanoseconds: moment.nanoseconds,
    weekday: weekdayOf(shifted),
    yearDay: yearDayOf(civil),
    offset,
    abbreviation,
  }
}

function two(n: number): string {
  return String(n).padStart(2, '0')
}

/** Four digits, a sign before them for years before 0. */
function fullYear(year: number): string {
  return year < 0 ? `-${String(-year).padStart(4, '0')}` : String(year).padStart(4, '0')
}

type Render = (local: LocalMoment) => string

const RENDER: Readonly<Record<string, Render>> = {
  January: (t) => MONTHS[t.month - 1]!,
  Jan: (t) => MONTHS[t.month - 1]!.slice(0, 3),
  '1': (t) => String(t.month),
  '01': (t) => two(t.month),
  Monday: (t) => WEEKDAYS[t.weekday]!,
  Mon: (t) => WEEKDAYS[t.weekday]!.slice(0, 3),
  '2': (t) => String(t.day),
  _2: (t) => String(t.day).padStart(2),
  '02': (t) => two(t.day),
  __2: (t) => String(t.yearDay).padStart(3),
  '002': (t) => String(t.yearDay).padStart(3, '0'),
  '15': (t) => two(t.hour),
  '3': (t) => String(t.hour % 12 || 12),
  '03': (t) => two(t.hour % 12 || 12),
  '4': (t) => String(t.minute),
  '04': (t) => two(t.minute),
  '5': (t) => String(t.second),
  '05': (t) => two(t.second),
  '2006': (t) => fullYear(t.year),
  '06': (t) => two(Math.abs(t.year % 100)),
  PM: (t) => (t.hour >= 12 ? 'PM' : 'AM'),
  pm: (t) => (t.hour >= 12 ? 'pm' : 'am'),
  MST: (t) => (t.abbreviation === '' ? numericZone(t.offset, '-0700') : t.abbreviation),
}

function numericZone(offset: number, layout: string): string {
  if (layout.startsWith('Z') && offset === 0) return 'Z'
  const shape = layout.slice(1)
  const size = Math.abs(offset)
  const colon = shape.includes(':') ? ':' : ''
  let out = (offset < 0 ? '-' : '+') + two(Math.floor(size / 3600))
  if (shape !== '07') out += colon + two(Math.floor((size % 3600) / 60))
  if (shape === '07:00:00' || shape === '070000') out += colon + two(size % 60)
  return out
}

function fraction(nanoseconds: number, layout: string): string {
  const digits = String(nanoseconds)
    .padStart(9, '0')
    .slice(0, layout.length - 1)
    .padEnd(layout.length - 1, '0')
  if (layout[1] === '0') return layout[0]! + digits
  const trimmed = digits.replace(/0+$/, '')
  return trimmed === '' ? '' : layout[0]! + trimmed
}

/** Go's Time.Format. */
export function formatMoment(moment: Moment, layout: string): string {
  const local = localOf(moment)
  let out = ''
  for (const part of parseLayout(layout)) {
    if (part.kind === 'text') out += part.text
    else if (Object.hasOwn(RENDER, part.text)) out += RENDER[part.text]!(local)
    else if (/^[.,]/.test(part.text)) out += fraction(local.nanoseconds, part.text)
    else out += numericZone(local.offset, part.text)
  }
  return out
}
