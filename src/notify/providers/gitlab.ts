import { configError } from '../errors.ts'
import { statusProvider, itemsOf, latestOf, type StatusApi, type StatusState } from '../forge/commit-status.ts'
import { parseRepository } from '../forge/repository.ts'
import { queryEscape } from '../go-json.ts'
import { postJson } from '../provider.ts'
import type { Target } from '../types.ts'

const states = { pending: 'running', success: 'success', failure: 'failed' } as const satisfies {
  readonly [state in StatusState]: string
}

/** Commit statuses of GitLab (docs.gitlab.com/api/commits). */
export const gitLabStatuses: StatusApi = {
  headers: gitLabHeaders,
  list: (target, { commit, context }) => ({
    method: 'GET',
    url: `${gitLabProjectApi(target.address)}/repository/commits/${commit}/statuses?name=${queryEscape(context)}`,
    headers: {},
  }),
  // GitLab keeps the latest status of a name only.
  latest: (answer, { context, commit }) =>
    latestOf(itemsOf(answer), {
      isSame: (item) => item['name'] === context && item['sha'] === commit,
      state: 'status',
    }),
  create: (target, { commit, state, context, description, url }) =>
    postJson(`${gitLabProjectApi(target.address)}/statuses/${commit}`, {
      state: states[state],
      name: context,
      target_url: url,
      description,
    }),
  stateName: (state) => states[state],
}

/** GitLab: the event's commit gets a status. */
export const gitlab = statusProvider(gitLabStatuses)

/** Base of the API for a project. @throws EngineError `notify-config`. */
export function gitLabProjectApi(address: string): string {
  const { host, id } = parseRepository(address)
  return `${host}/api/v4/projects/${encodeURIComponent(id)}`
}

/** Headers of every request. @throws EngineError `notify-config` without a token. */
export function gitLabHeaders(_target: Target, token: string): { readonly [name: string]: string } {
  if (token === '') throw configError('the Secret of the Provider needs a token of GitLab')
  return { 'private-token': token }
}
