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
import { loadConfig } from '../config.ts'
import type { CreateEngine } from '../engine.ts'

const logger = createConsoleLogger()

/** What the cluster's engine writes for others to read: records of runs, and the paths of Receivers. */
const sharedPrefixes = ['runs/', 'requests/', 'hooks/', 'receivers/'] as const

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
    readonly #runs: RunStore
    readonly #blobs: BlobStore
    readonly #followUps: FollowUps
    #coordinator: Coordinator | undefined

    constructor(ctx: DurableObjectState, env: WorkerEnv) {
      super(ctx, env)
      this.#shared = createRemoteStateStore(env.STATE)
      this.#runs = createRunStore(this.#shared)
      this.#blobs = createSqlBlobStore(ctx.storage.sql, clock)
      const consumer = {
        coordinatorOf: (cluster: string) => this.#coordinatorOf(cluster),
        runs: this.#runs,
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
      const egress = { allowHosts: config.privateHosts }
      const local = createSqlStateStore(ctx.storage.sql, clock)
      const run = createEngine({
        cluster: name,
        config,
        connect: () => Promise.resolve(connectFromWorker(cluster, env)),
        connectOther: createCloudflareKubeConnector({ fetch: (url, init) => fetch(url, init), egress }),
        http: createCloudflareHttpClient({ egress }),
        read: createBindingReader(env),
        state: createRoutedStateStore({ shared: this.#shared, local, sharedPrefixes }),
        blobs: this.#blobs,
        limits: { git: isolateGitLimits },
        clock,
        random,
        logger,
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
