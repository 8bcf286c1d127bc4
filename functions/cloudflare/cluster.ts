import { DurableObject } from 'cloudflare:workers'
import type { DurableObjectState } from '@cloudflare/workers-types'
import {
  createClusterStatusKeeper,
  createCoordinator,
  createRunStore,
  encodeMessage,
  handleDeadLetter,
  handleMessage,
  maxAttempts,
  type AbortOutcome,
  type ConsumerDeps,
  type Coordinator,
  type JobMessage,
  type RunStore,
  type SubmitResult,
} from '../../src/coordinator/index.ts'
import type { Json } from '../../src/base/index.ts'
import type { BlobStore, StateStore } from '../../src/ports/index.ts'
import {
  createCloudflareHttpClient,
  createCloudflareKubeConnector,
  createCloudflareQueue,
  createConsoleLogger,
  createFollowUps,
  createRemoteStateStore,
  createRoutedStateStore,
  createSqlBlobStore,
  createSqlStateStore,
  markSqlSchema,
  workerClock as clock,
  workerRandom as random,
  type FollowUps,
} from '../../src/platforms/cloudflare/index.ts'
import { artifactBlobKey, GitObjectCache, isolateGitLimits, type ArtifactName } from '../../src/sources/index.ts'
import { connectFromWorker, createBindingReader, type WorkerEnv } from './env.ts'
import { loadConfig } from '../config.ts'
import type { ClusterRuntime, CreateEngine } from '../engine.ts'
import { createDeploymentLogins, createLoginMemory } from '../deployment-logins.ts'
import { createRunRequests } from '../run-requests.ts'
import { createToldRuns } from '../told-runs.ts'

const logger = createConsoleLogger()

/** What a run leaves for others to read, or what is read before it is known which cluster it concerns. All else stays with the cluster. */
const sharedPrefixes = [
  'runs/',
  'requests/',
  'hooks/',
  'receivers/',
  'notify/',
  'objects/',
  'heads/',
  'commits/',
  'history/',
  'drift/',
  'metrics/',
  'clusters/',
  'plans/',
  'approvals/',
  'approval-plans/',
  'approval-waits/',
  'approval-replans/',
  'wave-waits/',
] as const

/** The constructor of a Durable Object, as the runtime calls it. */
export type ClusterObjectClass = new (
  ctx: DurableObjectState,
  env: WorkerEnv,
) => DurableObject<WorkerEnv> & {
  submit(message: JobMessage): Promise<SubmitResult>
  abort(cluster: string, runId: string, by: string): Promise<AbortOutcome>
  artifact(name: ArtifactName): Promise<Uint8Array | undefined>
  alarm(): Promise<void>
}

/**
 * The Durable Object of a cluster: its coordinator, the caches and notes of its engine, and the runs that go on later. Records of runs are
 * written to the store that all clusters share.
 */
export function createClusterObject(createEngine: CreateEngine): ClusterObjectClass {
  return class ClusterObject extends DurableObject<WorkerEnv> {
    readonly #shared: StateStore
    #told: RunStore | undefined
    readonly #blobs: BlobStore
    readonly #followUps: FollowUps
    #coordinator: Coordinator | undefined

    constructor(ctx: DurableObjectState, env: WorkerEnv) {
      super(ctx, env)
      markSqlSchema(ctx.storage.sql)
      this.#shared = createRemoteStateStore(env.STATE)
      this.#blobs = createSqlBlobStore(ctx.storage.sql, clock)
      const coordinatorOf = (cluster: string): Coordinator | undefined => this.#coordinatorOf(cluster)
      const putBack = (body: Json, delaySeconds: number): Promise<void> =>
        this.#followUps.schedule(body, delaySeconds * 1000)
      this.#followUps = followUpsOf(ctx, () => ({ coordinatorOf, runs: this.#runs(), clock, logger, putBack }))
    }

    async submit(message: JobMessage): Promise<SubmitResult> {
      const coordinator = this.#coordinatorOf(message.job.cluster)
      if (coordinator !== undefined) return coordinator.submit(message)
      const text = `the cluster ${message.job.cluster} is not in the configuration`
      return { kind: 'failed', error: { code: 'cluster-unknown', message: text, disposition: 'stall' } }
    }

    async abort(cluster: string, runId: string, by: string): Promise<AbortOutcome> {
      return (await this.#coordinatorOf(cluster)?.abort(runId, by)) ?? { kind: 'unknown' }
    }

    artifact(name: ArtifactName): Promise<Uint8Array | undefined> {
      return this.#blobs.get(artifactBlobKey(name))
    }

    alarm(): Promise<void> {
      return this.#followUps.deliver()
    }

    /** The records of runs; what changes there is told to forges. */
    #runs(): RunStore {
      return (this.#told ??= createToldRuns({
        ...portsOf(this.ctx, this.env),
        state: this.#shared,
        runs: createRunStore(this.#shared),
        forgeTokens: new GitObjectCache(),
        queue: createCloudflareQueue(this.env.JOBS),
      }).runs)
    }

    /** Made for the first message, which says whose object this is. */
    #coordinatorOf(name: string): Coordinator | undefined {
      if (this.#coordinator !== undefined) return this.#coordinator
      const ports = portsOf(this.ctx, this.env)
      const cluster = ports.config.clusters.find((one) => one.name === name)
      if (cluster === undefined) return undefined
      const logins = createDeploymentLogins({ ...ports, state: this.#shared, memory: createLoginMemory() })
      const run = createEngine({
        ...ports,
        cluster: name,
        connect: () => Promise.resolve(connectFromWorker(cluster, this.env, logins)),
        state: clusterState(this.ctx, this.#shared),
        blobs: this.#blobs,
        limits: { git: isolateGitLimits },
        requests: createRunRequests({ ...ports, queue: createCloudflareQueue(this.env.JOBS), runs: this.#runs() }),
      })
      this.#coordinator = createCoordinator({
        ...ports,
        cluster: name,
        run,
        runs: this.#runs(),
        status: createClusterStatusKeeper(this.#shared, name),
        // One isolate has little memory for runs that go on at the same time.
        parallelJobs: 2,
        scheduleFollowUp: (message, delayMs) => this.#followUps.schedule(encodeMessage(message), delayMs),
        runTimeoutMs: ports.config.runTimeoutMs,
      })
      return this.#coordinator
    }
  }
}

/** What the engine of a cluster keeps: some of it for everybody, the rest with the cluster. */
function clusterState({ storage }: DurableObjectState, shared: StateStore): StateStore {
  return createRoutedStateStore({ shared, local: createSqlStateStore(storage.sql, clock), sharedPrefixes })
}

/** The configuration and the ports of an isolate, for the engine and for telling forges. Throws a DiagnosticsError `config-invalid`. */
function portsOf(
  ctx: DurableObjectState,
  env: WorkerEnv,
): Pick<ClusterRuntime, 'config' | 'connectOther' | 'http' | 'read' | 'clock' | 'random' | 'logger'> & {
  readonly background: (work: Promise<void>) => void
} {
  const read = createBindingReader(env)
  const config = loadConfig(read)
  const egress = { allowHosts: config.privateHosts }
  return {
    config,
    connectOther: createCloudflareKubeConnector({ fetch: (url, init) => fetch(url, init), egress }),
    http: createCloudflareHttpClient({ egress }),
    read,
    background: (work) => ctx.waitUntil(work),
    clock,
    random,
    logger,
  }
}

/** Runs that go on later, taken by the alarm of the object. The consumer is made for each message, when the configuration is needed. */
function followUpsOf(ctx: DurableObjectState, consumer: () => ConsumerDeps): FollowUps {
  return createFollowUps({
    storage: ctx.storage,
    clock,
    logger,
    maxAttempts,
    handle: (message, info) => handleMessage(consumer(), message, info),
    handleDeadLetter: (message) => handleDeadLetter(consumer(), message),
  })
}
