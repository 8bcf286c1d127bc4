import { mapLimit } from '../../src/base/index.ts'
import { auditMark, readRequestCounts } from '../support/audit-log.ts'
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { installCrds } from '../support/crds.ts'
import { GitServer } from '../support/git-server.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { createKubeTestClient, type KubeTestClient } from '../support/kube-test-client.ts'
import { percentile, round, type Bench, type BenchRow } from './rows.ts'
import { application, peakMemory, push, settle, startServer } from './server.ts'

/** Kustomizations of one source, and how often each thing is measured. */
const sizes: readonly { readonly count: number; readonly firsts: number; readonly runs: number }[] = [
  { count: 100, firsts: 3, runs: 5 },
  { count: 500, firsts: 1, runs: 5 },
  { count: 1000, firsts: 1, runs: 5 },
]

/** What other sizes or fewer rounds are asked for with: `SLUICE_BENCH_SIZES=100` (a quick look). */
const wantedSizes = (process.env['SLUICE_BENCH_SIZES'] ?? '').split(',').filter((size) => size !== '')

interface Parts {
  readonly controlPlane: ControlPlane
  readonly git: GitServer
  readonly client: KubeTestClient
  readonly log: (line: string) => void
}

interface Sample {
  readonly ms: number
  readonly requests: number
}

/**
 * Many Kustomizations of four small objects from one source: first apply, a push that changes one line of all of them, a push that changes nothing of
 * theirs, and a drift scan of everything. The deployment runs in a process of its own; requests are counted by the API server.
 */
export const bench: Bench = async (log) => {
  const controlPlane = await startControlPlane({
    controllerManager: false,
    onProgress: (message) => log(`  ${message}`),
  })
  const git = await GitServer.start()
  const client = createKubeTestClient(controlPlane)
  const rows: BenchRow[] = []
  try {
    await installCrds(client)
    for (const size of sizes) {
      if (wantedSizes.length > 0 && !wantedSizes.includes(String(size.count))) continue
      rows.push(...(await measureSize({ controlPlane, git, client, log }, size)))
    }
    return rows
  } finally {
    client.close()
    await git.close()
    await controlPlane.stop()
  }
}

async function measureSize(parts: Parts, size: (typeof sizes)[number]): Promise<BenchRow[]> {
  const { count } = size
  const firsts: Sample[] = []
  let mb = 0
  for (let round = 0; round < size.firsts - 1; round++) {
    const name = `bench-${count}-${round}`
    await parts.client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    const server = await startServer(parts.controlPlane, name)
    await prepare(parts, count, name)
    firsts.push(await counted(parts, () => settle(server.url)))
    await server.stop()
  }
  const name = `bench-${count}`
  await parts.client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  const server = await startServer(parts.controlPlane, name)
  try {
    const repository = await prepare(parts, count, name)
    firsts.push(await counted(parts, () => settle(server.url)))
    mb = await peakMemory(server.process)
    const samples: { [what in 'push' | 'no change' | 'scan']: Sample[] } = { push: [], 'no change': [], scan: [] }
    for (let run = 0; run < size.runs; run++) {
      await repository.commit({ 'app/app.yaml': application(`run-${run}`) })
      samples.push.push(await counted(parts, () => push(server.url, repository)))
      await repository.commit({ 'README.md': `run ${run}` })
      samples['no change'].push(await counted(parts, () => push(server.url, repository)))
      samples.scan.push(await counted(parts, () => settle(server.url)))
    }
    const beside = 'one kube-apiserver and etcd on the same machine'
    const peak = await peakMemory(server.process)
    return [
      row(`${count} first apply`, firsts, { mb, beside }),
      row(`${count} push`, samples.push, { mb: peak }),
      row(`${count} no change`, samples['no change'], { mb: peak }),
      row(`${count} scan`, samples.scan, { mb: peak }),
    ].map((one) => {
      parts.log(`  ${one.name}: ${one.ms} ms, ${one.requests} requests, ${one.mb} MB`)
      return one
    })
  } finally {
    await server.stop()
  }
}

function row(name: string, samples: readonly Sample[], extra: Partial<BenchRow>): BenchRow {
  const middle = (values: readonly number[]): number => round(percentile(values, 0.5))
  return {
    name,
    ms: middle(samples.map((sample) => sample.ms)),
    requests: middle(samples.map((sample) => sample.requests)),
    ...extra,
  }
}

/** Counts the requests that reached the API server meanwhile, those of the bench itself left out. */
async function counted(parts: Parts, work: () => Promise<Sample>): Promise<Sample> {
  const source = {
    auditLogPath: parts.controlPlane.auditLogPath,
    request: (path: string) => parts.client.request('GET', path),
  }
  const mark = await auditMark(source)
  const { ms } = await work()
  return { ms, requests: (await readRequestCounts(source, mark)).total }
}

/** A source with a repository, and `count` Kustomizations of it, in a namespace that is there. */
async function prepare(parts: Parts, count: number, namespace: string): Promise<GitTestRepository> {
  const { client, git, log } = parts
  const repository = await git.create(`team/${namespace}`, { 'app/app.yaml': application('start') })
  await client.apply({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'source', namespace },
    spec: { interval: '1h', url: repository.url, ref: { branch: 'main' } },
  })
  await mapLimit(
    Array.from({ length: count }, (_, index) => `app-${index}`),
    8,
    (app) =>
      client.apply({
        apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
        kind: 'Kustomization',
        metadata: { name: app, namespace },
        spec: {
          interval: '1h',
          path: './app',
          prune: true,
          targetNamespace: namespace,
          sourceRef: { kind: 'GitRepository', name: 'source' },
          postBuild: { substitute: { name: app } },
        },
      }),
  )
  log(`  ${count} Kustomizations created in ${namespace}`)
  return repository
}
