import { commentProvider, nested } from '../forge/comment.ts'
import { parseRepository } from '../forge/repository.ts'
import { postJson } from '../provider.ts'
import { giteaHeaders, giteaRepositoryApi } from './gitea.ts'

/** Gitea: one comment for each object on a pull request (its API, comments of issues). */
export const giteapullrequestcomment = commentProvider({
  marker: 'flux-pr-comment-key',
  headers: giteaHeaders,
  self: ({ address }) => ({
    request: { method: 'GET', url: `${parseRepository(address).host}/api/v1/user`, headers: {} },
    field: 'login',
  }),
  list: ({ address }, change) => ({
    method: 'GET',
    url: `${giteaRepositoryApi(address)}/issues/${change}/comments?limit=100&page=1`,
    headers: {},
  }),
  isOwn: (comment, self) => nested(comment, 'user', 'login') === self,
  create: ({ address }, change, body) => postJson(`${giteaRepositoryApi(address)}/issues/${change}/comments`, { body }),
  update: ({ address }, _change, id, body) => ({
    ...postJson(`${giteaRepositoryApi(address)}/issues/comments/${id}`, { body }),
    method: 'PATCH',
  }),
})
