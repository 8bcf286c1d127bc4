import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Canaries } from '../../support/canaries.ts'

describe('canaries', () => {
  const rows: readonly (readonly [name: string, encode: (value: string) => string])[] = [
    ['as it is', (value) => `a ${value} b`],
    ['base64', (value) => btoa(value)],
    ['base64 behind one character', (value) => btoa(`x${value}y`)],
    ['base64 behind two characters', (value) => btoa(`xx${value}`)],
    ['base64 for URLs', (value) => Buffer.from(`:${value}`).toString('base64url')],
    ['hex', (value) => Buffer.from(value).toString('hex')],
    ['a query', (value) => `?q=${encodeURIComponent(value)}`],
    ['JSON', (value) => JSON.stringify({ value })],
    ['JSON in JSON', (value) => JSON.stringify({ value: JSON.stringify({ value }) })],
  ]
  for (const [name, encode] of rows) {
    it(`are found: ${name}`, () => {
      const canaries = new Canaries()
      const value = canaries.make('password')
      canaries.add('quoted', `say "hi" to ${value.slice(-12)} & more`)
      canaries.see('nothing', 'nothing of it')
      canaries.see('a log', encode(value))
      canaries.see('another', encode(`say "hi" to ${value.slice(-12)} & more`))
      assert.deepEqual(canaries.leaks(), [
        { name: 'password', place: 'a log' },
        { name: 'quoted', place: 'another' },
      ])
      assert.throws(() => canaries.assertNone())
    })
  }

  it('that are nowhere pass, but not where nothing was looked at', () => {
    const canaries = new Canaries()
    canaries.make('password')
    assert.throws(() => canaries.assertNone())
    canaries.see('a log', 'nothing')
    canaries.assertNone()
  })
})
