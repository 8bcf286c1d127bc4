import { sluiceVersion, toEngineError } from '../src/base/index.ts'
import { countRun, traceOf, type RunEnd } from '../src/observe/index.ts'
import type { RunRecord } from '../src/reconcile/index.ts'
import type { ClusterRuntime, RunJob } from './engine.ts'

/** Longest time that a collector may take. */
const exportTimeoutMs = 2_000

/** The runtime's part that is needed when a run has ended. */
type Runtime = Pick<ClusterRuntime, 'cluster' | 'config' | 'state' | 'http' | 'read' | 'logger' | 'clock'>

/**
 * Has every run counted for `/metrics`, and sent as a trace where a collector is configured. Neither makes a run fail; a collector that does not answer holds it up for two
 * seconds.
 */
export function withRunEnd(runtime: Runtime, run: RunJob): RunJob {
  // Jobs of a cluster go on at the same time; what they count is added one after the other.
  let counted: Promise<void> = Promise.resolve()
  const count = (end: RunEnd): Promise<void> => {
    counted = counted.then(() =>
      bestEffort(runtime, 'run not counted', end, () => countRun(runtime.state, runtime.cluster, end)),
    )
    return counted
  }
  const noteEnd = async (end: RunEnd): Promise<void> => {
    await Promise.all([count(end), bestEffort(runtime, 'trace not sent', end, () => exportTrace(runtime, end))])
  }
  return async (job, signals) => {
    const startedAt = runtime.clock.now()
    try {
      const result = await run(job, signals)
      const isUnfinished = result.requeueAfterMs !== undefined || result.left !== undefined
      await noteEnd({ job, record: result.record, isUnfinished })
      return result
    } catch (caught) {
      const { code, message } = toEngineError(caught)
      // Another replica does it; nothing has been tried here.
      if (code === 'cluster-busy') throw caught
      const record: RunRecord = {
        id: job.runId,
        cluster: job.cluster,
        trigger: job.kind,
        state: 'failed',
        receivedAt: job.receivedAt,
        startedAt,
        finishedAt: runtime.clock.now(),
        nodes: [],
        timings: {},
        error: { code, message },
      }
      await noteEnd({ job, record, isUnfinished: false })
      throw caught
    }
  }
}

async function exportTrace(runtime: Runtime, { job, record, isUnfinished }: RunEnd): Promise<void> {
  const { tracing } = runtime.config.reading
  // A scan that had nothing to do is no news.
  const isQuiet = job.kind === 'scan' && record.nodes.length === 0 && record.error === undefined
  if (tracing === undefined || isUnfinished || isQuiet) return
  const response = await runtime.http.send({
    method: 'POST',
    url: tracing.url,
    headers: { 'content-type': 'application/json', ...tracing.headers },
    body: JSON.stringify(traceOf(job, record, { service: tracing.service, version: sluiceVersion })),
    repeatable: true,
    signal: AbortSignal.timeout(exportTimeoutMs),
  })
  await response.body?.cancel()
  if (response.status >= 300) throw new Error(`the collector answered ${response.status}`)
}

async function bestEffort(
  { logger, cluster }: Runtime,
  what: string,
  { job }: RunEnd,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (caught) {
    const { code, message } = toEngineError(caught)
    logger.log('warn', what, { run: job.runId, cluster, code, error: message })
  }
}
