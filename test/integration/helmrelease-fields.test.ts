import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { useCluster } from '../support/cluster.ts'
import {
  configMapTemplate,
  dataOf,
  makeReady,
  messageOf,
  useReleaseScenarios,
  type ReleaseScenario,
} from '../support/release-scenario.ts'

const cluster = useCluster()
const scenario = useReleaseScenarios(cluster)

const value = (text: string): { values: { value: string } } => ({ values: { value: text } })
const chart = (spec: object, metadata?: object): object => ({
  chart: {
    ...(metadata === undefined ? {} : { metadata }),
    spec: { chart: './charts/app', sourceRef: { kind: 'GitRepository', name: 'app' }, ...spec },
  },
})

/** A CustomResourceDefinition of a kind that only this namespace's test knows. */
function definition(group: string, description: string): string {
  return JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `things.${group}` },
    spec: {
      group,
      names: { kind: 'Thing', plural: 'things' },
      scope: 'Namespaced',
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', description } } },
      ],
    },
  })
}

describe('spec.chart and spec.chartRef', () => {
  it('valuesFiles replace values.yaml, in order; ignoreMissingValuesFiles passes over one that is missing', async () => {
    const made = await scenario({
      'templates/a.yaml': configMapTemplate('a'),
      'values-one.yaml': 'value: one\n',
      'values-two.yaml': 'value: two\n',
    })
    const valuesFiles = ['charts/app/values-one.yaml', 'charts/app/values-two.yaml', 'charts/app/none.yaml']
    await made.release(chart({ valuesFiles }))
    assert.equal((await made.reconcile()).state, 'failed')
    await made.release(chart({ valuesFiles, ignoreMissingValuesFiles: true }))
    await makeReady(made)
    assert.deepEqual(await dataOf(made), { value: 'two' })
  })

  it('reconcileStrategy Revision makes a new version of every commit, ChartVersion does not', async () => {
    const made = await scenario()
    await made.release(chart({ reconcileStrategy: 'ChartVersion' }))
    await makeReady(made)
    await made.chart({ 'templates/a.yaml': configMapTemplate('a', 'value: changed') })
    await makeReady(made)
    assert.deepEqual(await made.revisions(), ['v1 deployed'])
    await made.release(chart({ reconcileStrategy: 'Revision' }))
    await makeReady(made)
    assert.deepEqual(await dataOf(made), { value: 'changed' })
    assert.match((await made.object())['status'].lastAttemptedRevision, /^1\.0\.0\+[0-9a-f]{12}$/)
  })

  it('chart.metadata goes to the HelmChart, which a chartRef can name', async () => {
    const made = await scenario()
    await made.release(chart({}, { labels: { team: 'a' }, annotations: { note: 'b' } }))
    await makeReady(made)
    const name = `${made.namespace}-app`
    const object = await made.find('HelmChart', name, 'source.toolkit.fluxcd.io/v1')
    assert.equal(object?.metadata.labels?.['team'], 'a')
    assert.equal(object?.metadata.annotations?.['note'], 'b')
    assert.equal((await made.object())['status'].helmChart, `${made.namespace}/${name}`)
    await made.client.apply({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'HelmChart',
      metadata: { name: 'own', namespace: made.namespace },
      spec: { interval: '1m', chart: './charts/app', sourceRef: { kind: 'GitRepository', name: 'app' } },
    })
    const { apiVersion, kind } = await made.object()
    await made.client.patch(
      { apiVersion, kind, namespace: made.namespace, name: 'app' },
      { spec: { chart: null, chartRef: { kind: 'HelmChart', name: 'own' } } },
    )
    await makeReady(made)
    // Its finalizer goes with the next look at it.
    await makeReady(made)
    assert.equal(await made.find('HelmChart', name, 'source.toolkit.fluxcd.io/v1'), undefined)
    assert.deepEqual(await made.revisions(), ['v1 deployed'])
  })
})

describe('names and places of a release', () => {
  it('releaseName; a new one uninstalls the release of the old', async () => {
    const made = await scenario({ 'templates/a.yaml': configMapTemplate('{{ .Release.Name }}') })
    await made.release({ releaseName: 'first' })
    await makeReady(made)
    assert.deepEqual(await made.revisions('first'), ['v1 deployed'])
    await made.release({ releaseName: 'second' })
    await makeReady(made)
    assert.deepEqual(await made.revisions('first'), [])
    assert.deepEqual(await made.revisions('second'), ['v1 deployed'])
    assert.equal(await made.find('ConfigMap', 'first'), undefined)
  })

  it('targetNamespace, with install.createNamespace; storageNamespace keeps the history elsewhere', async () => {
    const without = await scenario()
    await without.release({ targetNamespace: `${without.namespace}-target` })
    await without.reconcile()
    assert.match(messageOf(await without.object(), 'Released'), /namespaces .*not found/)
    const made = await scenario()
    const target = `${made.namespace}-target`
    const name = `${target}-app`
    await made.release({
      targetNamespace: target,
      install: { createNamespace: true },
      storageNamespace: made.namespace,
    })
    await makeReady(made)
    assert.deepEqual(await made.revisions(name), ['v1 deployed'])
    const object = await made.client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace: target, name: 'a' })
    assert.deepEqual(object?.['data'], { value: 'default' })
    assert.equal((await made.object())['status'].storageNamespace, made.namespace)
  })

  it('maxHistory keeps so many revisions, 0 keeps all', async () => {
    const made = await scenario()
    for (const text of ['1', '2', '3']) {
      await made.release({ maxHistory: 2, ...value(text) })
      await makeReady(made)
    }
    assert.deepEqual(await made.revisions(), ['v2 superseded', 'v3 deployed'])
    for (const text of ['4', '5']) {
      await made.release({ maxHistory: 0, ...value(text) })
      await makeReady(made)
    }
    assert.equal((await made.revisions()).length, 4)
  })

  it('suspend: nothing happens, also when it is deleted', async () => {
    const made = await scenario()
    await made.release()
    await makeReady(made)
    await made.release({ suspend: true, ...value('other') })
    await made.run({ kind: 'trigger', target: 'cluster' })
    assert.deepEqual(await dataOf(made), { value: 'default' })
    const { apiVersion, kind } = await made.object()
    await made.client.delete({ apiVersion, kind, namespace: made.namespace, name: 'app' })
    await made.run({ kind: 'trigger', target: 'cluster' })
    assert.deepEqual(await made.revisions(), ['v1 deployed'])
    assert.deepEqual(await dataOf(made), { value: 'default' })
  })

  it('dependsOn: waits for another release, and says for what', async () => {
    const made = await scenario()
    await made.release({ dependsOn: [{ name: 'base' }] })
    const blocked = await made.reconcile()
    assert.equal(blocked.state, 'blocked')
    assert.match(messageOf(await made.object(), 'Ready'), /base/)
    assert.deepEqual(await made.revisions(), [])
  })

  it('dependsOn with readyExpr: the expression alone decides; one that does not compile stalls', async () => {
    const made = await scenario({ 'templates/a.yaml': configMapTemplate('{{ .Release.Name }}') })
    const { client, namespace } = made
    const base = async (suspend: boolean): Promise<void> => {
      const spec = { ...chart({}), interval: '10m', suspend }
      const metadata = { name: 'base', namespace }
      await client.apply({ apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', metadata, spec })
    }
    const release = (readyExpr: string, text: string): Promise<void> =>
      made.release({ ...value(text), dependsOn: [{ name: 'base', readyExpr }] })
    await base(true)
    await release('dep.spec.suspend && self.metadata.name == "app"', 'one')
    await makeReady(made)
    await base(false)
    await release('dep.spec.suspend', 'two')
    // That base is ready by the next run changes nothing.
    for (let round = 0; round < 2; round++) {
      const blocked = await made.reconcile()
      assert.equal(blocked.state, 'blocked')
      assert.match(blocked.message ?? '', /base' does not meet spec\.dependsOn\[0\]\.readyExpr/)
    }
    assert.deepEqual(await made.revisions('base'), ['v1 deployed'])
    assert.deepEqual(await made.revisions(), ['v1 deployed'])
    assert.equal(await made.condition('Ready'), 'False DependencyNotReady')
    await release('dep.', 'two')
    assert.equal((await made.reconcile()).reason, 'InvalidCELExpression')
    assert.equal(await made.condition('Stalled'), 'True InvalidCELExpression')
  })
})

describe('values', () => {
  it('valuesFrom in order, then the inline values; optional, targetPath, literal', async () => {
    const made = await scenario({
      'templates/a.yaml': configMapTemplate('a', 'all: {{ omit .Values "global" | toJson | quote }}'),
    })
    const objects = [
      { kind: 'ConfigMap', metadata: { name: 'one' }, data: { 'values.yaml': 'a: 1\nb: {c: 1, d: 1}\nvalue: null\n' } },
      { kind: 'Secret', metadata: { name: 'two' }, stringData: { other: 'b: {d: 2}\n', word: 'x,y=z' } },
    ]
    for (const object of objects)
      await made.client.apply({
        apiVersion: 'v1',
        ...object,
        metadata: { ...object.metadata, namespace: made.namespace },
      })
    await made.release({
      valuesFrom: [
        { kind: 'ConfigMap', name: 'one' },
        { kind: 'Secret', name: 'two', valuesKey: 'other' },
        { kind: 'Secret', name: 'two', valuesKey: 'word', targetPath: 'b.e', literal: true },
        { kind: 'ConfigMap', name: 'none', optional: true },
      ],
      values: { a: 3 },
    })
    await makeReady(made)
    const { all } = (await dataOf(made)) as { all: string }
    assert.deepEqual(JSON.parse(all), { a: 3, b: { c: 1, d: 2, e: 'x,y=z' } })
  })

  it('a reference that is missing is a ValuesError, and heals', async () => {
    const made = await scenario()
    await made.release({ valuesFrom: [{ kind: 'ConfigMap', name: 'late' }] })
    assert.equal((await made.reconcile()).reason, 'ValuesError')
    await made.client.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'late', namespace: made.namespace },
      data: { 'values.yaml': 'value: late' },
    })
    await makeReady(made)
    assert.deepEqual(await dataOf(made), { value: 'late' })
  })

  it('upgrade.preserveValues fills up from the release before', async () => {
    const made = await scenario({
      'templates/a.yaml': configMapTemplate('a', 'all: {{ printf "%v %v" .Values.one .Values.two | quote }}'),
    })
    await made.release({ values: { one: 1, two: 1 }, upgrade: { preserveValues: true } })
    await makeReady(made)
    await made.release({ values: { two: 2 }, upgrade: { preserveValues: true } })
    await makeReady(made)
    assert.deepEqual(await dataOf(made), { all: '1 2' })
    await makeReady(made)
    assert.deepEqual(await made.revisions(), ['v1 superseded', 'v2 deployed'])
  })

  it('disableSchemaValidation lets values through that values.schema.json refuses', async () => {
    const schema = JSON.stringify({ type: 'object', properties: { value: { type: 'integer' } } })
    const made = await scenario({ 'templates/a.yaml': configMapTemplate('a'), 'values.schema.json': schema })
    await made.release(value('text'))
    const failed = await made.reconcile()
    assert.match(failed.message ?? '', /value/)
    assert.deepEqual(await made.revisions(), [])
    await made.release({ ...value('text'), install: { disableSchemaValidation: true } })
    await makeReady(made)
    assert.deepEqual(await dataOf(made), { value: 'text' })
  })
})

describe('definitions of a chart', () => {
  for (const [policy, first, second] of [
    ['Skip', undefined, undefined],
    ['Create', 'one', 'one'],
    ['CreateReplace', 'one', 'two'],
  ] as const)
    it(`crds: ${policy}`, async () => {
      const group = `${policy.toLowerCase()}-${Math.random().toString(16).slice(2, 10)}.example.com`
      const made = await scenario({
        'templates/a.yaml': configMapTemplate('a'),
        'crds/things.yaml': definition(group, 'one'),
      })
      const described = async (): Promise<unknown> => {
        const found = await made.client.find({
          apiVersion: 'apiextensions.k8s.io/v1',
          kind: 'CustomResourceDefinition',
          name: `things.${group}`,
        })
        return found?.['spec'].versions[0].schema.openAPIV3Schema.description
      }
      await made.release({ install: { crds: policy }, upgrade: { crds: policy } })
      await makeReady(made)
      assert.equal(await described(), first)
      await made.chart({
        'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.1\n',
        'crds/things.yaml': definition(group, 'two'),
      })
      await makeReady(made)
      assert.equal(await described(), second)
      assert.deepEqual(await made.revisions(), ['v1 superseded', 'v2 deployed'])
    })
})

describe('upgrades that go wrong or change the chart', () => {
  const withNew = (text: string): string =>
    `{{- if eq .Values.value "${text}" }}\n${configMapTemplate('fresh')}---\napiVersion: v1\nkind: Pod\nmetadata: { name: never, annotations: { fake-kubelet.sluice.dev/behaviour: never-ready } }\nspec: { containers: [{ name: c, image: example/app:1 }] }\n{{- end }}\n`

  for (const isCleaned of [true, false])
    it(`cleanupOnFail ${isCleaned} ${isCleaned ? 'deletes' : 'keeps'} what the failed upgrade created`, async () => {
      const made = await scenario({ 'templates/a.yaml': configMapTemplate('a'), 'templates/b.yaml': withNew('bad') })
      await made.release(value('good'))
      await makeReady(made)
      await made.release({ ...value('bad'), upgrade: { timeout: '700ms', cleanupOnFail: isCleaned } })
      await made.reconcile()
      assert.deepEqual(await made.revisions(), ['v1 deployed', 'v2 failed'])
      assert.equal((await made.find('ConfigMap', 'fresh')) === undefined, isCleaned)
    })

  for (const [strategy, expected] of [
    ['Reinstall', ['v1 deployed']],
    ['InPlaceUpdate', ['v1 superseded', 'v2 deployed']],
  ] as const)
    it(`chartNameChangeStrategy ${strategy}`, async () => {
      const made = await scenario()
      await made.release({ upgrade: { chartNameChangeStrategy: strategy } })
      await makeReady(made)
      await made.chart({ 'Chart.yaml': 'apiVersion: v2\nname: renamed\nversion: 1.0.0\n' })
      await makeReady(made)
      assert.deepEqual(await made.revisions(), expected)
      assert.equal((await made.object())['status'].history[0].chartName, 'renamed')
    })
})

describe('drift', () => {
  const change = async (made: ReleaseScenario): Promise<void> => {
    await made.client.patch(
      { apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'a' },
      { data: { value: 'by hand' } },
    )
    await made.reconcile()
  }

  for (const [mode, expected, condition] of [
    ['disabled', 'by hand', 'none'],
    ['warn', 'by hand', 'True DriftDetected'],
    ['enabled', 'default', 'none'],
  ] as const)
    it(`mode ${mode}`, async () => {
      const made = await scenario()
      await made.release({ driftDetection: { mode } })
      await makeReady(made)
      await change(made)
      assert.deepEqual(await dataOf(made), { value: expected })
      if (mode !== 'enabled') assert.equal(await made.condition('Drifted'), condition)
      else assert.ok((await made.events()).includes('DriftCorrected'))
      assert.deepEqual(await made.revisions(), ['v1 deployed'])
    })

  it('ignore rules and the annotation leave fields and objects alone', async () => {
    const made = await scenario()
    await made.release({
      driftDetection: { mode: 'enabled', ignore: [{ paths: ['/data/value'], target: { kind: 'ConfigMap' } }] },
    })
    await makeReady(made)
    await change(made)
    assert.deepEqual(await dataOf(made), { value: 'by hand' })
  })
})
