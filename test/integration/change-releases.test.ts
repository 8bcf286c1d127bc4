import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { planOf, propose, startApplications, writesSince } from '../support/change-plans.ts'
import { useCluster } from '../support/cluster.ts'
import { configMapTemplate, hookTemplate } from '../support/release-scenario.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []

after(async () => {
  for (const made of open) await made.close()
})

const chartFile = (version: string): string => `apiVersion: v2\nname: app\nversion: ${version}\n`

const release = (name: string, values: string, more = ''): string => `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  interval: 1h
  chart: { spec: { chart: ./chart, sourceRef: { kind: GitRepository, name: app } } }
  valuesFrom: [{ kind: ConfigMap, name: common, optional: true }]
  values: ${values}
${more}`

const common = (value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: common, namespace: $NAMESPACE }\ndata:\n  values.yaml: |\n    shared: "${value}"\n`

const root = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: root, namespace: $NAMESPACE }
spec: { interval: 1h, path: ./clusters, prune: true, sourceRef: { kind: GitRepository, name: app } }
`

async function scenario(): Promise<Scenario> {
  const made = await createScenario(cluster, {
    limits: { healthPollMs: 100 },
    files: {
      'clusters/one.yaml': release('one', '{ value: a }'),
      'clusters/two.yaml': release('two', '{ value: a }', '  targetNamespace: $NAMESPACE\n  releaseName: second\n'),
      'clusters/common.yaml': common('1'),
      'chart/Chart.yaml': chartFile('1.0.0'),
      'chart/values.yaml': 'value: default\nshared: none\n',
      'chart/templates/a.yaml': configMapTemplate(
        '{{ .Release.Name }}-a',
        'value: "{{ .Values.value }} {{ .Values.shared }}"',
      ),
      'chart/templates/gone.yaml': configMapTemplate('{{ .Release.Name }}-gone'),
      'chart/templates/kept.yaml': configMapTemplate(
        '{{ .Release.Name }}-kept',
        undefined,
        '  annotations: { helm.sh/resource-policy: keep }\n',
      ),
    },
  })
  open.push(made)
  await startApplications(made, root)
  assert.equal((await made.scan()).state, 'succeeded')
  return made
}

describe('a plan of a change of releases', () => {
  it('follows values, charts and ConfigMaps, and changes nothing', async () => {
    const made = await scenario()
    const mark = await cluster.auditMark()
    const unaffected = await planOf(made, await propose(made, { 'README.md': 'hello\n' }))
    assert.equal(unaffected.plan.renders, 0)

    const values = await planOf(made, await propose(made, { 'clusters/one.yaml': release('one', '{ value: b }') }))
    assert.deepEqual(values.document.applications.map(({ name }) => String(name)).toSorted(), ['one', 'root'])
    assert.deepEqual(values.actions('HelmRelease/one').toSorted(), [
      'one-a change change',
      'one-gone change change',
      'one-kept change change',
    ])
    assert.equal(values.application('HelmRelease/one').chart, undefined)

    const chart = await planOf(
      made,
      await propose(made, {
        'chart/Chart.yaml': chartFile('1.1.0'),
        'chart/templates/gone.yaml': null,
        'chart/templates/kept.yaml': null,
        'chart/templates/new.yaml': configMapTemplate('{{ .Release.Name }}-new'),
        'chart/templates/hook.yaml': hookTemplate('{{ .Release.Name }}-hook', { hook: 'pre-upgrade' }),
      }),
    )
    assert.deepEqual(chart.document.applications.map(({ name }) => String(name)).toSorted(), ['one', 'two'])
    const one = chart.application('HelmRelease/one')
    assert.deepEqual([one.chart?.before, one.chart?.after], ['1.0.0', '1.1.0'])
    assert.deepEqual(chart.actions('HelmRelease/one').toSorted(), [
      'one-gone delete change',
      'one-kept skip change',
      'one-new create change',
    ])
    assert.match(String(one.reason), /1 hooks of the chart run with it/)
    assert.deepEqual(chart.actions('HelmRelease/two').toSorted(), [
      'second-gone delete change',
      'second-kept skip change',
      'second-new create change',
    ])

    const config = await planOf(made, await propose(made, { 'clusters/common.yaml': common('2') }))
    assert.deepEqual(config.actions('HelmRelease/one'), ['one-a change change'])
    assert.deepEqual(config.actions('HelmRelease/two'), ['second-a change change'])
    assert.deepEqual(await writesSince(cluster, mark, made.namespace), [])
  })

  it('installs a new one, and uninstalls one that disappears', async () => {
    const made = await scenario()
    const mark = await cluster.auditMark()
    const files = { 'clusters/three.yaml': release('three', '{ value: c }'), 'clusters/one.yaml': null }
    const { actions, application } = await planOf(made, await propose(made, files))
    assert.deepEqual(actions('HelmRelease/three').toSorted(), [
      'three-a create change',
      'three-gone create change',
      'three-kept create change',
    ])
    assert.deepEqual(actions('HelmRelease/one').toSorted(), [
      'one-a delete change',
      'one-gone delete change',
      'one-kept skip change',
    ])
    assert.match(String(application('HelmRelease/one').reason), /its release is uninstalled/)
    assert.deepEqual(await writesSince(cluster, mark, made.namespace), [])
  })
})
