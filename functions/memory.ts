import { createClusterCache, type ClusterCache } from '../src/kube/index.ts'
import { createFetchCache, type FetchCache } from '../src/receivers/index.ts'
import type { ChangeMemory } from './change-version.ts'
import { createRefusalCounter, type RefusalCounter } from './refusals.ts'

/** What handlers remember between requests, in the memory of one process or isolate. All of it may be lost at any time. */
export interface FunctionMemory {
  /** Keys and certificates that deliveries are verified with. */
  readonly fetched: FetchCache
  readonly refusals: RefusalCounter
  /** Who listens for changes, and what was last seen of them. */
  readonly changes: ChangeMemory
  /** Discovery of a cluster, for one request. What it learns is kept; a look that is under way is not shared, since requests of an isolate cannot wait for each other's. */
  readonly clusterCache: (cluster: string) => ClusterCache
}

/** Empty memory; a composition root makes one. */
export function createFunctionMemory(): FunctionMemory {
  const clusters = new Map<string, ClusterCache>()
  return {
    fetched: createFetchCache(),
    refusals: createRefusalCounter(),
    changes: { open: 0 },
    clusterCache: (cluster) => {
      const held = clusters.get(cluster) ?? createClusterCache()
      const cache = { ...held, pending: undefined }
      clusters.set(cluster, cache)
      return cache
    },
  }
}
