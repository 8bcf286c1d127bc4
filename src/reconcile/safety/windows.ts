import { windowInvalid } from './cron.ts'
import { parseWhen, type Schedule, type Span } from './schedule.ts'
import { addDays, compareDays, weekdayOf, zoneOf, type Zone } from './zone-time.ts'

/** What a window may hold back: what Git (or somebody by hand) has changed, the repair of drift, the deletion of objects. */
export const heldWorks = ['changes', 'drift', 'deletes'] as const
export type HeldWork = (typeof heldWorks)[number]

/** A window as the configuration has it (`WINDOWS`). */
export interface WindowRule {
  readonly name: string
  /** `deny`: held while it is open. `allow`: held while none of those that match is open. */
  readonly kind: 'allow' | 'deny'
  /** See parseWhen. */
  readonly when: string
  /** A name of IANA's list: `Europe/Berlin`. */
  readonly timeZone: string
  /** Left out: `changes` and `deletes`. */
  readonly holds?: readonly HeldWork[] | undefined
  /** What it is about, by names in which `*` stands for any letters. Left out: everything. */
  readonly clusters?: readonly string[] | undefined
  readonly namespaces?: readonly string[] | undefined
  readonly kinds?: readonly string[] | undefined
  readonly names?: readonly string[] | undefined
  /** `false`: nobody can override it by an annotation. */
  readonly override?: boolean | undefined
}

/** A window that can be asked. */
export interface Window {
  readonly name: string
  readonly kind: 'allow' | 'deny'
  readonly holds: ReadonlySet<HeldWork>
  readonly canOverride: boolean
  readonly schedule: Schedule
  readonly matches: (target: WindowTarget) => boolean
}

/** The object that a window may be about. */
export interface WindowTarget {
  readonly cluster: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

const defaultHolds: readonly HeldWork[] = ['changes', 'deletes']

/** Makes a window of a rule. @throws EngineError `window-invalid`. */
export function createWindow(rule: WindowRule): Window {
  const zone = zoneOf(rule.timeZone)
  if (zone === undefined)
    throw windowInvalid(`'${rule.timeZone.slice(0, 40)}' is no time zone; write a name such as Europe/Berlin or UTC`)
  const patterns = [
    { of: (target: WindowTarget) => target.cluster, globs: rule.clusters },
    { of: (target: WindowTarget) => target.namespace, globs: rule.namespaces },
    { of: (target: WindowTarget) => target.kind, globs: rule.kinds },
    { of: (target: WindowTarget) => target.name, globs: rule.names },
  ].flatMap(({ of, globs }) => (globs === undefined ? [] : [{ of, globs: globs.map(globOf) }]))
  return {
    name: rule.name,
    kind: rule.kind,
    holds: new Set(rule.holds ?? defaultHolds),
    canOverride: rule.override !== false,
    schedule: parseWhen(rule.when, zone),
    matches: (target) => patterns.every(({ of, globs }) => globs.some((isMatch) => isMatch(of(target)))),
  }
}

/** `*` stands for any letters; linear, whatever the pattern. */
export function globOf(pattern: string): (text: string) => boolean {
  const [first = '', ...rest] = pattern.split('*')
  return (text) => {
    if (rest.length === 0) return text === pattern
    if (!text.startsWith(first)) return false
    const last = rest.at(-1) ?? ''
    let at = first.length
    for (const part of rest.slice(0, -1)) {
      const found = text.indexOf(part, at)
      if (found < 0) return false
      at = found + part.length
    }
    return text.length - last.length >= at && text.endsWith(last)
  }
}

/**
 * Reads the annotation `sluice.dev/windows`: windows of one object, `allow` or `deny`, when, and a time zone, separated by semicolons:
 * `allow mon-fri 08:00-16:00 Europe/Berlin; deny daily 12:00-13:00 Europe/Berlin`.
 *
 * @throws EngineError `window-invalid`.
 */
export function parseWindows(text: string): readonly Window[] {
  const parts = text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  if (parts.length > 20) throw windowInvalid('an object has at most 20 windows')
  return parts.map((part) => {
    const [, kind, when = '', timeZone = ''] = /^(allow|deny)\s+(.+?)\s+(\S+)$/i.exec(part) ?? []
    if (kind === undefined)
      throw windowInvalid(`'${part.slice(0, 60)}' is no window; write 'allow mon-fri 08:00-16:00 Europe/Berlin'`)
    const rule = { name: part, when, timeZone, holds: defaultHolds }
    return createWindow({ ...rule, kind: kind.toLowerCase() === 'allow' ? 'allow' : 'deny' })
  })
}

/** The window that keeps work from being done at a moment; undefined where it may be done. One that denies wins over those that allow; where any allows, it is closed outside of all of them. */
export function closedBy(windows: readonly Window[], at: number): Window | undefined {
  const isIn = (window: Window): boolean => window.schedule.spans(at, at + 1).length > 0
  return verdict(windows, isIn)
}

function verdict(windows: readonly Window[], isIn: (window: Window) => boolean): Window | undefined {
  const denied = windows.find((window) => window.kind === 'deny' && isIn(window))
  if (denied !== undefined) return denied
  const allowing = windows.filter((window) => window.kind === 'allow')
  return allowing.some(isIn) ? undefined : allowing[0]
}

const dayMs = 86_400_000
/** Days that are looked at in one go, and how far ahead. */
const stepDays = 8
const horizonDays = 400

/**
 * The first moment from `at` on at which nothing of `windows` keeps work from being done; undefined where there is none within {@link horizonDays}
 * days. Consistent with {@link closedBy}: at that moment it says undefined, and at none before it.
 */
export function nextOpening(windows: readonly Window[], at: number): number | undefined {
  if (closedBy(windows, at) === undefined) return at
  for (let day = 0; day < horizonDays; day += stepDays) {
    const from = at + day * dayMs
    const to = from + stepDays * dayMs
    const spans = new Map<Window, readonly Span[]>(windows.map((window) => [window, window.schedule.spans(from, to)]))
    const changes = [...spans.values()].flat().flatMap(({ start, end }) => [start, end])
    for (const moment of changes.filter((one) => one > from && one < to).toSorted((a, b) => a - b)) {
      const isIn = (window: Window): boolean =>
        (spans.get(window) ?? []).some(({ start, end }) => start <= moment && moment < end)
      if (verdict(windows, isIn) === undefined) return moment
    }
    // The last moment belongs to the next step, whose first one is not among its changes.
    if (closedBy(windows, to) === undefined) return to
  }
  return undefined
}

const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** A moment for people, as clocks in the zone show it: `Mon 08:00 Europe/Berlin`; with the date where that is not within a week of `now`. */
export function momentText(at: number, now: number, zone: Zone): string {
  const local = zone.toLocal(at)
  const two = (value: number): string => String(value).padStart(2, '0')
  const isNear = compareDays(local, addDays(zone.toLocal(now), 6)) <= 0
  const date = isNear ? '' : ` ${local.year}-${two(local.month)}-${two(local.day)}`
  return `${dayNames[weekdayOf(local)]}${date} ${two(local.hour)}:${two(local.minute)} ${zone.name}`
}
