import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { useCluster } from '../support/cluster.ts'
import { createScenario, nodeOf, type Scenario, type ScenarioOptions } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []

async function scenario(options: ScenarioOptions): Promise<Scenario> {
  const made = await createScenario(cluster, options)
  open.push(made)
  return made
}

after(async () => {
  for (const made of open) await made.close()
})

const kustomization = (name: string, path: string, extra = ''): string => `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: ${name}
  namespace: $NAMESPACE
spec:
  interval: 10m
  path: ${path}
  prune: true
  targetNamespace: $NAMESPACE
  sourceRef:
    kind: GitRepository
    name: app
${extra}`

const configMap = (name: string, value: string): string => `apiVersion: v1
kind: ConfigMap
metadata:
  name: ${name}
data:
  value: "${value}"
`

/** Applies what a person would apply by hand once: the Kustomization that everything else hangs from. */
async function start(made: Scenario, text: string): Promise<void> {
  const { parseAllDocuments } = await import('yaml')
  for (const document of parseAllDocuments(text.replaceAll('$NAMESPACE', made.namespace)))
    await made.client.apply(document.toJS() as object)
}

const configMapRef = (made: Scenario, name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace: made.namespace,
  name,
})
const kustomizationRef = (made: Scenario, name: string) => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  namespace: made.namespace,
  name,
})

describe('a push', () => {
  it('applies what the commit holds; the next one changes, adds and removes', async () => {
    const made = await scenario({ files: { 'app/a.yaml': configMap('a', '1'), 'app/b.yaml': configMap('b', '1') } })
    await start(made, kustomization('app', './app'))
    const first = await made.pushed()
    assert.equal(first.state, 'succeeded', JSON.stringify(first))
    assert.equal((await made.client.get(configMapRef(made, 'a')))['data'].value, '1')
    const second = await made.push({
      'app/a.yaml': configMap('a', '2'),
      'app/b.yaml': null,
      'app/c.yaml': configMap('c', '1'),
    })
    assert.equal(second.state, 'succeeded', JSON.stringify(second))
    assert.equal((await made.client.get(configMapRef(made, 'a')))['data'].value, '2')
    assert.equal(await made.client.find(configMapRef(made, 'b')), undefined)
    assert.equal((await made.client.get(configMapRef(made, 'c')))['data'].value, '1')
    const actions = nodeOf(second, 'Kustomization/app').changes.map(
      (change) => `${change.object.split('/').at(-1)} ${change.action}`,
    )
    assert.deepEqual(actions.toSorted(), ['a configured', 'b deleted', 'c created'])
  })

  it('leaves the status that Flux leaves', async () => {
    const made = await scenario({ files: { 'app/a.yaml': configMap('a', '1') } })
    await start(made, kustomization('app', './app'))
    await made.pushed()
    const commit = await made.repository.head()
    const { status, metadata } = await made.client.get(kustomizationRef(made, 'app'))
    assert.deepEqual(metadata.finalizers, ['finalizers.fluxcd.io'])
    assert.equal(status.lastAppliedRevision, `main@sha1:${commit}`)
    assert.equal(status.lastAttemptedRevision, `main@sha1:${commit}`)
    assert.equal(status.observedGeneration, metadata.generation)
    assert.deepEqual(status.inventory.entries, [{ id: `${made.namespace}_a__ConfigMap`, v: 'v1' }])
    assert.equal(status.conditions.length, 1)
    const { type, status: value, reason, message } = status.conditions[0]
    assert.deepEqual(
      [type, value, reason, message],
      ['Ready', 'True', 'ReconciliationSucceeded', `Applied revision: main@sha1:${commit}`],
    )
    assert.equal(status.history[0].totalReconciliations, 1)
    const applied = await made.client.get(configMapRef(made, 'a'))
    assert.deepEqual(applied.metadata.labels, {
      'kustomize.toolkit.fluxcd.io/name': 'app',
      'kustomize.toolkit.fluxcd.io/namespace': made.namespace,
    })
    assert.deepEqual(
      applied.metadata.managedFields?.map((entry) => [entry.manager, entry.operation]),
      [['kustomize-controller', 'Apply']],
    )
    const source = await made.client.get({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      namespace: made.namespace,
      name: 'app',
    })
    assert.equal(source['status'].artifact.revision, `main@sha1:${commit}`)
  })

  it('reaches what it creates: Kustomizations of a Kustomization, in the order of their dependencies', async () => {
    const made = await scenario({
      files: {
        'root/base.yaml': kustomization('base', './base'),
        'root/top.yaml': kustomization('top', './top', '  dependsOn:\n    - name: base\n'),
        'base/x.yaml': configMap('x', '1'),
        'top/y.yaml': configMap('y', '1'),
      },
    })
    await start(made, kustomization('root', './root').replace('  targetNamespace: $NAMESPACE\n', ''))
    const record = await made.pushed()
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    assert.deepEqual(
      record.nodes.map((node) => node.name),
      ['root', 'base', 'top'],
    )
    const base = nodeOf(record, 'Kustomization/base')
    const top = nodeOf(record, 'Kustomization/top')
    assert.ok(top.timings.startedAt >= base.timings.finishedAt)
    // A child that the root no longer holds is deleted, and takes its objects with it.
    const second = await made.push({ 'root/top.yaml': null })
    assert.equal(second.state, 'succeeded', JSON.stringify(second))
    assert.equal(await made.client.find(kustomizationRef(made, 'top')), undefined)
    assert.equal(await made.client.find(configMapRef(made, 'y')), undefined)
  })

  it('does nothing for another branch, and finds nothing to do when asked twice', async () => {
    const made = await scenario({ files: { 'app/a.yaml': configMap('a', '1') } })
    await start(made, kustomization('app', './app'))
    await made.pushed()
    const again = await made.pushed()
    assert.equal(again.nodes.length, 0)
    const other = await made.run({
      push: { provider: 'github', deliveryId: 'x', urls: [made.repository.url], ref: 'refs/heads/feature' },
    })
    assert.equal(other.record.nodes.length, 0)
    // Lists of our kinds, no more: the source is asked for its ref, nothing is rendered or applied.
    assert.ok((again.requests ?? 99) <= 6, `${again.requests} requests`)
    assert.ok((other.record.requests ?? 99) <= 6, `${other.record.requests} requests`)
  })

  it('is not over while it leaves something to the newer one that waits', async () => {
    const made = await scenario({ files: { 'app/a.yaml': configMap('a', '1') } })
    await start(made, kustomization('app', './app'))
    const { runJob } = await import('../../src/reconcile/index.ts')
    const job = { kind: 'trigger', runId: 'left', cluster: 'test', receivedAt: Date.now(), target: 'cluster' } as const
    assert.equal((await runJob(made.deps, job, { replaced: AbortSignal.abort() })).left, 1)
    const stateOf = async () => ((await made.deps.state.get('runs/left/test')) as { state?: string }).state
    assert.equal(await stateOf(), 'running')
    await runJob(made.deps, job)
    assert.equal(await stateOf(), 'succeeded')
  })

  it('waits for health and says what it waits for', async () => {
    const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers: [{ name: web, image: example/web:1 }]
`
    const made = await scenario({ files: { 'app/web.yaml': deployment, 'after/a.yaml': configMap('after', '1') } })
    await start(made, kustomization('app', './app', '  wait: true\n  timeout: 1m\n'))
    await start(made, kustomization('after', './after', '  dependsOn:\n    - name: app\n'))
    const record = await made.pushed()
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    const conditions: { type: string; status: string }[] = (await made.client.get(kustomizationRef(made, 'app')))[
      'status'
    ].conditions
    assert.deepEqual(conditions.map((condition) => `${condition.type} ${condition.status}`).toSorted(), [
      'Healthy True',
      'Ready True',
    ])
    assert.equal((await made.client.get(configMapRef(made, 'after')))['data'].value, '1')
  })
})

describe('what is wrong with one object stays with that object', () => {
  it('names file and line of a manifest that does not parse; others go on', async () => {
    const made = await scenario({
      files: {
        'bad/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [unclosed\n',
        'good/b.yaml': configMap('b', '1'),
      },
    })
    await start(made, kustomization('bad', './bad'))
    await start(made, kustomization('good', './good'))
    const record = await made.pushed()
    assert.equal(record.state, 'partial')
    const bad = nodeOf(record, 'Kustomization/bad')
    assert.equal(bad.reason, 'BuildFailed')
    assert.match(bad.message ?? '', /bad\/a\.yaml:[45]/)
    assert.equal((await made.client.get(configMapRef(made, 'b')))['data'].value, '1')
    const ready = (await made.client.get(kustomizationRef(made, 'bad')))['status'].conditions.find(
      (c: { type: string }) => c.type === 'Ready',
    )
    assert.equal(ready.status, 'False')
    assert.equal(ready.reason, 'BuildFailed')
  })

  it('reports every object that the server refuses, and an unknown kind, and applies nothing of that Kustomization', async () => {
    const made = await scenario({
      files: {
        'app/ok.yaml': configMap('ok', '1'),
        'app/unknown.yaml': 'apiVersion: nowhere.example.com/v1\nkind: Thing\nmetadata:\n  name: t\n',
        'app/invalid.yaml': 'apiVersion: v1\nkind: Service\nmetadata:\n  name: s\nspec:\n  ports: [{ port: 0 }]\n',
      },
    })
    await start(made, kustomization('app', './app'))
    const node = nodeOf(await made.pushed(), 'Kustomization/app')
    assert.equal(node.state, 'failed')
    assert.match(node.message ?? '', /Thing\/.*t/)
    assert.match(node.message ?? '', /Service\/.*s/)
    assert.equal(await made.client.find(configMapRef(made, 'ok')), undefined)
    const fixed = await made.push({ 'app/unknown.yaml': null, 'app/invalid.yaml': null })
    assert.equal(fixed.state, 'succeeded', JSON.stringify(fixed))
  })

  it('names the blocker of a dependant, and wakes it when the blocker is fixed', async () => {
    const made = await scenario({ files: { 'a/broken.yaml': 'kind: ConfigMap\n', 'b/b.yaml': configMap('b', '1') } })
    await start(made, kustomization('a', './a'))
    await start(made, kustomization('b', './b', '  dependsOn:\n    - name: a\n'))
    const record = await made.pushed()
    const blocked = nodeOf(record, 'Kustomization/b')
    assert.equal(blocked.state, 'blocked')
    assert.match(blocked.message ?? '', new RegExp(`dependency 'Kustomization/${made.namespace}/a' is not ready: `))
    const fixed = await made.push({ 'a/broken.yaml': configMap('a', '1') })
    assert.equal(fixed.state, 'succeeded', JSON.stringify(fixed))
    assert.equal((await made.client.get(configMapRef(made, 'b')))['data'].value, '1')
  })

  it('reports a cycle with its path', async () => {
    const made = await scenario({ files: { 'a/a.yaml': configMap('a', '1') } })
    await start(made, kustomization('a', './a', '  dependsOn:\n    - name: b\n'))
    await start(made, kustomization('b', './a', '  dependsOn:\n    - name: a\n'))
    const record = await made.pushed()
    const [a = '', b = ''] = ['a', 'b'].map((name) => `Kustomization/${made.namespace}/${name}`)
    assert.match(nodeOf(record, 'Kustomization/a').message ?? '', new RegExp(`dependency cycle: ${a} -> ${b} -> ${a}`))
  })

  it('says that a path does not exist, that a source is missing', async () => {
    const made = await scenario({ files: { 'a/a.yaml': configMap('a', '1') } })
    await start(made, kustomization('nowhere', './nowhere'))
    await start(made, kustomization('orphan', './a').replace('name: app\n', 'name: missing\n'))
    const record = await made.pushed()
    assert.match(nodeOf(record, 'Kustomization/nowhere').message ?? '', /kustomization path not found/)
    const scan = await made.scan()
    assert.match(nodeOf(scan, 'Kustomization/orphan').message ?? '', /Source 'GitRepository\/.*\/missing' not found/)
  })
})

describe('the scan', () => {
  it('finds and repairs drift, names the fields, and reports it as an event', async () => {
    const made = await scenario({ files: { 'app/a.yaml': configMap('a', '1'), 'app/b.yaml': configMap('b', '1') } })
    await start(made, kustomization('app', './app'))
    await made.pushed()
    await made.client.patch(configMapRef(made, 'a'), { data: { value: 'by hand' } })
    await made.client.delete(configMapRef(made, 'b'))
    await made.deps.state.delete('checks/test/0')
    const due = { ...made.deps, clock: { ...made.deps.clock, now: () => Date.now() + 11 * 60_000 } }
    const { runJob } = await import('../../src/reconcile/index.ts')
    const { record } = await runJob(due, { kind: 'scan', runId: 'scan', cluster: 'test', receivedAt: Date.now() })
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    const { changes } = nodeOf(record, 'Kustomization/app')
    const drifted = changes.find((change) => change.object.endsWith('/a'))
    assert.equal(drifted?.action, 'configured')
    assert.deepEqual(
      drifted.drift?.map((found) => found.path),
      ['.data.value'],
    )
    assert.equal(changes.find((change) => change.object.endsWith('/b'))?.action, 'created')
    assert.equal((await made.client.get(configMapRef(made, 'a')))['data'].value, '1')
    assert.equal((await made.client.get(configMapRef(made, 'b')))['data'].value, '1')
    const events = await made.client.list({ apiVersion: 'v1', kind: 'Event', namespace: made.namespace })
    const drift = events.find((event) => event['reason'] === 'DriftDetected')
    assert.match(drift?.['message'] ?? '', /ConfigMap\/.*\/a drifted: \.data\.value/)
  })

  it('picks up a push whose webhook never came', async () => {
    const made = await scenario({ files: { 'app/a.yaml': configMap('a', '1') } })
    await start(made, kustomization('app', './app'))
    await made.pushed()
    await made.repository.commit({ 'app/a.yaml': configMap('a', '2') })
    const { runJob } = await import('../../src/reconcile/index.ts')
    const due = { ...made.deps, clock: { ...made.deps.clock, now: () => Date.now() + 2 * 60_000 } }
    const { record } = await runJob(due, { kind: 'scan', runId: 'scan', cluster: 'test', receivedAt: Date.now() })
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    assert.equal((await made.client.get(configMapRef(made, 'a')))['data'].value, '2')
  })

  it('waits for a source that a push is fetching for the first time, and fails nothing that is made from it', async () => {
    const made = await scenario({ files: { 'app/a.yaml': configMap('a', '1') } })
    await start(made, kustomization('app', './app'))
    made.git.misbehaviour = { kind: 'slow', ms: 1_000 }
    made.git.reset()
    const push = made.pushed()
    while (made.git.counters.requests === 0) await sleep(5)
    const records = await Promise.all([made.scan(), push])
    for (const record of records) assert.equal(record.state, 'succeeded', JSON.stringify(record))
    assert.equal((await made.client.get(configMapRef(made, 'a')))['data'].value, '1')
    const events = await made.client.list({ apiVersion: 'v1', kind: 'Event', namespace: made.namespace })
    assert.deepEqual(
      events.filter(({ type }) => type === 'Warning').map(({ reason, message }) => `${reason}: ${message}`),
      [],
    )
  })
})

describe('a manual trigger', () => {
  it('reconciles one object', async () => {
    const made = await scenario({ files: { 'a/a.yaml': configMap('a', '1'), 'b/b.yaml': configMap('b', '1') } })
    await start(made, kustomization('a', './a'))
    await start(made, kustomization('b', './b'))
    await made.pushed()
    await made.client.patch(configMapRef(made, 'a'), { data: { value: 'by hand' } })
    const { record } = await made.run({
      kind: 'trigger',
      target: { object: { kind: 'Kustomization', namespace: made.namespace, name: 'a' } },
    })
    assert.deepEqual(
      record.nodes.map((node) => node.name),
      ['a'],
    )
    assert.equal((await made.client.get(configMapRef(made, 'a')))['data'].value, '1')
  })

  it('acts on the annotation that `flux reconcile` sets, and marks it as handled', async () => {
    const made = await scenario({ files: { 'a/a.yaml': configMap('a', '1') } })
    await start(made, kustomization('a', './a'))
    await made.pushed()
    await made.client.patch(kustomizationRef(made, 'a'), {
      metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': 'now' } },
    })
    await made.scan()
    assert.equal((await made.client.get(kustomizationRef(made, 'a')))['status'].lastHandledReconcileAt, 'now')
  })
})

describe('a source that cannot be fetched', () => {
  it('is a failed node of the run, with what to do; the last commit stays in force', async () => {
    const made = await scenario({ files: { 'app/a.yaml': configMap('a', '1') } })
    await start(made, kustomization('app', './app'))
    await made.pushed()
    const ref = {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      namespace: made.namespace,
      name: 'app',
    }
    await made.client.patch(ref, { spec: { ref: { branch: 'nowhere' } } })
    const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
    const failed = record.nodes.filter((node) => node.state === 'failed')
    assert.deepEqual(
      failed.map(({ kind, name, reason }) => `${kind}/${name} ${reason}`),
      ['GitRepository/app GitOperationFailed'],
    )
    assert.match(failed[0]?.message ?? '', /nowhere/)
    assert.equal(record.state, 'partial')
    assert.equal((await made.client.get(configMapRef(made, 'a')))['data'].value, '1')
  })
})

describe('life and death of a Kustomization', () => {
  it('does nothing while suspended', async () => {
    const made = await scenario({ files: { 'app/a.yaml': configMap('a', '1') } })
    await start(made, kustomization('app', './app', '  suspend: true\n'))
    assert.equal((await made.pushed()).nodes.length, 0)
    assert.equal(await made.client.find(configMapRef(made, 'a')), undefined)
  })

  it('deletes what it applied when it is deleted', async () => {
    const made = await scenario({ files: { 'app/a.yaml': configMap('a', '1') } })
    await start(made, kustomization('app', './app'))
    await made.pushed()
    await made.client.delete(kustomizationRef(made, 'app'))
    await made.scan()
    assert.equal(await made.client.find(kustomizationRef(made, 'app')), undefined)
    assert.equal(await made.client.find(configMapRef(made, 'a')), undefined)
  })

  it('acts as the service account that it names', async () => {
    const made = await scenario({ files: { 'app/a.yaml': configMap('a', '1') } })
    await start(made, kustomization('app', './app', '  serviceAccountName: nobody\n'))
    const node = nodeOf(await made.pushed(), 'Kustomization/app')
    assert.equal(node.state, 'failed')
    assert.match(node.message ?? '', /cannot patch|forbidden/i)
    assert.equal(await made.client.find(configMapRef(made, 'a')), undefined)
  })
})
