import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { planKeys, type KeyTimes } from '../../../src/identity/index.ts'

const day = 86_400_000
const minute = 60_000
const policy = { rotateEveryMs: 7 * day, publishAheadMs: day, publishAfterMs: 15 * minute }
const now = 1_000 * day
const key = (kid: string, useFrom: number, createdAt = useFrom - day): KeyTimes => ({ kid, useFrom, createdAt })

const rows: readonly {
  readonly name: string
  readonly keys: readonly KeyTimes[]
  readonly signWith?: string
  readonly publish: readonly string[]
  readonly make?: number
}[] = [
  { name: 'nothing is there, or was lost: a key that signs at once', keys: [], publish: [], make: now },
  { name: 'a new key signs, and nothing is due', keys: [key('a', now)], signWith: 'a', publish: ['a'] },
  {
    name: 'a moment before the next is due',
    keys: [key('a', now - 6 * day + 1)],
    signWith: 'a',
    publish: ['a'],
  },
  {
    name: 'the next is made a day before it signs',
    keys: [key('a', now - 6 * day)],
    signWith: 'a',
    publish: ['a'],
    make: now + day,
  },
  {
    name: 'nobody asked for weeks: the next is still published a day before it signs',
    keys: [key('a', now - 60 * day)],
    signWith: 'a',
    publish: ['a'],
    make: now + day,
  },
  {
    name: 'the next is published, and does not sign yet',
    keys: [key('a', now - 7 * day + 1), key('b', now + 1)],
    signWith: 'a',
    publish: ['a', 'b'],
  },
  {
    name: 'its time has come: it signs, the one before stays published',
    keys: [key('a', now - 7 * day), key('b', now)],
    signWith: 'b',
    publish: ['a', 'b'],
  },
  {
    name: 'the last token of the one before may be good for a moment more',
    keys: [key('a', now - 8 * day), key('b', now - 15 * minute + 1)],
    signWith: 'b',
    publish: ['a', 'b'],
  },
  {
    name: 'every token of the one before has expired: it is forgotten',
    keys: [key('a', now - 8 * day), key('b', now - 15 * minute)],
    signWith: 'b',
    publish: ['b'],
  },
  {
    name: 'two of the same moment: everybody takes the same one',
    keys: [key('b', now - day), key('a', now - day)],
    signWith: 'b',
    publish: ['b'],
  },
  {
    name: 'the clock was set back before all keys: one that signs at once, and the rest stays',
    keys: [key('a', now + day)],
    publish: ['a'],
    make: now,
  },
  {
    name: 'a key of a clock that was a year ahead does not keep the next from being made',
    keys: [key('a', now - 6 * day), key('z', now + 365 * day)],
    signWith: 'a',
    publish: ['a'],
    make: now + day,
  },
]

describe('which keys sign and are published', () => {
  for (const { name, keys, signWith, publish, make } of rows) {
    it(name, () => {
      for (const order of [keys, keys.toReversed()]) {
        const plan = planKeys(order, policy, now)
        assert.deepEqual(plan, {
          signWith,
          publish,
          make: make === undefined ? undefined : { useFrom: make },
        })
      }
    })
  }

  it('over a year, with a look each hour, a token is always signed by a key that was published a day before, and its key is published as long as it is good', () => {
    let keys: readonly KeyTimes[] = []
    const publishedSince = new Map<string, number>()
    const tokens: { kid: string; until: number }[] = []
    let made = 0
    for (let at = now; at < now + 365 * day; at += 3_600_000) {
      let plan = planKeys(keys, policy, at)
      for (let round = 0; plan.make !== undefined; round++) {
        assert.ok(round < 2)
        keys = [
          ...keys.filter(({ kid }) => plan.publish.includes(kid)),
          { kid: `k${String(made++).padStart(3, '0')}`, createdAt: at, useFrom: plan.make.useFrom },
        ]
        plan = planKeys(keys, policy, at)
      }
      for (const kid of plan.publish) if (!publishedSince.has(kid)) publishedSince.set(kid, at)
      const signer = plan.signWith ?? ''
      assert.ok(plan.publish.includes(signer))
      if (signer !== 'k000') assert.ok(at - (publishedSince.get(signer) ?? at) >= day, `${signer} at ${at}`)
      tokens.push({ kid: signer, until: at + 10 * minute })
      for (const { kid } of tokens.filter(({ until }) => until >= at)) assert.ok(plan.publish.includes(kid))
    }
    assert.ok(made >= 52 && made <= 54, `${made} keys`)
  })
})
