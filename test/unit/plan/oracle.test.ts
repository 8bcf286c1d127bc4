import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { planJson, planSarif, raw, type ObjectInput } from '../../../src/plan/index.ts'
import { application, plan, sides, type Sides } from './inputs.ts'

const metadata = 'metadata: {name: m, namespace: shop}'
const map = (data: string): string => `{apiVersion: v1, kind: ConfigMap, ${metadata}, immutable: true, data: ${data}}`
const job = (container: string): string =>
  `{apiVersion: batch/v1, kind: Job, ${metadata}, spec: {template: {spec: {containers: [{name: a, ${container}}]}}}}`
const login = (spec: string): string => `{apiVersion: example.com/v1, kind: Login, ${metadata}, spec: ${spec}}`

/** What a plan says where the server takes head, because it is what is there, and where it refuses it. */
function answers(given: (guess: string) => Sides, message: string, force: boolean): readonly string[] {
  return ['right', 'wrong'].map((guess) => {
    const input = sides({ ...given(guess), ...(guess === 'right' ? { result: given(guess).live ?? '' } : {}) })
    const refused: ObjectInput = { ...input, refusal: { message: raw(message), isImmutable: true } }
    const document = plan(application([guess === 'right' ? input : refused], { force }))
    return (planJson(document) + planSarif(document, { version: '1' })).replaceAll(guess, 'GUESS')
  })
}

describe('whether a server refuses a change because of what is there', () => {
  const rows: { readonly [name: string]: (guess: string) => Sides } = {
    'an immutable ConfigMap': (guess) => ({
      base: map('{x: "1"}'),
      head: map(`{x: "1", other: ${guess}}`),
      live: map('{x: "1", other: right}'),
    }),
    'a Job with an argument': (guess) => ({
      base: job('image: "a:1"'),
      head: job(`image: "a:1", args: [${guess}]`),
      live: job('image: "a:1", args: [right]'),
    }),
    'a Job with a variable that was a secret': (guess) => ({
      base: job('env: [{name: P, value: placeholder}]'),
      openBase: job('env: [{name: P, value: another}]'),
      head: job(`env: [{name: P, value: ${guess}}]`),
      live: job('env: [{name: P, value: right}]'),
    }),
    'a Job that is taken over': (guess) => ({
      head: job(`image: "a:1", env: [{name: P, value: ${guess}}]`),
      live: job('image: "a:1", env: [{name: P, value: right}]'),
    }),
    'a custom resource with a password': (guess) => ({
      base: login('{user: me}'),
      head: login(`{user: me, password: ${guess}}`),
      live: login('{user: me, password: right}'),
    }),
    'a custom resource with a password that is taken over': (guess) => ({
      head: login(`{user: me, password: ${guess}}`),
      live: login('{user: me, password: right}'),
    }),
  }
  for (const [name, given] of Object.entries(rows))
    for (const force of [false, true])
      it(`is not told of ${name}${force ? ', which may be recreated' : ''}`, () => {
        const [right, wrong] = answers(given, 'spec: Invalid value: it stays as it is', force)
        assert.equal(right, wrong)
      })

  it('is told of fields that hold no secrets', () => {
    const input = sides({ base: job('image: "a:1"'), head: job('image: "a:2"'), live: job('image: "a:1"') })
    const refusal = { message: raw('spec.template: Invalid value: "x": field is immutable'), isImmutable: true }
    const { applications } = plan(application([{ ...input, refusal }]))
    assert.equal(applications[0]?.objects[0]?.action, 'refuse')
  })

  it('names all fields that cannot be changed and that the change writes, also those that the cluster has', () => {
    const written = (live: string): string => {
      const given = { base: map('{x: "1"}'), head: map('{x: "2", other: right}'), live: map(live) }
      const document = plan(application([sides(given)]))
      assert.match(JSON.stringify(document.dangers), /\.data\.x, \.data\.other/)
      return JSON.stringify(document.dangers)
    }
    assert.equal(written('{x: "1", other: right}'), written('{x: "1", other: wrong}'))
  })
})

describe('what a rule of a custom resource quotes', () => {
  it('is taken out, whether it is in Git or in the cluster alone', () => {
    const input = sides({
      base: login('{region: "here"}'),
      head: login('{region: "there", note: "word in Git"}'),
      live: login('{region: "hunter2", note: "x"}'),
    })
    const message = 'Login "m" is invalid: spec.region: it was hunter2, and not word in Git'
    const refusal = { message: raw(message), isImmutable: true }
    const { applications } = plan(application([{ ...input, refusal }]))
    const note = applications[0]?.objects[0]?.note ?? ''
    assert.match(note, /spec\.region: it was \(hidden\), and not \(hidden\)/)
  })
})

describe('what a refused change takes away', () => {
  it('is a difference, although there is no answer of the server', () => {
    const input = sides({
      base: login('{user: me, password: a}'),
      head: login('{password: b}'),
      live: login('{user: me, password: a}'),
    })
    const { applications } = plan(application([input]))
    const found = applications[0]?.objects[0]?.differences.map(({ path, change }) => `${path} ${change}`)
    assert.deepEqual(found, ['.spec.password replace', '.spec.user remove'])
  })
})
