import { z } from 'zod'
import { mapLimit } from '../src/base/index.ts'
import { deliveryOutcomes, listRuns, objectStates, readHeads } from '../src/observe/index.ts'
import { commitsPage, deliveriesPage, overviewPage, type OverviewFilter } from '../src/ui/index.ts'
import { findDeliveries } from './delivery-log.ts'
import type { FunctionDeps } from './deps.ts'
import { observeDeps } from './observe-deps.ts'

type View = Parameters<typeof overviewPage>[0]
type Page = ReturnType<typeof overviewPage>
type Query = { readonly [name: string]: string }

const state = z.enum(objectStates)
const outcome = z.enum(deliveryOutcomes)

/** Longest text of a filter. */
const maxText = 253
/** Deliveries on one page, and runs that are read beside them at the same time. */
const deliveriesPerPage = 30
const concurrency = 6
/** Pushes on one page. */
const pushesPerPage = 40

/** A filter that is none of ours is no filter. */
export function oneOf<T>(schema: z.ZodType<T>, value: string | undefined): T | undefined {
  return schema.safeParse(value).data
}

/** The id of a run or a delivery, where it can be one. */
export function idOf(value: string | undefined): string | undefined {
  return /^[0-9a-z]{10,64}$/.exec(value ?? '')?.[0]
}

/** What of a query says which part of the matrix is wanted. */
export function matrixFilterOf(query: Query): OverviewFilter {
  const text = (name: string): string | undefined => {
    const value = query[name]?.trim().slice(0, maxText)
    return value === '' ? undefined : value
  }
  return {
    show: query['show'] === 'sources' ? 'sources' : 'applications',
    state: oneOf(state, query['state']),
    behind: query['behind'] === 'true',
    stale: query['stale'] === 'true',
    namespace: text('namespace'),
    cluster: text('cluster'),
    text: text('text'),
  }
}

/** The page of all clusters and applications. */
export async function showOverview(deps: FunctionDeps, view: View, query: Query): Promise<Page> {
  const number = (name: string): number => Math.trunc(Number(query[name] ?? 1)) || 1
  const clusters = await readHeads(observeDeps(deps))
  return overviewPage(view, clusters, matrixFilterOf(query), { page: number('page'), columns: number('columns') })
}

/** The page of commits that were pushed. */
export async function showCommits(deps: FunctionDeps, view: View, query: Query): Promise<Page> {
  const filter = { trigger: 'push' } as const
  return commitsPage(view, await listRuns(deps.runs, filter, { limit: pushesPerPage, before: idOf(query['before']) }))
}

/** The page of webhooks that came in, each with the run that it gave. */
export async function showDeliveries(deps: FunctionDeps, view: View, query: Query): Promise<Page> {
  const filter = {
    outcome: oneOf(outcome, query['outcome']),
    provider: query['provider']?.slice(0, maxText),
  }
  const { deliveries, next } = await findDeliveries(deps, filter, {
    limit: deliveriesPerPage,
    before: idOf(query['before']),
  })
  const shown = await mapLimit(deliveries, concurrency, async (delivery) => ({
    ...delivery,
    followed: delivery.run === undefined ? undefined : await deps.runs.get(delivery.run),
  }))
  return deliveriesPage(view, { deliveries: shown, ...(next === undefined ? {} : { before: next }) }, filter)
}
