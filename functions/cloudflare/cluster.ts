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
  type Coordinator,
  type JobMessage,
  type RunStore,
  type SubmitResult,
} from '../../src/coordinator/index.ts'
import type { BlobStore, StateStore } from '../../src/ports/index.ts'
import {
  createCloudflareHttpClient,
  createCloudflareKubeConnector,
  createConsoleLogger,
  createFollowUps,
  createRemoteStateStore,
  createRoutedStateStore,
  createSqlBlobStore,
  createSqlStateStore,
  workerClock as clock,
  workerRandom as random,
  type FollowUps,
} from '../../src/platforms/cloudflare/index.ts'
import { artifactBlobKey, isolateGitLimits, type ArtifactName } from '../../src/sources/index.ts'
import { connectFromWorker, createBindingReader, type WorkerEnv } from './env.ts'
import { loadConfig, type Config } from '../config.ts'
import type { ClusterRuntime, CreateEngine } from '../engine.ts'
import { createFeedback } from '../feedback.ts'

const logger = createConsoleLogger()

/** What everybody may ask for, or what is read before it is known which cluster it concerns, lives in the store that all clusters share. */
const sharedPrefixes = ['runs/', 'requests/', 'hooks/', 'receivers/', 'notify/'] as const

/** The constructor of a Durable Object, as the runtime calls it. */
export type ClusterObjectClass = new (
  ctx: DurableObjectState,
  env: WorkerEnv,
) => DurableObject<WorkerEnv> & {
  submit(message: JobMessage): Promise<SubmitResult>
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
    #runs: RunStore
    readonly #blobs: BlobStore
    readonly #followUps: FollowUps
    #coordinator: Coordinator | undefined

    constructor(ctx: DurableObjectState, env: WorkerEnv) {
      super(ctx, env)
      this.#shared = createRemoteStateStore(env.STATE)
      this.#runs = createRunStore(this.#shared)
      this.#blobs = createSqlBlobStore(ctx.storage.sql, clock)
      const runs = (): RunStore => this.#runs
      const consumer = {
        coordinatorOf: (cluster: string) => this.#coordinatorOf(cluster),
        // Another one as soon as the configuration is read.
        get runs() {
          return runs()
        },
        clock,
        logger,
      }
      this.#followUps = createFollowUps({
        storage: ctx.storage,
        clock,
        logger,
        maxAttempts,
        handle: (message, info) => handleMessage(consumer, message, info),
        handleDeadLetter: (message) => handleDeadLetter(consumer, message),
      })
    }

    async submit(message: JobMessage): Promise<SubmitResult> {
      const coordinator = this.#coordinatorOf(message.job.cluster)
      if (coordinator !== undefined) return coordinator.submit(message)
      const text = `the cluster ${message.job.cluster} is not in the configuration`
      return { kind: 'failed', error: { code: 'cluster-unknown', message: text, disposition: 'stall' } }
    }

    artifact(name: ArtifactName): Promise<Uint8Array | undefined> {
      return this.#blobs.get(artifactBlobKey(name))
    }

    alarm(): Promise<void> {
      return this.#followUps.deliver()
    }

    /** Made for the first message, which says whose object this is. */
    #coordinatorOf(name: string): Coordinator | undefined {
      if (this.#coordinator !== undefined) return this.#coordinator
      const { ctx, env } = this
      const config = loadConfig(createBindingReader(env))
      const cluster = config.clusters.find((one) => one.name === name)
      if (cluster === undefined) return undefined
      const ports = portsOf(ctx, env, config)
      this.#runs = createFeedback({ ...ports, config, state: this.#shared, runs: this.#runs }).runs
      const local = createSqlStateStore(ctx.storage.sql, clock)
      const run = createEngine({
        ...ports,
        cluster: name,
        config,
        connect: () => Promise.resolve(connectFromWorker(cluster, env)),
        state: createRoutedStateStore({ shared: this.#shared, local, sharedPrefixes }),
        blobs: this.#blobs,
        limits: { git: isolateGitLimits },
      })
      this.#coordinator = createCoordinator({
        cluster: name,
        run,
        runs: this.#runs,
        status: createClusterStatusKeeper(this.#shared, name),
        random,
        // One isolate has little memory for runs that go on at the same time.
        parallelJobs: 2,
        scheduleFollowUp: (message, delayMs) => this.#followUps.schedule(encodeMessage(message), delayMs),
        clock,
        logger,
        runTimeoutMs: config.runTimeoutMs,
      })
      return this.#coordinator
    }
  }
}

/** The ports of an isolate, for the engine and for telling forges. */
function portsOf(
  ctx: DurableObjectState,
  env: WorkerEnv,
  config: Config,
): Pick<ClusterRuntime, 'connectOther' | 'http' | 'read' | 'clock' | 'random' | 'logger'> & {
  readonly background: (work: Promise<void>) => void
} {
  const egress = { allowHosts: config.privateHosts }
  return {
    connectOther: createCloudflareKubeConnector({ fetch: (url, init) => fetch(url, init), egress }),
    http: createCloudflareHttpClient({ egress }),
    read: createBindingReader(env),
    background: (work) => ctx.waitUntil(work),
    clock,
    random,
    logger,
  }
}
