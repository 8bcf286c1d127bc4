import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TemplateCache } from '../../../src/helm/index.ts'
import { ownCases } from '../../conformance/helm.ts'
import { KNOWN_DIFFERENCES, OTHER_WORDS } from '../../conformance/known-differences.ts'

// `npm run conformance -- helm` runs these and the shared corpus.
const outcomes = await ownCases(new TemplateCache())

const known = new Set(KNOWN_DIFFERENCES.map(({ id }) => id))

for (const { id, problem } of outcomes) {
  if (known.has(`helm/${id}`)) test(`differs from helm on purpose: ${id}`, () => assert.notEqual(problem, undefined))
  else test(`as helm prints it: ${id}`, () => assert.equal(problem, undefined))
}

test('failures are told in the words of helm', () => {
  const other = outcomes.filter((one) => one.sameError === false).map((one) => `helm/${one.id}`)
  const own = new Set(outcomes.map((one) => `helm/${one.id}`))
  assert.deepEqual(
    other,
    OTHER_WORDS.map((one) => one.id).filter((id) => own.has(id)),
  )
})

test('there are cases for every part', () => assert.ok(outcomes.length >= 80, `${outcomes.length} cases`))
