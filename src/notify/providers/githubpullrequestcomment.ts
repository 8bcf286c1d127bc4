import { commentProvider, nested } from '../forge/comment.ts'
import { gitHubApi, gitHubHeaders, gitHubRepositoryApi } from '../forge/github-api.ts'
import { parseRepository } from '../forge/repository.ts'
import { postJson } from '../provider.ts'

/**
 * GitHub: one comment for each object on a pull request (docs.github.com/rest/issues/comments). A token's own comments are told by its user; the token of an App cannot ask who it is, so
 * there it is the comment of a bot with the mark.
 */
export const githubpullrequestcomment = commentProvider({
  marker: 'flux-pr-comment-key',
  headers: gitHubHeaders,
  self: ({ address, token, password, hasAppKeys }) =>
    token === '' && password === '' && hasAppKeys
      ? undefined
      : {
          request: { method: 'GET', url: `${gitHubApi(parseRepository(address).host)}/user`, headers: {} },
          field: 'login',
        },
  list: ({ address }, change) => ({
    method: 'GET',
    url: `${gitHubRepositoryApi(address)}/issues/${change}/comments?direction=asc&per_page=100&sort=created`,
    headers: {},
  }),
  isOwn: (comment, self) =>
    self === undefined ? nested(comment, 'user', 'type') === 'Bot' : nested(comment, 'user', 'login') === self,
  create: ({ address }, change, body) =>
    postJson(`${gitHubRepositoryApi(address)}/issues/${change}/comments`, { body }),
  update: ({ address }, _change, id, body) => ({
    ...postJson(`${gitHubRepositoryApi(address)}/issues/comments/${id}`, { body }),
    method: 'PATCH',
  }),
})
