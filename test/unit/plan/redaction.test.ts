import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  planDocument,
  planJson,
  planMarkdown,
  planSarif,
  planText,
  raw,
  say,
  showMessage,
  showName,
  type ApplicationInput,
  type PlanDocument,
  type Shown,
} from '../../../src/plan/index.ts'
import type { KubeValue } from '../../../src/resources/index.ts'
import { isHiddenField } from '../../../src/plan/hidden.ts'
import { scrub } from '../../../src/plan/scrub.ts'
import { application, deployment, object, plan, planOne, rendered, sides, told, type Sides } from './inputs.ts'

const canary = 'CANARY-c0ffee-hunter2'
const style = { bold: String, dim: String, red: String, green: String, yellow: String, cyan: String }

/** Everything that can be made of a plan. */
function allTexts(document: PlanDocument): string {
  return [
    JSON.stringify(document),
    inspect(document, { depth: 30 }),
    planJson(document),
    planMarkdown(document, { id: 'test', url: 'https://sluice.example.com/plans/1' }),
    planSarif(document, { version: '1' }),
    planText(document, style),
  ].join('\n')
}

function map(data: string, kind = 'ConfigMap', more = ''): string {
  return `{apiVersion: v1, kind: ${kind}, metadata: {name: m, namespace: shop${more}}, data: ${data}}`
}

test('raw and shown are different types', () => {
  const secret = raw(canary)
  // @ts-expect-error A raw value is no text.
  const first: Shown = secret
  // @ts-expect-error Nor is a plain string a text that may be shown.
  const second: Shown = canary
  // @ts-expect-error And it does not get into one.
  const third = say`${canary}`
  // @ts-expect-error Nor does a raw value.
  const fourth = say`${secret}`
  const fifth: Shown = say`${3} ${showName('x')}`
  assert.ok(fifth === '3 x' && [first, second, third, fourth].length === 4)
  // What is not checked by types prints nothing either.
  assert.equal(String(secret), '(raw)')
  assert.equal(JSON.stringify({ secret }), '{"secret":"(raw)"}')
  assert.ok(!inspect(secret, { depth: 9, showHidden: true }).includes(canary))
  assert.ok(!String(fourth).includes(canary))
})

const container = (more: string): string => deployment(1, 'web:1', more)
const custom = (spec: string, more = ''): string =>
  `{apiVersion: example.com/v1, kind: Thing, metadata: {name: x, namespace: shop${more}}, spec: ${spec}}`
const base64 = Buffer.from(canary).toString('base64')

/** Where a secret can be, as [what, without it, with it]. */
const places: readonly (readonly [string, string, string])[] = [
  ['data', map('{password: b3RoZXI=}', 'Secret'), map(`{password: ${base64}}`, 'Secret')],
  ['stringData', map('{}, stringData: {plain: other}', 'Secret'), map(`{}, stringData: {plain: ${canary}}`, 'Secret')],
  ['a new key', map('{}', 'Secret'), map(`{anything: ${canary}}`, 'Secret')],
  ['an annotation of a Secret', map('{}', 'Secret'), map('{}', 'Secret', `, annotations: {note: ${canary}}`)],
  [
    'last-applied',
    map('{}'),
    map('{}', 'ConfigMap', `, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"a":"${canary}"}'}`),
  ],
  ['env', container(''), container(`        env: [{name: PLAIN, value: ${canary}}]\n`)],
  ['env of a custom resource', custom('{}'), custom(`{env: [{name: PLAIN, value: ${canary}}]}`)],
  ['a map of variables', custom('{}'), custom(`{extraEnv: {PLAIN: ${canary}}}`)],
  [
    'headers of a probe',
    container(''),
    container(`        livenessProbe: {httpGet: {httpHeaders: [{name: X-Any, value: ${canary}}]}}\n`),
  ],
  ['a field with a name', custom('{}'), custom(`{database: {adminPassword: ${canary}}}`)],
  ['below a field with a name', custom('{}'), custom(`{credentials: {any: [{thing: ${canary}}]}}`)],
  ['a key of a ConfigMap', map('{a: b}'), map(`{api-key: ${canary}}`)],
  ['a URL', custom('{url: "https://a@b.example.com"}'), custom(`{url: "https://user:${canary}@b.example.com/x"}`)],
  ['the query of a URL', custom('{}'), custom(`{url: "https://b.example.com/x?access_token=${canary}&y=1"}`)],
  ['a file of configuration', map('{f: "a: 1"}'), map(`{f: "a: 1\\npassword: ${canary}\\nb: 2"}`)],
  ['a command line', container(''), container(`        args: ["--db-password=${canary}"]\n`)],
  [
    'a key in PEM',
    map('{f: a}'),
    map(`{f: "-----BEGIN RSA PRIVATE KEY-----\\n${canary}\\n-----END RSA PRIVATE KEY-----"}`),
  ],
  ['a header', container(''), container(`        command: [curl, -H, "Authorization: Bearer ${canary}"]\n`)],
  [
    'values of a release',
    '{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: m, namespace: shop}, spec: {values: {}}}',
    `{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: m, namespace: shop}, spec: {values: {auth: {root: ${canary}}}}}`,
  ],
]

describe('what is secret by its place is in nothing that a plan becomes', () => {
  for (const [what, without, withIt] of places) {
    test(what, () => {
      const cases: readonly Sides[] = [
        { head: withIt },
        { base: withIt, live: withIt },
        { base: without, head: withIt, live: without, result: withIt },
        { base: withIt, head: without, live: withIt, result: without },
        { base: without, head: without, live: withIt, result: without },
        { base: without, head: without, live: without, result: withIt },
        { head: without, live: withIt, result: without },
      ]
      for (const live of ['read', 'not-asked'] as const)
        for (const given of cases) {
          const texts = allTexts(plan(application([sides(given)], { live })))
          assert.ok(!texts.includes(canary) && !texts.includes(base64), texts)
          assert.ok(!texts.includes(canary.slice(7)), texts)
        }
    })
  }
})

test('a name that is hidden tells nothing by its place among the others', () => {
  const named = (name: string, data: string): string =>
    `{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}, namespace: shop}, data: {a: ${data}}}`
  const planWith = (first: string, second: string): string =>
    allTexts(
      plan(
        application([
          sides({ head: named('m', 'x') }),
          sides({ base: named(first, 'x'), openBase: named('one', 'x'), live: named(first, 'x') }),
          sides({ head: named(second, 'x'), openHead: named('two', 'x') }),
        ]),
      ),
    )
  const plans = ['ab', 'ax', 'xa', 'xy', 'ba', 'yx'].map(([first = '', second = '']) => planWith(first, second))
  assert.match(plans[0] ?? '', /create[^]*delete/)
  assert.deepEqual(new Set(plans).size, 1)
})

test('a change of a hidden value is told, without a value', () => {
  const [, without, withIt] = places[0] ?? ['', '', '']
  const found = planOne({ base: without, head: withIt, live: without, result: withIt })
  assert.deepEqual(told(found), ['.data.password change hidden'])
  assert.deepEqual(Object.keys(found?.differences[0] ?? {}).sort(), ['change', 'isHidden', 'origin', 'path'])
})

test('what a secret was substituted into is hidden, wherever it is', () => {
  const hidden = (value: string): string => custom(`{anything: ${value}, other: 1}`)
  const open = hidden('placeholder-4711')
  const given = {
    base: hidden(canary),
    openBase: open,
    head: hidden(canary).replace('other: 1', 'other: 2'),
    openHead: open.replace('other: 1', 'other: 2'),
  }
  const inCluster = { ...given, live: hidden(canary), result: given.head }
  for (const one of [given, inCluster]) {
    const document = plan(application([sides(one)], { live: one === given ? 'not-asked' : 'read', hasSecrets: true }))
    assert.deepEqual(told(document.applications[0]?.objects[0]), ['.spec.other change 1->2'])
    assert.ok(!allTexts(document).includes(canary))
  }
  // As a name, a key and a whole list as well.
  const named = custom('{}').replace('name: x', `name: ${canary}`)
  const keyed = custom(
    `{${canary}: 1, list: [${canary}, {name: ${canary}, image: ${canary}}], containers: [{name: ${canary}, image: "${canary}:latest"}]}`,
  )
  const openKeyed = keyed.replaceAll(canary, 'placeholder')
  for (const live of ['read', 'not-asked'] as const) {
    const texts = allTexts(
      plan(
        application(
          [
            { head: rendered(named, named.replace(canary, 'placeholder')) },
            sides({ head: keyed, openHead: openKeyed, base: custom('{}'), live: custom('{}'), result: keyed }),
          ],
          { live },
        ),
      ),
    )
    assert.ok(!texts.includes(canary), texts)
  }
})

test('of an object of which nothing is known only its kind is shown', () => {
  const unknown = (yaml: string) => ({ object: raw(object(yaml)), open: 'unknown' as const })
  const secret = custom(`{a: ${canary}, b: {${canary}: [1]}}`).replace('name: x', `name: ${canary}`)
  const document = plan(
    application([
      { base: unknown(secret), head: unknown(secret), live: raw(object(secret)), result: raw(object(secret)) },
    ]),
  )
  assert.ok(!allTexts(document).includes(canary))
  const found = document.applications[0]?.objects[0]
  assert.equal(found?.ref.kind, 'Thing')
  assert.deepEqual(told(found), ['. change hidden'])
})

test('text that nobody wrote into Git is not shown', () => {
  const thing = (spec: string): string => custom(spec)
  const given = {
    base: thing('{a: mine}'),
    head: thing('{a: yours}'),
    live: thing(`{a: ${canary}, b: ${canary}, count: 3}`),
    result: thing(`{a: yours, b: by-a-webhook}`),
  }
  assert.deepEqual(told(planOne(given)), [
    '.spec.a both (set in the cluster)->yours',
    '.spec.b drift (set in the cluster)->(set in the cluster)',
    '.spec.count drift 3->',
  ])
})

describe('an author who tries values finds out nothing', () => {
  /** What the author of a change sees, for a guess at a secret. */
  const seen = (build: (guess: string) => ApplicationInput, guess: string): string => {
    const document = planDocument({ change: { repository: 'r', base: 'a', head: 'b' }, applications: [build(guess)] })
    // The guess itself is the author's to see; whether it is right is not.
    return allTexts(document).replaceAll(guess, 'GUESS').replaceAll(Buffer.from(guess).toString('base64'), 'GUESS')
  }
  const wrong = 'CANARY-c0ffee-hunter1'
  const encode = (text: string): string => Buffer.from(text).toString('base64')
  const secret = (value: string): string => map(`{password: ${encode(value)}}`, 'Secret')
  const variable = (value: string): string => container(`        env: [{name: PLAIN, value: ${value}}]\n`)
  const field = (value: string): string => custom(`{adminPassword: ${value}}`)
  const free = (value: string): string => custom(`{anything: ${value}}`)
  const withKey = (value: string): string => custom(`{anything: x${value}y, other: [${value}]}`)
  const probes: readonly (readonly [string, (value: string) => string])[] = [
    ['a Secret', secret],
    ['a variable', variable],
    ['a field with a name', field],
    ['any field', free],
    ['a part of a field', withKey],
  ]
  for (const [what, build] of probes) {
    test(`${what}, instead of what was decrypted or substituted`, () => {
      for (const live of ['read', 'not-asked'] as const) {
        const of = (guess: string): ApplicationInput =>
          application(
            [
              sides({
                base: build(canary),
                openBase: build('placeholder'),
                head: build(guess),
                live: build(canary),
                result: build(guess),
              }),
            ],
            { live, hasSecrets: true },
          )
        assert.equal(seen(of, canary), seen(of, wrong), live)
      }
    })
  }
  for (const [what, build] of probes) {
    test(`${what}, against what the cluster has`, () => {
      const of = (guess: string): ApplicationInput =>
        application([
          sides({
            base: build('old'),
            head: build(guess),
            live: build(canary),
            result: build(guess),
            baseResult: build('old'),
          }),
        ])
      assert.equal(seen(of, canary), seen(of, wrong))
      const taken = (guess: string): ApplicationInput =>
        application([sides({ head: build(guess), live: build(canary), result: build(guess) })])
      assert.equal(seen(taken, canary), seen(taken, wrong))
    })
  }
  test('findings of rules', () => {
    const image = (value: string): string => container('').replace('web:1', `"${value}"`)
    const build: readonly ((value: string) => string)[] = [
      image,
      (value) =>
        `{apiVersion: v1, kind: Service, metadata: {name: s, namespace: shop}, spec: {selector: {app: ${value}}, type: ${value}}}`,
      (value) =>
        `{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: s, namespace: shop}, rules: [{apiGroups: [""], resources: [${value}], verbs: ["*"]}]}`,
      (value) =>
        `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: s, namespace: shop}, spec: {rules: [{host: ${value}}]}}`,
      (value) =>
        `{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: s, namespace: shop}, roleRef: {kind: Role, name: ${value}}, subjects: [{kind: Group, name: ${value}}]}`,
    ]
    for (const one of build)
      for (const live of ['read', 'not-asked'] as const) {
        const of = (guess: string): ApplicationInput =>
          application(
            [
              sides({
                base: one(canary),
                openBase: one('placeholder'),
                head: one(guess),
                live: one(canary),
                result: one(guess),
              }),
            ],
            { live, hasSecrets: true },
          )
        assert.equal(seen(of, canary), seen(of, wrong), one('x'))
      }
  })
  test('a Secret that is immutable, which the server takes only where nothing changes', () => {
    const frozen = (value: string): string => `${secret(value).slice(0, -1)}, immutable: true}`
    const refusal = {
      message: raw(`Secret "m" is invalid: data: Forbidden: field is immutable when immutable is set`),
      isImmutable: true,
    }
    for (const base of [{ base: frozen('old') }, {}, { base: frozen(canary), openBase: frozen('placeholder') }]) {
      const of = (guess: string): ApplicationInput => {
        const input = sides({
          ...base,
          head: frozen(guess),
          live: frozen(canary),
          ...(guess === canary ? { result: frozen(guess) } : {}),
        })
        return application([guess === canary ? input : { ...input, refusal }])
      }
      assert.equal(seen(of, canary), seen(of, wrong))
      assert.equal(plan(of(wrong)).applications[0]?.objects[0]?.action, 'refuse')
    }
    const still = sides({ base: frozen(canary), head: frozen(canary), live: frozen(canary), result: frozen(canary) })
    assert.equal(plan(application([still])).applications[0]?.objects.length, 0)
  })
  test('whatever the object looks like', () => {
    const word = fc.constantFrom(
      'a',
      'b',
      'name',
      'image',
      'type',
      'x§y',
      '§',
      'env',
      'value',
      'password',
      'containers',
      'host',
      'subjects',
    )
    const tree = fc.letrec<{ value: KubeValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        word,
        fc.constant('§'),
        fc.integer({ min: 0, max: 2 }),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.array(fc.record({ name: fc.constantFrom('a', 'b', '§'), value: tie('value') }), { maxLength: 3 }),
        fc.dictionary(word, tie('value'), { maxKeys: 3 }),
      ),
    })).value
    const fill = (value: KubeValue, text: string): KubeValue =>
      JSON.parse(JSON.stringify(value).replaceAll('§', text)) as KubeValue
    const kinds = fc.constantFrom(
      'example.com/v1 Thing',
      'v1 ConfigMap',
      'apps/v1 Deployment',
      'v1 Secret',
      'v1 Service',
    )
    fc.assert(
      fc.property(tree, kinds, fc.constantFrom('read', 'not-asked'), (value, type, live) => {
        const [apiVersion = '', kind = ''] = type.split(' ')
        const of = (text: string) =>
          raw({ apiVersion, kind, metadata: { name: 'x', namespace: 'shop' }, spec: fill(value, text) })
        const build = (guess: string): ApplicationInput =>
          application(
            [
              {
                base: { object: of(canary), open: of('placeholder') },
                head: { object: of(guess), open: 'itself' },
                live: of(canary),
                result: of(guess),
              },
            ],
            { live, hasSecrets: true },
          )
        assert.equal(seen(build, canary), seen(build, wrong))
        // What a secret takes part in on both sides is not told at all.
        const kept: ApplicationInput = application(
          [
            {
              base: { object: of(canary), open: of('placeholder') },
              head: { object: of(canary), open: of('placeholder') },
              live: of(canary),
              result: of(canary),
            },
          ],
          { live, hasSecrets: true },
        )
        assert.ok(!allTexts(plan(kept)).includes(canary))
        const created: ApplicationInput = application([{ head: { object: of(canary), open: of('placeholder') } }], {
          live,
          hasSecrets: true,
        })
        assert.ok(!allTexts(plan(created)).includes(canary))
      }),
      { numRuns: 300 },
    )
  })
  test('whatever the object looks like, against what the cluster has', () => {
    // Texts of fields such as `image` and `name` are nobody's secret, and are compared.
    const tree = fc.letrec<{ value: KubeValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom('a', '§', 'x§y'),
        fc.integer({ min: 0, max: 2 }),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c'), value: tie('value') }), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c', 'env', 'password'), tie('value'), { maxKeys: 3 }),
      ),
    })).value
    const fill = (value: KubeValue, text: string): KubeValue =>
      JSON.parse(JSON.stringify(value).replaceAll('§', text)) as KubeValue
    fc.assert(
      fc.property(tree, tree, fc.boolean(), fc.boolean(), (value, old, isOld, isNew) => {
        const of = (spec: KubeValue) =>
          raw({ apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'x', namespace: 'shop' }, spec })
        const own = (spec: KubeValue) => ({ object: of(spec), open: 'itself' as const })
        const build = (guess: string): ApplicationInput => {
          const base = isNew ? {} : { base: own(fill(isOld ? old : value, 'old')) }
          return application([
            { ...base, head: own(fill(value, guess)), live: of(fill(value, canary)), result: of(fill(value, guess)) },
          ])
        }
        assert.equal(seen(build, canary), seen(build, wrong))
      }),
      { numRuns: 300 },
    )
  })
  test('messages of servers', () => {
    const of = (guess: string): ApplicationInput =>
      application(
        [
          {
            ...sides({ head: free(guess), openHead: free(guess), live: free(canary) }),
            refusal: {
              message: raw(
                `Thing.example.com "x" is invalid: spec.anything: Invalid value: "${guess}": must be "${canary}"`,
              ),
              isImmutable: false,
            },
          },
        ],
        { hasSecrets: true },
      )
    assert.equal(seen(of, canary), seen(of, wrong))
  })
})

test('messages', () => {
  const rows: readonly (readonly [string, boolean, string])[] = [
    ['spec.a: Invalid value: "CANARY": must be a number', false, 'spec.a: Invalid value: (hidden): must be a number'],
    [
      'spec.a: Invalid value: v1.X{A:"CANARY: CANARY", B:"CANARY"}: field is immutable',
      false,
      'spec.a: Invalid value: (hidden): field is immutable',
    ],
    [
      'a: Unsupported value: "CANARY \\" CANARY": supported values: "x", "y"',
      false,
      'a: Unsupported value: (hidden): supported values: "x", "y"',
    ],
    [
      'cannot fetch https://u:CANARY@git.example.com/x?token=CANARY',
      false,
      'cannot fetch https://(hidden)@git.example.com/x?token=(hidden)',
    ],
    ['the value "CANARY" and \'CANARY\' are wrong', true, 'the value (hidden) and (hidden) are wrong'],
    ['a quote "CANARY without an end', true, 'a quote (hidden)'],
    ['\u001b[31mred\u202e\u0000', false, '[31mred'],
  ]
  for (const [message, hasSecrets, want] of rows)
    assert.equal(showMessage(raw(message), { isSecret: false, hasSecrets }), want)
  assert.doesNotMatch(showMessage(raw(`no: ${canary}`), { isSecret: true, hasSecrets: false }), /CANARY/)
})

test('names of fields that are hidden, and that are not', () => {
  const type = { group: 'example.com', kind: 'Thing' }
  const hidden = [
    'password',
    'adminPassword',
    'DB_PASSWD',
    'token',
    'apiKey',
    'api_key',
    'clientSecret',
    'privateKey',
    'credentials',
    'connectionString',
    'auth',
    'webhookUrl',
    'dsn',
  ]
  const open = [
    'secretName',
    'secretRef',
    'passwordSecretRef',
    'imagePullSecrets',
    'author',
    'replicas',
    'tokenExpirationSeconds',
    'key',
    'path',
    'existingSecretName',
    'monkey',
  ]
  for (const name of hidden) assert.ok(isHiddenField(type, [{ field: 'spec' }, { field: name }]), name)
  for (const name of open) assert.ok(!isHiddenField(type, [{ field: 'spec' }, { field: name }]), name)
  const pod = { group: '', kind: 'Pod' }
  assert.ok(
    !isHiddenField(
      pod,
      ['spec', 'volumes', 'secret', 'secretName'].map((name) => ({ field: name })),
    ),
  )
  assert.ok(
    isHiddenField(
      pod,
      ['metadata', 'annotations', 'example.com/token'].map((name) => ({ field: name })),
    ),
  )
})

test('texts stay what they are where nothing looks like a secret, and shapes never throw', () => {
  for (const text of [
    'a: 1\nb: two',
    'https://example.com/a?b=c',
    'web:1.2.3@sha256:abc',
    'user@example.com',
    'secretName: x',
    'ein Schlüssel 🔑',
  ])
    assert.equal(scrub(text, 100), text)
  assert.equal(scrub('🔑'.repeat(10), 5), '🔑🔑…')
  // A rule for tenants is named like a setting; its field and what to do are no secrets.
  for (const place of ['spec.decryption', 'spec.provider', 'GitRepository/apps/app spec.provider']) {
    const refusal = `platform-credentials: ${place}: this would use the credentials of the deployment; name your own`
    assert.equal(scrub(refusal, 200), refusal)
  }
  for (const text of ['platform-credentials: hunter2 x', 'platform-credentials: spec.decryption: hunter2'])
    assert.equal(scrub(text, 200), 'platform-credentials: (hidden)')
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.integer({ min: 1, max: 50 }),
      (text, length) => scrub(text, length).length <= length + 1,
    ),
  )
})

test('a long text that looks like a secret everywhere is scrubbed in good time', () => {
  const rowsOfTexts = [
    'password'.repeat(2_000),
    'a://'.repeat(4_000),
    '?token='.repeat(2_000),
    'secret = "'.repeat(2_000),
    'Bearer '.repeat(2_000),
    '-----BEGIN PRIVATE KEY-----'.repeat(500),
    `${'token-'.repeat(2_000)}:`,
  ]
  for (const text of rowsOfTexts) assert.ok(scrub(text, 4_000).length <= 4_001)
})

test('a hidden value inside of what a change adds is a change, whatever the cluster has there', () => {
  const token = (value: string): string => container(`        env: [{name: TOKEN, value: ${value}}]\n`)
  const given = { base: container(''), head: token('guess') }
  const found = ['guess', 'other'].map((value) => {
    const planned = planOne({ ...given, live: token(value), result: token('guess') })
    return [planned?.action, ...told(planned)]
  })
  const path = '.spec.template.spec.containers[name="app"].env[name="TOKEN"].value'
  assert.deepEqual(found, [
    ['change', `${path} change hidden`],
    ['change', `${path} change hidden`],
  ])
})
