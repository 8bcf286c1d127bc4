import { z } from 'zod'
import { EngineError } from '../../src/base/index.ts'
import { planJson } from '../../src/plan/index.ts'
import type { PlanHead } from '../../src/ui/index.ts'
import { approvalsOf } from '../approvals.ts'
import { listManifests } from '../manifests/list.ts'
import { findManifests, noManifests } from '../manifests/read.ts'
import { findPlan, listPlanHeads } from '../plans/views.ts'
import { present } from './encode.ts'
import { route, type Route } from './route.ts'
import * as schemas from './schemas.ts'

/** Plans of pull requests. */
export const planRoutes: readonly Route[] = [
  route({
    path: '/api/plans',
    id: 'listPlans',
    summary: 'Plans of pull requests, newest first',
    parameters: z.strictObject({}),
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(100).optional(),
      before: z
        .string()
        .regex(/^[0-9a-z]{10,64}$/, 'must be what the last answer has in `before`')
        .optional(),
    }),
    answer: schemas.plans,
    handle: async (deps, { query }) => {
      const { limit = 20, before } = query
      const { plans, next } = await listPlanHeads(deps, { limit, ...(before === undefined ? {} : { before }) })
      return present({ plans: plans.map(encodePlanHead), before: next })
    },
  }),
  route({
    path: '/api/plans/{id}',
    id: 'getPlan',
    summary: 'One plan: what the pull request would do on every cluster',
    parameters: z.strictObject({ id: z.string().regex(/^[0-9a-f]{32}$/, 'must be the id of a plan') }),
    query: z.strictObject({}),
    answer: schemas.plan,
    errors: ['not-found'],
    handle: async (deps, { path }) => {
      const found = await findPlan(deps, path.id)
      if (found === undefined) throw new EngineError('there is no such plan', { code: 'not-found' })
      const { head, document, isPending, problems, refused, waiting, times } = found
      return present({
        ...encodePlanHead(head),
        pending: isPending,
        times: { ...times },
        problems: [...problems],
        waiting: waiting?.map((one) => ({ ...one })),
        approvals: [...(await approvalsOf(deps, path.id))],
        refused: refused === undefined ? undefined : { ...refused },
        document: JSON.parse(planJson(document)) as z.infer<typeof schemas.plan>['document'],
      })
    },
  }),
  route({
    path: '/api/plans/{id}/manifests',
    id: 'listManifests',
    summary: 'What both commits of a plan render: the applications of each cluster, without their YAML',
    parameters: z.strictObject({ id: z.string().regex(/^[0-9a-f]{32}$/, 'must be the id of a plan') }),
    query: z.strictObject({}),
    answer: schemas.manifests,
    errors: ['not-found'],
    handle: async (deps, { path }) => {
      const found = await findManifests(deps, path.id)
      if (found === undefined) throw noManifests()
      return present(JSON.parse(JSON.stringify(listManifests(found))) as z.infer<typeof schemas.manifests>)
    },
  }),
]

/** A plan as lists show it. */
export function encodePlanHead(head: PlanHead): z.infer<typeof schemas.planHead> {
  const { isFork, afterMerge, ...rest } = head
  return present({ ...rest, afterMerge: afterMerge && [...afterMerge], fork: isFork })
}
