import { EngineError } from '../src/base/index.ts'
import { visitorOf, type Visitor } from './access/principal.ts'
import type { AccessTarget } from './access/roles.ts'
import { recordAction } from './action-log.ts'
import { checkSameOrigin } from './authorize-reading.ts'
import type { FunctionDeps } from './deps.ts'

/** What people may do from a page. */
export const actions = [
  'reconcile',
  'retry',
  'suspend',
  'resume',
  'pin',
  'unpin',
  'revert',
  'approve',
  'abort',
] as const
export type Action = (typeof actions)[number]

/** An object of ours in a cluster. */
export interface ObjectTarget {
  readonly cluster: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/**
 * What an action is about: an object of a cluster, a whole cluster, a plan, or a run. Of a plan the caller says which objects it concerns: who may act on all of them may act on it; without them
 * only who may act on everything.
 */
export type ActionTarget =
  | ObjectTarget
  | { readonly cluster: string }
  | { readonly plan: string; readonly objects?: readonly ObjectTarget[] }
  | { readonly run: string }

/** Who acts, as far as is proven. */
export interface Actor {
  readonly how: 'token' | 'session'
  /** Goes into records. */
  readonly name: string
}

/**
 * Lets in whoever has the role for this: the bearer of a token, and somebody who has signed in. A form must come from our own page. A refusal is recorded.
 *
 * @throws EngineError `unauthorized` where nothing is proven; `not-found` for what may not even be seen; `forbidden` for who may not do this, and for forms of other sites.
 */
export async function authorizeAction(
  deps: FunctionDeps,
  request: Request,
  action: Action,
  target: ActionTarget,
): Promise<Actor> {
  const visitor = await visitorOf(deps, request)
  if (visitor === undefined)
    throw new EngineError('a bearer token is required: Authorization: Bearer <token>', { code: 'unauthorized' })
  if (visitor.how === 'session') checkSameOrigin(request)
  await checkAction(deps, visitor, action, target)
  return { how: visitor.how, name: visitor.name }
}

/** Refuses what a visitor may not do, and records that. Throws EngineError `not-found`, `forbidden`. */
export async function checkAction(
  deps: FunctionDeps,
  visitor: Visitor,
  action: Action,
  target: ActionTarget,
): Promise<void> {
  const places = await placesOf(deps, target)
  if (visitor.mayDo(action, places)) return
  recordAction(deps, { actor: visitor.name, how: visitor.how, action, target, outcome: 'refused' })
  if (!places.some((place) => visitor.maySee(place)))
    throw new EngineError('there is nothing here of this name', { code: 'not-found' })
  throw new EngineError(`${visitor.name} may look, and may not ${action}`, { code: 'forbidden' })
}

/** Everything that a target reaches. A run that is not known reaches everything, as a plan does whose objects nobody names. */
export async function placesOf(deps: FunctionDeps, target: ActionTarget): Promise<readonly AccessTarget[]> {
  if ('cluster' in target) return [target]
  if ('plan' in target) {
    const { objects = [] } = target
    return objects.length === 0 ? ['everything'] : objects
  }
  const run = await deps.runs.get(target.run)
  if (run === undefined) return ['everything']
  const places = run.clusters.flatMap((cluster): readonly AccessTarget[] => {
    const nodes = run.records.find((record) => record.cluster === cluster)?.nodes ?? []
    // What a run has not begun with is not known.
    return nodes.length === 0
      ? [{ cluster }]
      : nodes.map(({ kind, namespace, name }) => ({ cluster, kind, namespace, name }))
  })
  return places.length === 0 ? ['everything'] : places
}
