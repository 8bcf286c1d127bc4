import { mapLimit } from '../../src/base/index.ts'
import { planOf, propose } from '../support/change-plans.ts'
import { auditMark, readRequestCounts } from '../support/audit-log.ts'
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { createKubeTestClient, type KubeTestClient } from '../support/kube-test-client.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'
import { measureComments } from './plan-comment.ts'
import { percentile, round, type Bench, type BenchRow } from './rows.ts'

const clusters = 5
const samples = 7
/** `SLUICE_BENCH_SIZES=100`: a quick look with fewer applications. */
const applications = Number(process.env['SLUICE_BENCH_SIZES'] ?? '1000')
const beside =
  'one kube-apiserver and etcd on the same machine; clusters are namespaces of it; the engine in this process'

/**
 * A pull request that changes one file, in a repository of many applications that five clusters follow: the plans of all clusters, each with its dry-runs; first by the engine alone, then from a forge's webhook to the comment there. Requests are counted by the API server.
 */
export const bench: Bench = async (log) => {
  const controlPlane = await startControlPlane({
    controllerManager: false,
    onProgress: (message) => log(`  ${message}`),
  })
  const client = createKubeTestClient(controlPlane)
  const open: Scenario[] = []
  try {
    for (let at = 0; at < clusters; at++) open.push(await createCluster({ controlPlane, client }, at, open[0]))
    await Promise.all(
      open.map(async (made) => {
        const from = Date.now()
        const record = await made.pushed()
        if (record.state !== 'succeeded') throw new Error(`the first apply failed: ${record.error?.message ?? ''}`)
        log(`  ${made.namespace}: first apply of ${record.nodes.length} applications ${Date.now() - from} ms`)
      }),
    )
    const { row, renders } = await measure({ controlPlane, client, log }, open)
    const parts = { controlPlane, client, log, applications, application, renders }
    return [row, ...(await measureComments(parts, open))]
  } finally {
    for (const made of open) await made.close()
    client.close()
    await controlPlane.stop()
  }
}

interface Parts {
  readonly controlPlane: ControlPlane
  readonly client: KubeTestClient
}

/** One cluster with all applications; they all follow the repository of the first. */
async function createCluster(
  { controlPlane, client }: Parts,
  at: number,
  first: Scenario | undefined,
): Promise<Scenario> {
  const names = Array.from({ length: applications }, (_, index) => `app-${index}`)
  const made = await createScenario(
    {
      client,
      address: controlPlane,
      namespace: async () => {
        const name = `plans-${at}`
        await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
        return name
      },
    },
    { files: Object.fromEntries(names.map((name) => [`apps/${name}/app.yaml`, application(name, 'start')])) },
  )
  const { namespace } = made
  if (first !== undefined)
    await client.apply({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata: { name: 'app', namespace },
      spec: { interval: '1m', url: first.repository.url, ref: { branch: 'main' } },
    })
  await mapLimit(names, 8, (name) => made.kustomization(name, { path: `./apps/${name}` }))
  return first === undefined ? made : { ...made, repository: first.repository, pushed: () => pushed(made, first) }
}

async function pushed(made: Scenario, first: Scenario): ReturnType<Scenario['pushed']> {
  const push = {
    provider: 'github',
    deliveryId: crypto.randomUUID(),
    urls: [first.repository.url],
    ref: 'refs/heads/main',
  }
  return (await made.run({ kind: 'push', push })).record
}

async function measure(
  { controlPlane, client, log }: Parts & { readonly log: (line: string) => void },
  open: readonly Scenario[],
): Promise<{ readonly row: BenchRow; readonly renders: number }> {
  const audit = { auditLogPath: controlPlane.auditLogPath, request: (path: string) => client.request('GET', path) }
  const times: number[] = []
  const requests: number[] = []
  let renders = 0
  for (let at = 0; at < samples; at++) {
    const [first] = open
    if (first === undefined) break
    const name = `app-${(at * 7) % applications}`
    const commits = await propose(first, { [`apps/${name}/app.yaml`]: application(name, `change-${at}`) })
    const mark = await auditMark(audit)
    const from = performance.now()
    const plans = await Promise.all(open.map((made) => planOf(made, commits)))
    times.push(performance.now() - from)
    requests.push((await readRequestCounts(audit, mark)).total)
    renders = plans.reduce((sum, { plan }) => sum + plan.renders, 0)
    const touched = plans.flatMap(({ document }) => document.applications)
    if (touched.length !== open.length) throw new Error(`${touched.length} applications in the plans of one file`)
  }
  log(
    `  ${times.map(round).join(', ')} ms; ${renders} renders in ${open.length} clusters of ${applications} applications`,
  )
  const row = {
    name: `plans of ${open.length} clusters`,
    ms: round(percentile(times, 0.5)),
    requests: percentile(requests, 0.5),
    beside: `${renders} renders; ${beside}`,
  }
  return { row, renders }
}

function application(name: string, value: string): string {
  return ['one', 'two']
    .map((part) => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}-${part}\ndata:\n  value: "${value}"\n`)
    .join('---\n')
}
