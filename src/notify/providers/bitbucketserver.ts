import { configError } from '../errors.ts'
import { statusProvider, latestOf, type CommitStatus, type StatusApi } from '../forge/commit-status.ts'
import { basic, bearer, postJson } from '../provider.ts'
import type { Target } from '../types.ts'
import { buildKey, buildStates } from './bitbucket.ts'

/** Build statuses of Bitbucket Server and Data Center (their REST API, builds of a commit). The browser shows the name, so the description stands in it. */
export const bitbucketServerStatuses: StatusApi = {
  headers: ({ token, username, password }, given) => {
    const bearing = token === '' && username === '' ? given : token
    if (bearing === '' && (username === '' || password === ''))
      throw configError('the Secret of the Provider needs token, or username and password')
    return {
      ...(bearing === '' ? basic(username, password) : bearer(bearing)),
      'x-atlassian-token': 'no-check',
      'x-requested-with': 'XMLHttpRequest',
    }
  },
  list: (target, { commit, context }) => ({
    method: 'GET',
    url: `${buildsOf(target, commit)}?key=${buildKey(context)}`,
    headers: {},
  }),
  latest: (answer, status) =>
    latestOf([(answer ?? {}) as { readonly [name: string]: unknown }], {
      isSame: (item) => item['key'] === buildKey(status.context) && item['name'] === shownName(status),
      state: 'state',
    }),
  create: (target, status) =>
    postJson(buildsOf(target, status.commit), {
      description: status.description,
      key: buildKey(status.context),
      name: shownName(status),
      state: buildStates[status.state],
      url: status.url ?? target.address,
    }),
  stateName: (state) => buildStates[state],
}

/** Bitbucket Server: the event's commit gets a build status. */
export const bitbucketserver = statusProvider(bitbucketServerStatuses)

function shownName({ name, description }: CommitStatus): string {
  return `${name} [${description}]`
}

/** The address is the URL to clone from over http; what stands before `/scm/` is the path of the server. */
function buildsOf(target: Target, commit: string): string {
  const url = URL.canParse(target.address) ? new URL(target.address) : undefined
  const [, context = '', project, slug] = /^(.*)\/scm\/([^/]+)\/([^/]+?)(?:\.git)?$/.exec(url?.pathname ?? '') ?? []
  if (url === undefined || !/^https?:$/.test(url.protocol) || project === undefined || slug === undefined)
    throw configError(
      "the Provider's address is no URL of a repository of Bitbucket Server (https://host/scm/<project>/<name>.git)",
    )
  return `${url.origin}${context}/rest/api/latest/projects/${project}/repos/${slug}/commits/${commit}/builds`
}
