import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planDocument, raw } from '../../../src/plan/index.ts'
import { application, deployment, plan, planOne, rendered, sides, told } from './inputs.ts'

test('each difference is of this change, of drift, of both, or there already', () => {
  const rows: readonly (readonly [what: string, base: number, head: number, live: number, want: readonly string[]])[] =
    [
      ['change', 2, 3, 2, ['.spec.replicas change 2->3']],
      ['drift', 2, 2, 5, ['.spec.replicas drift 5->2']],
      ['both', 2, 3, 5, ['.spec.replicas both 5->3']],
      ['settled', 2, 3, 3, []],
      ['nothing', 2, 2, 2, []],
    ]
  for (const [what, base, head, live, want] of rows) {
    const given = { base: deployment(base), head: deployment(head), live: deployment(live), result: deployment(head) }
    assert.deepEqual(told(planOne(given)), want, what)
    // Without the dry-run's answer, what is rendered stands in for it.
    const { result: _result, ...local } = given
    assert.deepEqual(told(planOne(local)), want, `${what}, rendered`)
    assert.equal(planOne(given)?.origin, what === 'settled' || what === 'nothing' ? undefined : what)
  }
})

test('what the cluster has already is said beside what is to be done', () => {
  const given = {
    base: deployment(2),
    head: deployment(3, 'web:2'),
    live: deployment(3),
    result: deployment(3, 'web:2'),
  }
  assert.deepEqual(told(planOne(given)), [
    '.spec.replicas settled 2->3',
    '.spec.template.spec.containers[name="app"].image change web:1->web:2',
  ])
})

test('defaults of the server are neither change nor drift', () => {
  const withDefaults = (replicas: number): string => `${deployment(replicas)}        imagePullPolicy: IfNotPresent\n`
  const given = { base: deployment(2), head: deployment(3), live: withDefaults(2) }
  assert.deepEqual(told(planOne({ ...given, result: withDefaults(3) })), ['.spec.replicas change 2->3'])
  assert.deepEqual(told(planOne(given)), ['.spec.replicas change 2->3'])
})

test('another spelling of a value is drift only while the base was not dry-run', () => {
  const memory = (size: string): string => `${deployment(1)}        resources: {limits: {cpu: ${size}}}\n`
  const given = { base: memory('1000m'), head: memory('2000m'), live: memory('"1"'), result: memory('"2"') }
  assert.equal(planOne(given)?.origin, 'both')
  assert.equal(planOne({ ...given, baseResult: memory('"1"') })?.origin, 'change')
})

test('actions', () => {
  const one = deployment(1)
  const two = deployment(2)
  const refusal = (isImmutable: boolean) => ({
    message: raw('spec.selector: Invalid value: "x": field is immutable'),
    isImmutable,
  })
  const row = (given: Parameters<typeof planOne>[0], more = {}): string | undefined => {
    const found = planOne(given, more)
    return found === undefined ? undefined : `${found.action} ${found.origin}`
  }
  assert.equal(row({ head: one }), 'create change')
  assert.equal(row({ base: one, head: one }), 'create drift')
  assert.equal(row({ base: one, live: one }), 'delete change')
  assert.equal(row({ base: one }), undefined, 'gone from Git and from the cluster')
  assert.equal(row({ base: one, live: one }, { prune: false }), 'keep change')
  assert.equal(row({ ...sides({ base: one, live: one }), prune: false }), 'keep change')
  assert.equal(row({ live: one }), 'delete drift', 'only the inventory has it')
  assert.equal(row({ head: one, live: one, result: one }), 'change change', 'taken over')
  assert.equal(
    row({ ...sides({ base: one, head: two, live: one }), refusal: refusal(true) }, { force: true }),
    'replace change',
  )
  assert.equal(row({ ...sides({ base: one, head: two, live: one }), refusal: refusal(true) }), 'refuse change')
  assert.equal(
    row({ ...sides({ base: one, head: two, live: one }), refusal: refusal(false) }, { force: true }),
    'refuse change',
  )
  assert.equal(row({ ...sides({ base: one, head: two, live: one }), skip: raw('reconcile: disabled') }), 'skip change')
  for (const live of ['not-asked', 'denied', 'unreachable'] as const) {
    assert.equal(row({ base: one, head: two }, { live }), 'change change', live)
    assert.equal(row({ head: two }, { live }), 'create change', live)
    assert.equal(row({ base: two }, { live }), 'delete change', live)
    assert.equal(row({ base: two, head: two }, { live }), undefined, live)
  }
})

test('without a cluster an immutable field is known from the kind', () => {
  const claim = (size: string, storageClass: string): string =>
    `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: d, namespace: shop}, spec: {storageClassName: ${storageClass}, resources: {requests: {storage: ${size}}}}}`
  const given = { base: claim('1Gi', 'a'), head: claim('1Gi', 'b') }
  assert.equal(planOne(given, { live: 'not-asked', force: true })?.action, 'replace')
  assert.equal(planOne(given, { live: 'not-asked' })?.action, 'change')
  assert.equal(planOne({ ...given, head: claim('2Gi', 'a') }, { live: 'not-asked', force: true })?.action, 'change')
  // The server took it, so that it can be changed after all.
  assert.equal(planOne({ ...given, live: given.base, result: given.head }, { force: true })?.action, 'change')
})

test('an object that another application takes over moves, and is not deleted', () => {
  const from = application([sides({ base: deployment(2), live: deployment(2) })], { name: 'old' })
  const to = (replicas: number) =>
    application([sides({ head: deployment(replicas), live: deployment(2), result: deployment(replicas) })], {
      name: 'new',
    })
  const [fresh, old] = plan(from, to(3)).applications
  assert.equal(fresh?.objects[0]?.action, 'move')
  assert.equal(fresh?.objects[0]?.from, 'Kustomization/flux-system/old')
  assert.deepEqual(told(fresh?.objects[0]), ['.spec.replicas change 2->3'])
  assert.equal(old?.objects[0]?.action, 'move')
  assert.equal(old?.objects[0]?.to, 'Kustomization/flux-system/new')
  assert.deepEqual(
    plan(from, to(2)).applications.map(({ objects }) => objects.map(({ action }) => action)),
    [['move'], ['move']],
  )
  const elsewhere = plan(from, { ...to(3), cluster: 'other' })
  assert.deepEqual(
    elsewhere.applications.map(({ objects }) => objects[0]?.action),
    ['delete', 'change'],
  )
  const within = plan(
    application([sides({ base: deployment(1), live: deployment(1) }), sides({ head: deployment(1) })]),
  )
  assert.deepEqual(
    within.applications[0]?.objects.map(({ action }) => action),
    ['create', 'delete'],
    'no move inside one application',
  )
})

test('states', () => {
  const changed = [sides({ base: deployment(1), head: deployment(2), live: deployment(1), result: deployment(2) })]
  const state = (...given: Parameters<typeof application>): string | undefined =>
    plan(application(...given)).applications[0]?.state
  assert.equal(state(changed), 'planned')
  assert.equal(state([]), 'unaffected')
  assert.equal(
    state([], { chart: { base: { name: 'web', version: '1' }, head: { name: 'web', version: '2' } } }),
    'planned',
  )
  assert.equal(state(changed, { state: 'held' }), 'held')
  assert.equal(state(changed, { suspendedParents: [{ kind: 'Kustomization', namespace: 'a', name: 'b' }] }), 'held')
  assert.equal(state(changed, { deadDependencies: [{ kind: 'Kustomization', namespace: 'a', name: 'b' }] }), 'blocked')
  assert.equal(state(changed, { errors: [{ message: raw('x'), phase: 'render' }] }), 'failed')
  assert.equal(state(changed.map((one) => ({ ...one, refusal: { message: raw('no'), isImmutable: false } }))), 'failed')
})

test('all errors are there, with file and line', () => {
  const [found] = plan(
    application(
      [
        {
          ...sides({ base: deployment(1), head: deployment(2), live: deployment(1) }),
          refusal: { message: raw('denied by a webhook'), isImmutable: false },
        },
      ],
      {
        errors: [
          { message: raw('no such field'), phase: 'render', file: 'apps/b.yaml', line: 9 },
          { message: raw('no such file'), phase: 'source' },
        ],
      },
    ),
  ).applications
  assert.deepEqual(found?.errors, [
    { message: 'no such field', phase: 'render', file: 'apps/b.yaml', line: 9 },
    { message: 'no such file', phase: 'source' },
    { message: 'denied by a webhook', phase: 'dry-run', object: 'Deployment/shop/web', file: 'apps/a.yaml', line: 3 },
  ])
})

test('versions of charts and images, in every kind with Pods', () => {
  const cron = (image: string): string => `
apiVersion: batch/v1
kind: CronJob
metadata: {name: tidy, namespace: shop}
spec: {jobTemplate: {spec: {template: {spec: {initContainers: [{name: wait, image: busybox:1}], containers: [{name: run, image: "${image}"}]}}}}}`
  const custom = (image: string): string =>
    `{apiVersion: example.com/v1, kind: Fleet, metadata: {name: f, namespace: shop}, spec: {groups: [{pod: {containers: [{name: app, image: "${image}"}]}}]}}`
  const pairs = [
    [deployment(1, 'web:1'), deployment(1, 'web:2')],
    [cron('web:1'), cron('web:2')],
    [custom('web:1'), custom('web:2')],
  ] as const
  const [found] = plan(
    application(
      pairs.map(([base, head]) => sides({ base, head, live: base, result: head })),
      {
        kind: 'HelmRelease',
        chart: { base: { name: 'web', version: '1.0.0' }, head: { name: 'web', version: '1.1.0' } },
      },
    ),
  ).applications
  assert.deepEqual(found?.chart, { name: 'web', before: '1.0.0', after: '1.1.0' })
  assert.deepEqual(found?.images, [
    {
      before: 'web:1',
      after: 'web:2',
      containers: ['CronJob/shop/tidy: run', 'Deployment/shop/web: app', 'Fleet/shop/f: app'],
    },
  ])
})

test('the order of applications and objects does not count', () => {
  const objects = ['a', 'b', 'c'].map((name) =>
    sides({ head: `{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}, namespace: x}, data: {a: b}}` }),
  )
  const applications = ['main', 'edge'].map((cluster) => application(objects, { cluster }))
  const turned = applications.toReversed().map((one) => ({ ...one, objects: one.objects.toReversed() }))
  assert.deepEqual(plan(...turned), plan(...applications))
})

test('differences beyond the limit are counted', () => {
  const map = (value: string): string =>
    `{apiVersion: v1, kind: ConfigMap, metadata: {name: m, namespace: x}, data: {${Array.from({ length: 250 }, (_, at) => `k${at}: "${value}"`).join(', ')}}}`
  const found = planOne({ base: map('1'), head: map('2'), live: map('1'), result: map('2') })
  assert.equal(found?.differences.length, 200)
  assert.equal(found?.omitted, 50)
})

test('an object whose items cannot be told apart is not compared with the cluster, and says so', () => {
  const twice = (tag: string): string => `${deployment(1, tag)}      - name: app\n        image: other\n`
  const found = planOne({ base: twice('a'), head: twice('b'), live: twice('c'), result: twice('b') })
  assert.equal(found?.origin, 'change')
  assert.match(found.note ?? '', /was not compared with the cluster/)
  assert.equal(planOne({ base: twice('a'), head: twice('a'), live: twice('c'), result: twice('a') }), undefined)
})

test('a plan is a function of its input', () => {
  const input = {
    change: { repository: 'r', base: 'a', head: 'b' },
    applications: [application([{ head: rendered(deployment(1)) }])],
  }
  assert.deepEqual(planDocument(input), planDocument(input))
})
