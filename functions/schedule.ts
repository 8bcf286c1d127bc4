import { newRunId } from '../src/coordinator/index.ts'
import { dispatch, dispatchAbandoned } from './deliveries.ts'
import type { FunctionDeps } from './deps.ts'
import { requestRedeliveries } from './github-redelivery.ts'

/**
 * What the timer does: queues pushes that were cut off before they were queued, asks GitHub for deliveries that failed, tells forges what they could not be told, and queues one
 * scan per cluster, which repairs drift and finds pushes whose webhook never came. Returns the id of the scan's run. Throws EngineError `queue-unavailable`.
 */
export async function runSchedule(deps: FunctionDeps): Promise<string> {
  await dispatchAbandoned(deps)
  deps.background(requestRedeliveries(deps))
  const id = newRunId(deps.clock, deps.random)
  const clusters = deps.config.clusters.map((cluster) => cluster.name)
  await dispatch(deps, { id, trigger: 'scan', receivedAt: deps.clock.now(), clusters })
  if (deps.retryFeedback !== undefined) deps.background(deps.retryFeedback())
  if (deps.plans !== undefined) deps.background(deps.plans.retry())
  deps.logger.log('info', 'scan queued', { run: id, clusters: clusters.length })
  return id
}
