import type { Hono } from 'hono'
import { EngineError, isEngineError, toEngineError } from '../../src/base/index.ts'
import { confirmPage, problemPage } from '../../src/ui/index.ts'
import { actions, authorizeAction, type Action } from '../authorize-action.ts'
import { checkSameOrigin } from '../authorize-reading.ts'
import type { FunctionDeps } from '../deps.ts'
import { statusOfCode } from '../http-errors.ts'
import { pageResponse, redirect } from '../page-response.ts'
import { sessionOf } from '../session.ts'
import { readForm } from '../sign-in.ts'
import { nameOf, pageOf, parseActionForm, type ActionRequest } from './action-request.ts'
import { carryOut } from './carry-out.ts'
import { confirmationOf } from './confirmation.ts'
import { hasCsrfToken } from './csrf.ts'
import { withNotice } from './notice.ts'

type View = Parameters<typeof problemPage>[0]

/** Reasons and ends of what somebody writes fit in. */
const maxFormBytes = 32 * 1024

/**
 * Adds `POST /ui/actions/<action>`: what people do from pages. A form must come from our own page, with a session and with the token that belongs to it and to the action; then it is asked whether
 * that person may do it. What is hard to take back is asked for once more. Done, the browser is led to the page of what it was about, which says what came of it.
 */
export function addActions(app: Hono, deps: FunctionDeps, viewOf: (name?: string) => View): void {
  app.post('/ui/actions/:action', async (c) => {
    let name: string | undefined
    try {
      checkSameOrigin(c.req.raw)
      const session = await sessionOf(deps.config, c.req.raw.headers, deps.clock.now())
      if (session === undefined)
        throw new EngineError('sign in first; programs use POST /trigger', { code: 'unauthorized' })
      name = session.name
      return await handle(deps, c.req.raw, c.req.param('action'), viewOf(name))
    } catch (caught) {
      const status = isEngineError(caught) ? statusOf(caught.code) : undefined
      if (!isEngineError(caught) || status === undefined) throw caught
      const title = status === 401 || status === 403 ? 'Not allowed' : 'Not done'
      return pageResponse(status, problemPage(viewOf(name), { title, message: caught.message }))
    }
  })
}

/** The status of an error that is told on a page; what an API server refused is told with its words. */
function statusOf(code: string): number | undefined {
  return statusOfCode[code] ?? (code.startsWith('kube-') ? 502 : undefined)
}

async function handle(deps: FunctionDeps, raw: Request, given: string, view: View): Promise<Response> {
  const action = actions.find((one) => one === given)
  if (action === undefined) throw new EngineError('there is no such action', { code: 'not-found' })
  const form = await readForm(deps, raw, maxFormBytes)
  const token = form.get('csrf') ?? ''
  if (!(await hasCsrfToken(deps.config, raw.headers, action, token))) {
    deps.logger.log('warn', 'action refused', { action, error: 'the form does not belong to the session' })
    throw new EngineError('the form does not belong to your session; load its page again', { code: 'forbidden' })
  }
  const request = parseActionForm(action, form)
  checkCluster(deps, request)
  const actor = await authorize(deps, raw, action, request)
  const question = confirmationOf(request, token)
  if (question !== undefined) return pageResponse(200, confirmPage(view, question))
  const by = `${actor.name} (page)`
  const about = { action, target: nameOf(request.target), actor: by }
  try {
    const notice = await carryOut(deps, request, by)
    deps.logger.log('info', 'action done', { ...about, run: notice.run })
    return redirect(await withNotice(deps, pageOf(request.target), notice))
  } catch (caught) {
    const { code, message } = toEngineError(caught)
    deps.logger.log('warn', 'action failed', { ...about, code, error: message })
    throw caught
  }
}

async function authorize(
  deps: FunctionDeps,
  raw: Request,
  action: Action,
  { target }: ActionRequest,
): ReturnType<typeof authorizeAction> {
  try {
    return await authorizeAction(deps, raw, action, target)
  } catch (caught) {
    const { code, message } = toEngineError(caught)
    deps.logger.log('warn', 'action refused', { action, target: nameOf(target), code, error: message })
    throw caught
  }
}

function checkCluster({ config }: FunctionDeps, { target }: ActionRequest): void {
  if (!('cluster' in target) || config.clusters.some(({ name }) => name === target.cluster)) return
  throw new EngineError(`there is no cluster ${target.cluster.slice(0, 253)}`, { code: 'cluster-unknown' })
}
