import { createKubeClient, type KubeClient } from '../src/kube/index.ts'
import type { FunctionDeps } from './deps.ts'

/** A client of a cluster for one request, as the deployment itself; undefined where the configuration has none of that name. What discovery has learned before is used again. */
export async function clusterClient(
  { connectTo, clock, random, logger, memory }: FunctionDeps,
  cluster: string,
  requestTimeoutMs: number,
): Promise<KubeClient | undefined> {
  const transport = await connectTo(cluster)
  if (transport === undefined) return undefined
  return createKubeClient({ transport, clock, random, logger, cache: memory.clusterCache(cluster), requestTimeoutMs })
}
