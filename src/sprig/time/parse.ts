import { quote } from '../../template/index.ts'
import { daysInMonth, MONTHS, secondsFromCivil, WEEKDAYS } from './calendar.ts'
import { parseLayout } from './layout.ts'
import type { Moment } from './moment.ts'
import { fixedZone, UTC, type Zone } from './zone.ts'

/** Go's time.ParseInLocation; a string result is the message of its error. */
export function parseMoment(layout: string, value: string, zone: Zone): Moment | string {
  const reader = new MomentReader(layout, value, zone)
  try {
    return reader.read()
  } catch (error) {
    if (error instanceof Mismatch) return error.message
    throw error
  }
}

/** Leaves the reader at the first thing that does not fit; never seen outside this file. */
class Mismatch {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}

class MomentReader {
  private readonly layout: string
  private readonly value: string
  private readonly zone: Zone
  private rest: string
  private year = 0
  private month = -1
  private day = -1
  private yearDay = -1
  private hour = 0
  private minute = 0
  private second = 0
  private nanoseconds = 0
  private half: 'am' | 'pm' | undefined
  private isUtc = false
  private offset: number | undefined
  private abbreviation = ''

  constructor(layout: string, value: string, zone: Zone) {
    this.layout = layout
    this.value = value
    this.rest = value
    this.zone = zone
  }

  read(): Moment {
    const parts = parseLayout(this.layout)
    for (const [i, part] of parts.entries()) {
      if (part.kind === 'text') this.literal(part.text)
      else this.field(part.text, parts[i + 1]?.text ?? '')
    }
    if (this.rest !== '') throw this.complaint('', this.rest, `: extra text: ${quote(this.rest)}`)
    return this.moment()
  }

  /** Go's wording: with a reason, where the whole is wrong; without, which part of the layout was not met. */
  private complaint(element: string, at: string, reason = ''): Mismatch {
    const head = `parsing time ${quote(this.value)}`
    if (reason !== '') return new Mismatch(head + reason)
    return new Mismatch(`${head} as ${quote(this.layout)}: cannot parse ${quote(at)} as ${quote(element)}`)
  }

  private literal(text: string): void {
    let rest = this.rest
    for (let i = 0; i < text.length; i++) {
      if (text[i] === ' ') {
        // A run of spaces in the layout takes any number of them, but no other character.
        if (rest !== '' && rest[0] !== ' ') throw this.complaint(text, this.rest)
        while (text[i + 1] === ' ') i++
        rest = rest.replace(/^ +/, '')
      } else if (rest[0] === text[i]) rest = rest.slice(1)
      else throw this.complaint(text, this.rest)
    }
    this.rest = rest
  }

  private take(pattern: RegExp, element: string): RegExpExecArray {
    const match = pattern.exec(this.rest)
    if (match === null) throw this.complaint(element, this.rest)
    this.rest = this.rest.slice(match[0].length)
    return match
  }

  private number(pattern: RegExp, element: string, range?: { name: string; from: number; to: number }): number {
    const n = Number(this.take(pattern, element)[0])
    if (range !== undefined && (n < range.from || n > range.to)) {
      throw this.complaint(element, this.rest, `: ${range.name} out of range`)
    }
    return n
  }

  private name(names: readonly string[], element: string, length?: number): number {
    const shown = names.map((name) => (length === undefined ? name : name.slice(0, length)))
    const index = shown.findIndex((name) => this.rest.slice(0, name.length).toLowerCase() === name.toLowerCase())
    if (index === -1) throw this.complaint(element, this.rest)
    this.rest = this.rest.slice(shown[index]!.length)
    return index
  }

  private field(element: string, next: string): void {
    switch (element) {
      case '2006':
        this.year = this.number(/^\d{4}/, element)
        return
      case '06': {
        const year = this.number(/^\d\d/, element)
        this.year = year + (year >= 69 ? 1900 : 2000)
        return
      }
      case 'January':
        this.month = this.name(MONTHS, element) + 1
        return
      case 'Jan':
        this.month = this.name(MONTHS, element, 3) + 1
        return
      case '1':
      case '01':
        this.month = this.number(digits(element), element, { name: 'month', from: 1, to: 12 })
        return
      case 'Monday':
        this.name(WEEKDAYS, element)
        return
      case 'Mon':
        this.name(WEEKDAYS, element, 3)
        return
      case '2':
      case '02':
      case '_2':
        if (element === '_2') this.rest = this.rest.replace(/^ /, '')
        this.day = this.number(digits(element), element)
        return
      case '002':
      case '__2':
        if (element === '__2') this.rest = this.rest.replace(/^ {1,2}/, '')
        this.yearDay = this.number(element === '002' ? /^\d{3}/ : /^\d{1,3}/, element)
        return
      default:
        this.clockField(element, next)
    }
  }

  private clockField(element: string, next: string): void {
    switch (element) {
      case '15':
        this.hour = this.number(/^\d\d?/, element, { name: 'hour', from: 0, to: 23 })
        return
      case '3':
      case '03':
        this.hour = this.number(digits(element), element, { name: 'hour', from: 0, to: 12 })
        return
      case '4':
      case '04':
        this.minute = this.number(digits(element), element, { name: 'minute', from: 0, to: 59 })
        return
      case '5':
      case '05':
        this.second = this.number(digits(element), element, { name: 'second', from: 0, to: 59 })
        // A fraction in the value is read even where the layout has none.
        if (!/^[.,][09]/.test(next) && /^[.,]\d/.test(this.rest)) this.readFraction(/^[.,](\d+)/, element)
        return
      case 'PM':
      case 'pm':
        this.half = this.take(element === 'PM' ? /^[AP]M/ : /^[ap]m/, element)[0].toLowerCase() as 'am' | 'pm'
        return
      case 'MST':
        this.zoneName(element)
        return
      default:
    }
    if (/^[.,]0/.test(element)) this.readFraction(new RegExp(`^[.,](\\d{${element.length - 1}})`), element)
    else if (/^[.,]9/.test(element)) {
      if (/^[.,]\d/.test(this.rest)) this.readFraction(/^[.,](\d+)/, element)
    } else this.zoneOffset(element)
  }

  private readFraction(pattern: RegExp, element: string): void {
    this.nanoseconds = Number(this.take(pattern, element)[1]!.slice(0, 9).padEnd(9, '0'))
  }

  private zoneOffset(element: string): void {
    if (element.startsWith('Z') && this.rest.startsWith('Z')) {
      this.rest = this.rest.slice(1)
      this.isUtc = true
      return
    }
    const shape = element.slice(1)
    const colon = shape.includes(':') ? ':' : ''
    const count = shape.replaceAll(':', '').length / 2
    const pattern = new RegExp(`^([+-])(\\d\\d)${`${colon}(\\d\\d)`.repeat(count - 1)}`)
    const [, sign, hours, minutes = '0', seconds = '0'] = this.take(pattern, element)
    const parts: readonly [string, number, number][] = [
      ['hour', Number(hours), 24],
      ['minute', Number(minutes), 60],
      ['second', Number(seconds), 60],
    ]
    for (const [name, n, max] of parts) {
      if (n > max) throw this.complaint(element, this.rest, `: time zone offset ${name} out of range`)
    }
    const offset = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)
    this.offset = sign === '-' ? -offset : offset
  }

  private zoneName(element: string): void {
    if (this.rest.startsWith('UTC')) {
      this.rest = this.rest.slice(3)
      this.isUtc = true
      return
    }
    this.abbreviation = this.take(
      /^(?:ChST|MeST|WITA|GMT(?:[+-]\d{1,2})?|[+-]\d\d|[A-Z]{4}T|[A-Z]{3}T|[A-Z]{3})(?![A-Z])/,
      element,
    )[0]
  }

  private moment(): Moment {
    if (this.half === 'pm' && this.hour < 12) this.hour += 12
    else if (this.half === 'am' && this.hour === 12) this.hour = 0
    this.settleDay()
    const { year, month, day, hour, minute, second, nanoseconds } = this
    const seconds = secondsFromCivil({ year, month, day, hour, minute, second })
    if (this.isUtc) return { seconds, nanoseconds, zone: UTC }
    if (this.offset !== undefined) return this.withOffset(seconds, this.offset)
    if (this.abbreviation !== '') return this.withAbbreviation(seconds)
    return { seconds: seconds - offsetOfLocal(this.zone, seconds), nanoseconds, zone: this.zone }
  }

  private settleDay(): void {
    if (this.yearDay >= 0) {
      const days = daysInMonth(this.year, 2) === 29 ? 366 : 365
      if (this.yearDay < 1 || this.yearDay > days) throw this.complaint('', '', ': day-of-year out of range')
      let month = 1
      let day = this.yearDay
      while (day > daysInMonth(this.year, month)) day -= daysInMonth(this.year, month++)
      if (this.month >= 0 && this.month !== month) throw this.complaint('', '', ': day-of-year does not match month')
      if (this.day >= 0 && this.day !== day) throw this.complaint('', '', ': day-of-year does not match day')
      this.month = month
      this.day = day
    }
    if (this.month < 0) this.month = 1
    if (this.day < 0) this.day = 1
    if (this.day < 1 || this.day > daysInMonth(this.year, this.month)) {
      throw this.complaint('', '', ': day out of range')
    }
  }

  private withOffset(local: number, offset: number): Moment {
    const seconds = local - offset
    const { nanoseconds } = this
    const known = this.zone.at(seconds)
    const isSame = known.offset === offset && (this.abbreviation === '' || known.abbreviation === this.abbreviation)
    return { seconds, nanoseconds, zone: isSame ? this.zone : fixedZone(this.abbreviation, offset) }
  }

  private withAbbreviation(local: number): Moment {
    const { abbreviation, nanoseconds } = this
    const seconds = local - offsetOfLocal(this.zone, local)
    if (this.zone.at(seconds).abbreviation === abbreviation) return { seconds, nanoseconds, zone: this.zone }
    const hours = /^GMT([+-]\d+)$/.exec(abbreviation)?.[1]
    const offset = hours === undefined ? 0 : Number(hours) * 3600
    return { seconds: local - offset, nanoseconds, zone: fixedZone(abbreviation, offset) }
  }
}

function digits(element: string): RegExp {
  return element.startsWith('0') ? /^\d\d/ : /^\d\d?/
}

/** The zone's offset at a civil time: guessed at that number of seconds, then corrected once. */
function offsetOfLocal(zone: Zone, local: number): number {
  const guess = zone.at(local).offset
  return guess === 0 ? 0 : zone.at(local - guess).offset
}
