import { EngineError } from '../src/base/index.ts'
import { authorize } from './authorize.ts'
import { checkSameOrigin } from './authorize-reading.ts'
import type { FunctionDeps } from './deps.ts'
import { sessionOf } from './session.ts'

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

/** What an action is about: an object of a cluster, a whole cluster, a plan, or a run. */
export type ActionTarget =
  | { readonly cluster: string; readonly kind: string; readonly namespace: string; readonly name: string }
  | { readonly cluster: string }
  | { readonly plan: string }
  | { readonly run: string }

/** Who acts, as far as is proven. */
export interface Actor {
  readonly how: 'token' | 'session'
  /** Goes into records. */
  readonly name: string
}

/**
 * Lets in whoever may do this: the bearer of a trigger token, and who has signed in with one. A form must come from our own page.
 *
 * @throws EngineError `unauthorized` where nothing is proven; `forbidden` for who may not, and for forms of other sites.
 */
export async function authorizeAction(
  deps: Pick<FunctionDeps, 'config' | 'clock'>,
  request: Request,
  action: Action,
  _target: ActionTarget,
): Promise<Actor> {
  const { config, clock } = deps
  const session = await sessionOf(config, request.headers, clock.now())
  if (session === undefined) {
    await authorize(request.headers, config.triggerTokens)
    return { how: 'token', name: 'token' }
  }
  checkSameOrigin(request)
  if (session.isTrigger !== true)
    throw new EngineError(`${session.name} may look, and may not ${action}`, { code: 'forbidden' })
  return { how: 'session', name: session.name }
}
