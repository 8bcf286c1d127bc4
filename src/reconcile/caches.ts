import type { GitRepository } from '../api/index.ts'
import type { Chart } from '../helm/index.ts'
import { createClusterCache, type ClusterCache, type EventCounts } from '../kube/index.ts'
import type { Checks } from './checks.ts'
import { createHelmCaches, type HelmCaches } from './helmrelease/shared.ts'
import { createSerial, type Serial } from './serial.ts'
import { createObjectLocks, type ObjectLocks } from './object-locks.ts'
import type { RemoteCluster } from './remote-cluster.ts'
import { createSummaryLog, type SummaryLog } from './summary/log.ts'
import type { BlobStore } from '../ports/index.ts'
import { GitObjectCache } from '../sources/index.ts'

/** What a coordinator keeps between the runs of its cluster. All of it can be thrown away at any time. */
export interface CoordinatorCaches {
  /** Discovery of the cluster's API. */
  readonly cluster: ClusterCache
  /** Connections to clusters that objects name, by the object that holds the access. */
  readonly remotes: Map<string, RemoteCluster>
  /** Git objects, shared by all sources of the cluster, and by all clusters where the platform lets one request wait for another's download. */
  readonly git: GitObjectCache
  /** Charts, templates and releases. */
  readonly helm: HelmCaches
  /** Directories that the last build of a Kustomization or chart read, by its id: fetched ahead of the next one. */
  readonly reads: Map<string, readonly string[]>
  /** Kubernetes Events that were written. */
  readonly events: EventCounts
  /** Charts as they were read, by the digest of their artifact; least recently used first. */
  readonly charts: Map<string, Chart>
  /** What the jobs of the cluster work on. */
  readonly locks: ObjectLocks
  /** What the jobs of the cluster have saved of its objects. */
  readonly summaries: SummaryLog
  /** The notes of earlier runs, shared by those that go on at the same time. */
  checks?: Promise<Checks>
  /** What the GitRepositories of the cluster follow, as the last run saw them. */
  followed?: readonly Pick<GitRepository['spec'], 'url' | 'ref'>[]
  /** Notifications are planned, and sent, by one run after the other. */
  readonly notifications: { readonly planning: Serial; readonly sending: Serial }
}

/** Empty caches for one cluster. `store` keeps Git objects across restarts; `git` is a cache that several clusters of one instance share. */
export function createCaches(
  options: { readonly store?: BlobStore; readonly git?: GitObjectCache } = {},
): CoordinatorCaches {
  const git = options.git ?? new GitObjectCache(options.store === undefined ? {} : { store: options.store })
  return {
    cluster: createClusterCache(),
    remotes: new Map(),
    git,
    helm: createHelmCaches(),
    reads: new Map(),
    events: new Map(),
    charts: new Map(),
    locks: createObjectLocks(),
    notifications: { planning: createSerial(), sending: createSerial() },
    summaries: createSummaryLog(),
  }
}
