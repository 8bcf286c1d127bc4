import type {
  BlobStore,
  Clock,
  HttpClient,
  KubeConnector,
  KubeTransport,
  Logger,
  Random,
  SshClient,
  StateStore,
} from '../src/ports/index.ts'
import {
  createCaches,
  defaultLimits,
  defaultSettings,
  runJob,
  type Job,
  type JobResult,
} from '../src/reconcile/index.ts'
import { createCloudLogins, createClusterAccess } from '../src/cloud/index.ts'
import type { Config, ReadSetting } from './config.ts'

/** What one cluster's engine works with. */
export interface ClusterRuntime {
  readonly cluster: string
  readonly config: Config
  /** Connects at the first run, so that a cluster which cannot be reached does not keep the deployment from starting. */
  readonly connect: () => Promise<KubeTransport>
  /** Opens connections to clusters that objects name. */
  readonly connectOther: KubeConnector
  readonly http: HttpClient
  /** Reads the deployment's own credentials at clouds, when they are used. */
  readonly read: ReadSetting
  readonly ssh?: SshClient
  readonly state: StateStore
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Does jobs on one cluster, keeping caches between them. */
export type RunJob = (job: Job, signal: AbortSignal, superseded: AbortSignal) => Promise<JobResult>

/** Makes what does the jobs of a cluster. Tests put a stand-in here. */
export type CreateEngine = (runtime: ClusterRuntime) => RunJob

/** The engine for one cluster. Its caches live as long as what this returns. */
export const createEngine: CreateEngine = (runtime) => {
  const { config, connect, connectOther, cluster, read, ...ports } = runtime
  const caches = createCaches({ store: runtime.blobs })
  const limits = { ...defaultLimits, ...config.limits }
  const settings = { ...defaultSettings, ...config.settings }
  const cloud = createCloudLogins({ http: ports.http, egress: settings.egress, clock: ports.clock, read })
  const clusterAccess = createClusterAccess(cloud)
  let transport: KubeTransport | undefined
  return async (job, signal, superseded) => {
    transport ??= await connect()
    const deps = {
      ...ports,
      cluster: { name: cluster },
      transport,
      connect: connectOther,
      cloud,
      clusterAccess,
      caches,
      limits,
      settings,
    }
    return runJob(deps, job, signal, superseded)
  }
}
