import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { EngineError } from '../../src/base/index.ts'
import type { KubeTransport } from '../../src/ports/index.ts'
import { createChooser } from '../support/random-choices.ts'
import { useCluster } from '../support/cluster.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []

after(async () => {
  for (const made of open) await made.close()
})

async function scenario(files: Files): Promise<Scenario> {
  const made = await createScenario(cluster, { files })
  open.push(made)
  return made
}

type Files = { readonly [path: string]: string }
type Edit = { readonly [path: string]: string | null }

const configMap = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: $NAMESPACE\ndata:\n  value: "${value}"\n`

const kustomizationObject = (name: string, path: string): string =>
  `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  interval: 1h
  path: ${path}
  prune: true
  sourceRef: { kind: GitRepository, name: app }
`

const helmRelease = (name: string, strategy: string, value: string): string =>
  `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  interval: 1h
  chart: { spec: { chart: ./chart, reconcileStrategy: ${strategy}, sourceRef: { kind: GitRepository, name: app } } }
  valuesFrom: [{ kind: ConfigMap, name: values }]
  values: { own: "${value}" }
`

const files: Files = {
  'base/one/kustomization.yaml': 'resources: [x.yaml]\n',
  'base/one/x.yaml': configMap('x', '1'),
  'apps/a/kustomization.yaml': 'namePrefix: a-\nresources: [cm.yaml, ../../base/one]\n',
  'apps/a/cm.yaml': configMap('own', '1'),
  'apps/b/kustomization.yaml': 'namePrefix: b-\nresources: [../../base/one]\n',
  'apps/c/cm.yaml': configMap('c', '1'),
  'apps/d/cm.yaml': configMap('d', '1'),
  'apps/e/cm.yaml': configMap('e', '1'),
  'vars/vars.yaml': configMap('vars', 'one'),
  'sub/cm.yaml': configMap('sub', '${value}'),
  'values/values.yaml': `${configMap('values', '').split('\ndata:')[0]}\ndata:\n  values.yaml: |\n    from: "1"\n`,
  'clusters/child.yaml': kustomizationObject('child', './apps/d'),
  'clusters/fixed.yaml': helmRelease('fixed', 'ChartVersion', '1'),
  'clusters/follows.yaml': helmRelease('follows', 'Revision', '1'),
  'chart/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
  'chart/templates/cm.yaml': configMap('{{ .Release.Name }}', '{{ .Values.own }} {{ .Values.from }}'),
  'README.md': 'start\n',
}

const roots = [
  kustomizationObject('a', './apps/a'),
  kustomizationObject('b', './apps/b'),
  kustomizationObject('c', './apps/c'),
  kustomizationObject('vars', './vars'),
  kustomizationObject('values', './values'),
  kustomizationObject('clusters', './clusters'),
  kustomizationObject('sub', './sub') + '  postBuild: { substituteFrom: [{ kind: ConfigMap, name: vars }] }\n',
]

/** Edits that a history is made of; `n` makes what they write new. */
const edits: readonly ((n: number) => Edit)[] = [
  (n) => ({ 'README.md': `${n}\n` }),
  (n) => ({ 'apps/a/cm.yaml': configMap('own', String(n)) }),
  (n) => ({ 'base/one/x.yaml': configMap('x', String(n)) }),
  (n) => ({ [`apps/c/more-${n % 3}.yaml`]: configMap(`more-${n % 3}`, String(n)) }),
  (n) => ({ [`apps/c/more-${n % 3}.yaml`]: null }),
  (n) => ({ 'vars/vars.yaml': configMap('vars', String(n)) }),
  (n) => ({ 'sub/cm.yaml': configMap('sub', `\${value} ${n}`) }),
  (n) => ({ 'values/values.yaml': files['values/values.yaml']?.replace('"1"', `"${n}"`) ?? null }),
  (n) => ({ 'clusters/child.yaml': kustomizationObject('child', n % 2 === 0 ? './apps/d' : './apps/e') }),
  (n) => ({ 'apps/d/cm.yaml': configMap('d', String(n)) }),
  (n) => ({ 'clusters/fixed.yaml': helmRelease('fixed', 'ChartVersion', String(n)) }),
  (n) => ({ 'chart/Chart.yaml': `apiVersion: v2\nname: app\nversion: 1.0.${n}\n` }),
  (n) => ({ 'chart/templates/cm.yaml': configMap('{{ .Release.Name }}', `{{ .Values.own }} {{ .Values.from }} ${n}`) }),
]

async function start(made: Scenario): Promise<void> {
  const { parse } = await import('yaml')
  for (const text of roots) await made.client.apply(parse(text.replaceAll('$NAMESPACE', made.namespace)) as object)
}

/** What the cluster holds of the scenario. */
async function stateOf(made: Scenario): Promise<unknown> {
  const list = await made.client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: '' })
  const plain = list
    .filter((one) => one.metadata.name !== 'kube-root-ca.crt')
    .map((one) => [one.metadata.name, one['data'], one.metadata.labels])
    .sort((a, b) => String(a[0]).localeCompare(String(b[0])))
  return JSON.parse(JSON.stringify(plain).replaceAll(made.namespace, '$NAMESPACE')) as unknown
}

describe('a push works on what it changed, with the outcome of a full render', () => {
  for (const seed of [1, 2]) {
    it(`over a random history (${seed})`, { timeout: 240_000 }, async () => {
      const [quick, full] = await Promise.all([scenario(files), scenario(files)])
      const choose = createChooser(seed)
      await Promise.all([start(quick), start(full)])
      const counts = { worked: 0, unaffected: 0, full: 0 }
      const renderAll = async (): Promise<void> => {
        // Twice: what takes values from something else may have taken them too early the first time.
        for (let round = 0; round < 2; round++) {
          const { record } = await full.run({ kind: 'trigger', target: 'cluster' })
          counts.full += round === 0 ? record.nodes.length : 0
        }
      }
      await Promise.all([quick.pushed(), renderAll()])
      assert.deepEqual(await stateOf(quick), await stateOf(full))
      for (let step = 2; step < 12; step++) {
        const chosen = [choose(edits), ...(choose([true, false]) ? [choose(edits)] : [])].map((edit) => edit(step))
        const change = Object.assign({}, ...chosen) as Edit
        const [record] = await Promise.all([
          quick.push(change),
          full.repository
            .commit(
              Object.fromEntries(
                Object.entries(change).map(([path, text]) => [
                  path,
                  text?.replaceAll('$NAMESPACE', full.namespace) ?? null,
                ]),
              ),
            )
            .then(renderAll),
        ])
        const what = `after ${JSON.stringify(Object.keys(change))}: ${JSON.stringify(record.nodes.map((node) => [node.kind, node.name, node.state, node.message]))}`
        assert.deepEqual(await stateOf(quick), await stateOf(full), what)
        counts.worked += record.nodes.length
        counts.unaffected += record.unaffected ?? 0
      }
      assert.ok(counts.unaffected > 20, JSON.stringify(counts))
      assert.ok(counts.worked * 2 < counts.full, JSON.stringify(counts))
    })
  }
})

describe('a push that changes nothing relevant', () => {
  it('renders nothing and writes nothing but the status of its source', async () => {
    const made = await scenario(files)
    await start(made)
    await made.pushed()
    await made.push({ 'README.md': 'first\n' })
    const mark = await cluster.auditMark()
    const record = await made.push({ 'README.md': 'second\n' })
    const { requests } = await cluster.requestCounts(mark)
    const follows = record.nodes.map((node) => `${node.kind}/${node.name}`)
    // A chart with the strategy Revision has a new version with each commit.
    assert.deepEqual(follows, ['HelmRelease/follows'], JSON.stringify(record))
    assert.equal(record.unaffected, 8)
    const written = requests
      .filter(
        ({ verb, namespace }) => ['patch', 'update', 'create', 'delete'].includes(verb) && namespace === made.namespace,
      )
      .map(({ resource, name }) => `${resource} ${name}`)
      .filter((what) => !/follows|^events|^secrets|^leases/.test(what))
    assert.deepEqual(written.sort(), [
      'gitrepositories.source.toolkit.fluxcd.io/status app',
      `helmcharts.source.toolkit.fluxcd.io/status ${made.namespace}-fixed`,
    ])
  })

  it('is applied again where a run was cut off between two writes, also when the next commit takes the change back', async () => {
    const start = { 'app/a.yaml': configMap('a', '1'), 'app/b.yaml': configMap('b', '1') }
    let isCut = false
    const cut = (transport: KubeTransport): KubeTransport => ({
      ...transport,
      send: async (request) => {
        if (isCut) throw new EngineError('cut', { code: 'cluster-unreachable', disposition: 'retry' })
        const answer = await transport.send(request)
        if (request.method === 'PATCH' && request.path.includes('/configmaps/a?') && !request.path.includes('dryRun'))
          isCut = true
        return answer
      },
    })
    const made = await createScenario(cluster, { files: start, wrapTransport: cut })
    open.push(made)
    await made.kustomization()
    for (let attempt = 0; attempt < 3; attempt++) {
      await made.pushed().catch(() => undefined)
      isCut = false
    }
    const value = async (): Promise<unknown> =>
      (await made.client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'a' }))['data']
    await assert.rejects(made.push({ 'app/a.yaml': configMap('a', '2'), 'app/b.yaml': configMap('b', '2') }), {
      code: 'cluster-unreachable',
    })
    assert.deepEqual(await value(), { value: '2' })
    isCut = false
    await made.repository.commit(
      Object.fromEntries(
        Object.entries(start).map(([path, text]) => [path, text.replaceAll('$NAMESPACE', made.namespace)]),
      ),
    )
    for (let attempt = 0; attempt < 3; attempt++) {
      await made.pushed().catch(() => undefined)
      isCut = false
    }
    assert.deepEqual(await value(), { value: '1' })
  })

  it('counts as applied for what depends on it', async () => {
    const made = await scenario({ 'app/a.yaml': configMap('a', '1'), 'next/b.yaml': configMap('b', '1') })
    await made.kustomization()
    await made.kustomization('next', { path: './next', dependsOn: [{ name: 'app' }] })
    await made.pushed()
    const record = await made.push({ 'next/b.yaml': configMap('b', '2') })
    assert.deepEqual(
      record.nodes.map((node) => [node.name, node.state]),
      [['next', 'ready']],
    )
    assert.equal(record.unaffected, 1)
    const scanned = await made.scan()
    assert.deepEqual(scanned.nodes, [], 'a scan does not take it for a change either')
  })

  it('is found again after the notes are lost', async () => {
    const made = await scenario({ 'app/a.yaml': configMap('a', '1') })
    await made.kustomization()
    await made.pushed()
    for (const { key } of await made.deps.state.list('inputs/')) await made.deps.state.delete(key)
    const record = await made.push({ 'README.md': 'other' })
    assert.equal(record.nodes.length, 1)
    assert.equal((await made.push({ 'README.md': 'third' })).unaffected, 1)
  })
})
