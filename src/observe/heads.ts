import { mapLimit } from '../base/index.ts'
import { headsOf, readHead, readHeadShards, readShards, type ObjectHead } from '../reconcile/index.ts'
import { readClusterHealth, type ClusterHealth, type ObserveDeps } from './clusters.ts'

/** What one column of the page of all clusters is made of. */
export interface ClusterHeads {
  readonly health: ClusterHealth
  readonly heads: readonly ObjectHead[]
}

/** Clusters that are read at the same time. */
const concurrency = 4

/**
 * The heads of all objects of the given clusters (all of the configuration by default), in its order: two lists for each cluster, some hundred bytes for each object. Of a cluster
 * where only an older program has saved anything, they are made of the whole summaries.
 */
export async function readHeads(deps: ObserveDeps, only?: readonly string[]): Promise<readonly ClusterHeads[]> {
  const health = (await readClusterHealth(deps)).filter(({ cluster }) => only?.includes(cluster) ?? true)
  return mapLimit(health, concurrency, async (one) => ({
    health: one,
    heads: await headsOfCluster(deps, one.cluster),
  }))
}

async function headsOfCluster(deps: Pick<ObserveDeps, 'state'>, cluster: string): Promise<readonly ObjectHead[]> {
  const shards = await readHeadShards(deps.state, cluster)
  if (shards !== undefined) return shards.flat()
  const summaries = [...(await readShards(deps.state, cluster)).values()]
  return headsOf(new Map(summaries.flatMap(({ objects }) => [...objects])))
}

/** The head of one object in each of the given clusters; clusters where there is none are left out. One get for each. */
export async function findHeads(
  deps: Pick<ObserveDeps, 'state'>,
  clusters: readonly string[],
  key: Pick<ObjectHead, 'kind' | 'namespace' | 'name'>,
): Promise<readonly { readonly cluster: string; readonly head: ObjectHead }[]> {
  const found = await mapLimit(clusters, concurrency, async (cluster) => ({
    cluster,
    head: await readHead(deps.state, cluster, key),
  }))
  return found.flatMap(({ cluster, head }) => (head === undefined ? [] : [{ cluster, head }]))
}
