import { isEngineError } from '../../src/base/index.ts'
import type { Offer } from '../../src/ui/index.ts'
import { actions, authorizeAction, type ActionTarget } from '../authorize-action.ts'
import type { FunctionDeps } from '../deps.ts'
import { sessionOf } from '../session.ts'
import { csrfToken } from './csrf.ts'
import { canRevert } from './revert.ts'

/**
 * What somebody who looks at a page may do from it: the same question is asked as when a form comes. Undefined for who has not signed in, and for who may do nothing.
 */
export async function offerFor(deps: FunctionDeps, request: Request, target: ActionTarget): Promise<Offer | undefined> {
  const { config, clock } = deps
  if ((await sessionOf(config, request.headers, clock.now())) === undefined) return undefined
  const asked = asForm(request)
  const found = await Promise.all(
    actions.map(async (action) => {
      if (action === 'revert' && !canRevert(deps)) return undefined
      const isAllowed = await mayDo(deps, asked, action, target)
      const token = isAllowed ? await csrfToken(config, request.headers, action) : undefined
      return token === undefined ? undefined : ([action, token] as const)
    }),
  )
  const tokens = new Map<string, string>(found.filter((one) => one !== undefined))
  if (tokens.size === 0) return undefined
  return { may: (action) => tokens.has(action), tokenOf: (action) => tokens.get(action) ?? '' }
}

async function mayDo(
  deps: FunctionDeps,
  asked: Request,
  action: (typeof actions)[number],
  target: ActionTarget,
): Promise<boolean> {
  try {
    await authorizeAction(deps, asked, action, target)
    return true
  } catch (caught) {
    if (isEngineError(caught) && (caught.code === 'forbidden' || caught.code === 'unauthorized')) return false
    throw caught
  }
}

/** The session of whoever looks, as a form of our own page would bring it. */
function asForm(request: Request): Request {
  const { origin } = new URL(request.url)
  return new Request(request.url, { headers: { cookie: request.headers.get('cookie') ?? '', origin } })
}
