import { secondsFromCivil, type Civil } from './calendar.ts'

/** A time zone. `at` gives the abbreviation and the offset from UTC in seconds that hold at an instant. */
export interface Zone {
  /** As Go's Location prints it. */
  readonly name: string
  at(seconds: number): { readonly abbreviation: string; readonly offset: number }
}

const AT_UTC = Object.freeze({ abbreviation: 'UTC', offset: 0 })

export const UTC: Zone = Object.freeze({ name: 'UTC', at: () => AT_UTC })

/** The machine's own zone in Go. Here it is UTC under another name, so that output does not depend on where it is made. */
export const LOCAL: Zone = Object.freeze({ name: 'Local', at: () => AT_UTC })

/** A zone with one offset, as parsing `+0200` makes it. */
export function fixedZone(abbreviation: string, offset: number): Zone {
  return Object.freeze({ name: abbreviation, at: () => ({ abbreviation, offset }) })
}

/** Go's time.LoadLocation over the host's zone data; undefined for an unknown name. */
export function loadZone(name: string): Zone | undefined {
  if (name === '' || name === 'UTC') return UTC
  if (name === 'Local') return LOCAL
  // The host calls these UTC.
  if (/^(?:Etc\/)?(?:GMT|Greenwich|GMT[+-]?0)$/.test(name))
    return { name, at: () => ({ abbreviation: 'GMT', offset: 0 }) }
  // The host also takes offsets and other spellings, which Go does not know.
  if (!/^[A-Za-z][\w+/-]*$/.test(name)) return undefined
  try {
    return new NamedZone(name)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

// Abbreviations by the host's long English name. The host abbreviates only America's zones; where the zone data has no
// letters either, Go prints the offset.
const ABBREVIATIONS: Readonly<Record<string, string>> = {
  'Greenwich Mean Time': 'GMT',
  'Coordinated Universal Time': 'UTC',
  'British Summer Time': 'BST',
  'Irish Standard Time': 'IST',
  'Western European Standard Time': 'WET',
  'Western European Summer Time': 'WEST',
  'Central European Standard Time': 'CET',
  'Central European Summer Time': 'CEST',
  'Eastern European Standard Time': 'EET',
  'Eastern European Summer Time': 'EEST',
  'Moscow Standard Time': 'MSK',
  'India Standard Time': 'IST',
  'Pakistan Standard Time': 'PKT',
  'Israel Standard Time': 'IST',
  'Israel Daylight Time': 'IDT',
  'China Standard Time': 'CST',
  'Taipei Standard Time': 'CST',
  'Hong Kong Standard Time': 'HKT',
  'Philippine Standard Time': 'PST',
  'Japan Standard Time': 'JST',
  'Korean Standard Time': 'KST',
  'Western Indonesia Time': 'WIB',
  'Central Indonesia Time': 'WITA',
  'Eastern Indonesia Time': 'WIT',
  'Australian Western Standard Time': 'AWST',
  'Australian Central Standard Time': 'ACST',
  'Australian Central Daylight Time': 'ACDT',
  'Australian Eastern Standard Time': 'AEST',
  'Australian Eastern Daylight Time': 'AEDT',
  'New Zealand Standard Time': 'NZST',
  'New Zealand Daylight Time': 'NZDT',
  'South Africa Standard Time': 'SAST',
  'West Africa Standard Time': 'WAT',
  'Central Africa Time': 'CAT',
  'East Africa Time': 'EAT',
  'Newfoundland Standard Time': 'NST',
  'Newfoundland Daylight Time': 'NDT',
  'Atlantic Standard Time': 'AST',
  'Atlantic Daylight Time': 'ADT',
  'Eastern Standard Time': 'EST',
  'Eastern Daylight Time': 'EDT',
  'Central Standard Time': 'CST',
  'Central Daylight Time': 'CDT',
  'Mountain Standard Time': 'MST',
  'Mountain Daylight Time': 'MDT',
  'Pacific Standard Time': 'PST',
  'Pacific Daylight Time': 'PDT',
  'Alaska Standard Time': 'AKST',
  'Alaska Daylight Time': 'AKDT',
  'Hawaii-Aleutian Standard Time': 'HST',
  'Hawaii-Aleutian Daylight Time': 'HDT',
  'Cuba Standard Time': 'CST',
  'Cuba Daylight Time': 'CDT',
  'Samoa Standard Time': 'SST',
  'Chamorro Standard Time': 'ChST',
}

class NamedZone implements Zone {
  readonly name: string
  private readonly format: Intl.DateTimeFormat

  constructor(name: string) {
    this.name = name
    this.format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      era: 'narrow',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
      timeZoneName: 'long',
    })
  }

  at(seconds: number): { abbreviation: string; offset: number } {
    const found: Record<string, string> = {}
    // The host's dates end in the year 275760.
    const milliseconds = Math.min(Math.max(seconds * 1000, -8.64e15), 8.64e15)
    for (const part of this.format.formatToParts(new Date(milliseconds))) found[part.type] = part.value
    const number = (type: keyof Civil): number => Number(found[type])
    const civil: Civil = {
      year: found['era'] === 'B' ? 1 - number('year') : number('year'),
      month: number('month'),
      day: number('day'),
      hour: number('hour'),
      minute: number('minute'),
      second: number('second'),
    }
    const offset = secondsFromCivil(civil) - Math.floor(milliseconds / 1000)
    return { abbreviation: this.abbreviation(found['timeZoneName'] ?? '', offset), offset }
  }

  private abbreviation(long: string, offset: number): string {
    const known = Object.hasOwn(ABBREVIATIONS, long) ? ABBREVIATIONS[long] : undefined
    if (known !== undefined) return known
    const minutes = Math.abs(Math.trunc(offset / 60))
    const hours = String(Math.floor(minutes / 60)).padStart(2, '0')
    const rest = minutes % 60
    return `${offset < 0 ? '-' : '+'}${hours}${rest === 0 ? '' : String(rest).padStart(2, '0')}`
  }
}
