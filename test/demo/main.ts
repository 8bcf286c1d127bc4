/**
 * `npm run demo`: a push travels through real components into a real Kubernetes API server, with the time of every stage; then a change by hand is found and
 * repaired. Options: `--once` exits at the end, `--kubeconfig FILE` uses an existing cluster, `--platform workerd|node`.
 */
import { parseArgs } from 'node:util'
import { startFakeKubelet } from '../support/fake-kubelet.ts'
import { startControlPlane, type ControlPlane, type ControlPlaneAddress } from '../support/control-plane.ts'
import { installCrds } from '../support/crds.ts'
import {
  awaitIdle,
  awaitRun,
  deliverPush,
  startDeployment,
  type Deployment,
  type Platform,
  type ShownRun,
} from '../support/deployment.ts'
import { readExample } from '../support/example-chart.ts'
import { GitServer } from '../support/git-server.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { createKubeTestClient, type KubeTestClient } from '../support/kube-test-client.ts'
import { bootstrap, namespace } from './bootstrap.ts'
import { addressOfKubeconfig } from './kubeconfig.ts'
import { bold, dim, green, line, red, step } from './screen.ts'

const { values: options } = parseArgs({
  options: {
    once: { type: 'boolean', default: false },
    dev: { type: 'boolean', default: false },
    kubeconfig: { type: 'string' },
    platform: { type: 'string', default: 'node' },
  },
})

const closers: (() => Promise<void>)[] = []
async function close(): Promise<void> {
  for (const closer of closers.splice(0).toReversed()) await closer().catch(() => undefined)
}
process.once('SIGINT', () => void close().then(() => process.exit(0)))
process.once('SIGTERM', () => void close().then(() => process.exit(0)))

try {
  await demo()
} catch (error) {
  line(red(`the demo failed: ${error instanceof Error ? error.message : String(error)}`))
  process.exitCode = 1
  options.once = true
}
if (options.once) {
  await close()
  process.exit()
}

async function demo(): Promise<void> {
  const platform = platformOf(options.platform)
  const cluster = await step('Kubernetes control plane', startCluster)
  const client = createKubeTestClient(cluster)
  closers.push(async () => client.close())
  const git = await step('Git server with the example repository', async () => {
    const server = await GitServer.start()
    closers.push(() => server.close())
    return { server, repository: await server.create('team/example', readExample()) }
  })
  await step('custom resource definitions', () => installCrds(client))
  const deployment = await step(
    `Sluice on ${platform === 'node' ? 'Node' : 'workerd, the runtime of Cloudflare Workers'}`,
    async () => {
      const started = await startDeployment(platform, {
        clusters: { demo: cluster },
        scanIntervalSeconds: 5,
        namespaces: [namespace],
        ...(options.dev ? { log: (text: string) => line(dim(text.trimEnd())) } : {}),
      })
      closers.push(() => started.stop())
      // A deployment on Node scans when it starts; the demo wants to show the push alone.
      if (started.platform === 'node') await awaitIdle(started)
      return started
    },
  )
  line('')
  line(bold('The repository is registered, and its first signed push webhook arrives'))
  await bootstrap(client, git.repository)
  await showRun(deployment, await push(deployment, git.repository), client)
  line('')
  line(bold('A commit changes one image, and is pushed'))
  const production = readExample()['apps/production/kustomization.yaml'] ?? ''
  await git.repository.commit(
    {
      'apps/production/kustomization.yaml': `${production}images:\n  - name: ghcr.io/example/shop-backend\n    newTag: 1.4.1\n`,
    },
    { message: 'backend 1.4.1 for production' },
  )
  await showRun(deployment, await push(deployment, git.repository), client)
  line('')
  line(bold('Somebody edits a Deployment by hand, behind the back of Git'))
  await repairDrift(deployment, client)
  line('')
  if (options.once) return
  line(bold('Everything is left running. Ctrl-C ends it.'))
  line(
    `  Sluice       ${deployment.url}/healthz, ${deployment.url}/runs (Authorization: Bearer ${deployment.triggerToken})`,
  )
  line(`  repository   ${git.repository.url}`)
  line(`  kubectl      kubectl --kubeconfig ${cluster.kubeconfigPath} get kustomizations,helmreleases -A`)
  line(
    `  trigger      curl -XPOST -H 'Authorization: Bearer ${deployment.triggerToken}' -d '{"all":true,"wait":30}' ${deployment.url}/trigger`,
  )
}

function platformOf(text: string): Platform {
  if (text === 'node' || text === 'workerd') return text
  throw new RangeError(`--platform is ${text}; it must be node or workerd`)
}

async function startCluster(note: (text: string) => void): Promise<ControlPlaneAddress> {
  if (options.kubeconfig !== undefined) return await addressOfKubeconfig(options.kubeconfig)
  const controlPlane: ControlPlane = await startControlPlane({
    handleSignals: false,
    onProgress: (message, seconds) => note(`${message} (${seconds} s)`),
  })
  closers.push(() => controlPlane.stop())
  const kubelet = await startFakeKubelet(controlPlane)
  closers.push(() => kubelet.stop())
  return controlPlane
}

async function push(deployment: Deployment, repository: GitTestRepository): Promise<ShownRun> {
  const delivered = await deliverPush(deployment, { url: repository.url })
  if (delivered.run === undefined) throw new Error(`the webhook was answered with ${delivered.status}`)
  return await awaitRun(deployment, delivered.run, 120_000)
}

/** What a run did, object by object, and how long each stage took. */
async function showRun(deployment: Deployment, run: ShownRun, client: KubeTestClient): Promise<void> {
  const [record] = run.records
  if (record === undefined) throw new Error('the run has no record')
  for (const node of record.nodes) {
    const counts = new Map<string, number>()
    for (const change of node.changes) counts.set(change.action, (counts.get(change.action) ?? 0) + 1)
    const summary = [...counts].map(([action, count]) => `${count} ${action}`).join(', ')
    const mark = node.state === 'ready' ? green('ready  ') : red(node.state.padEnd(7))
    line(
      `  ${mark} ${`${node.kind}/${node.name}`.padEnd(28)} ${dim(summary === '' ? `${node.unchanged} unchanged` : summary)}`,
    )
    if (node.state !== 'ready') line(`          ${node.message ?? ''}`)
  }
  const { receivedAt, startedAt, timings } = record
  const since = (time: number | undefined): string => (time === undefined ? '-' : `${time - receivedAt} ms`)
  line(
    `  received ${bold('0 ms')}  started ${bold(since(startedAt))}  fetched ${bold(since(timings.fetchedAt))}  rendered ${bold(since(timings.renderedAt))}  applied ${bold(since(timings.appliedAt))}  healthy ${bold(since(timings.healthyAt))}  ${dim(`${record.requests ?? 0} requests to the API server`)}`,
  )
  if (run.state !== 'succeeded') throw new Error(`the run ended as ${run.state}`)
  const pods = await client.list({ apiVersion: 'v1', kind: 'Pod' })
  line(dim(`  ${pods.length} Pods run in the cluster; ${deployment.url}/runs/${run.id} has the whole record`))
}

async function repairDrift(deployment: Deployment, client: KubeTestClient): Promise<void> {
  const key = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'production', name: 'backend' }
  const wanted = (await client.get(key))['spec'].replicas as number
  await client.patch(key, { spec: { replicas: wanted + 4 } })
  const changedAt = Date.now()
  line(
    `  Deployment/production/backend: replicas ${wanted} -> ${wanted + 4}; the scheduled scan comes every five seconds here`,
  )
  for (;;) {
    await deployment.scan()
    if ((await client.get(key))['spec'].replicas === wanted) break
    if (Date.now() - changedAt > 60_000) throw new Error('the change was not repaired within a minute')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  line(green(`  found and repaired after ${Date.now() - changedAt} ms`))
  for (let attempt = 0; attempt < 20; attempt++) {
    const events = await client.list({ apiVersion: 'v1', kind: 'Event', namespace })
    const drift = events.find((event) => event['reason'] === 'DriftDetected')
    if (drift !== undefined) return line(dim(`  event DriftDetected: ${drift['message']}`))
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
