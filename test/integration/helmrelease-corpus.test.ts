import assert from 'node:assert/strict'
import { existsSync, globSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { useCluster } from '../support/cluster.ts'
import type { TestObject } from '../support/kube-test-client.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const shared = new URL('../../../shared/corpus/helm', import.meta.url).pathname
const wanted = 30
const cluster = useCluster()
const open: Scenario[] = []
after(async () => {
  for (const made of open) await made.close()
})

/** Groups that the API server serves by itself. */
const builtIn =
  /^(?:v1|apps\/v1|batch\/v1|policy\/v1|networking\.k8s\.io\/v1|rbac\.authorization\.k8s\.io\/v1|autoscaling\/v2)$/

interface CorpusChart {
  readonly id: string
  readonly name: string
  readonly files: { readonly [path: string]: Buffer }
}

/**
 * Charts whose objects with default values are all of kinds that the API server knows, without hooks; one case each, spread over all there are. Helm's
 * own fixtures are left out: they render, and no API server takes what they render.
 */
function readCharts(): readonly CorpusChart[] {
  const found: CorpusChart[] = []
  for (const id of readdirSync(shared).sort()) {
    if (id.startsWith('helm-')) continue
    const lines = join(shared, id, 'expected.jsonl')
    const chart = join(shared, id, 'chart')
    if (!id.endsWith('--default') || !existsSync(lines) || !existsSync(chart) || !statSync(chart).isDirectory())
      continue
    const objects = readFileSync(lines, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as TestObject)
    const isPlain = (object: TestObject): boolean =>
      builtIn.test(object.apiVersion) && object.metadata?.annotations?.['helm.sh/hook'] === undefined
    if (objects.length === 0 || !objects.every(isPlain)) continue
    const root = realpathSync(chart)
    const paths = globSync('**/*', { cwd: root }).filter((path) => statSync(join(root, path)).isFile())
    found.push({
      id,
      name: `c${found.length}`,
      files: Object.fromEntries(paths.map((path) => [path, readFileSync(join(root, path))])),
    })
  }
  const slot = (index: number): number => Math.floor((index * wanted) / found.length)
  return found.filter((_, index) => index === 0 || slot(index) !== slot(index - 1))
}

interface Entry {
  readonly id: string
  readonly v: string
}

/** The object of an inventory entry. */
async function liveOf(made: Scenario, entry: Entry): Promise<TestObject | undefined> {
  const [namespace = '', name = '', group = '', kind = ''] = entry.id.split('_')
  const apiVersion = group === '' ? entry.v : `${group}/${entry.v}`
  return await made.client.find({
    apiVersion,
    kind,
    name: name.replaceAll('__', ':'),
    ...(namespace === '' ? {} : { namespace }),
  })
}

describe('charts of the field', { skip: existsSync(shared) ? false : 'no corpus beside the checkout' }, () => {
  it(`${wanted} charts are installed, upgraded, drift, are repaired and uninstalled, with every object accounted for`, async (t) => {
    const charts = readCharts()
    t.diagnostic(`${charts.length} charts: ${charts.map(({ name, id }) => `${name} ${id}`).join(', ')}`)
    const files = charts.flatMap(({ name, files: own }) =>
      Object.entries(own).map(([path, content]) => [`charts/${name}/${path}`, { content }] as const),
    )
    const made = await createScenario(cluster, { files: Object.fromEntries(files), limits: { runBudgetMs: 60_000 } })
    open.push(made)
    const ref = (name: string): { apiVersion: string; kind: string; namespace: string; name: string } => ({
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      namespace: made.namespace,
      name,
    })
    const apply = async (label: string): Promise<void> => {
      for (const { name } of charts)
        await made.client.apply({
          apiVersion: ref(name).apiVersion,
          kind: 'HelmRelease',
          metadata: { name, namespace: made.namespace },
          spec: {
            interval: '10m',
            releaseName: `${made.namespace}-${name}`,
            chart: { spec: { chart: `./charts/${name}`, sourceRef: { kind: 'GitRepository', name: 'app' } } },
            install: { disableWait: true },
            upgrade: { disableWait: true },
            driftDetection: { mode: 'enabled' },
            values: { podAnnotations: { label }, podLabels: { label }, commonLabels: { label } },
          },
        })
    }
    const run = async (what: string): Promise<void> => {
      const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
      const failed = record.nodes.filter((node) => node.kind === 'HelmRelease' && node.state !== 'ready')
      const problems = failed.map(async (node) => {
        const conditions = (await made.client.get(ref(node.name)))['status']?.conditions as { message: string }[]
        return `${node.name} ${node.reason}: ${conditions.map(({ message }) => message).join('; ')}`
      })
      assert.deepEqual(await Promise.all(problems), [], what)
    }
    const inventories = async (): Promise<Map<string, readonly Entry[]>> => {
      const objects = await made.client.list({ ...ref(''), name: '' })
      return new Map(objects.map((object) => [object.metadata.name, object['status'].inventory.entries as Entry[]]))
    }
    const checkAll = async (what: string): Promise<number> => {
      let count = 0
      for (const [name, entries] of await inventories()) {
        for (const entry of entries) {
          const live = await liveOf(made, entry)
          assert.ok(live, `${what}: ${name} lacks ${entry.id}`)
          if (live.kind === 'CustomResourceDefinition') continue
          assert.equal(live.metadata.labels?.['helm.toolkit.fluxcd.io/name'], name, `${what}: ${entry.id}`)
          count += 1
        }
      }
      return count
    }
    await apply('one')
    await run('install')
    t.diagnostic(`${await checkAll('installed')} objects`)
    await apply('two')
    await run('upgrade')
    await checkAll('upgraded')
    const before = await inventories()
    let drifted = 0
    for (const entries of before.values()) {
      const gone = entries.find((entry) => /_(?:ConfigMap|Service|ServiceAccount)$/.test(entry.id))
      const live = gone === undefined ? undefined : await liveOf(made, gone)
      if (live === undefined) continue
      await made.client.delete({ ...live, name: live.metadata.name, namespace: live.metadata.namespace })
      drifted += 1
    }
    t.diagnostic(`${drifted} objects deleted by somebody`)
    await run('repair')
    await checkAll('repaired')
    for (const { name } of charts) await made.client.delete(ref(name))
    await made.run({ kind: 'trigger', target: 'cluster' })
    assert.deepEqual(
      (await made.client.list({ ...ref(''), name: '' })).map((object) => object.metadata.name),
      [],
    )
    const left: string[] = []
    for (const entries of before.values())
      for (const entry of entries) {
        const live = entry.id.endsWith('CustomResourceDefinition') ? undefined : await liveOf(made, entry)
        if (
          live !== undefined &&
          live.metadata.annotations?.['helm.sh/resource-policy'] !== 'keep' &&
          live.metadata.deletionTimestamp === undefined
        )
          left.push(entry.id)
      }
    assert.deepEqual(left, [])
  })
})
