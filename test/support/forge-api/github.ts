import { createVerify, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { gitHubGraphQl, gitHubPeople, gitHubPullDelivery, gitHubPullRoutes } from './github-pulls.ts'
import { statusRoutes } from './statuses.ts'
import { noCommit, notFound, type ApiAnswer, type ForgeApiKind, type KeptHook, type KeptRepository } from './types.ts'

const shownHook = (hook: KeptHook): object => ({
  type: 'Repository',
  id: hook.id,
  name: 'web',
  active: hook.active,
  events: hook.events,
  // GitHub never tells the secret.
  config: { url: hook.url, content_type: 'json', insecure_ssl: '0', secret: '********' },
})

const shownRepository = ({ owner, name, isPrivate, git }: KeptRepository): object => ({
  id: 1296269,
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

/** The token of the App's installation, where a test tells it from that of a person. */
export const installationToken = 'canary-token-of-the-installation'

/** What an App of our manifest hears of. */
export const manifestEvents = ['push', 'pull_request', 'pull_request_review', 'issue_comment'] as const

/** What deliveries of the App are signed with. */
export const appSecret = 'canary-webhook-secret-of-the-app'

/** Whether a bearer is a JWT of the App (RS256), not older than GitHub allows. */
function isSignedBy(key: KeyObject, authorization: string): boolean {
  const [head = '', body = '', signature = ''] = authorization.replace(/^Bearer /, '').split('.')
  const isSigned = createVerify('RSA-SHA256').update(`${head}.${body}`).verify(key, signature, 'base64url')
  const { exp = 0 } = JSON.parse(Buffer.from(body, 'base64url').toString()) as { exp?: number }
  return isSigned && exp * 1000 > Date.now()
}

/** Endpoints after docs.github.com/rest (repos, repos/webhooks, apps/apps), API version 2022-11-28. */
export function gitHubApi(): ForgeApiKind {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  const codes = new Set(['a-code-of-the-tests'])
  return {
    base: '/api/v3',
    gitUser: 'x-access-token',
    isAuthorized: ({ authorization }, token, path) => {
      if (authorization === `Bearer ${installationToken}`) return true
      if (path.startsWith('/app-manifests/')) return true
      const isForApps = path.startsWith('/app/') || path.endsWith('/installation')
      return isForApps ? isSignedBy(publicKey, String(authorization)) : authorization === `Bearer ${token}`
    },
    graphQl: '/api/graphql',
    pullDelivery: gitHubPullDelivery,
    pushEvent: 'push',
    pushPayload: (repository, before, after) => ({
      ref: 'refs/heads/main',
      before,
      after,
      created: before === noCommit,
      deleted: false,
      forced: false,
      repository: shownRepository(repository),
      pusher: { name: 'ada' },
      sender: { login: 'ada' },
    }),
    answer: async (state, call) => {
      const { method, path, body } = call
      if (path === '/graphql') return gitHubGraphQl(state, state.repositories(), body)
      const people = gitHubPeople(state, call)
      if (people !== undefined) return people
      const conversion = /^\/app-manifests\/([^/]+)\/conversions$/.exec(path)
      if (conversion !== null && method === 'POST') {
        // A code counts once.
        if (!codes.delete(conversion[1] ?? '')) return notFound
        const made = {
          id: 4711,
          slug: 'sluice-fleet',
          name: 'Sluice',
          html_url: 'https://github.test/apps/sluice-fleet',
        }
        return {
          status: 201,
          json: { ...made, pem, webhook_secret: appSecret, client_id: 'Iv1' },
        }
      }
      const installation = /^\/(?:orgs|users)\/([^/]+)\/installation$/.exec(path)
      if (installation !== null)
        return installation[1] === 'team' ? { status: 200, json: { id: 77, app_id: 4711 } } : notFound
      if (path === '/app/installations/77/access_tokens' && method === 'POST')
        return {
          status: 201,
          json: { token: state.installationToken, expires_at: new Date(Date.now() + 3_600_000).toISOString() },
        }
      const user = /^\/users\/([^/]+)$/.exec(path)
      if (user !== null)
        return {
          status: 200,
          json: { login: user[1], type: state.isOrganization(user[1] ?? '') ? 'Organization' : 'User' },
        }
      const creation = /^\/(?:orgs\/([^/]+)|user)\/repos$/.exec(path)
      if (creation !== null && method === 'POST') {
        const owner = creation[1] ?? 'ada'
        const made = await state.create(owner, String(body['name']), body['private'] === true)
        return { status: 201, json: shownRepository(made) }
      }
      const found = /^\/repos\/([^/]+)\/([^/]+)(\/.*)?$/.exec(path)
      const repository = state.find(found?.[1] ?? '', found?.[2] ?? '')
      if (found === null || repository === undefined) return notFound
      const rest = found[3] ?? ''
      if (rest === '') return { status: 200, json: shownRepository(repository) }
      if (!rest.startsWith('/hooks'))
        return (
          (await gitHubPullRoutes(state, repository, rest, call)) ?? statusRoutes(repository, rest, call) ?? notFound
        )
      return hooks(repository, rest, method, body, state)
    },
  }
}

async function hooks(
  repository: KeptRepository,
  rest: string,
  method: string,
  body: { readonly [field: string]: unknown },
  state: Parameters<ForgeApiKind['answer']>[0],
): Promise<ApiAnswer | undefined> {
  if (rest === '/hooks' && method === 'GET') return { status: 200, json: repository.hooks.map(shownHook) }
  if (rest === '/hooks' && method === 'POST') {
    const config = body['config'] as { url: string }
    if (repository.hooks.some((hook) => hook.url === config.url))
      return {
        status: 422,
        json: { message: 'Validation Failed', errors: [{ message: 'Hook already exists on this repository' }] },
      }
    const made: KeptHook = { id: state.nextId(), url: '', secret: '', events: [], active: true, deliveries: [] }
    change(made, body)
    repository.hooks.push(made)
    // GitHub pings a webhook that was made.
    void state.deliver(made, 'ping', { zen: 'Keep it logically awesome.', hook_id: made.id })
    return { status: 201, json: shownHook(made) }
  }
  const one = /^\/hooks\/(\d+)(\/pings|\/deliveries)?$/.exec(rest)
  const hook = repository.hooks.find(({ id }) => String(id) === one?.[1])
  if (one === null || hook === undefined) return notFound
  if (one[2] === '/pings' && method === 'POST') {
    void state.deliver(hook, 'ping', { zen: 'Design for failure.', hook_id: hook.id })
    return { status: 204 }
  }
  if (one[2] === '/deliveries') {
    const shown = hook.deliveries.map(({ id, event, at, status }) => ({
      id,
      guid: `g-${id}`,
      delivered_at: at,
      redelivery: false,
      duration: 0.27,
      status: status === 0 ? 'failed to connect to host' : 'OK',
      status_code: status,
      event,
      action: null,
    }))
    return { status: 200, json: shown.toReversed() }
  }
  if (method === 'PATCH') change(hook, body)
  if (method === 'DELETE') {
    repository.hooks.splice(repository.hooks.indexOf(hook), 1)
    return { status: 204 }
  }
  return { status: 200, json: shownHook(hook) }
}
