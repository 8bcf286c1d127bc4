import { dispatch } from '../deliveries.ts'
import type { FunctionDeps } from '../deps.ts'
import { savePlan, type PlanRecord, type RecordDeps } from './records.ts'

/**
 * Has the clusters of a stored plan make their parts of it. Cut off before the note that it is queued, it is queued again: the run has the id that is in the record, and is done once.
 *
 * @throws EngineError of the queue, and of the store.
 */
export async function queuePlan(
  deps: FunctionDeps,
  records: RecordDeps,
  record: PlanRecord,
  actor: string,
): Promise<void> {
  await dispatch(deps, {
    id: record.run,
    trigger: 'trigger',
    receivedAt: record.at,
    clusters: record.clusters,
    plan: true,
    change: record.change,
    actor,
  })
  await savePlan(records, { ...record, isQueued: true })
}
