import type { Offer } from '../../src/ui/index.ts'
import { actions, placesOf, type ActionTarget } from '../authorize-action.ts'
import { csrfToken } from '../csrf.ts'
import type { FunctionDeps } from '../deps.ts'
import { canRevert } from './revert.ts'

/**
 * What somebody who looks at a page may do from it, with what their forms must bring. The same roles decide as when a form comes.
 *
 * @param seen the reader of the request, and what that one may see; of a run everything, for who may act on a part of it may not act on it.
 * @returns undefined for who has not signed in, and for who may do nothing.
 */
export async function offerFor(seen: FunctionDeps, request: Request, target: ActionTarget): Promise<Offer | undefined> {
  const { reader } = seen
  if (reader?.how !== 'session') return undefined
  const places = await placesOf(seen, target)
  const allowed = actions.filter((action) => (action !== 'revert' || canRevert(seen)) && reader.mayDo(action, places))
  if (allowed.length === 0) return undefined
  const tokens = new Map(
    await Promise.all(
      allowed.map(async (action) => [action as string, await csrfToken(seen, request, action)] as const),
    ),
  )
  return { may: (action) => tokens.has(action), tokenOf: (action) => tokens.get(action) ?? '' }
}
