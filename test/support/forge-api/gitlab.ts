import { gitLabPeople, gitLabPullDelivery, gitLabPullRoutes } from './gitlab-pulls.ts'
import { statusRoutes } from './statuses.ts'
import { notFound, type ForgeApiKind, type KeptHook, type KeptRepository } from './types.ts'

const fields = ['push_events', 'tag_push_events', 'merge_requests_events', 'note_events', 'issues_events'] as const

const shownHook = (hook: KeptHook): object => ({
  id: hook.id,
  url: hook.url,
  project_id: 3,
  enable_ssl_verification: true,
  alert_status: 'executable',
  ...Object.fromEntries(fields.map((field) => [field, hook.events.includes(field)])),
})

const shownProject = ({ id, owner, name, isPrivate, git }: KeptRepository): object => ({
  id,
  name,
  path: name,
  path_with_namespace: `${owner}/${name}`,
  visibility: isPrivate ? 'private' : 'public',
  web_url: git.url.replace(/\.git$/, ''),
  http_url_to_repo: git.url,
  ssh_url_to_repo: `git@example.com:${owner}/${name}.git`,
  default_branch: 'main',
})

function change(hook: KeptHook, body: { readonly [field: string]: unknown }): void {
  hook.url = (body['url'] as string | undefined) ?? hook.url
  hook.secret = (body['token'] as string | undefined) ?? hook.secret
  // GitLab turns push events on unless it is told otherwise.
  hook.events = fields.filter((field) => body[field] === true || (field === 'push_events' && body[field] === undefined))
}

/** Endpoints after docs.gitlab.com/api (projects, namespaces, project_webhooks). */
export const gitLabApi: ForgeApiKind = {
  base: '/api/v4',
  gitUser: 'oauth2',
  isAuthorized: (headers, token) => headers['private-token'] === token,
  pullDelivery: gitLabPullDelivery,
  pushEvent: 'Push Hook',
  pushPayload: (repository, before, after) => ({
    object_kind: 'push',
    event_name: 'push',
    ref: 'refs/heads/main',
    before,
    after,
    checkout_sha: after,
    user_username: 'ada',
    project: { git_http_url: repository.git.url, web_url: repository.git.url.replace(/\.git$/, '') },
  }),
  answer: async (state, call) => {
    const { method, path, body } = call
    const people = gitLabPeople(state, call)
    if (people !== undefined) return people
    const byId = /^\/projects\/(\d+)$/.exec(path)?.[1]
    const project = byId === undefined ? undefined : state.findById(Number(byId))
    if (project !== undefined) return { status: 200, json: shownProject(project) }
    const namespace = /^\/namespaces\/([^/]+)$/.exec(path)
    if (namespace !== null) return { status: 200, json: { id: 7, full_path: decodeURIComponent(namespace[1] ?? '') } }
    if (path === '/projects' && method === 'POST') {
      if (body['namespace_id'] !== 7) return { status: 400, json: { message: { namespace: ['is not valid'] } } }
      const made = await state.create('team', String(body['path']), body['visibility'] === 'private')
      return { status: 201, json: shownProject(made) }
    }
    const found = /^\/projects\/([^/]+)(\/.*)?$/.exec(path)
    const [, owner = '', name = ''] = /^(.+)\/([^/]+)$/.exec(decodeURIComponent(found?.[1] ?? '')) ?? []
    const repository = state.find(owner, name)
    if (found === null || repository === undefined) return { status: 404, json: { message: '404 Project Not Found' } }
    const rest = found[2] ?? ''
    if (rest === '') return { status: 200, json: shownProject(repository) }
    if (rest === '/hooks' && method === 'GET') return { status: 200, json: repository.hooks.map(shownHook) }
    if (rest === '/hooks' && method === 'POST') {
      const made: KeptHook = { id: state.nextId(), url: '', secret: '', events: [], active: true, deliveries: [] }
      change(made, body)
      repository.hooks.push(made)
      return { status: 201, json: shownHook(made) }
    }
    const one = /^\/hooks\/(\d+)(\/test\/push_events|\/events)?$/.exec(rest)
    const hook = repository.hooks.find(({ id }) => String(id) === one?.[1])
    if (one === null)
      return (await gitLabPullRoutes(state, repository, rest, call)) ?? statusRoutes(repository, rest, call) ?? notFound
    if (hook === undefined) return notFound
    if (one[2] === '/test/push_events') {
      const head = await repository.git.head()
      if (head === undefined) return { status: 422, json: { message: 'Ensure the project has at least one commit.' } }
      await state.deliver(hook, 'Push Hook', gitLabApi.pushPayload(repository, head, head))
      return { status: 201, json: { message: '201 Created' } }
    }
    if (one[2] === '/events') {
      const shown = hook.deliveries.map(({ id, event, at, status }) => ({
        id,
        url: hook.url,
        trigger: event === 'Push Hook' ? 'push_hooks' : event,
        response_status: status === 0 ? 'internal error' : String(status),
        created_at: at,
        execution_duration: 0.5,
      }))
      return { status: 200, json: shown.toReversed() }
    }
    if (method === 'PUT') change(hook, body)
    if (method === 'DELETE') {
      repository.hooks.splice(repository.hooks.indexOf(hook), 1)
      return { status: 204 }
    }
    return { status: 200, json: shownHook(hook) }
  },
}
