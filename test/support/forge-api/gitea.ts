import { giteaPeople, giteaPullDelivery, giteaPullRoutes } from './gitea-pulls.ts'
import { statusRoutes } from './statuses.ts'
import { notFound, type ForgeApiKind, type KeptHook, type KeptRepository } from './types.ts'

const shownHook = (hook: KeptHook): object => ({
  id: hook.id,
  type: 'gitea',
  active: hook.active,
  events: hook.events,
  config: { content_type: 'json', url: hook.url },
  authorization_header: '',
  branch_filter: '*',
})

const shownRepository = ({ owner, name, isPrivate, git }: KeptRepository): object => ({
  id: 9,
  name,
  full_name: `${owner}/${name}`,
  private: isPrivate,
  html_url: git.url.replace(/\.git$/, ''),
  clone_url: git.url,
  ssh_url: `git@example.com:${owner}/${name}.git`,
  default_branch: 'main',
})

function change(hook: KeptHook, body: { readonly [field: string]: unknown }): void {
  const config = (body['config'] ?? {}) as { url?: string; secret?: string }
  hook.url = config.url ?? hook.url
  hook.secret = config.secret ?? hook.secret
  hook.events = (body['events'] as string[] | undefined) ?? hook.events
  hook.active = (body['active'] as boolean | undefined) ?? hook.active
}

/** Endpoints after docs.gitea.com/api (repository, organization). */
export const giteaApi: ForgeApiKind = {
  base: '/api/v1',
  gitUser: 'git',
  isAuthorized: ({ authorization }, token) => authorization === `token ${token}`,
  pullDelivery: giteaPullDelivery,
  pushEvent: 'push',
  pushPayload: (repository, before, after) => ({
    ref: 'refs/heads/main',
    before,
    after,
    repository: shownRepository(repository),
    pusher: { login: 'ada' },
    sender: { login: 'ada' },
  }),
  answer: async (state, call) => {
    const { method, path, query, body } = call
    const people = giteaPeople(state, call)
    if (people !== undefined) return people
    const org = /^\/orgs\/([^/]+)$/.exec(path)
    if (org !== null) return state.isOrganization(org[1] ?? '') ? { status: 200, json: { username: org[1] } } : notFound
    const creation = /^\/(?:orgs\/([^/]+)|user)\/repos$/.exec(path)
    if (creation !== null && method === 'POST') {
      const made = await state.create(creation[1] ?? 'ada', String(body['name']), body['private'] === true)
      return { status: 201, json: shownRepository(made) }
    }
    const found = /^\/repos\/([^/]+)\/([^/]+)(\/.*)?$/.exec(path)
    const repository = state.find(found?.[1] ?? '', found?.[2] ?? '')
    if (found === null || repository === undefined) return notFound
    const rest = found[3] ?? ''
    if (rest === '') return { status: 200, json: shownRepository(repository) }
    if (rest === '/hooks' && method === 'GET') {
      const page = Number(query.get('page') ?? 1)
      const limit = Math.min(50, Number(query.get('limit') ?? 30))
      return { status: 200, json: repository.hooks.slice((page - 1) * limit, page * limit).map(shownHook) }
    }
    if (rest === '/hooks' && method === 'POST') {
      if (body['type'] !== 'gitea') return { status: 422, json: { message: 'invalid hook type' } }
      const made: KeptHook = { id: state.nextId(), url: '', secret: '', events: [], active: true, deliveries: [] }
      change(made, body)
      repository.hooks.push(made)
      return { status: 201, json: shownHook(made) }
    }
    const one = /^\/hooks\/(\d+)(\/tests)?$/.exec(rest)
    const hook = repository.hooks.find(({ id }) => String(id) === one?.[1])
    if (one === null)
      return (await giteaPullRoutes(state, repository, rest, call)) ?? statusRoutes(repository, rest, call) ?? notFound
    if (hook === undefined) return notFound
    if (one[2] === '/tests') {
      const head = (await repository.git.head()) ?? ''
      void state.deliver(hook, 'push', giteaApi.pushPayload(repository, head, head))
      return { status: 204 }
    }
    if (method === 'PATCH') change(hook, body)
    if (method === 'DELETE') {
      repository.hooks.splice(repository.hooks.indexOf(hook), 1)
      return { status: 204 }
    }
    return { status: 200, json: shownHook(hook) }
  },
}
