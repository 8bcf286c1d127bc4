import { createKubeClient, type KubeClient } from '../kube/index.ts'
import type { Logger } from '../ports/index.ts'
import type { EngineDeps } from './job.ts'

/** The deployment's own client for one run: it counts that run's requests. */
export function createRunClient(deps: EngineDeps, logger: Logger): KubeClient {
  const { transport, clock, random, caches, limits } = deps
  const { requestTimeoutMs } = limits
  return createKubeClient({ transport, clock, random, logger, cache: caches.cluster, requestTimeoutMs })
}
