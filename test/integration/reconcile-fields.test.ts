import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { useCluster } from '../support/cluster.ts'
import { createScenario, nodeOf, type Scenario, type ScenarioOptions } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []
after(async () => {
  for (const made of open) await made.close()
})

async function scenario(files: ScenarioOptions['files'], options: Partial<ScenarioOptions> = {}): Promise<Scenario> {
  const made = await createScenario(cluster, { files, ...options })
  open.push(made)
  return made
}

type Fields = { readonly [name: string]: unknown }

const map = (name: string, data: Fields = { a: '1' }, extra = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${extra}data: ${JSON.stringify(data)}\n`
const ref = (made: Scenario, kind: string, name: string) => ({
  apiVersion: kind === 'Kustomization' ? 'kustomize.toolkit.fluxcd.io/v1' : kind === 'Deployment' ? 'apps/v1' : 'v1',
  kind,
  namespace: made.namespace,
  name,
})
const mapOf = (made: Scenario, name: string) => made.client.find(ref(made, 'ConfigMap', name))
const statusOf = async (made: Scenario, name: string) =>
  (await made.client.get(ref(made, 'Kustomization', name)))['status']

describe('fields of the spec', () => {
  const files = {
    'app/kustomization.yaml': 'resources: [a.yaml, d.yaml]\n',
    'app/a.yaml': map('a', { v: '${v:=none}', host: '${host:=none}' }),
    'app/d.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: { name: d }
spec:
  replicas: 0
  selector: { matchLabels: { app: d } }
  template: { metadata: { labels: { app: d } }, spec: { containers: [{ name: c, image: example/app:1 }] } }
`,
    'component/kustomization.yaml':
      'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- target: { kind: ConfigMap }\n  patch: |\n    - {op: add, path: /data/component, value: "yes"}\n',
  }
  const rows: {
    readonly field: string
    readonly spec: Fields
    readonly check: (made: Scenario) => Promise<void>
    readonly prepare?: (made: Scenario) => Promise<unknown>
  }[] = [
    {
      field: 'namePrefix, nameSuffix',
      spec: { namePrefix: 'x-', nameSuffix: '-y' },
      check: async (made) => assert.ok(await mapOf(made, 'x-a-y')),
    },
    {
      field: 'patches',
      spec: { patches: [{ patch: '[{"op":"add","path":"/data/p","value":"1"}]', target: { kind: 'ConfigMap' } }] },
      check: async (made) => assert.equal((await mapOf(made, 'a'))?.['data'].p, '1'),
    },
    {
      field: 'images',
      spec: { images: [{ name: 'example/app', newTag: '2' }] },
      check: async (made) => {
        const found = await made.client.get(ref(made, 'Deployment', 'd'))
        assert.equal(found['spec'].template.spec.containers[0].image, 'example/app:2')
      },
    },
    {
      field: 'components, ignoreMissingComponents',
      spec: { components: ['../component', '../missing'], ignoreMissingComponents: true },
      check: async (made) => assert.equal((await mapOf(made, 'a'))?.['data'].component, 'yes'),
    },
    {
      field: 'buildMetadata',
      spec: { buildMetadata: ['originAnnotations'] },
      check: async (made) =>
        assert.match((await mapOf(made, 'a'))?.metadata.annotations?.['config.kubernetes.io/origin'] ?? '', /a\.yaml/),
    },
    {
      field: 'commonMetadata',
      spec: { commonMetadata: { labels: { team: 'x' }, annotations: { note: 'y' } } },
      check: async (made) => {
        const { labels, annotations } = (await mapOf(made, 'a'))?.metadata ?? {}
        assert.deepEqual([labels?.['team'], annotations?.['note']], ['x', 'y'])
        assert.equal(labels?.['kustomize.toolkit.fluxcd.io/name'], 'k')
      },
    },
    {
      field: 'postBuild',
      spec: {
        postBuild: {
          substitute: { v: 'inline' },
          substituteFrom: [
            { kind: 'ConfigMap', name: 'vars' },
            { kind: 'Secret', name: 'absent', optional: true },
          ],
        },
      },
      prepare: (made) =>
        made.client.apply({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'vars', namespace: made.namespace },
          data: { v: 'from', host: 'h' },
        }),
      check: async (made) => assert.deepEqual((await mapOf(made, 'a'))?.['data'], { v: 'inline', host: 'h' }),
    },
    {
      field: 'healthChecks',
      spec: { healthChecks: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }], timeout: '1m' },
      check: async (made) => {
        const { conditions } = await statusOf(made, 'k')
        const healthy = conditions.find((one: { type: string }) => one.type === 'Healthy')
        assert.match(healthy.message, /^Health check passed in /)
      },
    },
  ]
  for (const { field, spec, check, prepare } of rows) {
    it(field, async () => {
      const made = await scenario(files)
      await prepare?.(made)
      await made.kustomization('k', spec)
      const record = await made.pushed()
      assert.equal(record.state, 'succeeded', JSON.stringify(record.nodes))
      await check(made)
    })
  }

  it('ignore: another manager of a field keeps it, a value set by hand stays, everything else is corrected', async () => {
    const made = await scenario({ 'app/a.yaml': map('a', { mine: '1', theirs: '1', kept: '1' }) })
    await made.kustomization('k', {
      ignore: [{ paths: ['/data/theirs', '/data/kept'], target: { kind: 'ConfigMap', name: 'a' } }],
    })
    await made.pushed()
    await made.client.patch(ref(made, 'ConfigMap', 'a'), { data: { theirs: '2', kept: '3' } })
    const quiet = nodeOf((await made.run({ kind: 'trigger', target: 'cluster' })).record, 'Kustomization/k')
    assert.deepEqual(quiet.changes, [], 'an ignored difference is none')
    await made.push({ 'app/a.yaml': map('a', { mine: '2', theirs: '1', kept: '1' }) })
    assert.deepEqual((await mapOf(made, 'a'))?.['data'], { mine: '2', theirs: '2', kept: '3' })
  })

  it('ignore: a rule that is no pointer is refused by name', async () => {
    const made = await scenario({ 'app/a.yaml': map('a') })
    await made.kustomization('k', { ignore: [{ paths: ['/data/x'], target: { name: '(' } }] })
    assert.match(nodeOf(await made.pushed(), 'Kustomization/k').message ?? '', /spec\.ignore\[0\]: target\.name/)
  })

  it('force: recreates what cannot be changed', async () => {
    const secret = (value: string): string =>
      `apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nimmutable: true\nstringData: { a: "${value}" }\n`
    const made = await scenario({ 'app/s.yaml': secret('1') })
    await made.kustomization('k')
    await made.pushed()
    const { uid } = (await made.client.get(ref(made, 'Secret', 's'))).metadata
    const refused = nodeOf(await made.push({ 'app/s.yaml': secret('2') }), 'Kustomization/k')
    assert.equal(refused.state, 'failed')
    assert.match(refused.message ?? '', /^app\/s\.yaml:1: Secret\/.*\/s dry-run failed \(Invalid\)/)
    await made.kustomization('k', { force: true })
    const record = await made.pushed()
    assert.equal(record.state, 'succeeded', JSON.stringify(record.nodes))
    assert.notEqual((await made.client.get(ref(made, 'Secret', 's'))).metadata.uid, uid)
  })
})

describe('annotations of objects', () => {
  const key = (name: string, value: string): string =>
    `  annotations: { kustomize.toolkit.fluxcd.io/${name}: ${value} }\n`

  it('prune: disabled, reconcile: disabled and ssa: Ignore keep an object from being pruned', async () => {
    const made = await scenario({
      'app/keep.yaml': map('keep'),
      'app/p.yaml': map('p', {}, key('prune', 'disabled')),
      'app/q.yaml': map('q'),
    })
    await made.kustomization('k')
    await made.pushed()
    await made.client.patch(ref(made, 'ConfigMap', 'q'), {
      metadata: { annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' } },
    })
    const record = await made.push({ 'app/p.yaml': null, 'app/q.yaml': null })
    assert.equal(record.state, 'succeeded', JSON.stringify(record.nodes))
    assert.ok((await mapOf(made, 'p')) && (await mapOf(made, 'q')))
  })

  it('ssa: Merge keeps what others added, IfNotPresent creates once, Ignore does nothing; Override takes kubectl’s fields', async () => {
    const made = await scenario({
      'app/merge.yaml': map('merge', { a: '1' }, key('ssa', 'Merge')),
      'app/once.yaml': map('once', { a: '1' }, key('ssa', 'IfNotPresent')),
      'app/ignore.yaml': map('ignore', { a: '1' }, key('ssa', 'Ignore')),
      'app/override.yaml': map('override', { a: '1' }),
    })
    await made.kustomization('k')
    await made.pushed()
    assert.equal(await mapOf(made, 'ignore'), undefined)
    for (const name of ['merge', 'once', 'override'])
      await made.client.request(
        'PATCH',
        await made.client.path(ref(made, 'ConfigMap', name), { fieldManager: 'kubectl-edit' }),
        { body: JSON.stringify({ data: { added: 'x', a: '9' } }), contentType: 'application/merge-patch+json' },
      )
    await made.run({ kind: 'trigger', target: 'cluster' })
    assert.deepEqual((await mapOf(made, 'merge'))?.['data'], { a: '1', added: 'x' })
    assert.deepEqual((await mapOf(made, 'once'))?.['data'], { a: '9', added: 'x' })
    assert.deepEqual((await mapOf(made, 'override'))?.['data'], { a: '1' })
  })

  it('substitute: disabled leaves an object alone', async () => {
    const made = await scenario({ 'app/a.yaml': map('a', { v: '${v}' }, key('substitute', 'disabled')) })
    await made.kustomization('k', { postBuild: { substitute: { v: '1' } } })
    await made.pushed()
    assert.deepEqual((await mapOf(made, 'a'))?.['data'], { v: '${v}' })
  })
})

describe('annotations of our own', () => {
  const broken = (index: number): string =>
    `# comment\napiVersion: v1\nkind: Service\nmetadata:\n  name: broken-${index}\nspec:\n  ports: [{ port: 0 }]\n`
  const fifty = Object.fromEntries(
    Array.from({ length: 50 }, (_, index) =>
      index % 10 === 3 ? [`app/broken-${index}.yaml`, broken(index)] : [`app/m${index}.yaml`, map(`m${index}`)],
    ),
  )

  it('five broken objects among fifty: one report with all five, file and line; nothing is applied', async () => {
    const made = await scenario(fifty)
    await made.kustomization('k')
    const node = nodeOf(await made.pushed(), 'Kustomization/k')
    const lines = (node.message ?? '').split('\n').filter((line) => line.includes('broken-'))
    assert.equal(lines.length, 5, node.message)
    for (const line of lines)
      assert.match(line, /^app\/broken-(\d+)\.yaml:2: Service\/.*\/broken-\1 dry-run failed \(Invalid\): /)
    const ready = (await statusOf(made, 'k')).conditions.find((one: { type: string }) => one.type === 'Ready')
    assert.equal(ready.message, node.message)
    assert.equal(await mapOf(made, 'm0'), undefined)
  })

  it('sluice.dev/partial-apply: the other 45 are applied, kept in the inventory, and the five are reported', async () => {
    const made = await scenario(fifty)
    await made.kustomization('k', {}, { 'sluice.dev/partial-apply': 'enabled' })
    const node = nodeOf(await made.pushed(), 'Kustomization/k')
    assert.equal(node.state, 'failed')
    assert.equal((node.message ?? '').split('\n').filter((line) => line.includes('broken-')).length, 5)
    const maps = await made.client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace })
    assert.equal(maps.filter(({ metadata }) => metadata.name.startsWith('m')).length, 45)
    assert.equal((await statusOf(made, 'k')).inventory.entries.length, 45)
    const fixed = await made.push(
      Object.fromEntries(
        Object.keys(fifty)
          .filter((path) => path.includes('broken'))
          .map((path) => [path, null]),
      ),
    )
    assert.equal(fixed.state, 'succeeded', JSON.stringify(fixed.nodes))
  })

  it('sluice.dev/confirm-prune: an empty build prunes nothing until the revision is confirmed', async () => {
    const made = await scenario({ 'app/a.yaml': map('a'), 'app/b.yaml': map('b'), x: 'x' })
    await made.kustomization('k')
    await made.pushed()
    const refused = nodeOf(
      await made.push({ 'app/a.yaml': null, 'app/b.yaml': null, 'app/README.md': 'empty' }),
      'Kustomization/k',
    )
    assert.equal(refused.reason, 'PruneFailed')
    assert.match(
      refused.message ?? '',
      /all 2 would be pruned; nothing was deleted.*sluice\.dev\/confirm-prune=main@sha1:/,
    )
    assert.ok((await mapOf(made, 'a')) && (await mapOf(made, 'b')))
    assert.equal((await statusOf(made, 'k')).inventory.entries.length, 2)
    const revision = `main@sha1:${await made.repository.head()}`
    await made.kustomization('k', {}, { 'sluice.dev/confirm-prune': revision })
    const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
    assert.equal(record.state, 'succeeded', JSON.stringify(record.nodes))
    assert.equal(await mapOf(made, 'a'), undefined)
  })

  it('sluice.dev/confirm-prune: so does the loss of most objects at once', async () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`app/m${index}.yaml`, map(`m${index}`)]))
    const made = await scenario(many)
    await made.kustomization('k')
    await made.pushed()
    const gone = Object.fromEntries(
      Object.keys(many)
        .slice(0, 25)
        .map((path) => [path, null]),
    )
    const refused = nodeOf(await made.push(gone), 'Kustomization/k')
    assert.match(refused.message ?? '', /25 of 30 objects would be pruned/)
    await made.kustomization('k', {}, { 'sluice.dev/confirm-prune': 'enabled' })
    assert.equal((await made.run({ kind: 'trigger', target: 'cluster' })).record.state, 'succeeded')
    assert.equal((await statusOf(made, 'k')).inventory.entries.length, 5)
  })
})

describe('inventory', () => {
  it('is rebuilt from owner labels when the status was lost, so that what Git no longer has is pruned', async () => {
    const made = await scenario({ 'app/a.yaml': map('a'), 'app/b.yaml': map('b') })
    await made.kustomization('k')
    await made.pushed()
    await made.repository.commit({ 'app/b.yaml': null })
    const path = await made.client.path(ref(made, 'Kustomization', 'k'))
    await made.client.request('PATCH', `${path}/status`, {
      body: JSON.stringify({ status: null }),
      contentType: 'application/merge-patch+json',
    })
    const record = await made.pushed()
    assert.equal(record.state, 'succeeded', JSON.stringify(record.nodes))
    assert.equal(await mapOf(made, 'b'), undefined)
    assert.equal((await statusOf(made, 'k')).inventory.entries.length, 1)
  })

  it('an object that moves to another Kustomization is neither deleted nor created again', async () => {
    const made = await scenario({ 'one/a.yaml': map('a'), 'one/b.yaml': map('b'), 'two/c.yaml': map('c') })
    await made.kustomization('one', { path: './one' })
    // The new owner comes last: without care the old one would have deleted the object before.
    await made.kustomization('two', { path: './two', dependsOn: [{ name: 'one' }] })
    await made.pushed()
    const { uid } = (await made.client.get(ref(made, 'ConfigMap', 'b'))).metadata
    const record = await made.push({ 'one/b.yaml': null, 'two/b.yaml': map('b') })
    assert.equal(record.state, 'succeeded', JSON.stringify(record.nodes))
    const moved = await made.client.get(ref(made, 'ConfigMap', 'b'))
    assert.equal(moved.metadata.uid, uid)
    assert.equal(moved.metadata.labels?.['kustomize.toolkit.fluxcd.io/name'], 'two')
    await made.push({ 'one/a.yaml': map('a', { a: '2' }) })
    assert.equal((await statusOf(made, 'one')).inventory.entries.length, 1)
    assert.ok(await mapOf(made, 'b'))
  })
})

describe('deletion', () => {
  for (const [policy, isKept] of [
    ['MirrorPrune', false],
    ['Delete', false],
    ['WaitForTermination', false],
    ['Orphan', true],
  ] as const) {
    it(`deletionPolicy ${policy} ${isKept ? 'leaves' : 'deletes'} the objects`, async () => {
      const made = await scenario({ 'app/a.yaml': map('a') })
      await made.kustomization('k', { deletionPolicy: policy, prune: policy !== 'Delete' })
      await made.pushed()
      await made.client.delete(ref(made, 'Kustomization', 'k'))
      await made.scan()
      assert.equal(await made.client.find(ref(made, 'Kustomization', 'k')), undefined)
      assert.equal((await mapOf(made, 'a')) !== undefined, isKept)
    })
  }

  it('WaitForTermination waits over several runs for finalizers of others', async () => {
    const made = await scenario({ 'app/a.yaml': map('a', {}, '  finalizers: [example.com/held]\n') })
    const hasty = { ...made.deps, limits: { ...made.deps.limits, runBudgetMs: 500, healthPollMs: 50 } }
    await made.kustomization('k', { deletionPolicy: 'WaitForTermination' })
    await made.pushed()
    await made.client.delete(ref(made, 'Kustomization', 'k'))
    const { runJob } = await import('../../src/reconcile/index.ts')
    const scan = { kind: 'scan' as const, runId: 's', cluster: 'test', receivedAt: 0 }
    const first = await runJob(hasty, scan)
    assert.equal(nodeOf(first.record, 'Kustomization/k').state, 'waiting')
    assert.match(nodeOf(first.record, 'Kustomization/k').message ?? '', /waiting for deletion of ConfigMap\/.*\/a/)
    assert.ok(await made.client.find(ref(made, 'Kustomization', 'k')))
    await made.client.patch(ref(made, 'ConfigMap', 'a'), { metadata: { finalizers: null } })
    await runJob(hasty, scan)
    assert.equal(await made.client.find(ref(made, 'Kustomization', 'k')), undefined)
  })

  it('ends, and says what is left behind, when the service account is gone', async () => {
    const made = await scenario({ 'app/a.yaml': map('a') })
    await made.kustomization('k')
    await made.pushed()
    await made.kustomization('k', { serviceAccountName: 'gone' })
    await made.client.delete(ref(made, 'Kustomization', 'k'))
    await made.scan()
    assert.equal(await made.client.find(ref(made, 'Kustomization', 'k')), undefined)
    assert.ok(await mapOf(made, 'a'))
    const events = await made.client.list({ apiVersion: 'v1', kind: 'Event', namespace: made.namespace })
    assert.ok(events.some((event) => /^unable to prune objects: .*_a__ConfigMap/.test(event['message'])))
  })
})

describe('order and health by expressions', () => {
  it('readyExpr takes the place of the built-in check; one that does not compile stalls', async () => {
    const made = await scenario({ 'app/a.yaml': map('a'), 'b/b.yaml': map('b') })
    await made.kustomization('dep', { suspend: true })
    await made.kustomization('by-label', {
      path: './b',
      dependsOn: [{ name: 'dep', readyExpr: 'dep.spec.suspend && self.metadata.name == "by-label"' }],
    })
    await made.kustomization('never', {
      path: './b',
      dependsOn: [{ name: 'dep', readyExpr: 'dep.status.nothing == 1' }],
    })
    await made.kustomization('bad', { path: './b', dependsOn: [{ name: 'dep', readyExpr: 'dep.' }] })
    const record = await made.pushed()
    assert.equal(nodeOf(record, 'Kustomization/by-label').state, 'ready')
    const never = nodeOf(record, 'Kustomization/never')
    assert.equal(never.state, 'blocked')
    assert.match(never.message ?? '', /does not meet spec\.dependsOn\[0\]\.readyExpr/)
    const bad = nodeOf(record, 'Kustomization/bad')
    assert.equal(bad.reason, 'InvalidCELExpression')
    const { conditions } = await statusOf(made, 'bad')
    assert.ok(
      conditions.some((one: { type: string; status: string }) => one.type === 'Stalled' && one.status === 'True'),
    )
  })

  it('a chain of blockers is named whole; a dependency of another kind by annotation', async () => {
    const made = await scenario({ 'app/a.yaml': 'kind: ConfigMap\n', 'b/b.yaml': map('b') })
    await made.kustomization('a')
    await made.kustomization('b', { path: './b', dependsOn: [{ name: 'a' }] })
    await made.kustomization('c', { path: './b', dependsOn: [{ name: 'b' }] })
    await made.kustomization('d', { path: './b' }, { 'sluice.dev/depends-on': 'HelmRelease/redis' })
    const record = await made.pushed()
    assert.match(
      nodeOf(record, 'Kustomization/c').message ?? '',
      /dependency 'Kustomization\/.*\/b' is not ready: dependency 'Kustomization\/.*\/a' is not ready: .*app\/a\.yaml/,
    )
    assert.match(nodeOf(record, 'Kustomization/d').message ?? '', /dependency 'HelmRelease\/.*\/redis' not found/)
  })

  it('healthCheckExprs tell the health of a kind', async () => {
    const made = await scenario({ 'app/a.yaml': map('a', { phase: 'failed' }) })
    const exprs = [
      { apiVersion: 'v1', kind: 'ConfigMap', current: 'data.phase == "done"', failed: 'data.phase == "failed"' },
    ]
    await made.kustomization('k', { wait: true, healthCheckExprs: exprs })
    const failed = nodeOf(await made.pushed(), 'Kustomization/k')
    assert.equal(failed.reason, 'HealthCheckFailed')
    assert.match(failed.message ?? '', /failed early due to stalled resources: ConfigMap\/.*\/a status: 'Failed'/)
    const done = await made.push({ 'app/a.yaml': map('a', { phase: 'done' }) })
    assert.equal(done.state, 'succeeded', JSON.stringify(done.nodes))
  })
})

describe('waits', () => {
  const deployment = (image: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: web, annotations: { } }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template: { metadata: { labels: { app: web } }, spec: { containers: [{ name: web, image: "${image}" }] } }
`
  it('cost no requests while nothing happens, and end at once when something newer waits', async () => {
    const made = await scenario({ 'app/web.yaml': deployment('example/never-pulled:1'), 'app/a.yaml': map('a') })
    await made.kustomization('k', {
      healthChecks: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'not-there' }],
      timeout: '5m',
    })
    const { runJob } = await import('../../src/reconcile/index.ts')
    const superseded = new AbortController()
    const job = { kind: 'trigger' as const, target: 'cluster' as const, runId: 'w', cluster: 'test', receivedAt: 0 }
    const started = Date.now()
    const running = runJob(made.deps, job, { superseded: superseded.signal })
    setTimeout(() => superseded.abort(), 3_500)
    const { record, requeueAfterMs } = await running
    const node = nodeOf(record, 'Kustomization/k')
    assert.equal(node.state, 'waiting')
    assert.match(node.message ?? '', /ConfigMap\/.*\/not-there status: 'NotFound'/)
    assert.ok(requeueAfterMs !== undefined)
    assert.ok(Date.now() - started < 15_000, 'it did not wait for the end of its time')
    assert.ok((record.requests ?? 0) < 45, `${record.requests} requests`)
    // The newer revision does not need what the old one waited for.
    await made.kustomization('k')
    assert.equal((await made.push({ 'app/web.yaml': null })).state, 'succeeded')
  })

  type HealthOf = { readonly state: string; readonly message: string | undefined; readonly since: number }

  /** One run, `laterMs` from now, whose wait for health ends with the first look: whatever is not settled by then goes on waiting. */
  async function waitAt(made: Scenario, laterMs: number): Promise<HealthOf> {
    const { runJob } = await import('../../src/reconcile/index.ts')
    const clock = { ...made.deps.clock, now: () => Date.now() + laterMs }
    const job = { kind: 'trigger' as const, target: 'cluster' as const, runId: 'w', cluster: 'test', receivedAt: 0 }
    const { record } = await runJob({ ...made.deps, clock }, job, { superseded: AbortSignal.abort() })
    const { state, message } = nodeOf(record, 'Kustomization/k')
    const { conditions } = await statusOf(made, 'k')
    const healthy = conditions.find((one: { type: string }) => one.type === 'Healthy')
    return { state, message, since: Date.parse(healthy?.lastTransitionTime) }
  }

  const nowhere = {
    healthChecks: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'not-there' }],
    timeout: '30s',
    postBuild: { substituteFrom: [{ kind: 'ConfigMap', name: 'vars' }] },
  }
  const variables = (made: Scenario) =>
    made.client.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'vars', namespace: made.namespace },
      data: { v: '1' },
    })
  const fresh: readonly { readonly what: string; readonly begin: (made: Scenario) => Promise<unknown> }[] = [
    {
      what: 'a revision with the same objects',
      begin: (made) => made.repository.commit({ 'app/a.yaml': map('a', { a: '2' }) }),
    },
    {
      what: 'a revision with other objects',
      begin: (made) => made.repository.commit({ 'app/b.yaml': map('b') }),
    },
    {
      what: 'a generation with the same objects',
      begin: (made) => made.kustomization('k', { ...nowhere, timeout: '31s' }),
    },
    {
      what: 'a generation with other objects',
      begin: (made) => made.kustomization('k', { ...nowhere, namePrefix: 'x-' }),
    },
    {
      what: 'a revision that could not be built at first',
      begin: async (made) => {
        await made.client.delete(ref(made, 'ConfigMap', 'vars'))
        await made.repository.commit({ 'app/b.yaml': map('b') })
        assert.equal((await waitAt(made, 10_000)).state, 'failed')
        await variables(made)
      },
    },
  ]
  for (const { what, begin } of fresh) {
    it(`are counted anew for ${what}`, async () => {
      const made = await scenario({ 'app/a.yaml': map('a') })
      await variables(made)
      await made.kustomization('k', nowhere)
      const first = await waitAt(made, 0)
      assert.equal(first.state, 'waiting', first.message)
      await begin(made)
      const second = await waitAt(made, 29_000)
      assert.equal(second.state, 'waiting', second.message)
      assert.ok(second.since >= first.since + 28_000, `it waits since ${second.since}, the one before ${first.since}`)
      const later = await waitAt(made, 35_000)
      assert.deepEqual([later.state, later.since], ['waiting', second.since], later.message)
      const over = await waitAt(made, 90_000)
      assert.match(over.message ?? '', /timeout waiting for: ConfigMap\/.*\/not-there/)
    })
  }
})
