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
import { newRunId } from '../src/coordinator/index.ts'
import { createClusterCache, createKubeClient } from '../src/kube/index.ts'
import {
  createCaches,
  createClusterLease,
  defaultLimits,
  defaultSettings,
  runJob,
  type ClusterLease,
  type DeploymentRequests,
  type EngineDeps,
  type Job,
  type JobResult,
  type JobSignals,
  type Limits,
} from '../src/reconcile/index.ts'
import { createCloudLogins, createClusterAccess } from '../src/cloud/index.ts'
import { artifactLink, type GitObjectCache } from '../src/sources/index.ts'
import type { Config, ReadSetting } from './config.ts'
import { followersOf, policyOf } from './changes-config.ts'
import { withRunEnd } from './run-end.ts'

/** What one cluster's engine works with. */
export interface ClusterRuntime {
  readonly cluster: string
  readonly config: Config
  /** Connects at the first run, so that a cluster which cannot be reached does not keep the deployment from starting. */
  readonly connect: () => Promise<KubeTransport>
  /** Opens connections to clusters that objects name. */
  readonly connectOther: KubeConnector
  /** Bounds of the platform; the configuration's own come on top. */
  readonly limits?: Partial<Limits>
  readonly http: HttpClient
  /** Reads the deployment's own credentials at clouds, when they are used. */
  readonly read: ReadSetting
  readonly ssh?: SshClient
  readonly state: StateStore
  readonly blobs: BlobStore
  /** Git objects that the clusters of one instance share; left out, each has its own. */
  readonly git?: GitObjectCache
  /** Lets a run ask for runs of other clusters, and for plans. */
  readonly requests?: DeploymentRequests
  /** Keeps the process awake for work that goes on after a job. */
  readonly background?: (work: Promise<void>) => void
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Does jobs on one cluster, keeping caches between them. */
export type RunJob = (job: Job, signals: JobSignals) => Promise<JobResult>

/** Makes what does the jobs of a cluster. Tests put a stand-in here. */
export type CreateEngine = (runtime: ClusterRuntime) => RunJob

/** The engine for one cluster. Its caches live as long as what this returns. */
export const createEngine: CreateEngine = (runtime) => {
  const { config, connect, connectOther, cluster, limits: platformLimits, git, read, ...ports } = runtime
  const caches = createCaches({ store: runtime.blobs, ...(git === undefined ? {} : { git }) })
  const limits = { ...defaultLimits, ...platformLimits, ...config.limits }
  const firstRun = config.clusters.find(({ name }) => name === cluster)?.firstRun
  const settings = { ...defaultSettings, ...config.settings, ...(firstRun === undefined ? {} : { firstRun }) }
  const changes = changesOf(config, cluster)
  const cloud = createCloudLogins({ http: ports.http, egress: settings.egress, clock: ports.clock, read })
  const clusterAccess = createClusterAccess(cloud)
  const artifactUrl = linkOf(config, cluster)
  const lease = leaseOf(runtime)
  let transport: KubeTransport | undefined
  return withRunEnd(runtime, async (job, signals) => {
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
      ...changes,
      ...artifactUrl,
      ...(config.planKey === undefined ? {} : { planKey: config.planKey }),
    }
    if (lease === undefined) return runJob(deps, job, signals)
    const stop = signals.stop ?? new AbortController().signal
    return lease.hold((lost) => runJob(deps, job, { ...signals, stop: AbortSignal.any([stop, lost]) }), stop)
  })
}

/** What the cluster does with changes, and who waits for it. */
function changesOf({ clusters }: Config, name: string): Pick<EngineDeps, 'changes' | 'followers'> {
  const own = clusters.find((one) => one.name === name)
  const changes = own === undefined ? undefined : policyOf(own)
  const followers = followersOf(clusters, name)
  return { ...(changes === undefined ? {} : { changes }), ...(followers.length === 0 ? {} : { followers }) }
}

/** The lock between replicas, where the configuration asks for one. */
function leaseOf({ config, connect, clock, random, logger }: ClusterRuntime): ClusterLease | undefined {
  const { leaseNamespace } = config
  if (leaseNamespace === undefined) return undefined
  const requestTimeoutMs = 5_000
  const cache = createClusterCache()
  return createClusterLease({
    namespace: leaseNamespace,
    holder: `sluice-${newRunId(clock, random)}`,
    client: async () =>
      createKubeClient({ transport: await connect(), clock, random, logger, cache, requestTimeoutMs }),
  })
}

/** How the artifacts of a cluster are linked to, where the deployment is told its own URL. */
function linkOf(config: Config, cluster: string): Pick<EngineDeps, 'artifactUrl'> {
  const { publicUrl } = config.settings
  if (publicUrl === undefined) return {}
  const [key] = config.artifactKeys
  return {
    artifactUrl: (path, { hasFile }) =>
      artifactLink({ publicUrl, cluster, ...(key === undefined || !hasFile ? {} : { key }) }, path),
  }
}
