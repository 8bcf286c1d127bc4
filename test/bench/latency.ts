import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { installCrds } from '../support/crds.ts'
import { awaitRun, deliverPush, deploymentEnvironment, githubSecret, triggerToken } from '../support/deployment.ts'
import { GitServer } from '../support/git-server.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { createKubeTestClient, type KubeTestClient } from '../support/kube-test-client.ts'
import { percentile, round, type Bench, type BenchRow } from './rows.ts'

const namespace = 'bench'

/** ServiceAccount, Service, Deployment without replicas, Ingress; names by substitution, so that one path serves many Kustomizations. */
const application = (label: string): string => `apiVersion: v1
kind: ServiceAccount
metadata: { name: "\${name}", labels: { change: "${label}" } }
---
apiVersion: v1
kind: Service
metadata: { name: "\${name}", labels: { change: "${label}" } }
spec: { selector: { app: "\${name}" }, ports: [{ port: 80, name: http }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: "\${name}", labels: { change: "${label}" } }
spec:
  replicas: 0
  selector: { matchLabels: { app: "\${name}" } }
  template:
    metadata: { labels: { app: "\${name}" } }
    spec: { serviceAccountName: "\${name}", containers: [{ name: app, image: example/app:1 }] }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: "\${name}", labels: { change: "${label}" } }
spec: { rules: [{ host: "\${name}.example.com", http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: "\${name}", port: { name: http } } } }] } }] }
`

/** Push received -> applied, over HTTP, the deployment in a process of its own beside a real API server. */
export const bench: Bench = async (log) => {
  const controlPlane = await startControlPlane({
    controllerManager: false,
    onProgress: (message) => log(`  ${message}`),
  })
  const git = await GitServer.start()
  const client = createKubeTestClient(controlPlane)
  try {
    await installCrds(client)
    await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
    const one = await measure({ controlPlane, git, client, log }, 1, 30)
    const hundred = await measure({ controlPlane, git, client, log }, 100, 7)
    const beside = 'one kube-apiserver and etcd on the same machine'
    return [
      {
        name: '1 Kustomization, p50',
        ms: round(percentile(one.samples, 0.5)),
        requests: one.requests,
        mb: one.mb,
        beside,
      },
      { name: '1 Kustomization, p95', ms: round(percentile(one.samples, 0.95)) },
      {
        name: '100 Kustomizations',
        ms: round(percentile(hundred.samples, 0.5)),
        requests: hundred.requests,
        mb: hundred.mb,
        beside,
      },
    ] satisfies BenchRow[]
  } finally {
    client.close()
    await git.close()
    await controlPlane.stop()
  }
}

interface Parts {
  readonly controlPlane: ControlPlane
  readonly git: GitServer
  readonly client: KubeTestClient
  readonly log: (line: string) => void
}

/** Pushes `runs` one-line changes that `count` Kustomizations follow. The first push, which creates everything, is not counted. */
async function measure(
  parts: Parts,
  count: number,
  runs: number,
): Promise<{ samples: number[]; requests: number; mb: number }> {
  const { controlPlane, git, client, log } = parts
  const repository = await git.create(`team/bench-${count}`, { 'app/app.yaml': application('start') })
  const source = `bench-${count}`
  await client.apply({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: source, namespace },
    spec: { interval: '1h', url: repository.url, ref: { branch: 'main' } },
  })
  for (let i = 0; i < count; i++) {
    await client.apply({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name: `app-${count}-${i}`, namespace },
      spec: {
        interval: '1h',
        path: './app',
        prune: true,
        targetNamespace: namespace,
        sourceRef: { kind: 'GitRepository', name: source },
        postBuild: { substitute: { name: `app-${count}-${i}` } },
      },
    })
  }
  const server = await startServer(controlPlane)
  try {
    await settle(server.url)
    log(`  ${count} Kustomizations created`)
    const samples: number[] = []
    let requests = 0
    for (let run = 0; run < runs; run++) {
      await repository.commit({ 'app/app.yaml': application(`run-${run}`) })
      const result = await push(server.url, repository)
      samples.push(result.ms)
      requests = result.requests
    }
    log(`  ${count} Kustomizations, each push: ${samples.join(' ')} ms; ${requests} requests`)
    return { samples, requests, mb: await peakMemory(server.process) }
  } finally {
    await server.stop()
  }
}

/** Lets the deployment do what it finds to do at its start, so that pushes are measured alone. */
async function settle(url: string): Promise<void> {
  const response = await fetch(`${url}/trigger`, {
    method: 'POST',
    headers: { authorization: `Bearer ${triggerToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ all: true, wait: 120 }),
  })
  const run = (await response.json()) as { state?: string }
  if (run.state !== 'succeeded') throw new Error(`the first run failed: ${JSON.stringify(run).slice(0, 2000)}`)
}

async function push(url: string, repository: GitTestRepository): Promise<{ ms: number; requests: number }> {
  const delivered = await deliverPush({ url, githubSecret }, { url: repository.url })
  const run = await awaitRun({ url, triggerToken }, delivered.run ?? '')
  const [record] = run.records
  if (run.state !== 'succeeded' || record?.timings.appliedAt === undefined)
    throw new Error(`the push failed: ${JSON.stringify(run).slice(0, 2000)}`)
  return { ms: record.timings.appliedAt - record.receivedAt, requests: record.requests ?? 0 }
}

async function startServer(
  controlPlane: ControlPlane,
): Promise<{ readonly url: string; readonly process: ChildProcess; stop(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  const port = await freePort()
  const env = {
    ...deploymentEnvironment({ clusters: { main: controlPlane }, namespaces: [namespace] }),
    PORT: String(port),
    HOST: '127.0.0.1',
    DATA_DIR: directory,
    PATH: process.env['PATH'] ?? '',
  }
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../functions/node.ts', import.meta.url))], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const url = `http://127.0.0.1:${port}`
  for (let attempt = 0; attempt < 200; attempt++) {
    const isUp = await fetch(`${url}/healthz`).then(
      (response) => response.ok,
      () => false,
    )
    if (isUp) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    url,
    process: child,
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Largest resident memory of a process so far, in MB (Linux). */
async function peakMemory(child: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
}
