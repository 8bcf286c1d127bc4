import { addComment, blobAt, diffOf, mergeBaseOf, pageOf, revertCommit } from './pull-keeper.ts'
import {
  notFound,
  tokenUser,
  type ApiAnswer,
  type ApiCall,
  type ForgeApiKind,
  type ForgeState,
  type KeptComment,
  type KeptPull,
  type KeptRepository,
} from './types.ts'

const levels: { readonly [role: string]: number } = { admin: 50, maintain: 40, write: 30, triage: 20, read: 10 }

const shownUser = (state: ForgeState, username: string): object => ({
  id: state.userId(username),
  username,
  state: 'active',
})

async function shownRequest(state: ForgeState, repository: KeptRepository, pull: KeptPull): Promise<object> {
  const { owner, name, id } = repository
  return {
    id: pull.id,
    iid: pull.number,
    title: pull.title,
    web_url: `${state.origin}/${owner}/${name}/-/merge_requests/${pull.number}`,
    state: pull.state === 'open' ? 'opened' : pull.state,
    draft: pull.isDraft,
    author: shownUser(state, pull.author),
    source_branch: pull.head,
    target_branch: pull.base,
    source_project_id: pull.isSourceGone ? null : pull.from.id,
    target_project_id: id,
    sha: pull.last.head,
    diff_refs: { base_sha: await mergeBaseOf(repository, pull), head_sha: pull.last.head, start_sha: pull.last.base },
    merge_commit_sha: pull.mergeCommit ?? null,
    squash_commit_sha: null,
    merged_at: pull.mergedAt ?? null,
    labels: pull.labels,
  }
}

const shownNote = (state: ForgeState, one: KeptComment): object => ({
  id: one.id,
  body: one.body,
  author: shownUser(state, one.author),
  system: one.author === 'system',
  created_at: one.createdAt,
  updated_at: one.updatedAt,
})

/** Deliveries of GitLab about merge requests and notes. */
export const gitLabPullDelivery: ForgeApiKind['pullDelivery'] = async (state, repository, pull, event) => {
  const request = {
    ...(await shownRequest(state, repository, pull)),
    last_commit: { id: pull.last.head },
    source: { path_with_namespace: `${pull.from.owner}/${pull.from.name}` },
    target: { path_with_namespace: `${repository.owner}/${repository.name}` },
  }
  const shared = {
    user: shownUser(state, event.actor),
    project: { id: repository.id, git_http_url: repository.git.url },
  }
  if (event.comment !== undefined) {
    const note = {
      id: event.comment.id,
      note: event.comment.body,
      noteable_type: 'MergeRequest',
      action: 'create',
      system: false,
    }
    const payload = { object_kind: 'note', object_attributes: note, merge_request: request, ...shared }
    return { event: 'Note Hook', hears: 'note_events', payload }
  }
  const words = { opened: 'open', updated: 'update', closed: 'close', merged: 'merge', commented: '' }
  const attributes = {
    ...request,
    action: words[event.action],
    ...(event.before === undefined ? {} : { oldrev: event.before }),
  }
  const payload = { object_kind: 'merge_request', object_attributes: attributes, changes: {}, ...shared }
  return { event: 'Merge Request Hook', hears: 'merge_requests_events', payload }
}

/** Endpoints about people and groups. */
export function gitLabPeople(state: ForgeState, { path, query }: ApiCall): ApiAnswer | undefined {
  if (path === '/user') return { status: 200, json: shownUser(state, tokenUser) }
  if (path === '/users') {
    const username = query.get('username') ?? ''
    return {
      status: 200,
      json: state.membersOf('everybody')?.includes(username) === true ? [shownUser(state, username)] : [],
    }
  }
  const member = /^\/groups\/([^/]+)\/members\/all\/(\d+)$/.exec(path)
  if (member === null) return undefined
  const found = state
    .membersOf(decodeURIComponent(member[1] ?? ''))
    ?.find((one) => String(state.userId(one.replace('?', ''))) === member[2])
  if (found === undefined) return { status: 404, json: { message: '404 Not found' } }
  return { status: 200, json: { access_level: 30, state: found.endsWith('?') ? 'awaiting' : 'active' } }
}

/** Endpoints of a project after docs.gitlab.com/api (merge_requests, notes, approvals, branches, commits, repository_files, members). */
export async function gitLabPullRoutes(
  state: ForgeState,
  repository: KeptRepository,
  rest: string,
  call: ApiCall,
): Promise<ApiAnswer | undefined> {
  const { method, query, body } = call
  if (rest === '/merge_requests') {
    if (method === 'POST') {
      const made = await state.open(repository, { branch: String(body['source_branch']), title: String(body['title']) })
      return { status: 201, json: await shownRequest(state, repository, made) }
    }
    const found = repository.pulls.filter(
      ({ head, state: now }) => head === query.get('source_branch') && now === 'open',
    )
    return { status: 200, json: await Promise.all(found.map((one) => shownRequest(state, repository, one))) }
  }
  const [, number, part = ''] = /^\/merge_requests\/(\d+)(\/.*)?$/.exec(rest) ?? []
  if (number !== undefined) {
    const pull = repository.pulls.find((one) => String(one.number) === number)
    return pull === undefined ? notFound : ofRequest(state, repository, pull, { ...call, path: part })
  }
  const person = /^\/members\/all\/(\d+)$/.exec(rest)?.[1]
  if (person !== undefined) {
    const [, role] = [...repository.people].find(([login]) => String(state.userId(login)) === person) ?? []
    return role === undefined
      ? { status: 404, json: { message: '404 Not found' } }
      : { status: 200, json: { access_level: levels[role] ?? 5, state: 'active' } }
  }
  const file = /^\/repository\/files\/([^/]+)$/.exec(rest)?.[1]
  if (file !== undefined) {
    const found = await blobAt(repository, query.get('ref') ?? 'main', decodeURIComponent(file))
    if (found === undefined || found.type !== 'blob') return { status: 404, json: { message: '404 File Not Found' } }
    const size = Buffer.from(found.content, 'base64').length
    return {
      status: 200,
      json: { file_path: decodeURIComponent(file), encoding: 'base64', size, content: found.content },
    }
  }
  const revert = /^\/repository\/commits\/([0-9a-f]+)\/revert$/.exec(rest)?.[1]
  if (revert !== undefined) {
    const made = await revertCommit(repository, revert, String(body['branch']))
    return made === undefined
      ? { status: 400, json: { message: 'Sorry, we cannot revert this commit automatically.', error_code: 'conflict' } }
      : { status: 201, json: { id: made } }
  }
  return branches(repository, rest, call)
}

async function branches(
  repository: KeptRepository,
  rest: string,
  { method, body }: ApiCall,
): Promise<ApiAnswer | undefined> {
  if (rest === '/repository/branches' && method === 'POST') {
    await repository.git.setBranch(String(body['branch']), await repository.git.head(String(body['ref'])))
    return { status: 201, json: {} }
  }
  const name = /^\/repository\/branches\/([^/]+)$/.exec(rest)?.[1]
  if (name === undefined) return undefined
  const branch = decodeURIComponent(name)
  const id = await repository.git.head(branch)
  if (id === undefined) return { status: 404, json: { message: '404 Branch Not Found' } }
  if (method === 'DELETE') {
    await repository.git.git('update-ref', '-d', `refs/heads/${branch}`)
    return { status: 204 }
  }
  return { status: 200, json: { name: branch, commit: { id } } }
}

async function ofRequest(
  state: ForgeState,
  repository: KeptRepository,
  pull: KeptPull,
  { method, query, body, path }: ApiCall,
): Promise<ApiAnswer | undefined> {
  if (path === '') return { status: 200, json: await shownRequest(state, repository, pull) }
  if (path === '/approvals') {
    const approved = pull.reviews.filter(({ verdict }) => verdict === 'approved')
    return { status: 200, json: { approved_by: approved.map(({ by }) => ({ user: shownUser(state, by) })) } }
  }
  if (path === '/diffs') {
    const shown = (await diffOf(repository, pull)).map(({ status, path: file, previous }) => ({
      old_path: previous ?? file,
      new_path: file,
      new_file: status === 'A',
      renamed_file: status === 'R',
      deleted_file: status === 'D',
      diff: '@@ -1 +1 @@',
    }))
    return { status: 200, json: pageOf(shown, query, 'per_page', 100) }
  }
  if (path === '/notes' && method === 'POST') {
    const made = addComment(pull, state.nextId(), { author: tokenUser, body: String(body['body']) })
    return { status: 201, json: shownNote(state, made) }
  }
  if (path === '/notes')
    return {
      status: 200,
      json: pageOf(
        pull.comments.map((one) => shownNote(state, one)),
        query,
        'per_page',
        100,
      ),
    }
  const id = /^\/notes\/(\d+)$/.exec(path)?.[1]
  const found = pull.comments.find((one) => String(one.id) === id)
  if (found === undefined) return notFound
  if (method === 'DELETE') {
    pull.comments.splice(pull.comments.indexOf(found), 1)
    return { status: 204 }
  }
  if (method === 'PUT') {
    found.body = String(body['body'])
    found.updatedAt = new Date(Date.parse(found.createdAt) + 1000).toISOString()
  }
  return { status: 200, json: shownNote(state, found) }
}
