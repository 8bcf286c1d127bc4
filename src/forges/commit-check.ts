import { EngineError } from '../base/index.ts'
import { commitPart } from './pull-call.ts'
import type { CheckOutcome, CheckReport, PullDeps, PullStatus } from './pull-types.ts'

/** Characters of a description: GitHub takes no more. */
const maxDescription = 140

const states = {
  running: 'pending',
  success: 'success',
  failure: 'failure',
  neutral: 'success',
  'action-required': 'pending',
} as const satisfies { readonly [state in CheckReport['state']]: PullStatus['state'] }

/** Tells what a check found as a status of the commit. Remarks have no place there. */
export async function reportStatus(deps: PullDeps, report: CheckReport): Promise<CheckOutcome> {
  const { setStatus } = deps
  if (setStatus === undefined)
    throw new EngineError('nothing is there that sets statuses of commits', {
      code: 'forge-request',
      disposition: 'bug',
    })
  const { commit, name, state, title, url } = report
  const line = title.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  const description = line.length > maxDescription ? `${line.slice(0, maxDescription - 1)}…` : line
  await setStatus({
    commit: commitPart(commit),
    context: name,
    state: states[state],
    description,
    ...(url === undefined ? {} : { url }),
  })
  return { as: 'status', annotations: 0 }
}
