import { createHmac } from 'node:crypto'
import { createBodyBudget } from '../../functions/body.ts'
import type { Config } from '../../functions/config.ts'
import type { FunctionDeps } from '../../functions/deps.ts'
import { createFunctionMemory } from '../../functions/memory.ts'
import type { Json } from '../../src/base/index.ts'
import { createRunStore, parseMessage, type JobMessage } from '../../src/coordinator/index.ts'
import type { JobResult, Job } from '../../src/reconcile/index.ts'
import { createMemoryLogger, createMemoryState, systemClock, systemRandom } from './memory-ports.ts'

export const webhookSecret = 'correct horse battery'
export const triggerToken = 'staple-staple-staple'
export const readToken = 'only-to-be-read-with'

/** The configuration that tests of handlers use; `change` replaces fields. */
export function testConfig(change: Partial<Config> = {}): Config {
  return {
    clusters: [{ name: 'one' }, { name: 'two' }],
    webhookSecrets: { github: [webhookSecret], gitlab: [webhookSecret] },
    triggerTokens: [triggerToken],
    reading: { tokens: [readToken], metricsTokens: [], isPublic: false, sessionKeys: [] },
    artifactKeys: [],
    githubRedelivery: [],
    bodyLimitBytes: 1 << 20,
    bodyTimeoutMs: 5_000,
    scanIntervalMs: 60_000,
    runTimeoutMs: 60_000,
    privateHosts: [],
    feedback: [],
    settings: {},
    limits: {},
    ...change,
  }
}

/** Handlers' dependencies in memory that note every message; `change` replaces parts. */
export function testDeps(change: Partial<FunctionDeps> = {}): FunctionDeps & {
  readonly sent: JobMessage[]
  readonly logger: ReturnType<typeof createMemoryLogger>
  /** Resolves when what goes on after the answers is done. */
  settled(): Promise<void>
} {
  const sent: JobMessage[] = []
  const pending: Promise<unknown>[] = []
  const state = change.state ?? createMemoryState()
  return {
    config: testConfig(),
    runs: createRunStore(state),
    queue: { send: async (message: Json) => void sent.push(parseMessage(message)) },
    coordinatorOf: () => undefined,
    connectTo: () => Promise.resolve(undefined),
    readArtifact: () => Promise.resolve(undefined),
    background: (work) => void pending.push(work),
    bodies: createBodyBudget(16 << 20),
    http: { send: () => Promise.reject(new Error('no request is expected')) },
    read: () => undefined,
    memory: createFunctionMemory(),
    clock: systemClock,
    random: systemRandom,
    ...change,
    state,
    logger: createMemoryLogger(),
    sent,
    settled: async () => {
      while (pending.length > 0) await pending.shift()
    },
  }
}

/** What GitHub sends for a push. */
export function githubPush(
  options: { readonly ref?: string; readonly after?: string; readonly url?: string } = {},
): object {
  return {
    ref: options.ref ?? 'refs/heads/main',
    before: 'b'.repeat(40),
    after: options.after ?? 'a'.repeat(40),
    repository: { clone_url: options.url ?? 'https://git.example/o/r.git', html_url: 'https://git.example/o/r' },
    sender: { login: 'octo' },
  }
}

/** A signed delivery of GitHub as a request. */
export function githubRequest(
  payload: unknown,
  options: {
    readonly delivery?: string
    readonly event?: string
    readonly secret?: string
    readonly base?: string
  } = {},
): Request {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload)
  return new Request(`${options.base ?? 'http://sluice.test'}/hook/github`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': options.event ?? 'push',
      'x-github-delivery': options.delivery ?? crypto.randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', options.secret ?? webhookSecret)
        .update(body)
        .digest('hex')}`,
    },
  })
}

/** A stand-in for the engine that notes its jobs and answers at once, or as `answer` says. */
export function recordingEngine(
  answer?: (job: Job, count: number) => Partial<JobResult['record']> & { requeueAfterMs?: number },
): {
  readonly jobs: Job[]
  readonly run: (job: Job) => Promise<JobResult>
} {
  const jobs: Job[] = []
  return {
    jobs,
    run: async (job) => {
      jobs.push(job)
      const { requeueAfterMs, ...record } = answer?.(job, jobs.length) ?? {}
      return {
        record: {
          id: job.runId,
          cluster: job.cluster,
          trigger: job.kind,
          state: 'succeeded',
          receivedAt: job.receivedAt,
          startedAt: job.receivedAt,
          finishedAt: job.receivedAt + 1,
          nodes: [],
          timings: {},
          ...record,
        },
        ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
      }
    },
  }
}
