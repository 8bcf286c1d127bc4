import { configError } from '../errors.ts'
import { statusProvider, itemsOf, latestOf, type StatusApi, type StatusState } from '../forge/commit-status.ts'
import { nested } from '../forge/comment.ts'
import { parseRepository } from '../forge/repository.ts'
import { basic, postJson } from '../provider.ts'
import type { NotificationProvider, Target } from '../types.ts'

const apiVersion = 'api-version=6.0'

/** The application that stands for Azure DevOps (fluxcd/pkg auth/azure, ScopeDevOps). */
const devOpsScope = '499b84ac-1321-427f-aa17-267ca6975798/.default'

const states = { pending: 'pending', success: 'succeeded', failure: 'error' } as const satisfies {
  readonly [state in StatusState]: string
}

/** Commit statuses of Azure DevOps (learn.microsoft.com/rest/api/azure/devops/git/statuses). */
export const azureDevOpsStatuses: StatusApi = {
  headers: (_target, token) => {
    if (token === '') throw configError('the Secret of the Provider needs a token of Azure DevOps')
    return { accept: 'application/json', ...basic('', token) }
  },
  list: (target, { commit }) => ({ method: 'GET', url: statusesOf(target, commit), headers: {} }),
  latest: (answer, { context, genre }) =>
    latestOf(itemsOf(answer, 'value'), {
      isSame: (item) => nested(item, 'context', 'name') === context && nested(item, 'context', 'genre') === genre,
      state: 'state',
    }),
  create: (target, { commit, state, context, genre, description, url }) =>
    postJson(statusesOf(target, commit), {
      context: { genre, name: context },
      description,
      state: states[state],
      targetUrl: url,
    }),
  stateName: (state) => states[state],
}

const withToken = statusProvider(azureDevOpsStatuses)

/** Azure DevOps: the event's commit gets a status. Without a token the service account or the deployment logs in. */
export const azuredevops: NotificationProvider = {
  ...withToken,
  send: async (context, event, target) => {
    if (target.token !== '' || target.password !== '' || context.cloud === undefined)
      return await withToken.send(context, event, target)
    const serviceAccount = await context.serviceAccount?.()
    const { proxy, signal } = context
    const { token } = await context.cloud.azure({ serviceAccount, proxy, signal }, devOpsScope)
    await withToken.send({ ...context, secrets: [...context.secrets, token] }, event, { ...target, token })
  },
}

/** The address is `https://dev.azure.com/<organisation>/<project>/_git/<repository>`. */
function statusesOf(target: Target, commit: string): string {
  const { host, id } = parseRepository(target.address)
  const [organisation, project, , repository, ...rest] = id.split('/').map(encodeURIComponent)
  if (organisation === undefined || project === undefined || repository === undefined || rest.length > 0)
    throw configError(
      "the Provider's address is no repository of Azure DevOps (https://host/<organisation>/<project>/_git/<name>)",
    )
  return `${host}/${organisation}/${project}/_apis/git/repositories/${repository}/commits/${commit}/statuses?${apiVersion}`
}
