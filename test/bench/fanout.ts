import { mapLimit } from '../../src/base/index.ts'
import type { Run } from '../../src/coordinator/index.ts'
import { auditMark, readRequestCounts } from '../support/audit-log.ts'
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { installCrds } from '../support/crds.ts'
import { awaitRun, deliverPush, githubSecret, triggerToken } from '../support/deployment.ts'
import { createFleet } from '../support/fleet.ts'
import { GitServer } from '../support/git-server.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { createKubeTestClient, type KubeTestClient } from '../support/kube-test-client.ts'
import { percentile, round, type Bench, type BenchRow } from './rows.ts'
import { application, peakMemory, settle, startServer, startServerFor } from './server.ts'

const fleets = [1, 10, 50]
const applications = 1000
const pushes = 20
const beside =
  'one kube-apiserver and etcd on the same machine; clusters are namespaces of it behind fronts of their own'

/** Sizes asked for with `SLUICE_BENCH_SIZES=10,1000` (a quick look). */
const wantedSizes = (process.env['SLUICE_BENCH_SIZES'] ?? '').split(',').filter((size) => size !== '')

interface Parts {
  readonly controlPlane: ControlPlane
  readonly client: KubeTestClient
  readonly log: (line: string) => void
}

/**
 * One push to many clusters, and a push that concerns one of a thousand Kustomizations. The deployment runs in a process of its own; requests are counted by
 * the API server.
 */
export const bench: Bench = async (log) => {
  const controlPlane = await startControlPlane({
    controllerManager: false,
    onProgress: (message) => log(`  ${message}`),
  })
  const client = createKubeTestClient(controlPlane)
  const rows: BenchRow[] = []
  try {
    await installCrds(client)
    for (const clusters of fleets) {
      if (isWanted(clusters)) rows.push(await measureFleet({ controlPlane, client, log }, clusters))
    }
    if (isWanted(applications)) rows.push(...(await measureOneOfMany({ controlPlane, client, log })))
    return rows
  } finally {
    client.close()
    await controlPlane.stop()
  }
}

function isWanted(size: number): boolean {
  return wantedSizes.length === 0 || wantedSizes.includes(String(size))
}

/** Time from the receipt of a push to the last object that it changes in the last of `clusters` clusters. */
async function measureFleet(parts: Parts, clusters: number): Promise<BenchRow> {
  let made = 0
  const fleet = await createFleet(
    {
      client: parts.client,
      address: parts.controlPlane,
      namespace: async () => {
        const name = `fleet-${clusters}-${made++}`
        await parts.client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
        return name
      },
    },
    { clusters, apps: ['one', 'two', 'three'] },
  )
  const server = await startServerFor({ clusters: fleet.clusters })
  try {
    const samples: number[] = []
    let requests = 0
    for (let at = 0; at < 7; at++) {
      await fleet.change('two', `${at}`)
      const run = await pushed(server.url, fleet.repository)
      samples.push(lastApplied(run) - run.receivedAt)
      requests = run.records.reduce((sum, record) => sum + (record.requests ?? 0), 0)
    }
    const name = clusters === 1 ? '1 cluster' : `${clusters} clusters`
    parts.log(`  ${name}: ${samples.join(', ')} ms`)
    return { name, ms: round(percentile(samples, 0.5)), requests, mb: await peakMemory(server.process), beside }
  } finally {
    await server.stop()
    await fleet.close()
  }
}

async function measureOneOfMany(parts: Parts): Promise<readonly BenchRow[]> {
  const { client, controlPlane, log } = parts
  const git = await GitServer.start()
  const namespace = 'many'
  await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  const server = await startServer(controlPlane, namespace)
  try {
    const names = Array.from({ length: applications }, (_, index) => `app-${index}`)
    const repository = await git.create(
      'team/many',
      Object.fromEntries(names.map((name) => [`apps/${name}/app.yaml`, application('start')])),
    )
    await client.apply({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata: { name: 'source', namespace },
      spec: { interval: '1h', url: repository.url, ref: { branch: 'main' } },
    })
    await mapLimit(names, 8, (name) => client.apply(kustomization(name, namespace)))
    const first = await settle(server.url)
    log(`  ${applications} applications of 4 objects: first apply ${first.ms} ms, ${first.requests} requests`)
    const one: Sample[] = []
    const nothing: Sample[] = []
    for (let at = 0; at < pushes; at++) {
      await repository.commit({ [`apps/app-${at * 7}/app.yaml`]: application(`run-${at}`) })
      one.push(await counted(parts, server.url, repository))
      await repository.commit({ 'README.md': `run ${at}` })
      nothing.push(await counted(parts, server.url, repository))
    }
    const scans: Sample[] = []
    for (let at = 0; at < 5; at++) scans.push(await countedScan(parts, server.url))
    const mb = await peakMemory(server.process)
    const middle = (samples: readonly Sample[], p: number, what: 'ms' | 'requests' | 'renders'): number =>
      round(
        percentile(
          samples.map((sample) => sample[what]),
          p,
        ),
      )
    log(
      `  one of ${applications}: ${middle(one, 0.5, 'renders')} renders; nothing relevant: ${middle(nothing, 0.5, 'renders')} renders`,
    )
    return [
      { name: '1 of 1000, p50', ms: middle(one, 0.5, 'ms'), requests: middle(one, 0.5, 'requests'), mb, beside },
      { name: '1 of 1000, p95', ms: middle(one, 0.95, 'ms') },
      { name: 'nothing relevant', ms: middle(nothing, 0.5, 'ms'), requests: middle(nothing, 0.5, 'requests') },
      { name: 'scan 1000 unchanged', ms: middle(scans, 0.5, 'ms'), requests: middle(scans, 0.5, 'requests') },
    ]
  } finally {
    await server.stop()
    await git.close()
  }
}

interface Sample {
  readonly ms: number
  /** Counted by the API server. */
  readonly requests: number
  readonly renders: number
}

async function pushed(url: string, repository: GitTestRepository): Promise<Run> {
  const delivered = await deliverPush({ url, githubSecret }, { url: repository.url })
  const run = await awaitRun({ url, triggerToken }, delivered.run ?? '', 300_000, 50)
  if (run.state !== 'succeeded') throw new Error(`the push failed: ${JSON.stringify(run).slice(0, 2000)}`)
  return run
}

function lastApplied(run: Run): number {
  return Math.max(...run.records.map(({ timings, finishedAt = 0 }) => timings.appliedAt ?? finishedAt))
}

async function counted(parts: Parts, url: string, repository: GitTestRepository): Promise<Sample> {
  const mark = await auditMark(audit(parts))
  const run = await pushed(url, repository)
  const { total } = await readRequestCounts(audit(parts), mark)
  const renders = run.records.reduce((sum, record) => sum + record.nodes.length, 0)
  return { ms: lastApplied(run) - run.receivedAt, requests: total, renders }
}

async function countedScan(parts: Parts, url: string): Promise<Sample> {
  const mark = await auditMark(audit(parts))
  const { ms } = await settle(url)
  return { ms, requests: (await readRequestCounts(audit(parts), mark)).total, renders: applications }
}

function audit({ controlPlane, client }: Parts): { auditLogPath: string; request: (path: string) => Promise<unknown> } {
  return { auditLogPath: controlPlane.auditLogPath, request: (path) => client.request('GET', path) }
}

function kustomization(name: string, namespace: string): object {
  return {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name, namespace },
    spec: {
      interval: '1h',
      path: `./apps/${name}`,
      prune: true,
      targetNamespace: namespace,
      sourceRef: { kind: 'GitRepository', name: 'source' },
      postBuild: { substitute: { name } },
    },
  }
}
