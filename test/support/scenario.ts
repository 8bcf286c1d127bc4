import { createCloudLogins } from '../../src/cloud/index.ts'
import type { HttpClient, KubeTransport } from '../../src/ports/index.ts'
import { createNodeHttpClient } from '../../src/platforms/node/http.ts'
import { createNodeKubeConnector } from '../../src/platforms/node/kube-connector.ts'
import { createNodeKubeTransport } from '../../src/platforms/node/kube-transport.ts'
import {
  createCaches,
  defaultLimits,
  defaultSettings,
  runJob,
  type EngineDeps,
  type Job,
  type JobResult,
  type Limits,
  type NodeRecord,
  type RunRecord,
  type Settings,
} from '../../src/reconcile/index.ts'
import { Canaries } from './canaries.ts'
import type { TestCluster } from './cluster.ts'
import { installCrds } from './crds.ts'
import { lookBeforeEnd, lookOnce } from './end-namespace.ts'
import type { GitTestFile, GitTestRepository } from './git-repository.ts'
import { GitServer } from './git-server.ts'
import type { KubeTestClient } from './kube-test-client.ts'
import { createMemoryBlobs, createMemoryLogger, createMemoryState, systemClock, systemRandom } from './memory-ports.ts'

export interface ScenarioOptions {
  readonly files: { readonly [path: string]: GitTestFile }
  readonly settings?: Partial<Settings>
  readonly limits?: Partial<Limits>
  /** Wraps the transport: to cut, delay or count requests. */
  readonly wrapTransport?: (transport: KubeTransport) => KubeTransport
  /** In place of a client that reaches everything. */
  readonly http?: HttpClient
  /** Settings of the deployment with its own credentials at clouds. */
  readonly cloudSettings?: { readonly [name: string]: string }
  /** Secrets that must show up nowhere: `close` looks for them in everything that the scenario saw, wrote and sent. */
  readonly canaries?: Canaries
}

/** The engine, one Git repository and one namespace of the test cluster, without HTTP around it. */
export interface Scenario {
  readonly namespace: string
  readonly git: GitServer
  readonly repository: GitTestRepository
  readonly client: KubeTestClient
  readonly deps: EngineDeps
  readonly logLines: readonly string[]
  /** Applies a Kustomization that follows the repository: path `./app`, prune on, everything into the namespace. `spec` adds to that and replaces. */
  kustomization(name?: string, spec?: object, annotations?: object): Promise<void>
  /** Runs a job on the engine until it asks for no more. */
  run(job: Partial<Job>): Promise<JobResult>
  /** Commits, then runs the push that a webhook would bring. */
  push(files: { readonly [path: string]: GitTestFile }): Promise<RunRecord>
  /** Runs the push for what is committed already. */
  pushed(): Promise<RunRecord>
  scan(): Promise<RunRecord>
  close(): Promise<void>
}

/** Starts a Git server with `files` and makes a GitRepository `app` in a new namespace that follows it. */
export async function createScenario(
  cluster: Pick<TestCluster, 'client' | 'namespace'> & {
    readonly address: Pick<TestCluster['address'], 'server' | 'caPem' | 'token'>
  },
  options: ScenarioOptions,
): Promise<Scenario> {
  await ensureCrds(cluster.client)
  const namespace = await cluster.namespace()
  const git = await GitServer.start()
  const files = Object.fromEntries(
    Object.entries(options.files).map(([path, file]) => [path, inNamespace(file, namespace)]),
  )
  const repository = await git.create(`team/${namespace}`, files)
  const { client, address } = cluster
  await client.apply({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'app', namespace },
    spec: { interval: '1m', url: repository.url, ref: { branch: 'main' } },
  })
  const transport = createNodeKubeTransport({
    cluster: 'test',
    server: address.server,
    ca: address.caPem,
    token: async () => address.token,
  })
  const ownHttp = createNodeHttpClient({ egress: { allowPrivate: true } })
  const logger = createMemoryLogger()
  const { canaries, cloudSettings = {} } = options
  const http = canaries?.watchHttp(options.http ?? ownHttp) ?? options.http ?? ownHttp
  const egress = { allowPrivate: true }
  const wrapped = options.wrapTransport?.(transport) ?? transport
  const deps: EngineDeps = {
    cluster: { name: 'test' },
    transport: canaries?.watchTransport(wrapped) ?? wrapped,
    connect: createNodeKubeConnector({ egress: { allowPrivate: true } }),
    http,
    cloud: createCloudLogins({ http, egress, clock: systemClock, read: (name) => cloudSettings[name] }),
    state: createMemoryState(),
    blobs: createMemoryBlobs(),
    clock: systemClock,
    random: systemRandom,
    logger,
    caches: createCaches(),
    limits: { ...defaultLimits, ...options.limits },
    settings: { ...defaultSettings, namespaces: [namespace], egress, ...options.settings },
  }
  const suite = new Canaries()
  suite.add('token of the cluster', address.token)
  // Before the namespace ends: nothing is left of it then.
  lookBeforeEnd(namespace, async () => {
    await canaries?.seeNamespace(client, namespace)
    await suite.seeStatuses(client, namespace)
    await suite.addSecrets(client, namespace)
  })
  let runs = 0
  const run = async (job: Partial<Job>): Promise<JobResult> => {
    const full: Job = { kind: 'push', runId: `run-${++runs}`, cluster: 'test', receivedAt: Date.now(), ...job }
    for (let attempt = 0; ; attempt++) {
      const result = await runJob(deps, full)
      canaries?.see('record of a run', JSON.stringify(result))
      suite.see('record of a run', JSON.stringify(result))
      if (result.requeueAfterMs === undefined || attempt === 20) return result
      await systemClock.sleep(Math.min(result.requeueAfterMs, 500))
    }
  }
  const pushed = async (): Promise<RunRecord> =>
    (
      await run({
        kind: 'push',
        push: { provider: 'github', deliveryId: crypto.randomUUID(), urls: [repository.url], ref: 'refs/heads/main' },
      })
    ).record
  return {
    namespace,
    git,
    repository,
    client,
    deps,
    logLines: logger.lines,
    kustomization: async (name = 'app', spec = {}, annotations = {}) => {
      await client.apply({
        apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
        kind: 'Kustomization',
        metadata: { name, namespace, annotations },
        spec: {
          interval: '10m',
          path: './app',
          prune: true,
          targetNamespace: namespace,
          sourceRef: { kind: 'GitRepository', name: 'app' },
          ...spec,
        },
      })
    },
    run,
    pushed,
    push: async (changes) => {
      await repository.commit(
        Object.fromEntries(Object.entries(changes).map(([path, file]) => [path, inNamespace(file, namespace)])),
      )
      return await pushed()
    },
    scan: async () => (await run({ kind: 'scan' })).record,
    close: async () => {
      await lookOnce(namespace)
      for (const seen of [suite, ...(canaries === undefined ? [] : [canaries])]) {
        for (const line of logger.lines) seen.see('line of the log', line)
        await seen.seeState(deps.state)
      }
      transport.close()
      ownHttp.close()
      await git.close()
      canaries?.assertNone(10)
      suite.assertNone()
    },
  }
}

/** Each test file may be the first one on the cluster. */
let installed: Promise<void> | undefined

function ensureCrds(client: KubeTestClient): Promise<void> {
  installed ??= installCrds(client)
  return installed
}

/** `$NAMESPACE` in the text of a file stands for the scenario's namespace. */
function inNamespace(file: GitTestFile, namespace: string): GitTestFile {
  return typeof file === 'string' ? file.replaceAll('$NAMESPACE', namespace) : file
}

/** The record of one node of a run. */
export function nodeOf(record: RunRecord, id: string): NodeRecord {
  const found = record.nodes.find((node) => `${node.kind}/${node.name}` === id)
  if (found === undefined)
    throw new Error(
      `no record of ${id}; the run has ${record.nodes.map((node) => `${node.kind}/${node.name}`).join(', ')}`,
    )
  return found
}
