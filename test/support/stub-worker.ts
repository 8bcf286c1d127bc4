import { createClusterObject } from '../../functions/cloudflare/cluster.ts'
import { createWorker } from '../../functions/cloudflare/worker.ts'
import { EngineError } from '../../src/base/index.ts'
import { StateObject } from '../../src/platforms/cloudflare/index.ts'

// The deployment with a stand-in for the engine that counts its jobs in the cluster's own store. It does what the ref of a push asks for:
// refs/heads/waits goes on three times, refs/heads/fails fails once per run, and a cluster called "dead" never answers.
export { StateObject }
export const ClusterObject = createClusterObject(({ cluster, state }) => async (job) => {
  if (cluster === 'dead') throw new EngineError('no route to it', { code: 'cluster-unreachable', disposition: 'retry' })
  const key = `count/${job.runId}`
  const count = Number((await state.get(key)) ?? 0) + 1
  await state.put(key, count)
  if (job.push?.ref === 'refs/heads/fails' && count === 1)
    throw new EngineError('once', { code: 'flaky', disposition: 'retry' })
  const isWaiting = job.push?.ref === 'refs/heads/waits' && count < 3
  const record = {
    id: job.runId,
    cluster,
    trigger: job.kind,
    state: isWaiting ? ('running' as const) : ('succeeded' as const),
    receivedAt: job.receivedAt,
    startedAt: Date.now(),
    nodes: [],
    timings: {},
    requests: count,
  }
  return { record, ...(isWaiting ? { requeueAfterMs: 30 } : {}) }
})
export default createWorker()
