import { createHmac, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Run } from '../../src/coordinator/index.ts'
import type { ControlPlaneAddress } from './control-plane.ts'

export type Platform = 'node' | 'workerd'

export interface DeploymentOptions {
  /** Clusters by name, or as they stand in the configuration. */
  readonly clusters:
    | { readonly [name: string]: Pick<ControlPlaneAddress, 'server' | 'caPem' | 'token'> }
    | readonly { readonly name: string; readonly server: string }[]
  /** Namespaces that are looked at: tests share one control plane. */
  readonly namespaces?: readonly string[]
  readonly scanIntervalSeconds?: number
  /** `LIMITS` of the configuration. */
  readonly limits?: { readonly [name: string]: number }
  /** What differs from the default `SETTINGS`. */
  readonly settings?: { readonly [name: string]: unknown }
  /** Further variables and secrets. */
  readonly env?: { readonly [name: string]: string }
  /** `ARTIFACT_KEY` of the configuration. */
  readonly artifactKey?: string
  readonly log?: (line: string) => void
}

/** A deployment that runs, reached over HTTP as anybody reaches it. */
export interface Deployment {
  readonly platform: Platform
  readonly url: string
  readonly githubSecret: string
  readonly triggerToken: string
  /** Runs the scheduled function now. */
  scan(): Promise<void>
  stop(): Promise<void>
}

export const githubSecret = 'a secret of the tests'
export const triggerToken = 'a token of the tests'.replaceAll(' ', '-')

/** Environment variables of a deployment for the given clusters. */
export function deploymentEnvironment(options: DeploymentOptions): { readonly [name: string]: string } {
  const { secrets, clusters } = clustersOf(options.clusters)
  return {
    ...secrets,
    CLUSTERS: JSON.stringify(clusters),
    GITHUB_WEBHOOK_SECRET: githubSecret,
    GITLAB_WEBHOOK_SECRET: githubSecret,
    TRIGGER_TOKEN: triggerToken,
    PRIVATE_HOSTS: '["127.0.0.1"]',
    SETTINGS: JSON.stringify({ namespaces: options.namespaces ?? [], ...options.settings }),
    ...(options.artifactKey === undefined ? {} : { ARTIFACT_KEY: options.artifactKey }),
    SCAN_INTERVAL_SECONDS: String(options.scanIntervalSeconds ?? 86_400),
    LIMITS: JSON.stringify(options.limits ?? {}),
    ...options.env,
  }
}

function clustersOf(clusters: DeploymentOptions['clusters']): {
  readonly secrets: { readonly [name: string]: string }
  readonly clusters: readonly { readonly name: string }[]
} {
  if (isListed(clusters)) return { secrets: {}, clusters }
  const entries = Object.entries(clusters)
  return {
    secrets: Object.fromEntries(entries.map(([name, { token }]) => [secretName(name), token])),
    clusters: entries.map(([name, { server, caPem }]) => ({ name, server, ca: caPem, tokenSecret: secretName(name) })),
  }
}

function isListed(
  clusters: DeploymentOptions['clusters'],
): clusters is Extract<DeploymentOptions['clusters'], readonly unknown[]> {
  return Array.isArray(clusters)
}

function secretName(cluster: string): string {
  return `${cluster.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_TOKEN`
}

/** Starts a deployment on either platform. */
export async function startDeployment(platform: Platform, options: DeploymentOptions): Promise<Deployment> {
  const env = deploymentEnvironment(options)
  if (platform === 'workerd') {
    const { startWorker } = await import('./workerd.ts')
    const worker = await startWorker({
      env,
      caPems: isListed(options.clusters) ? [] : Object.values(options.clusters).map((cluster) => cluster.caPem),
      ...(options.log === undefined ? {} : { log: options.log }),
    })
    return {
      platform,
      url: worker.url,
      githubSecret,
      triggerToken,
      scan: () => worker.scheduled(),
      stop: () => worker.stop(),
    }
  }
  const directory = await mkdtemp(join(tmpdir(), 'sluice-node-'))
  const { startNode } = await import('../../functions/node.ts')
  const started = await startNode(
    { ...env, PORT: '0', HOST: '127.0.0.1', DATA_DIR: directory },
    { log: options.log ?? (() => undefined) },
  )
  return {
    platform,
    url: started.url,
    githubSecret,
    triggerToken,
    // It scans by itself, every `scanIntervalSeconds`.
    scan: async () => undefined,
    stop: async () => {
      await started.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Delivers a push as GitHub does, signed. Returns the answer's status and, where there is one, the run's id. */
export async function deliverPush(
  deployment: Pick<Deployment, 'url' | 'githubSecret'>,
  push: {
    readonly url: string
    readonly ref?: string
    readonly after?: string
    readonly deliveryId?: string
    readonly signature?: string
  },
): Promise<{ readonly status: number; readonly run: string | undefined }> {
  const body = JSON.stringify(githubPush(push))
  const signature =
    push.signature ?? `sha256=${createHmac('sha256', deployment.githubSecret).update(body).digest('hex')}`
  const response = await fetch(`${deployment.url}/hook/github`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': push.deliveryId ?? randomUUID(),
      'x-hub-signature-256': signature,
    },
    body,
  })
  const answer = (await response.json()) as { run?: string }
  return { status: response.status, run: answer.run }
}

/** The fields of GitHub's push payload that say what was pushed where. */
function githubPush(push: { readonly url: string; readonly ref?: string; readonly after?: string }): object {
  const after = push.after ?? 'b'.repeat(40)
  return {
    ref: push.ref ?? 'refs/heads/main',
    before: 'a'.repeat(40),
    after,
    created: false,
    deleted: false,
    forced: false,
    repository: {
      id: 1,
      name: 'app',
      full_name: 'team/app',
      clone_url: push.url,
      html_url: push.url.replace(/\.git$/, ''),
      ssh_url: 'git@example.com:team/app.git',
      git_url: 'git://example.com/team/app.git',
    },
    pusher: { name: 'somebody' },
    sender: { login: 'somebody' },
    commits: [],
    head_commit: { id: after, message: 'change' },
  }
}

/** A run over all clusters, as `GET /runs/<id>` shows it. */
export type ShownRun = Run

/** Waits until all runs of a deployment have ended; on Node it begins with a scan by itself. What is made or counted while one goes on may be of that one. */
export async function awaitIdle(deployment: Pick<Deployment, 'url' | 'triggerToken'>): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const headers = { authorization: `Bearer ${deployment.triggerToken}` }
    const { runs } = (await (await fetch(`${deployment.url}/runs`, { headers })).json()) as { runs: ShownRun[] }
    if (runs.length > 0 && runs.every(({ state }) => !['queued', 'running'].includes(state))) return
  }
  throw new Error('the runs of the deployment do not end')
}

/** Asks for a run until it has ended. */
export async function awaitRun(
  deployment: Pick<Deployment, 'url' | 'triggerToken'>,
  id: string,
  timeoutMs = 60_000,
  pauseMs = 20,
): Promise<ShownRun> {
  const end = Date.now() + timeoutMs
  for (;;) {
    const response = await fetch(`${deployment.url}/runs/${id}`, {
      headers: { authorization: `Bearer ${deployment.triggerToken}` },
    })
    const text = await response.text()
    for (const secret of [githubSecret, triggerToken])
      if (text.includes(secret)) throw new Error(`the run ${id} shows a secret`)
    const run = JSON.parse(text) as ShownRun
    if (response.status === 200 && !['queued', 'running'].includes(run.state)) return run
    if (Date.now() > end) throw new Error(`run ${id} has not ended: ${JSON.stringify(run)}`)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
