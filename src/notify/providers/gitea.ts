import { configError } from '../errors.ts'
import { statusProvider, itemsOf, latestOf, type StatusApi } from '../forge/commit-status.ts'
import { ownerAndName, parseRepository } from '../forge/repository.ts'
import { postJson } from '../provider.ts'
import type { Target } from '../types.ts'

/** Commit statuses of Gitea and Forgejo (their API, version 1). */
export const giteaStatuses: StatusApi = {
  headers: giteaHeaders,
  list: (target, { commit }) => ({
    method: 'GET',
    url: `${giteaRepositoryApi(target.address)}/commits/${commit}/statuses?limit=50&page=1`,
    headers: {},
  }),
  latest: (answer, { context }) =>
    latestOf(itemsOf(answer), { isSame: (item) => item['context'] === context, state: 'status' }),
  create: (target, { commit, state, context, description, url }) =>
    postJson(`${giteaRepositoryApi(target.address)}/statuses/${commit}`, {
      state,
      target_url: url ?? '',
      description,
      context,
    }),
  stateName: (state) => state,
  tellsProgress: true,
}

/** Gitea: the event's commit gets a status, `pending` while something is under way. */
export const gitea = statusProvider(giteaStatuses)

/** Base of the API for a repository. @throws EngineError `notify-config`. */
export function giteaRepositoryApi(address: string): string {
  const repository = parseRepository(address)
  const [owner, name] = ownerAndName(repository)
  return `${repository.host}/api/v1/repos/${owner}/${name}`
}

/** Headers of every request. @throws EngineError `notify-config` without a token. */
export function giteaHeaders(_target: Target, token: string): { readonly [name: string]: string } {
  if (token === '') throw configError('the Secret of the Provider needs a token of Gitea')
  return { accept: 'application/json', authorization: `token ${token}` }
}
