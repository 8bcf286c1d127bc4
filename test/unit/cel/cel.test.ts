import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileCel, compileCelValue } from '../../../src/cel/index.ts'

const object = {
  metadata: { name: 'db', generation: 2 },
  spec: { replicas: 3 },
  status: {
    observedGeneration: 2,
    readyReplicas: 3,
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Stalled', status: 'False' },
    ],
  },
}
const evaluate = (expression: string): boolean => compileCel(expression, { field: 'expr' }).evaluateBool(object)

test('what health and readiness expressions use', () => {
  const rows: readonly (readonly [string, boolean])[] = [
    ['status.observedGeneration == metadata.generation', true],
    ['status.readyReplicas >= 3', true],
    ['status.readyReplicas == spec.replicas && status.readyReplicas != 4', true],
    ['1 == 1.0', true],
    ['status.conditions.filter(e, e.type == "Ready").all(e, e.status == "True")', true],
    ["status.conditions.exists(e, e.type == 'Stalled' && e.status == 'True')", false],
    ['has(status.phase) && status.phase == "Bound"', false],
    ['status.?phase.orValue("none") == "none"', true],
    ['metadata.name in ["db", "web"]', true],
    ['metadata.name.startsWith("d") && metadata.name.endsWith("b") && size(metadata.name) == 2', true],
    ['metadata.name.matches("^d.$")', true],
    ['!metadata.name.matches( "x" ) && matches(metadata.name, "b")', true],
    ['"A-B".lowerAscii().split("-").join("+") == "a+b"', true],
    ['"aab".replace("a", "x") == "xxb" && "aab".replace("a", "x", 1) == "xab" && "abc".reverse() == "cba"', true],
    ['sets.contains([1, 2, 3], [2]) && sets.intersects([1], [1, 2]) && sets.equivalent([1, 2], [2, 1, 1])', true],
    ['base64.encode(b"hello") == "aGVsbG8=" && base64.decode("aGVsbG8=") == b"hello"', true],
    ['duration("1h") > duration("30m")', true],
    ['status.missing == "x" || true', true],
  ]
  for (const [expression, expected] of rows) assert.equal(evaluate(expression), expected, expression)
})

test('a pattern that takes others exponential time takes linear time', () => {
  const text = `${'a'.repeat(5_000)}!`
  const program = compileCel('text.matches("^(a+)+$")', { field: 'expr', variables: ['text'] })
  assert.equal(program.evaluateBool({ text }), false)
})

test('what is wrong is said when compiling, where it can be', () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ['self.x +', /expr: invalid CEL expression: Unexpected token: EOF/],
    ['other.x', /Unknown variable: other/],
    ['"text"', /it gives string, not bool/],
    ['1 + 1', /it gives int, not bool/],
    ['a.map(x, a.map(y, a.map(z, a.map(q, q)))) == a', /more than 3 comprehensions/],
    [`self == "${'x'.repeat(20_000)}"`, /characters long/],
  ]
  for (const [expression, expected] of rows) {
    assert.throws(
      () => compileCel(expression, { field: 'expr', variables: ['self', 'dep', 'a'] }),
      (error: { code: string; reason: string; message: string }) =>
        error.code === 'cel-invalid' && error.reason === 'InvalidCELExpression' && expected.test(error.message),
      expression,
    )
  }
})

test('evaluating fails for what is missing, for types that do not fit, for what is no boolean', () => {
  for (const expression of ['status.phase == "x"', 'nowhere.x', 'status.readyReplicas', 'metadata.name > 3'])
    assert.throws(() => evaluate(expression), { code: 'cel-evaluation-failed' }, expression)
})

test('values of any type go into further expressions', () => {
  const run = compileCelValue("claims.sub.split(':')", { field: 'expr', variables: ['claims', 'vars'] })
  const parts = run({ claims: { sub: 'repo:team/app' }, vars: {} })
  const last = compileCelValue('vars.parts[1]', { field: 'expr', variables: ['claims', 'vars'] })
  assert.equal(last({ claims: {}, vars: { parts } }), 'team/app')
  assert.throws(() => run({ claims: {} }), { code: 'cel-evaluation-failed' })
  for (const wrong of ['claims.', 'other.x', `"${'x'.repeat(20_000)}"`])
    assert.throws(() => compileCelValue(wrong, { field: 'expr', variables: ['claims'] }), { code: 'cel-invalid' })
})
