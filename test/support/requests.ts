import { createClusterCache, createKubeClient } from '../../src/kube/index.ts'
import type { RequestContext } from '../../src/reconcile/index.ts'
import { createMemoryLogger, systemClock, systemRandom } from './memory-ports.ts'
import type { Scenario } from './scenario.ts'

/** What asking by hand works with, on a scenario's cluster. */
export function requestsOf(made: Scenario, clock = systemClock): RequestContext {
  const logger = createMemoryLogger()
  const client = createKubeClient({
    transport: made.deps.transport,
    clock,
    random: systemRandom,
    logger,
    cache: createClusterCache(),
    requestTimeoutMs: 10_000,
  })
  return { client, clock, logger, signal: AbortSignal.timeout(60_000) }
}
