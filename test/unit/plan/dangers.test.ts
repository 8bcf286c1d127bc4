import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DiagnosticsError } from '../../../src/base/index.ts'
import { defaultSeverities, parseSeverities, planDocument, ruleNames, severities } from '../../../src/plan/index.ts'
import { inputsOf, rows } from './danger-rows.ts'
import { application, deployment, plan, sides } from './inputs.ts'

test('every rule has rows that it finds and rows that it does not', () => {
  assert.deepEqual(Object.keys(rows).sort(), [...ruleNames].sort())
  for (const rule of ruleNames) {
    assert.ok(
      rows[rule].some(({ finds }) => finds > 0),
      `${rule} finds nothing`,
    )
    assert.ok(
      rows[rule].some(({ finds }) => finds === 0),
      `${rule} is never quiet`,
    )
  }
})

for (const rule of ruleNames) {
  describe(rule, () => {
    for (const row of rows[rule]) {
      test(`${row.finds === 0 ? 'not ' : ''}${row.name}`, () => {
        const { dangers } = plan(application(inputsOf(row), row.more))
        const found = dangers.filter((danger) => danger.rule === rule)
        assert.equal(found.length, row.finds, found.map(({ message }) => message).join('\n'))
        for (const danger of found) {
          assert.equal(danger.severity, defaultSeverities[rule])
          assert.doesNotMatch(danger.message, /undefined|\[object|NaN/)
        }
      })
    }
  })
}

test('nothing is dangerous about what stays as it is', () => {
  for (const rule of ruleNames) {
    const still = rows[rule].flatMap(({ objects }) =>
      objects.flatMap(({ live, base }) =>
        live === undefined || base === undefined ? [] : [sides({ base: live, head: live, live, result: live })],
      ),
    )
    for (const one of still) assert.deepEqual(plan(application([one])).dangers, [], rule)
  }
})

test('severities', () => {
  const applications = [
    application([
      sides({
        base: deployment(2),
        head: deployment(0, 'web:latest'),
        live: deployment(2),
        result: deployment(0, 'web:latest'),
      }),
    ]),
  ]
  const change = { repository: 'r', base: 'a', head: 'b' }
  const found = (value: unknown): readonly string[] =>
    planDocument({ change, applications }, { severities: parseSeverities(value) }).dangers.map(
      ({ rule, severity }) => `${rule} ${severity}`,
    )
  assert.deepEqual(found({}), ['replicas-zero danger', 'image-floating warning'])
  assert.deepEqual(found({ 'image-floating': 'block' }), ['image-floating block', 'replicas-zero danger'])
  assert.deepEqual(found({ 'image-floating': 'off', 'replicas-zero': 'info' }), ['replicas-zero info'])
  for (const severity of severities) assert.equal(parseSeverities({ privileged: severity }).privileged, severity)
})

test('wrong severities are all told', () => {
  const rowsOfErrors: readonly (readonly [unknown, readonly RegExp[]])[] = [
    [{ 'replica-zero': 'off' }, [/'replica-zero' is no rule; .*replicas-zero/]],
    [{ privileged: 'error' }, [/privileged: must be one of off, info, warning, danger, block/]],
    [{ privileged: null, toString: 'off', 'host-access': 1 }, [/privileged/, /toString/, /host-access/]],
    [[], [/must be a map/]],
    ['off', [/must be a map/]],
    [null, [/must be a map/]],
    [JSON.parse('{"__proto__": "off"}'), [/no rule/]],
  ]
  for (const [value, wanted] of rowsOfErrors) {
    assert.throws(
      () => parseSeverities(value),
      (error: unknown) => {
        assert.ok(error instanceof DiagnosticsError)
        assert.equal(error.code, 'plan-severities-invalid')
        assert.equal(error.diagnostics.length, wanted.length, error.message)
        wanted.forEach((pattern, at) => assert.match(error.diagnostics[at]?.message ?? '', pattern))
        return true
      },
    )
  }
})

test('findings without end are counted', () => {
  const objects = Array.from({ length: 130 }, (_, at) =>
    sides({
      head: `{apiVersion: apps/v1, kind: Deployment, metadata: {name: w${at}, namespace: x}, spec: {template: {spec: {containers: [{name: a, image: web}]}}}}`,
    }),
  )
  const found = plan(application(objects)).dangers
  assert.equal(found.length, 101)
  assert.match(found.at(-1)?.message ?? '', /^30 more findings of image-floating$/)
})

test('a danger names its place', () => {
  const [found] = plan(
    application([sides({ base: deployment(2), head: deployment(0), live: deployment(2), result: deployment(0) })]),
  ).dangers
  assert.deepEqual(found, {
    rule: 'replicas-zero',
    severity: 'danger',
    message: 'scales Deployment/shop/web from 2 to 0',
    cluster: 'main',
    application: 'Kustomization/flux-system/apps',
    origin: 'change',
    object: { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' },
    file: 'apps/a.yaml',
    line: 3,
  })
})
