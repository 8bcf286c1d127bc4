import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { useCluster } from '../support/cluster.ts'
import { createScenario, nodeOf, type Scenario, type ScenarioOptions } from '../support/scenario.ts'
import type { RunRecord } from '../../src/reconcile/index.ts'

const cluster = useCluster()
const open: Scenario[] = []

after(async () => {
  for (const made of open) await made.close()
})

const service = `apiVersion: v1
kind: Service
metadata: { name: web, namespace: $NAMESPACE, labels: { tier: front } }
spec: { selector: { app: web }, ports: [{ name: http, port: 80 }] }
`

async function scenario(options: Partial<ScenarioOptions> = {}): Promise<Scenario> {
  const made = await createScenario(cluster, { files: { 'app/web.yaml': service }, ...options })
  open.push(made)
  return made
}

const ref = (made: Scenario) => ({ apiVersion: 'v1', kind: 'Service', namespace: made.namespace, name: 'web' })

/** A scan for which the interval is over. */
async function scan(made: Scenario): Promise<RunRecord> {
  made.deps.caches.checks = undefined as never
  delete made.deps.caches.checks
  for (const { key } of await made.deps.state.list('checks/')) await made.deps.state.delete(key)
  return made.scan()
}

async function disturb(made: Scenario): Promise<void> {
  const path = `/api/v1/namespaces/${made.namespace}/services/web?fieldManager=somebody`
  const body = { metadata: { labels: { tier: 'back' } } }
  await made.client.request('PATCH', path, { body, contentType: 'application/merge-patch+json' })
}

const tierOf = async (made: Scenario) => (await made.client.get(ref(made))).metadata.labels?.['tier']

const eventsOf = async (made: Scenario, reason: string): Promise<string[]> => {
  const list = await made.client.list({ apiVersion: 'v1', kind: 'Event', namespace: made.namespace, name: '' })
  return list.filter((event) => event['reason'] === reason).map((event) => String(event['message']))
}

describe('drift of a Kustomization', () => {
  it('is told with the field, both values, who wrote it and when, and put back; what always comes back gets a rule', async () => {
    const made = await scenario()
    await made.kustomization()
    await made.pushed()
    for (let look = 0; look < 3; look++) {
      await disturb(made)
      const { changes } = nodeOf(await scan(made), 'Kustomization/app')
      const [change] = changes
      const [found] = change?.drift ?? []
      assert.deepEqual(
        [change?.action, found?.path, found?.pointer, found?.manager, found?.live, found?.wanted],
        ['configured', '.metadata.labels.tier', '/metadata/labels/tier', 'somebody', '"back"', '"front"'],
      )
      assert.match(found?.since ?? '', /^\d{4}-\d\d-\d\dT/)
      assert.equal(await tierOf(made), 'front')
    }
    const [drift] = await eventsOf(made, 'DriftDetected')
    assert.match(
      drift ?? '',
      /Service\/.*\/web drifted: \.metadata\.labels\.tier is "back", not "front" \(by somebody, since /,
    )
    const [rule] = await eventsOf(made, 'DriftReturns')
    const { paths, target } = JSON.parse(/\{.*\}$/.exec(rule ?? '')?.[0] ?? '{}') as { paths: string[]; target: object }
    await made.kustomization('app', { ignore: [{ paths, target }] })
    await made.run({ kind: 'trigger', target: 'cluster' })
    await disturb(made)
    assert.deepEqual(nodeOf(await scan(made), 'Kustomization/app').changes, [], 'the proposed rule leaves it alone')
    assert.equal(await tierOf(made), 'back')
  })

  for (const [name, settings, annotations] of [
    ['the annotation', {}, { 'sluice.dev/drift': 'detect' }],
    ['the setting', { drift: 'detect' as const }, {}],
  ] as const) {
    it(`is only told where ${name} says so; a commit, and a request by hand, still apply`, async () => {
      const made = await scenario({ settings })
      await made.kustomization('app', {}, annotations)
      await made.pushed()
      await disturb(made)
      const mark = await cluster.auditMark()
      const { state, changes } = nodeOf(await scan(made), 'Kustomization/app')
      assert.equal(state, 'ready')
      assert.deepEqual(
        changes.map(({ object, action, drift }) => [object, action, drift?.map(({ path }) => path)]),
        [[`Service/${made.namespace}/web`, 'drifted', ['.metadata.labels.tier']]],
      )
      const { requests } = await cluster.requestCounts(mark)
      const written = requests.filter(
        ({ verb, resource, uri, namespace }) =>
          namespace === made.namespace && verb === 'patch' && resource === 'services' && !uri.includes('dryRun'),
      )
      assert.deepEqual(written, [])
      assert.equal(await tierOf(made), 'back')
      assert.equal((await eventsOf(made, 'DriftDetected')).length, 1)
      await made.run({
        kind: 'trigger',
        target: { object: { kind: 'Kustomization', namespace: made.namespace, name: 'app' } },
      })
      assert.equal(await tierOf(made), 'front')
      await disturb(made)
      await made.push({ 'app/web.yaml': service.replace('port: 80', 'port: 81') })
      assert.equal(await tierOf(made), 'front')
    })
  }
})
