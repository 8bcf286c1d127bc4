import { EngineError } from '../../src/base/index.ts'
import type { PullRequests } from '../../src/forges/index.ts'
import type { Notice } from '../../src/ui/index.ts'
import type { FunctionDeps } from '../deps.ts'
import { planTargetOf } from '../plans/config.ts'
import { openTarget } from '../plans/forge.ts'
import { readPlanAndPull } from '../plans/plan-target.ts'
import type { PullRecord } from '../plans/records.ts'

/** Longer than opening a pull request takes: the forge is waited for at most 90 seconds. */
const lockSeconds = 150

/** What opening a pull request that reverts another one needs. */
export interface RevertDeps {
  /** The pull requests of the repository that one of them is in; undefined where no rule of the configuration is for it. */
  readonly pullRequestsOf: (pull: Pick<PullRecord, 'provider' | 'urls'>) => PullRequests | undefined
}

/** The pull requests that the deployment may open, with the credentials of `PLANS`; undefined where it has none. */
export function revertDeps(deps: FunctionDeps): RevertDeps | undefined {
  const { plans = [], planKey } = deps.config
  if (plans.length === 0 || planKey === undefined) return undefined
  return {
    pullRequestsOf: ({ provider, urls }) => {
      const target = planTargetOf(plans, provider, urls)
      return target && openTarget({ ...deps, forgeTokens: deps.memory.forgeTokens }, target)
    },
  }
}

/** Whether pull requests can be opened at all. */
export function canRevert(deps: FunctionDeps): boolean {
  return revertDeps(deps) !== undefined
}

/** The error of a deployment that cannot open pull requests. */
export function noRevert(): EngineError {
  return new EngineError(
    'the deployment has no credential with which it could open a pull request; revert the commit with git',
    { code: 'revert-unavailable', disposition: 'wait' },
  )
}

/**
 * Opens the pull request that takes back the merged one of a plan. One that is open already is led to, and two at a time make one.
 *
 * @param by stands in the text of the pull request.
 * @throws EngineError `not-found`; `revert-unavailable` for what is not merged, and where no rule is for its repository; `busy`; those of the forge, such as `forge-revert`.
 */
export async function revertPlan(deps: FunctionDeps, id: string, by: string): Promise<Notice> {
  const found = await readPlanAndPull(deps, id)
  if (found === undefined) throw new EngineError('there is no such plan', { code: 'not-found' })
  const { plan, pull } = found
  if (pull === undefined)
    throw new EngineError('no pull request is known that has brought what was planned', { code: 'revert-unavailable' })
  const { number, repository, title } = pull
  if (plan.state !== 'merged')
    throw new EngineError(`${repository}#${number} was not merged with this plan: there is nothing to take back`, {
      code: 'revert-unavailable',
    })
  const pulls = revertDeps(deps)?.pullRequestsOf(pull)
  if (pulls === undefined) throw noRevert()
  const lock = `plans/revert/${plan.pull}`
  if (!(await deps.state.putIfAbsent(lock, id, { ttlSeconds: lockSeconds })))
    throw new EngineError(`the revert of ${repository}#${number} is being opened; load the page again in a moment`, {
      code: 'busy',
    })
  try {
    const opened = await pulls.openRevert(number, {
      title: `Revert "${title.replaceAll(/\p{Cc}+/gu, ' ')}"`,
      body: `Takes back #${number}. Asked for by ${quoted(by)}.`,
    })
    return {
      isProblem: false,
      text: opened.isNew
        ? `Opened: the pull request that takes back ${repository}#${number}. It counts once it is merged.`
        : `There is an open pull request already that takes back ${repository}#${number}.`,
      link: { url: opened.webUrl, text: `${repository}#${opened.number}` },
    }
  } finally {
    await deps.state.delete(lock)
  }
}

/** A name as code: it mentions nobody, and is no markup. */
function quoted(name: string): string {
  return `\`${name.replaceAll(/[`\p{Cc}\p{Cf}]+/gu, ' ').slice(0, 200)}\``
}
