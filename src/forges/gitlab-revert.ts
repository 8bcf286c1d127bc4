import { z } from 'zod'
import { parseAnswer } from './answer.ts'
import { commitPart, noRevert, type PullCall } from './pull-call.ts'
import type { OpenedPull, RevertWish } from './pull-types.ts'

const opened = z.object({ iid: z.number(), web_url: z.string() })
const right = 'the scope api and the role Developer of the project'

/**
 * The merge request that takes back a merged one: a branch, GitLab's own revert of the merge commit on it (docs.gitlab.com/api/commits), and the request. Cut off in between, the next call goes on: what is there is taken.
 *
 * @throws EngineError `forge-revert`.
 */
export async function openGitLabRevert(
  call: PullCall,
  options: {
    readonly project: string
    readonly number: number
    readonly wish: RevertWish
    /** Undefined: it is not merged. `commit` is undefined where it was merged without one of its own. */
    readonly merged: { readonly commit: string | undefined; readonly branch: string } | undefined
  },
): Promise<OpenedPull> {
  const { project, number, wish, merged } = options
  if (merged === undefined) throw noRevert(`merge request ${number} is not merged: there is nothing to take back`)
  if (merged.commit === undefined)
    throw noRevert(
      `merge request ${number} was merged by moving the branch forward, without a commit of its own; revert its commits with git`,
    )
  const commit = commitPart(merged.commit)
  const branch = `revert-${number}-${commit.slice(0, 8)}`
  const list = `${project}/merge_requests?state=opened&source_branch=${branch}&target_branch=${encodeURIComponent(merged.branch)}`
  const [known] = parseAnswer('GitLab', z.array(opened), (await call('GET', list, right)).json)
  if (known !== undefined) return { number: known.iid, webUrl: known.web_url, isNew: false }
  // A branch that was left behind may stand anywhere.
  await call('DELETE', `${project}/repository/branches/${branch}`, right, { accept: [404] })
  await call('POST', `${project}/repository/branches`, right, { body: { branch, ref: merged.branch } })
  const url = `${project}/repository/commits/${commit}/revert`
  const reverted = await call('POST', url, right, { body: { branch }, accept: [400] })
  if (reverted.status === 400) {
    await call('DELETE', `${project}/repository/branches/${branch}`, right, { accept: [404] })
    const { error_code: code } = parseAnswer('GitLab', z.object({ error_code: z.string().nullish() }), reverted.json)
    if (code === 'empty') throw noRevert(`merge request ${number} is taken back already: reverting it changes nothing`)
    throw noRevert(
      `merge request ${number} cannot be taken back by itself, because files changed since; revert it with git`,
    )
  }
  const body = {
    source_branch: branch,
    target_branch: merged.branch,
    title: wish.title,
    description: wish.body,
    remove_source_branch: true,
  }
  const made = parseAnswer('GitLab', opened, (await call('POST', `${project}/merge_requests`, right, { body })).json)
  return { number: made.iid, webUrl: made.web_url, isNew: true }
}
