import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ForgeKind } from '../../../src/forges/index.ts'
import { forges } from '../forge-deliveries.ts'
import { GitServer } from '../git-server.ts'
import { giteaApi } from './gitea.ts'
import { appSecret, gitHubApi, installationToken, manifestEvents } from './github.ts'
import { gitLabApi } from './gitlab.ts'
import { createOAuth, type ForgeOAuth } from './oauth.ts'
import { createPullActions, type PullActions } from './pull-actions.ts'
import { openPull } from './pull-keeper.ts'
import {
  noCommit,
  type ApiAnswer,
  type ApiRequest,
  type ForgeApiKind,
  type ForgeState,
  type KeptHook,
  type KeptRepository,
} from './types.ts'

/** What a test may choose. */
export interface ForgeServerOptions {
  /** Token of the API and password of Git. */
  readonly token?: string
  /** Lets anybody read and push over Git. */
  readonly isOpen?: boolean
  readonly organizations?: readonly string[]
  /** The App's installation gets a token of its own, whose requests are the App's, not a person's. */
  readonly hasApp?: boolean
}

/** A forge: its API, its Git server, and webhooks that it really delivers, signed as the forge signs them. */
export interface ForgeServer {
  readonly kind: ForgeKind
  /** `http://127.0.0.1:<port>`. */
  readonly host: string
  readonly token: string
  readonly git: GitServer
  readonly repositories: Map<string, KeptRepository>
  /** Requests to the API, in order; `clear` them to count anew. */
  readonly requests: ApiRequest[]
  readonly create: (owner: string, name: string, files?: { readonly [path: string]: string }) => Promise<KeptRepository>
  /** Commits as somebody who pushes, and delivers. @returns the commit. */
  readonly push: (id: string, files: { readonly [path: string]: string | null }) => Promise<string>
  /** A GitHub App that is made from a manifest tells of every repository, with its own secret. */
  readonly installApp: (hookUrl: string) => void
  /** Members of organisations, teams and groups: `team`, `team/leads`; `everybody` are all who have an account at GitLab. A question mark behind a name: invited only. */
  readonly groups: Map<string, readonly string[]>
  /** How people sign in elsewhere with their accounts. */
  readonly oauth: ForgeOAuth
  /** What people do with pull requests; each is delivered. */
  readonly pulls: PullActions
  /** Answers the next requests to the API with this instead, one after the other. */
  readonly refusals: Refusal[]
  readonly close: () => Promise<void>
}

/** An answer of a limit, or of a forge that is not well. */
export interface Refusal {
  /** Only the next request with this method; the ones before it are answered as usual. */
  readonly method?: string
  readonly status: number
  readonly headers?: { readonly [name: string]: string }
  readonly json?: unknown
}

/** Starts a forge of a kind. */
export async function startForge(kind: ForgeKind, options: ForgeServerOptions = {}): Promise<ForgeServer> {
  const api: ForgeApiKind = kind === 'github' ? gitHubApi() : kind === 'gitlab' ? gitLabApi : giteaApi
  const { token = 'canary-token-of-the-forge', organizations = ['team'] } = options
  const repositories = new Map<string, KeptRepository>()
  const requests: ApiRequest[] = []
  const pending = new Set<Promise<void>>()
  let ids = 100
  const groups = new Map<string, readonly string[]>()
  const refusals: Refusal[] = []
  const users = new Map<string, number>()
  const userId = (login: string): number => {
    const id = users.get(login) ?? 5000 + users.size
    users.set(login, id)
    return id
  }
  const oauth = createOAuth(kind, () => host, userId)
  const deliver = (hook: KeptHook, event: string, payload: object): Promise<void> => {
    const sending = sendDelivery(kind, hook, event, payload, ++ids).finally(() => pending.delete(sending))
    pending.add(sending)
    return sending
  }
  const tell = async (repository: KeptRepository): Promise<void> => {
    const after = await repository.git.head()
    if (after === undefined || after === repository.told) return
    const before = repository.told ?? noCommit
    repository.told = after
    const hears = (hook: KeptHook): boolean => hook.active && hook.events.some((event) => event.startsWith('push'))
    const payload = api.pushPayload(repository, before, after)
    await Promise.all(repository.hooks.filter(hears).map((hook) => deliver(hook, api.pushEvent, payload)))
  }
  const git = await GitServer.start({
    ...(options.isOpen === true ? {} : { auth: { username: api.gitUser, password: token } }),
    onPush: async (name) => {
      const repository = repositories.get(name)
      if (repository !== undefined) await tell(repository)
    },
  })
  const create = async (owner: string, name: string, isPrivate: boolean): Promise<KeptRepository> => {
    const made: KeptRepository = {
      id: repositories.size + 3,
      owner,
      name,
      isPrivate,
      git: await git.create(`${owner}/${name}`),
      hooks: [],
      pulls: [],
      checkRuns: [],
      statuses: [],
      people: new Map([['ada', 'admin']]),
      told: undefined,
    }
    repositories.set(`${owner}/${name}`, made)
    return made
  }
  const state = (): ForgeState => ({
    origin: host,
    find: (owner, name) => repositories.get(`${owner}/${name}`),
    findById: (id) => [...repositories.values()].find((one) => one.id === id),
    repositories: () => repositories.values(),
    create,
    nextId: () => ++ids,
    deliver,
    installationToken: options.hasApp === true ? installationToken : token,
    isOrganization: (owner) => organizations.includes(owner),
    userId,
    membersOf: (group) => groups.get(group),
    open: (repository, { branch, title }) =>
      openPull(kind, repository, { branch, title, author: 'sluice-robot' }, () => ++ids),
  })
  const server = createServer((request, response) => {
    void handle(request, response).catch((error: unknown) => {
      response.writeHead(500).end(JSON.stringify({ message: String(error) }))
    })
  })
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://forge')
    const text = await readBody(request)
    const path = url.pathname.startsWith(api.base)
      ? url.pathname.slice(api.base.length)
      : url.pathname === api.graphQl
        ? '/graphql'
        : undefined
    const signedIn = oauth.answer({
      method: request.method ?? 'GET',
      pathname: url.pathname,
      path,
      query: url.searchParams,
      headers: request.headers,
      body: text,
      isKnown: api.isAuthorized(request.headers, token, path ?? ''),
    })
    const body = signedIn === undefined && text !== '' ? (JSON.parse(text) as { [field: string]: unknown }) : {}
    const isApp = options.hasApp === true && request.headers.authorization === `Bearer ${installationToken}`
    const call = { method: request.method ?? 'GET', path: path ?? '', query: url.searchParams, body, isApp }
    const at = refusals.findIndex(({ method = request.method }) => method === request.method)
    const refusal = path === undefined || at < 0 ? undefined : refusals.splice(at, 1)[0]
    const found: ApiAnswer | undefined =
      refusal ??
      signedIn ??
      (path === undefined
        ? undefined
        : api.isAuthorized(request.headers, token, path)
          ? await api.answer(state(), call)
          : { status: 401, json: { message: 'Bad credentials' } })
    const answer = found ?? { status: 404, json: { message: 'Not Found' } }
    requests.push({ method: request.method ?? '', path: `${url.pathname}${url.search}`, body, status: answer.status })
    const { json } = answer as { readonly json?: unknown }
    response.writeHead(answer.status, { 'content-type': 'application/json', ...refusal?.headers })
    response.end(json === undefined ? '' : JSON.stringify(json))
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    kind,
    host,
    token,
    git,
    repositories,
    requests,
    groups,
    refusals,
    oauth,
    pulls: createPullActions({ kind, api, state, tell }),
    create: async (owner, name, files) => {
      const made = await create(owner, name, options.isOpen !== true)
      if (files !== undefined) made.told = await made.git.commit(files)
      return made
    },
    push: async (id, files) => {
      const repository = repositories.get(id)
      if (repository === undefined) throw new Error(`there is no repository ${id}`)
      const commit = await repository.git.commit(files)
      await tell(repository)
      return commit
    },
    installApp: (url) => {
      for (const { hooks } of repositories.values())
        hooks.push({ id: ++ids, url, secret: appSecret, events: [...manifestEvents], active: true, deliveries: [] })
    },
    close: () => closeAll(server, git, pending),
  }
}

async function closeAll(server: Server, git: GitServer, pending: ReadonlySet<Promise<void>>): Promise<void> {
  await Promise.all(pending)
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  await git.close()
}

async function sendDelivery(
  kind: ForgeKind,
  hook: KeptHook,
  event: string,
  payload: object,
  id: number,
): Promise<void> {
  const forge = forges.find(({ provider }) => provider === kind)
  if (forge === undefined) throw new Error(`no deliveries of ${kind}`)
  const delivery = forge.sign(payload, { secret: hook.secret, event })
  const at = new Date().toISOString()
  let status = 0
  try {
    const response = await fetch(hook.url, { method: 'POST', ...delivery, signal: AbortSignal.timeout(10_000) })
    await response.arrayBuffer()
    status = response.status
  } catch {
    // Nobody is there: what the forge notes is a delivery without an answer.
  }
  hook.deliveries.push({ id, event, at, status })
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}
