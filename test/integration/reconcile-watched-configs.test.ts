import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { useCluster } from '../support/cluster.ts'
import { readExampleChart } from '../support/example-chart.ts'
import { createScenario, type Scenario, type ScenarioOptions } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []
after(async () => {
  for (const made of open) await made.close()
})

async function scenario(options: Partial<ScenarioOptions> = {}): Promise<Scenario> {
  const made = await createScenario(cluster, {
    files: {
      'app/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  host: ${host}\n',
      ...readExampleChart(),
    },
    ...options,
  })
  open.push(made)
  return made
}

const watched = { 'reconcile.fluxcd.io/watch': 'Enabled' }

async function config(made: Scenario, kind: string, name: string, data: object, labels: object = watched) {
  const metadata = { name, namespace: made.namespace, labels }
  await made.client.apply({ apiVersion: 'v1', kind, metadata, [kind === 'Secret' ? 'stringData' : 'data']: data })
}

const dataOf = async (made: Scenario, name: string) =>
  (await made.client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name }))?.['data']

describe('a ConfigMap or Secret with the label', () => {
  it('wakes what refers to it, long before the interval; others wait', async () => {
    const made = await scenario()
    await config(made, 'Secret', 'vars', { host: 'one' })
    await config(made, 'ConfigMap', 'quiet', { greeting: 'Hello' }, {})
    await config(made, 'ConfigMap', 'values', { 'values.yaml': 'greeting: Hello\n' })
    await made.kustomization('app', {
      interval: '1h',
      postBuild: {
        substituteFrom: [
          { kind: 'Secret', name: 'vars' },
          { kind: 'ConfigMap', name: 'quiet' },
        ],
      },
    })
    await made.client.apply({
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      metadata: { name: 'greeter', namespace: made.namespace },
      spec: {
        interval: '1h',
        chart: { spec: { chart: './charts/greeter', sourceRef: { kind: 'GitRepository', name: 'app' } } },
        valuesFrom: [{ kind: 'ConfigMap', name: 'values' }],
      },
    })
    assert.equal((await made.scan()).state, 'succeeded')
    assert.equal((await dataOf(made, 'a'))?.host, 'one')
    assert.equal((await dataOf(made, 'greeter'))?.['greeting.txt'], 'Hello')
    assert.deepEqual((await made.scan()).nodes, [], 'nothing has changed')

    await config(made, 'Secret', 'vars', { host: 'two' })
    await config(made, 'ConfigMap', 'quiet', { greeting: 'Goodbye' }, {})
    const second = await made.scan()
    assert.deepEqual(
      second.nodes.map((node) => node.kind),
      ['Kustomization'],
    )
    assert.equal((await dataOf(made, 'a'))?.host, 'two')

    await config(made, 'ConfigMap', 'values', { 'values.yaml': 'greeting: Welcome\n' })
    const third = await made.scan()
    assert.deepEqual(
      third.nodes.map((node) => node.kind),
      ['HelmRelease'],
    )
    assert.equal((await dataOf(made, 'greeter'))?.['greeting.txt'], 'Welcome')
    assert.deepEqual((await made.scan()).nodes, [])
  })

  it('that changed while a push was worked on is found by the scan after it', async () => {
    const made = await scenario()
    await config(made, 'Secret', 'vars', { host: 'one' })
    await made.kustomization('app', {
      interval: '1h',
      postBuild: { substituteFrom: [{ kind: 'Secret', name: 'vars' }] },
    })
    await made.pushed()
    await config(made, 'Secret', 'vars', { host: 'two' })
    await made.scan()
    assert.equal((await dataOf(made, 'a'))?.host, 'two')
  })

  it('is another one with another selector', async () => {
    const made = await scenario({ settings: { watchConfigsSelector: 'team=a' } })
    await config(made, 'Secret', 'vars', { host: 'one' }, { team: 'a' })
    await made.kustomization('app', {
      interval: '1h',
      postBuild: { substituteFrom: [{ kind: 'Secret', name: 'vars' }] },
    })
    await made.scan()
    await config(made, 'Secret', 'vars', { host: 'two' }, { team: 'a' })
    await made.scan()
    assert.equal((await dataOf(made, 'a'))?.host, 'two')
  })
})
