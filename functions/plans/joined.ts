import type { RunStore } from '../../src/coordinator/index.ts'
import {
  joinDigests,
  joinPlans,
  publicReference,
  say,
  showName,
  type PlanDocument,
  type UnplannedCluster,
} from '../../src/plan/index.ts'
import type { Clock } from '../../src/ports/index.ts'
import { changeInput, readPlanPart, type PlanPart } from '../../src/reconcile/index.ts'
import type { PlanRecord, RecordDeps } from './records.ts'
import { progressOf, type ClusterProgress } from './report.ts'

/** A plan over all of its clusters. */
export interface JoinedPlan {
  /** What there is; clusters that are waited for are among those that are not planned. */
  readonly document: PlanDocument
  /** Clusters are waited for that have neither answered nor failed. */
  readonly isPending: boolean
  readonly progress: readonly { readonly cluster: string; readonly progress: ClusterProgress }[]
  /** Nothing more comes, whether all is there or not. */
  readonly isOver: boolean
  /** Milliseconds since 1970 at which the last cluster had made its part; undefined where none has. */
  readonly plannedAt?: number
  /** Parts that are not those which were made: somebody has changed the store, or lost them. They are to be planned again. */
  readonly isForged: boolean
}

/** What joining needs. */
export interface JoinDeps extends RecordDeps {
  readonly runs: Pick<RunStore, 'getRecord'>
  readonly clock: Clock
}

/** Puts together what the clusters have made of a plan. @throws EngineError of the store. */
export async function joinedPlan(deps: JoinDeps, plan: PlanRecord): Promise<JoinedPlan> {
  const ageMs = deps.clock.now() - plan.at
  const found = await Promise.all(
    plan.clusters.map(async (cluster) => {
      const progress = progressOf(await deps.runs.getRecord(plan.run, cluster), ageMs)
      return { cluster, progress, stored: await partOf(deps, plan, cluster, progress) }
    }),
  )
  const parts = found.flatMap(({ stored }) => (stored.kind === 'part' ? [stored.part] : []))
  const plannedAt = Math.max(...parts.map(({ madeAt }) => madeAt))
  const isPending = found.some(({ progress }) => progress.kind === 'pending')
  const isForged = found.some(({ stored }) => stored.kind === 'forged')
  const progress = found.map(({ cluster, progress: one }) => ({ cluster, progress: one }))
  const isOver = found.every(({ progress: one }) => one.kind === 'done' || one.kind === 'failed') && !isForged
  const digest = joinDigests(
    parts.map((part) => part.digest),
    deps.key,
  )
  const input = changeInput(plan.change)
  const unplanned = found.flatMap(({ cluster, progress: one, stored }): readonly UnplannedCluster[] => {
    if (stored.kind === 'part') return []
    return [{ cluster: showName(cluster), reason: reasonOf(one) }]
  })
  const document = joinPlans(
    input,
    parts.map((part) => part.document),
    { reference: publicReference(digest, input, deps.key), unplanned },
  )
  return { document, isPending, progress, isOver, isForged, ...(parts.length === 0 ? {} : { plannedAt }) }
}

function reasonOf(progress: ClusterProgress): UnplannedCluster['reason'] {
  if (progress.kind === 'failed' || progress.kind === 'late') return progress.reason
  return progress.kind === 'pending' ? say`it is being planned` : say`its part of the plan is lost; it is planned again`
}

type Stored = { readonly kind: 'part'; readonly part: PlanPart } | { readonly kind: 'forged' | 'none' }

async function partOf(deps: JoinDeps, plan: PlanRecord, cluster: string, progress: ClusterProgress): Promise<Stored> {
  const stored = await readPlanPart(deps.state, deps.key, { plan: plan.id, cluster })
  if (stored.kind === 'part' && stored.part.run === plan.run && stored.part.plan === plan.id) return stored
  // A run that has ended well has stored its part: it must be there.
  if (stored.kind === 'forged' || progress.kind === 'done') return { kind: 'forged' }
  return { kind: 'none' }
}
