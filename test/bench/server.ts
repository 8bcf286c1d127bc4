import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ControlPlane } from '../support/control-plane.ts'
import {
  awaitRun,
  deliverPush,
  deploymentEnvironment,
  githubSecret,
  triggerToken,
  type DeploymentOptions,
} from '../support/deployment.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { freePort } from '../support/free-ports.ts'
import { bundleDeployment } from '../support/bundled-program.ts'

/** ServiceAccount, Service, Deployment without replicas, Ingress; names by substitution, so that one path serves many Kustomizations. */
export const application = (label: string): string => `apiVersion: v1
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

/** A run over everything that the deployment looks after, as a scan does when all of it is due. Throws when it fails. */
export async function settle(url: string): Promise<{ readonly ms: number; readonly requests: number }> {
  const started = Date.now()
  const response = await fetch(`${url}/trigger`, {
    method: 'POST',
    headers: { authorization: `Bearer ${triggerToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ all: true, wait: 300 }),
  })
  const answer = (await response.json()) as {
    run?: string
    state?: string
    records?: readonly { startedAt?: number; finishedAt?: number; requests?: number }[]
  }
  // Of several large clusters a first run takes longer than anybody may wait for an answer.
  const { run: id, state = 'queued' } = answer
  const isOver = id === undefined || !['queued', 'running'].includes(state)
  const run = isOver ? answer : await awaitRun({ url, triggerToken }, id, 900_000, 250)
  if (run.state !== 'succeeded') throw new Error(`the run failed: ${JSON.stringify(run).slice(0, 2000)}`)
  const [record] = run.records ?? []
  const ms = (record?.finishedAt ?? Date.now()) - (record?.startedAt ?? started)
  return { ms, requests: record?.requests ?? 0 }
}

/** Delivers a push and waits for its run, without asking so often that it would show: the time from its receipt to the end of applying. Throws when it fails. */
export async function push(url: string, repository: GitTestRepository): Promise<{ ms: number; requests: number }> {
  const delivered = await deliverPush({ url, githubSecret }, { url: repository.url })
  const run = await awaitRun({ url, triggerToken }, delivered.run ?? '', 300_000, 250)
  const [record] = run.records
  // Where nothing is concerned, nothing is applied.
  const appliedAt = record?.timings.appliedAt ?? record?.finishedAt
  if (run.state !== 'succeeded' || record === undefined || appliedAt === undefined)
    throw new Error(`the push failed: ${JSON.stringify(run).slice(0, 2000)}`)
  return { ms: appliedAt - record.receivedAt, requests: record.requests ?? 0 }
}

/** Starts the deployment on Node in a process of its own, bundled as `npm run bundle` makes it, looking after one namespace. Its first scan is over. */
export function startServer(controlPlane: ControlPlane, namespace: string): Promise<BenchedServer> {
  return startServerFor({ clusters: { main: controlPlane }, namespaces: [namespace] })
}

/** A deployment that is measured. */
export interface BenchedServer {
  readonly url: string
  readonly process: ChildProcess
  stop(): Promise<void>
}

/** The same for any clusters. */
export async function startServerFor(options: DeploymentOptions): Promise<BenchedServer> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  const server = await spawnServer(directory, options)
  // It scans when it starts: what is measured begins after that.
  await settle(server.url)
  return {
    ...server,
    stop: async () => {
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Starts the deployment as it is started in production, its data in `data` below a directory that is the caller's. It answers. */
export async function spawnServer(directory: string, options: DeploymentOptions): Promise<BenchedServer> {
  const program = bundleDeployment(join(directory, 'program'))
  const port = await freePort()
  const env = {
    ...deploymentEnvironment(options),
    PORT: String(port),
    HOST: '127.0.0.1',
    DATA_DIR: join(directory, 'data'),
    PATH: process.env['PATH'] ?? '',
  }
  const child = spawn(process.execPath, [...startFlags(), program], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const url = `http://127.0.0.1:${port}`
  for (let attempt = 0; ; attempt++) {
    if (child.exitCode !== null || attempt === 2400) throw new Error('the deployment did not start')
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
    },
  }
}

/** The runtime's options of `npm start`. */
export function startFlags(): readonly string[] {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { scripts } = JSON.parse(text) as { readonly scripts: { readonly start: string } }
  return scripts.start.split(' ').filter((word) => word.startsWith('--'))
}

/** Largest resident memory of a process so far, in MB (Linux). */
export async function peakMemory(child: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
}
