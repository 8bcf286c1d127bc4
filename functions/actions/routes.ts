import type { Hono } from 'hono'
import { EngineError, isEngineError, toEngineError } from '../../src/base/index.ts'
import { confirmPage, problemPage } from '../../src/ui/index.ts'
import { visitorOf } from '../access/principal.ts'
import { recordAction } from '../action-log.ts'
import { actions, authorizeAction } from '../authorize-action.ts'
import { checkSameOrigin } from '../authorize-reading.ts'
import { checkCsrf } from '../csrf.ts'
import type { FunctionDeps } from '../deps.ts'
import { statusOfCode } from '../http-errors.ts'
import { pageResponse, redirect } from '../page-response.ts'
import { targetOfPlan } from '../plans/plan-target.ts'
import { readForm } from '../sign-in.ts'
import { nameOf, pageOf, parseActionForm, type ActionRequest } from './action-request.ts'
import { carryOut, sourceOf } from './carry-out.ts'
import { confirmationOf } from './confirmation.ts'
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
      const visitor = await visitorOf(deps, c.req.raw)
      if (visitor?.how !== 'session')
        throw new EngineError('sign in first; programs use POST /trigger', { code: 'unauthorized' })
      name = visitor.name
      return await handle(deps, c.req.raw, c.req.param('action'), viewOf(name))
    } catch (caught) {
      const status = isEngineError(caught) ? statusOf(caught.code) : undefined
      if (!isEngineError(caught) || status === undefined) throw caught
      const title = status === 401 || status === 403 ? 'Not allowed' : 'Not done'
      return pageResponse(status, problemPage(viewOf(name), { title, message: caught.message }))
    }
  })
}

/** The status of an error that is told on a page; what an API server or a forge refused is told with its words. */
function statusOf(code: string): number | undefined {
  return statusOfCode[code] ?? (/^(?:kube|forge)-/.test(code) ? 502 : undefined)
}

async function handle(deps: FunctionDeps, raw: Request, given: string, view: View): Promise<Response> {
  const action = actions.find((one) => one === given)
  if (action === undefined) throw new EngineError('there is no such action', { code: 'not-found' })
  const form = await readForm(deps, raw, maxFormBytes)
  await checkCsrf(deps, raw, action, form.get('csrf'))
  const request = await withObjects(deps, parseActionForm(action, form))
  checkCluster(deps, request)
  const { target, fields } = request
  const { name } = await authorizeAction(deps, raw, action, target)
  const source = await sourceOf(deps, request)
  if (source !== undefined && 'cluster' in target)
    await authorizeAction(deps, raw, action, { cluster: target.cluster, ...source })
  const question = confirmationOf(request, form.get('csrf') ?? '')
  if (question !== undefined) return pageResponse(200, confirmPage(view, question))
  const record = (outcome: 'done' | 'failed', run?: string): void =>
    recordAction(deps, {
      actor: name,
      how: 'session',
      action,
      target,
      outcome,
      ...(fields.reason === undefined ? {} : { reason: fields.reason }),
      ...(run === undefined ? {} : { run }),
    })
  try {
    const notice = await carryOut(deps, request, `${name} (page)`)
    record('done', notice.run)
    return redirect(await withNotice(deps, pageOf(target), notice))
  } catch (caught) {
    const { code, message } = toEngineError(caught)
    deps.logger.log('warn', 'action failed', { action, target: nameOf(target), actor: name, code, error: message })
    record('failed')
    throw caught
  }
}

/** Of a plan it is asked whether somebody may act on all that it touches. */
async function withObjects(deps: FunctionDeps, request: ActionRequest): Promise<ActionRequest> {
  const { target } = request
  return 'plan' in target ? { ...request, target: await targetOfPlan(deps, target.plan) } : request
}

function checkCluster({ config }: FunctionDeps, { target }: ActionRequest): void {
  if (!('cluster' in target) || config.clusters.some(({ name }) => name === target.cluster)) return
  throw new EngineError(`there is no cluster ${target.cluster.slice(0, 253)}`, { code: 'cluster-unknown' })
}
