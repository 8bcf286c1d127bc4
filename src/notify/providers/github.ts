import { statusProvider, itemsOf, latestOf, type StatusApi } from '../forge/commit-status.ts'
import { gitHubHeaders, gitHubRepositoryApi } from '../forge/github-api.ts'
import { postJson } from '../provider.ts'

/** Commit statuses of GitHub (docs.github.com/rest/commits/statuses). */
export const gitHubStatuses: StatusApi = {
  headers: gitHubHeaders,
  list: (target, { commit }) => ({
    method: 'GET',
    url: `${gitHubRepositoryApi(target.address)}/commits/${commit}/statuses?per_page=50`,
    headers: {},
  }),
  latest: (answer, { context }) =>
    latestOf(itemsOf(answer), { isSame: (item) => item['context'] === context, state: 'state' }),
  create: (target, { commit, state, context, description, url }) =>
    postJson(`${gitHubRepositoryApi(target.address)}/statuses/${commit}`, {
      state,
      target_url: url,
      description,
      context,
    }),
  stateName: (state) => state,
}

/** GitHub: the event's commit gets a status. */
export const github = statusProvider(gitHubStatuses)
