import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  closedBy,
  createWindow,
  momentText,
  nextOpening,
  parseWindows,
  type WindowRule,
} from '../../../src/reconcile/safety/windows.ts'
import { zoneOf, type Zone } from '../../../src/reconcile/safety/zone-time.ts'

const berlin = zoneOf('Europe/Berlin') as Zone
const at = (text: string): number => Date.parse(text)
const rule = (kind: 'allow' | 'deny', when: string, timeZone = 'Europe/Berlin'): WindowRule => ({
  name: `${kind} ${when}`,
  kind,
  when,
  timeZone,
})
const iso = (moment: number | undefined): string | undefined =>
  moment === undefined ? undefined : new Date(moment).toISOString().replace(':00.000Z', 'Z')

// 2026: in Europe summer time begins on 29 March at 01:00Z and ends on 25 October at 01:00Z.
const rows: readonly {
  readonly name: string
  readonly rules: readonly WindowRule[]
  readonly now: string
  readonly closed: string | undefined
  readonly next: string | undefined
}[] = [
  { name: 'no window', rules: [], now: '2026-11-26T11:00Z', closed: undefined, next: '2026-11-26T11:00Z' },
  {
    name: 'within hours that allow',
    rules: [rule('allow', 'mon-fri 08:00-16:00')],
    now: '2026-11-26T11:00Z',
    closed: undefined,
    next: '2026-11-26T11:00Z',
  },
  {
    name: 'the end is not part of a window',
    rules: [rule('allow', 'mon-fri 08:00-16:00')],
    now: '2026-11-26T15:00Z',
    closed: 'allow mon-fri 08:00-16:00',
    next: '2026-11-27T07:00Z',
  },
  {
    name: 'outside on a Friday evening, until Monday',
    rules: [rule('allow', 'mon-fri 08:00-16:00')],
    now: '2026-11-27T18:00Z',
    closed: 'allow mon-fri 08:00-16:00',
    next: '2026-11-30T07:00Z',
  },
  {
    name: 'a weekend from a day to another',
    rules: [rule('deny', 'fri 18:00-mon 08:00')],
    now: '2026-11-29T12:00Z',
    closed: 'deny fri 18:00-mon 08:00',
    next: '2026-11-30T07:00Z',
  },
  {
    name: 'over midnight, after midnight',
    rules: [rule('deny', 'daily 22:00-06:00', 'UTC')],
    now: '2026-11-26T01:00Z',
    closed: 'deny daily 22:00-06:00',
    next: '2026-11-26T06:00Z',
  },
  {
    name: 'whole days that follow each other',
    rules: [rule('deny', 'sat,sun', 'UTC')],
    now: '2026-11-28T10:00Z',
    closed: 'deny sat,sun',
    next: '2026-11-30T00:00Z',
  },
  {
    name: 'deny wins over allow, and allow decides after it',
    rules: [rule('allow', 'daily 08:00-12:00', 'UTC'), rule('deny', 'thu 00:00-thu 13:00', 'UTC')],
    now: '2026-11-26T09:00Z',
    closed: 'deny thu 00:00-thu 13:00',
    next: '2026-11-27T08:00Z',
  },
  {
    name: 'any of several that allow',
    rules: [rule('allow', 'mon 08:00-12:00', 'UTC'), rule('allow', 'thu 08:00-12:00', 'UTC')],
    now: '2026-11-26T09:00Z',
    closed: undefined,
    next: '2026-11-26T09:00Z',
  },
  {
    name: 'never: what allows is always denied',
    rules: [rule('allow', 'mon 08:00-12:00', 'UTC'), rule('deny', 'mon', 'UTC')],
    now: '2026-11-26T09:00Z',
    closed: 'allow mon 08:00-12:00',
    next: undefined,
  },
  {
    name: 'cron, with time that passes over a change of the clocks',
    rules: [rule('deny', '0 22 * * 6 for 8h')],
    now: '2026-03-29T03:30Z',
    closed: 'deny 0 22 * * 6 for 8h',
    next: '2026-03-29T05:00Z',
  },
  {
    name: 'clocks set forward: an end at a time that is skipped is as long after as before',
    rules: [rule('deny', 'sun 00:00-sun 02:30')],
    now: '2026-03-29T00:30Z',
    closed: 'deny sun 00:00-sun 02:30',
    next: '2026-03-29T01:30Z',
  },
  {
    name: 'clocks set forward: eight in the morning is an hour earlier',
    rules: [rule('deny', 'fri 18:00-mon 08:00')],
    now: '2026-03-29T12:00Z',
    closed: 'deny fri 18:00-mon 08:00',
    next: '2026-03-30T06:00Z',
  },
  {
    name: 'clocks set back: a time that comes twice is the first',
    rules: [rule('deny', 'sun 00:00-sun 02:30')],
    now: '2026-10-25T00:15Z',
    closed: 'deny sun 00:00-sun 02:30',
    next: '2026-10-25T00:30Z',
  },
  {
    name: 'clocks set back: the second half past two is after it',
    rules: [rule('deny', 'sun 00:00-sun 02:30')],
    now: '2026-10-25T01:15Z',
    closed: undefined,
    next: '2026-10-25T01:15Z',
  },
  {
    name: 'a zone with half an hour, whose summer is ours in winter',
    rules: [rule('allow', 'daily 09:00-17:00', 'Australia/Adelaide')],
    now: '2026-11-26T12:00Z',
    closed: 'allow daily 09:00-17:00',
    next: '2026-11-26T22:30Z',
  },
  {
    name: 'once a year',
    rules: [rule('deny', '0 0 20 12 * for 14d', 'UTC')],
    now: '2026-12-24T18:00Z',
    closed: 'deny 0 0 20 12 * for 14d',
    next: '2027-01-03T00:00Z',
  },
  {
    name: 'cron: the day of the month or that of the week',
    rules: [rule('allow', '30 9 1 * mon for 30m', 'UTC')],
    now: '2026-11-26T00:00Z',
    closed: 'allow 30 9 1 * mon for 30m',
    next: '2026-11-30T09:30Z',
  },
]

describe('windows', () => {
  for (const { name, rules, now, closed, next } of rows) {
    it(name, () => {
      const windows = rules.map(createWindow)
      assert.equal(closedBy(windows, at(now))?.name, closed)
      assert.equal(iso(nextOpening(windows, at(now))), next)
    })
  }

  it('the next opening is open, nothing before it is, and what is open is its own next opening', () => {
    let seed = 7
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      return Math.floor((seed / 2 ** 31) * below)
    }
    const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T
    const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
    const time = (): string => `${String(random(24)).padStart(2, '0')}:${pick(['00', '15', '30'])}`
    const forms = [
      () => `${pick(days)} ${time()}-${pick(days)} ${time()}`,
      () => `${pick(days)}-${pick(days)} ${time()}-${time()}`,
      () => `daily ${time()}-${time()}`,
      () => `${pick(days)},${pick(days)}`,
      () => `${random(60)} ${random(24)} * * ${random(7)} for ${1 + random(40)}h`,
      () => `0 */6 1-15/3 * * for ${1 + random(5)}h`,
    ]
    const zones = ['Europe/Berlin', 'America/New_York', 'UTC', 'Australia/Lord_Howe', 'Asia/Kathmandu']
    for (let round = 0; round < 150; round++) {
      const windows = Array.from({ length: 1 + random(3) }, () =>
        createWindow(rule(pick(['allow', 'deny']), pick(forms)(), pick(zones))),
      )
      // Around both changes of the clocks, and anywhere.
      const start = pick([at('2026-03-28T00:00Z'), at('2026-10-24T00:00Z'), at('2026-01-01T00:00Z')])
      const now = start + random(4 * 24 * 60) * 60_000
      const next = nextOpening(windows, now)
      const isOpen = (moment: number): boolean => closedBy(windows, moment) === undefined
      const told = windows.map(({ name }) => name).join('; ')
      assert.equal(isOpen(now), next === now, told)
      const end = next ?? now + 20 * 86_400_000
      if (next !== undefined) assert.ok(isOpen(next), `${told}: closed at its next opening`)
      if (next !== now && next !== undefined) assert.ok(!isOpen(next - 1), `${told}: open before its next opening`)
      for (let tried = 0; tried < 20 && end > now; tried++)
        assert.ok(!isOpen(now + random(Math.min(end - now, 2 ** 31 - 1))), `${told}: open before its next opening`)
    }
  })

  it('matches by cluster, namespace, kind and name', () => {
    const window = createWindow({
      ...rule('deny', 'daily'),
      clusters: ['prod-*'],
      namespaces: ['shop', 'team-*-live'],
      kinds: ['Kustomization'],
    })
    const target = { cluster: 'prod-eu', kind: 'Kustomization', namespace: 'shop', name: 'web' }
    assert.ok(window.matches(target))
    assert.ok(window.matches({ ...target, namespace: 'team-a-live' }))
    assert.ok(!window.matches({ ...target, namespace: 'team-live' }))
    assert.ok(!window.matches({ ...target, cluster: 'staging' }))
    assert.ok(!window.matches({ ...target, kind: 'HelmRelease' }))
  })

  it('reads the annotation of an object, and says what is wrong with one', () => {
    const windows = parseWindows('allow mon-fri 08:00-16:00 Europe/Berlin; deny 0 12 * * * for 1h UTC')
    assert.deepEqual(
      windows.map(({ kind, holds }) => [kind, [...holds]]),
      [
        ['allow', ['changes', 'deletes']],
        ['deny', ['changes', 'deletes']],
      ],
    )
    const wrong = [
      'always',
      'allow UTC',
      'allow mon-fri 08:00-25:00 UTC',
      'allow mon-fri 8-16 UTC',
      'allow monday UTC',
      'allow daily Europe/Nowhere',
      'deny * * * * * for 1h UTC',
      'deny 0 24 * * * for 1h UTC',
      'deny 0 1 * * * for 40d UTC',
      'deny 0 1 * * for 1h UTC',
      Array.from({ length: 21 }, () => 'deny sat UTC').join(';'),
    ]
    for (const text of wrong) assert.throws(() => parseWindows(text), { code: 'window-invalid' }, text)
  })

  it('tells a moment with its day, and with its date where it is far', () => {
    const now = at('2026-11-26T11:00Z')
    assert.equal(momentText(at('2026-11-30T07:00Z'), now, berlin), 'Mon 08:00 Europe/Berlin')
    assert.equal(momentText(at('2026-12-20T23:30Z'), now, berlin), 'Mon 2026-12-21 00:30 Europe/Berlin')
  })
})
