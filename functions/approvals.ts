import { EngineError, toEngineError } from '../src/base/index.ts'
import { newRunId } from '../src/coordinator/index.ts'
import {
  approvePlan,
  approveWaiting,
  listPlanned,
  listWaiting,
  type ApprovalStore,
  type ApprovalWish,
  type Approved,
  type WaitingApplication,
  type WaitingWish,
} from '../src/reconcile/index.ts'
import { dispatch } from './deliveries.ts'
import type { FunctionDeps } from './deps.ts'
import { isPlanId, readPlan } from './plans/records.ts'
import { topicOf } from './plans/replans.ts'

/** Objects that one run is asked to look at; where there are more, it looks at everything. */
const maxObjects = 500

/** What was approved, and the runs that take it up: by cluster. */
export interface ApprovalOutcome {
  readonly clusters: readonly { readonly cluster: string; readonly applications: number; readonly run: string }[]
}

type Deps = Pick<FunctionDeps, 'config' | 'state' | 'clock'>

/** Where approvals of the deployment are. @throws EngineError `approvals-off` where there is no key for them. */
export function approvalStoreOf({ config, state, clock }: Deps): ApprovalStore {
  if (config.planKey === undefined)
    throw new EngineError('nothing is held for approval here: set PLAN_KEY, and a policy in CLUSTERS[].changes', {
      code: 'approvals-off',
    })
  return { state, clock, key: config.planKey }
}

/** Approves a plan, and has what waits for it taken up at once. @throws EngineError `approvals-off`, `plan-unknown`, `approval-outdated`, `queue-unavailable`. */
export async function approvePlanNow(deps: FunctionDeps, plan: string, wish: ApprovalWish): Promise<ApprovalOutcome> {
  const store = approvalStoreOf(deps)
  const outcome = await runApproved(deps, await approvePlan(store, plan, wish), wish.by)
  const record = isPlanId(plan)
    ? await readPlan({ state: deps.state, key: store.key, logger: deps.logger }, plan)
    : undefined
  // The comment of a plan after the merge says who approved it.
  if (record?.afterMerge !== undefined && deps.plans !== undefined) deps.background(deps.plans.tell(topicOf(record)))
  return outcome
}

/** Approves what waits on clusters, as it waits, and has it taken up at once. @throws EngineError `approvals-off`, `nothing-waits` where nothing does on any of them, `approval-outdated`. */
export async function approveWaitingNow(
  deps: FunctionDeps,
  clusters: readonly string[],
  wish: WaitingWish,
): Promise<ApprovalOutcome> {
  const store = approvalStoreOf(deps)
  const approved: Approved['clusters'][number][] = []
  let nothing: EngineError | undefined
  for (const cluster of clusters) {
    try {
      approved.push(...(await approveWaiting(store, cluster, wish)).clusters)
    } catch (caught) {
      const error = toEngineError(caught)
      if (error.code !== 'nothing-waits') throw error
      nothing ??= error
    }
  }
  if (approved.length === 0) throw nothing ?? new EngineError('name a cluster', { code: 'cluster-unknown' })
  return runApproved(deps, { clusters: approved }, wish.by)
}

/** What waits for approval on clusters. @throws EngineError `approvals-off`. */
export async function waitingOn(deps: Deps, clusters: readonly string[]): Promise<readonly WaitingApplication[]> {
  const store = approvalStoreOf(deps)
  return (await Promise.all(clusters.map((cluster) => listWaiting(store, cluster)))).flat()
}

/** Who has approved a plan, by cluster, as far as it may be seen. @throws EngineError `approvals-off`. */
export async function approvalsOf(
  deps: Deps,
  plan: string,
): Promise<readonly { readonly cluster: string; readonly by: string; readonly at: number }[]> {
  const parts = await listPlanned(approvalStoreOf(deps), plan)
  return parts.flatMap(({ cluster, approved }) =>
    approved === undefined ? [] : [{ cluster, by: approved.by, at: approved.at }],
  )
}

/** Asks for a run on each cluster that looks at what was approved. Should it be lost, the next scan looks. @throws EngineError `queue-unavailable`. */
export async function runApproved(deps: FunctionDeps, approved: Approved, actor: string): Promise<ApprovalOutcome> {
  const clusters: ApprovalOutcome['clusters'][number][] = []
  for (const { cluster, applications } of approved.clusters) {
    const run = newRunId(deps.clock, deps.random)
    const isMany = applications.length > maxObjects
    clusters.push({ cluster, applications: applications.length, run })
    // A plan that changes nothing there needs no run.
    if (applications.length === 0) continue
    await dispatch(deps, {
      id: run,
      trigger: 'trigger',
      receivedAt: deps.clock.now(),
      clusters: [cluster],
      target: isMany ? 'cluster' : { objects: applications },
      actor,
    })
  }
  return { clusters }
}
