import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPlaceholders } from '../../../src/reconcile/change/placeholders.ts'
import { pairForms, triedObject, type FormObject } from '../../../src/reconcile/change/pair-objects.ts'
import { nameOf } from '../../../src/resources/index.ts'

const placeholders = createPlaceholders(new Uint8Array(32).fill(1))

describe('placeholders', () => {
  it('are the same for the same name and form, and for nothing else', () => {
    const texts = [
      placeholders.text('open', ['Secret', 'a', 'b', 'c']),
      placeholders.text('twin', ['Secret', 'a', 'b', 'c']),
      placeholders.text('open', ['Secret', 'a', 'b/c']),
      placeholders.text('open', ['Secret', 'a', 'b', 'd']),
      createPlaceholders(new Uint8Array(32).fill(2)).text('open', ['Secret', 'a', 'b', 'c']),
    ]
    assert.equal(new Set(texts).size, texts.length)
    assert.equal(placeholders.text('open', ['Secret', 'a', 'b', 'c']), texts[0])
  })

  it('pass for a name, and for base64 of letters', () => {
    for (let index = 0; index < 200; index++) {
      const text = placeholders.text('open', [String(index)])
      assert.match(text, /^[a-e][a-z0-9]{31}$/)
      assert.match(atob(text), /^[a-z]{24}$/)
    }
  })

  it('need a key that nobody can guess', () => {
    assert.throws(() => createPlaceholders(new Uint8Array(15)), { code: 'plan-key-invalid' })
  })

  it('of random bytes are a stream that does not depend on how it is read', () => {
    const whole = placeholders.random('open', ['a'])(100)
    const read = placeholders.random('open', ['a'])
    assert.deepEqual([...read(1), ...read(31), ...read(0), ...read(40), ...read(28)], [...whole])
    assert.notDeepEqual([...placeholders.random('applied', ['a'])(100)], [...whole])
  })
})

const one = (name: string, source: string, kind = 'ConfigMap'): FormObject => ({
  object: { apiVersion: 'v1', kind, metadata: { name } },
  source,
})

describe('objects of renderings', () => {
  it('belong together by name, and else by their order within what they come from', () => {
    const side = pairForms({
      open: [one('b-1', 'b'), one('a', 'a'), one('a-1', 'b'), one('only', 'c')],
      twin: [one('a', 'a'), one('b-2', 'b'), one('a-2', 'b')],
      desired: [one('extra', 'a'), one('a', 'a'), one('b-3', 'b'), one('a-3', 'b'), one('a-1', 'b', 'Secret')],
    })
    assert.deepEqual(
      side.items.map(({ shown, desired, isNameHidden }) => [nameOf(shown), desired && nameOf(desired), isNameHidden]),
      [
        ['b-1', 'b-3', true],
        ['a', 'a', undefined],
        ['a-1', 'a-3', true],
        ['only', undefined, true],
      ],
    )
    assert.deepEqual(
      side.objects.map(({ open }) => (typeof open === 'string' ? open : 'other')),
      ['other', 'itself', 'other', 'unknown'],
    )
    assert.equal(side.desired?.length, 5)
  })

  it('are tried under the name that base gives them, where a secret is part of it', () => {
    const [base] = pairForms({ open: [one('a-1', 's')], twin: [one('a-2', 's')], desired: [one('a-3', 's')] }).items
    const [plain] = pairForms({ open: [one('a', 's')], desired: [one('a', 's')] }).items
    assert.ok(base !== undefined && plain !== undefined)
    assert.equal(nameOf(triedObject(base, base)), 'a-3')
    assert.equal(nameOf(triedObject(base, undefined)), 'a-1')
    assert.equal(nameOf(triedObject(plain, base)), 'a')
  })
})
