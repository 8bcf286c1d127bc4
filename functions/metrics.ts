import { mapLimit } from '../src/base/index.ts'
import { metricsText, readClusters, readCounters } from '../src/observe/index.ts'
import { authorizeMetrics } from './authorize-reading.ts'
import type { FunctionDeps } from './deps.ts'
import { observeDeps } from './observe-deps.ts'

/** Newest runs that are counted by state. */
const recentRuns = 40

/** `GET /metrics` with a metrics or read token: what Prometheus collects, from what runs have saved. */
export async function handleMetrics(deps: FunctionDeps, request: Request): Promise<Response> {
  await authorizeMetrics(deps, request)
  const [clusters, recent] = await Promise.all([readClusters(observeDeps(deps)), deps.runs.list({ limit: recentRuns })])
  const counted = await mapLimit(clusters, 4, async (cluster) => {
    const { runs, objects: durations } = await readCounters(deps.state, cluster.health.cluster)
    return { ...cluster, runs, durations }
  })
  return new Response(metricsText({ clusters: counted, recent }), {
    headers: {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  })
}
