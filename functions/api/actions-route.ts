import { z } from 'zod'
import { seesAction } from '../access/seen-actions.ts'
import { listActions, type ActionRecord } from '../action-log.ts'
import type { FunctionDeps } from '../deps.ts'
import { present } from './encode.ts'
import { route } from './route.ts'
import * as schemas from './schemas.ts'

/** `GET /api/actions`: who did what. */
export const actionsRoute = route({
  path: '/api/actions',
  id: 'listActions',
  summary:
    'What people did, newest first: triggers, actions from pages, comments, and for those who maintain everything sign-ins and what was refused',
  parameters: z.strictObject({}),
  query: z.strictObject({
    limit: z.coerce.number().int().min(1).max(200).optional(),
    before: z
      .string()
      .regex(/^[0-9a-z]{10,64}$/, 'must be what an earlier page gave')
      .optional(),
  }),
  answer: schemas.actions,
  handle: async (deps, { query }) => {
    const { limit = 50, before } = query
    const { actions, next } = await listActions(deps, { limit, before }, (entry) => isSeen(deps, entry))
    return present({ actions: actions.map(encodeAction), before: next })
  },
})

function isSeen({ reader }: FunctionDeps, entry: ActionRecord): boolean {
  return reader !== undefined && seesAction(reader, entry)
}

function encodeAction(entry: ActionRecord): z.infer<typeof schemas.actions>['actions'][number] {
  const { id, at, actor, how, action, target, reason, outcome, run } = entry
  const { cluster, kind, namespace, name, plan, run: about } = (target ?? {}) as { readonly [field: string]: string }
  return present({
    id,
    at,
    actor,
    how,
    action,
    target: target === undefined ? undefined : present({ cluster, kind, namespace, name, plan, run: about }),
    reason,
    outcome,
    run,
  })
}
