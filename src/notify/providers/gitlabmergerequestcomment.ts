import { commentProvider, nested } from '../forge/comment.ts'
import { parseRepository } from '../forge/repository.ts'
import { postJson } from '../provider.ts'
import { gitLabHeaders, gitLabProjectApi } from './gitlab.ts'

/** GitLab: one note for each object on a merge request (docs.gitlab.com/api/notes). */
export const gitlabmergerequestcomment = commentProvider({
  marker: 'flux-mr-comment-key',
  headers: gitLabHeaders,
  self: ({ address }) => ({
    request: { method: 'GET', url: `${parseRepository(address).host}/api/v4/user`, headers: {} },
    field: 'username',
  }),
  list: ({ address }, change) => ({
    method: 'GET',
    url: `${notesOf(address, change)}?order_by=created_at&per_page=100&sort=asc`,
    headers: {},
  }),
  isOwn: (note, self) => nested(note, 'author', 'username') === self,
  create: ({ address }, change, body) => postJson(notesOf(address, change), { body }),
  update: ({ address }, change, id, body) => ({
    ...postJson(`${notesOf(address, change)}/${id}`, { body }),
    method: 'PUT',
  }),
})

function notesOf(address: string, change: string): string {
  return `${gitLabProjectApi(address)}/merge_requests/${change}/notes`
}
