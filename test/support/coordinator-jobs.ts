import type { JobMessage } from '../../src/coordinator/index.ts'
import type { Job, JobResult, NodeRecord } from '../../src/reconcile/index.ts'

/** The message of a push to a cluster `c`; two of the same repository `url` are for the same. */
export function pushMessage(runId: string, url = 'u'): JobMessage {
  return {
    job: {
      kind: 'push',
      runId,
      cluster: 'c',
      receivedAt: 1,
      push: { provider: 'github', deliveryId: runId, urls: [url], ref: 'refs/heads/main' },
    },
  }
}

/** What a run that went well has to say of a job. */
export function resultOf({ runId, cluster, kind, receivedAt }: Job, nodes: readonly NodeRecord[] = []): JobResult {
  return { record: { id: runId, cluster, trigger: kind, state: 'succeeded', receivedAt, nodes, timings: {} } }
}
