import assert from 'node:assert/strict'
import { stripVTControlCharacters } from 'node:util'
import { describe, test } from 'node:test'
import { Validator } from '@cfworker/json-schema'
import { EngineError } from '../../../src/base/index.ts'
import {
  countActions,
  parsePlan,
  planJson,
  planJsonSchema,
  planMarkdown,
  planMarker,
  planSarif,
  planText,
  raw,
  ruleNames,
  verdictOf,
  type PlanDocument,
} from '../../../src/plan/index.ts'
import { styleOf } from '../../../src/cli/terminal/style.ts'
import { inputsOf, rows } from './danger-rows.ts'
import { application, deployment, plan, sides } from './inputs.ts'

const url = 'https://sluice.example.com/plans/1'
const changed = sides({
  base: deployment(2),
  head: deployment(0, 'web:latest'),
  live: deployment(3),
  result: deployment(0, 'web:latest'),
})
const full = plan(
  application(
    [
      changed,
      sides({
        base: '{apiVersion: v1, kind: Namespace, metadata: {name: shop}}',
        live: '{apiVersion: v1, kind: Namespace, metadata: {name: shop}}',
      }),
    ],
    {
      tenant: 'shop',
      errors: [{ message: raw('no such field'), phase: 'render', file: 'apps/a b.yaml', line: 4 }],
      chart: { base: { name: 'web', version: '1.0.0' }, head: { name: 'web', version: '1.1.0' } },
      kind: 'HelmRelease',
    },
  ),
  application([], { cluster: 'edge', state: 'held', reason: raw('suspended until Monday'), live: 'unreachable' }),
  application([sides({ base: deployment(2), live: deployment(2) })], { cluster: 'edge', name: 'old' }),
  application([sides({ head: deployment(2), live: deployment(2), result: deployment(2) })], {
    cluster: 'edge',
    name: 'new',
  }),
)

describe('JSON', () => {
  test('is of its schema, and comes back as it was', () => {
    const validator = new Validator(planJsonSchema(), '2020-12', false)
    const all = [
      full,
      plan(),
      ...ruleNames.flatMap((rule) => rows[rule].map((row) => plan(application(inputsOf(row), row.more)))),
    ]
    for (const document of all) {
      const result = validator.validate(JSON.parse(planJson(document)))
      assert.ok(result.valid, JSON.stringify(result.errors.slice(0, 3)))
      assert.deepEqual(parsePlan(planJson(document)), document)
    }
    assert.ok(!validator.validate({ ...full, version: 2 }).valid)
    assert.ok(!validator.validate({ ...full, more: 1 }).valid)
  })

  test('of another form is refused, without a word of its content', () => {
    for (const text of [
      '',
      '{',
      'null',
      '{"version":2}',
      planJson(full).replace('"replicas-zero"', '"CANARY"'),
      planJson(full).replace('"version":1', '"version":1,"x":"CANARY"'),
    ])
      assert.throws(
        () => parsePlan(text),
        (error: unknown) =>
          error instanceof EngineError &&
          error.code === 'plan-unreadable' &&
          !JSON.stringify([error.message, error.data]).includes('CANARY'),
      )
  })
})

describe('SARIF', () => {
  interface Sarif {
    readonly version: string
    readonly runs: readonly [
      {
        readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } }
        readonly results: readonly Result[]
      },
    ]
  }
  interface Result {
    readonly ruleId: string
    readonly level: string
    readonly message: { readonly text: string }
    readonly locations: readonly {
      readonly physicalLocation?: {
        readonly artifactLocation: { readonly uri: string }
        readonly region?: { readonly startLine: number }
      }
      readonly logicalLocations: readonly { readonly fullyQualifiedName: string }[]
    }[]
  }
  const parse = (document: PlanDocument): Sarif => JSON.parse(planSarif(document, { version: '1.2.3' })) as Sarif

  test('has a result for each error and danger, at its place', () => {
    const { version, runs } = parse(full)
    assert.equal(version, '2.1.0')
    const found = runs[0].results.map(({ ruleId, level, locations }) => {
      const [place] = locations
      const { artifactLocation, region } = place?.physicalLocation ?? {}
      return `${ruleId} ${level} ${artifactLocation?.uri}:${region?.startLine} ${place?.logicalLocations[0]?.fullyQualifiedName}`
    })
    assert.deepEqual(found, [
      'plan-error error apps/a%20b.yaml:4 main: HelmRelease/flux-system/apps',
      'namespace-deletion error apps/a.yaml:3 Namespace/shop',
      'replicas-zero error apps/a.yaml:3 Deployment/shop/web',
      'image-floating warning apps/a.yaml:3 Deployment/shop/web',
    ])
    const ids = new Set(runs[0].tool.driver.rules.map(({ id }) => id))
    for (const { ruleId } of runs[0].results) assert.ok(ids.has(ruleId))
  })

  test('messages have neither links nor placeholders', () => {
    const document = plan(
      application([], { errors: [{ message: raw('see [here](http://evil.example.com) {0} \\'), phase: 'render' }] }),
    )
    assert.equal(
      parse(document).runs[0].results[0]?.message.text,
      'see \\[here\\](http://evil.example.com) {{0}} \\\\ (main: Kustomization/flux-system/apps)',
    )
  })
})

test('text for terminals', () => {
  const text = planText(full, styleOf(false))
  assert.equal(text, stripVTControlCharacters(planText(full, styleOf(true))))
  assert.equal(
    text,
    `This change cannot be applied as it is
  block   deletes Namespace/shop and everything in it
          main: HelmRelease/flux-system/apps, apps/a.yaml:3 (namespace-deletion)
  danger  scales Deployment/shop/web from 3 to 0
          main: HelmRelease/flux-system/apps, apps/a.yaml:3 (replicas-zero)
  warning Deployment/shop/web runs web:latest, which is another image tomorrow
          main: HelmRelease/flux-system/apps, apps/a.yaml:3 (image-floating)

Kustomization/flux-system/apps on edge  held; Git only; the cluster does not answer
  suspended until Monday

Kustomization/flux-system/new on edge  1 to move
  move Deployment/shop/web from Kustomization/flux-system/old

Kustomization/flux-system/old on edge
  move Deployment/shop/web to Kustomization/flux-system/new

HelmRelease/flux-system/apps on main  failed; 1 to change, 1 to delete
  error no such field, apps/a b.yaml:4
  chart web 1.0.0 -> 1.1.0
  image web:1 -> web:latest (Deployment/shop/web: app)
  change Deployment/shop/web
      .spec.replicas  had drifted as well
        - 3
        + 0
      .spec.template.spec.containers[name="app"].image
        - web:1
        + web:latest
  delete Namespace/shop
`,
  )
})

test('text for terminals wraps sentences, and nothing that is in files', () => {
  const text = planText(full, styleOf(false), { width: 50 })
  assert.match(
    text,
    /\n {2}warning Deployment\/shop\/web runs web:latest,\n {10}which is another image tomorrow\n {10}main: HelmRelease\/flux-system\/apps,\n {10}apps\/a\.yaml:3 \(image-floating\)\n/,
  )
  assert.match(text, /\n {2}image web:1 -> web:latest \(Deployment\/shop\/web: app\)\n/)
})

test('verdicts and counts', () => {
  const of = (...applications: readonly ReturnType<typeof application>[]) => verdictOf(plan(...applications))
  const one = (base: string, head: string) => application([sides({ base, head, live: base, result: head })])
  assert.equal(verdictOf(full), 'failed')
  assert.equal(
    of(
      application([
        sides({
          base: '{apiVersion: v1, kind: Namespace, metadata: {name: x}}',
          live: '{apiVersion: v1, kind: Namespace, metadata: {name: x}}',
        }),
      ]),
    ),
    'blocked',
  )
  assert.equal(of(one(deployment(2), deployment(0))), 'dangers')
  assert.equal(of(one(deployment(2), deployment(3))), 'changes')
  assert.equal(of(one(deployment(2), deployment(2))), 'nothing')
  assert.equal(of(), 'nothing')
  const objects = full.applications.flatMap((each) => each.objects)
  assert.deepEqual(
    [...countActions(objects)].sort(([a], [b]) => (a < b ? -1 : 1)),
    [
      ['change', 1],
      ['delete', 1],
      ['move', 1],
    ],
  )
})

test('a comment', () => {
  const text = planMarkdown(full, { id: 'prod', url })
  assert.ok(text.startsWith(`${planMarker('prod')}\n### This change cannot be applied as it is\n`))
  const order = [
    'What is wrong',
    'no such field',
    'Dangers',
    '**block**',
    '**danger**',
    '**warning**',
    '| cluster |',
    '<details>',
    '```diff',
    `(${url})`,
  ].map((part) => text.indexOf(part))
  assert.ok(
    order.every((at, index) => at > (order[index - 1] ?? 0)),
    `${order.join(' ')}\n${text}`,
  )
  assert.match(text, /^- 3$/m)
  assert.match(text, /^\+ web:latest$/m)
  assert.doesNotMatch(text, /undefined|\[object/)
})
