import { EngineError } from '../../src/base/index.ts'
import { pullName, type Notice } from '../../src/ui/index.ts'
import { approvePlanNow, approveWaitingNow, type ApprovalOutcome } from '../approvals.ts'
import type { ActionTarget } from '../authorize-action.ts'
import type { FunctionDeps } from '../deps.ts'
import { findPlan } from '../plans/views.ts'
import type { ActionRequest } from './action-request.ts'

/**
 * Approves the plan of a form, as it stood on the page that the form comes from.
 *
 * @throws EngineError `not-found`; `approval-outdated` where somebody has seen something else; those of `approvePlanNow`.
 */
export async function approvePlanFromPage(
  deps: FunctionDeps,
  { plan: id, objects }: Extract<ActionTarget, { readonly plan: string }>,
  { seen, by }: { readonly seen: string | undefined; readonly by: string },
): Promise<Notice> {
  const found = await findPlan(deps, id)
  if (found === undefined) throw new EngineError('there is no such plan', { code: 'not-found' })
  const { head, document, isPending } = found
  if (head.state === 'superseded')
    throw outdated('a newer commit took the place of this plan; approve the plan of that')
  if (head.state === 'closed') throw outdated('the pull request was closed without a merge')
  if (isPending) throw outdated('the plan is being made; wait for it')
  if (seen === undefined || document.reference !== seen)
    throw outdated('the plan is another one by now; look at it and approve it again')
  // What was made since it was asked who approves is not approved.
  const clusters = objects === undefined ? {} : { clusters: [...new Set(objects.map(({ cluster }) => cluster))] }
  const outcome = await approvePlanNow(deps, id, { by, how: 'page', ...clusters })
  return noticeOf(outcome, `Approved: the plan of ${pullName(head)}.`)
}

/**
 * Approves what waits on a cluster, all of it or one application, as it waited when the page was made that the form comes from.
 *
 * @throws EngineError `request-invalid`; those of `approveWaitingNow`.
 */
export async function approveWaitingFromPage(deps: FunctionDeps, request: ActionRequest, by: string): Promise<Notice> {
  const { target, fields } = request
  const seenAt = /^\d{1,15}$/.test(fields.seen ?? '') ? Number(fields.seen) : undefined
  if (!('cluster' in target) || seenAt === undefined)
    throw new EngineError('the form does not say what waits', { code: 'request-invalid' })
  const applications =
    'kind' in target ? { applications: [`${target.kind}/${target.namespace}/${target.name}`] } : undefined
  const outcome = await approveWaitingNow(deps, [target.cluster], { by, how: 'page', seenAt, ...applications })
  return noticeOf(outcome, `Approved on ${target.cluster}.`)
}

function noticeOf({ clusters }: ApprovalOutcome, text: string): Notice {
  const busy = clusters.filter(({ applications }) => applications > 0)
  const counts = busy.map(({ cluster, applications }) => `${applications} of ${cluster}`)
  const [first] = busy
  return {
    isProblem: false,
    text: counts.length === 0 ? text : `${text} Applications that are looked at: ${counts.join(', ')}.`,
    ...(first === undefined ? {} : { run: first.run }),
  }
}

function outdated(message: string): EngineError {
  return new EngineError(message, { code: 'approval-outdated', disposition: 'wait' })
}
