/**
 * The engine of the bench `helmreleases`: runs jobs on request of its parent. Memory and time are those of this process alone.
 */
import { createNodeHttpClient } from '../../src/platforms/node/http.ts'
import { createNodeKubeTransport } from '../../src/platforms/node/kube-transport.ts'
import {
  createCaches,
  defaultLimits,
  defaultSettings,
  runJob,
  type EngineDeps,
  type Job,
} from '../../src/reconcile/index.ts'
import {
  createMemoryBlobs,
  createMemoryLogger,
  createMemoryState,
  systemClock,
  systemRandom,
} from '../support/memory-ports.ts'

/** What the parent asks for. */
export interface RunRequest {
  readonly kind: 'push' | 'cluster'
}

/** How it went. */
export interface RunReply {
  /** From the start to the end of the last release. Events are written after that. */
  readonly ms: number
  /** Processor time of this process, in milliseconds: what a busy machine does not stretch. */
  readonly cpuMs: number
  readonly problem?: string
}

const settings = JSON.parse(process.env['BENCH'] ?? '{}') as {
  namespace: string
  url: string
  server: string
  caPem: string
  token: string
}
const transport = createNodeKubeTransport({
  cluster: 'bench',
  server: settings.server,
  ca: settings.caPem,
  token: async () => settings.token,
})
const deps: EngineDeps = {
  cluster: { name: 'bench' },
  transport,
  http: createNodeHttpClient({ egress: { allowPrivate: true } }),
  state: createMemoryState(),
  blobs: createMemoryBlobs(),
  clock: systemClock,
  random: systemRandom,
  logger: createMemoryLogger(),
  caches: createCaches(),
  limits: { ...defaultLimits, runBudgetMs: 120_000 },
  settings: { ...defaultSettings, namespaces: [settings.namespace], egress: { allowPrivate: true } },
}

let runs = 0
process.on('message', (message) => {
  void answer(message as RunRequest).then((reply) => process.send?.(reply))
})

async function answer({ kind }: RunRequest): Promise<RunReply> {
  const base = { runId: `run-${(runs += 1)}`, cluster: 'bench', receivedAt: Date.now() }
  const job: Job =
    kind === 'push'
      ? {
          ...base,
          kind: 'push',
          push: { provider: 'github', deliveryId: base.runId, urls: [settings.url], ref: 'refs/heads/main' },
        }
      : { ...base, kind: 'trigger', target: 'cluster' }
  const started = Date.now()
  const cpu = process.cpuUsage()
  for (;;) {
    const { record, requeueAfterMs } = await runJob(deps, job)
    if (requeueAfterMs !== undefined) continue
    const { user, system } = process.cpuUsage(cpu)
    const ends = record.nodes.map((node) => node.timings.finishedAt ?? 0)
    const reply = { ms: Math.max(...ends) - started, cpuMs: (user + system) / 1000 }
    const failed = record.nodes.find((node) => node.state !== 'ready')
    return failed === undefined ? reply : { ...reply, problem: `${failed.name}: ${failed.reason} ${failed.message}` }
  }
}
