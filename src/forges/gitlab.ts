import { z } from 'zod'
import { apiBase, cloneUrlOf, pageSize, parseAnswer, readPages } from './answer.ts'
import { forgeCaller } from './request.ts'
import type { Forge, ForgeDeps, ForgeRepository, ForgeTarget, Webhook, WebhookWish } from './types.ts'

const project = z.object({
  path_with_namespace: z.string(),
  http_url_to_repo: z.string(),
  web_url: z.string(),
  visibility: z.string(),
  default_branch: z.string().nullish(),
})
/** Events that we ask for or must turn off; every one is a field of its own. */
const eventFields = ['push_events', 'tag_push_events', 'merge_requests_events', 'note_events'] as const
const hook = z.object({
  id: z.number(),
  url: z.string(),
  push_events: z.boolean(),
  tag_push_events: z.boolean(),
  merge_requests_events: z.boolean(),
  note_events: z.boolean(),
  alert_status: z.string().nullish(),
})
const events = z.array(
  z.object({
    trigger: z.string(),
    response_status: z.union([z.string(), z.number()]),
    created_at: z.string().nullish(),
  }),
)

/** Headers of every request to GitLab. */
export function gitLabHeaders(token: string): { readonly [name: string]: string } {
  return { 'private-token': token, accept: 'application/json' }
}

/** GitLab, gitlab.com or a server of one's own (docs.gitlab.com/api: projects, project_webhooks). */
export function createGitLab(deps: ForgeDeps, target: ForgeTarget): Forge {
  const api = apiBase(target, '/api/v4')
  const here = `${api}/projects/${encodeURIComponent(`${target.owner}/${target.name}`)}`
  const call = forgeCaller(deps, () => target.token, gitLabHeaders)
  const hooksRight = 'the scope api and the role Maintainer of the project'
  const hookOf = (json: unknown): Webhook => toWebhook(parseAnswer('GitLab', hook, json))
  return {
    kind: 'gitlab',
    title: 'GitLab',
    gitUser: 'oauth2',
    expectedCloneUrl: cloneUrlOf(target),
    readRepository: async () => {
      const { status, json } = await call('GET', here, 'the scope read_api', { accept: [404] })
      return status === 404 ? undefined : toRepository(json)
    },
    createRepository: async ({ isPrivate }) => {
      const right = 'the scope api and the right to create projects in the group'
      const owner = await call('GET', `${api}/namespaces/${encodeURIComponent(target.owner)}`, right)
      const { id } = parseAnswer('GitLab', z.object({ id: z.number() }), owner.json)
      const body = {
        name: target.name,
        path: target.name,
        namespace_id: id,
        visibility: isPrivate ? 'private' : 'public',
        initialize_with_readme: false,
      }
      return toRepository((await call('POST', `${api}/projects`, right, { body })).json)
    },
    listWebhooks: () =>
      readPages(async (page) => {
        const { json } = await call('GET', `${here}/hooks?per_page=${pageSize}&page=${page}`, hooksRight)
        return parseAnswer('GitLab', z.array(hook), json).map(toWebhook)
      }),
    eventsOf,
    createWebhook: async (wish) => {
      const more = { body: hookBody(wish), secrets: [wish.secret] }
      return hookOf((await call('POST', `${here}/hooks`, hooksRight, more)).json)
    },
    updateWebhook: async (id, wish) => {
      const more = { body: hookBody(wish), secrets: [wish.secret] }
      return hookOf((await call('PUT', `${here}/hooks/${encodeURIComponent(id)}`, hooksRight, more)).json)
    },
    deleteWebhook: async (id) => {
      await call('DELETE', `${here}/hooks/${encodeURIComponent(id)}`, hooksRight, { accept: [404] })
    },
    testWebhook: async (id) => {
      await call('POST', `${here}/hooks/${encodeURIComponent(id)}/test/push_events`, hooksRight)
    },
    recentDeliveries: async (id) => {
      // Servers before 17.3 do not tell.
      const url = `${here}/hooks/${encodeURIComponent(id)}/events?per_page=20`
      const { status, json } = await call('GET', url, hooksRight, { accept: [404] })
      if (status === 404) return undefined
      return parseAnswer('GitLab', events, json).map((one) => ({
        event: one.trigger,
        at: one.created_at ?? '',
        status: Number(one.response_status) || 0,
      }))
    },
  }
}

function eventsOf({ pullRequests }: Pick<WebhookWish, 'pullRequests'>): readonly string[] {
  return pullRequests === true
    ? ['merge_requests_events', 'note_events', 'push_events', 'tag_push_events']
    : ['push_events', 'tag_push_events']
}

function hookBody(wish: WebhookWish): object {
  const wanted = eventsOf(wish)
  return {
    url: wish.url,
    token: wish.secret,
    enable_ssl_verification: true,
    ...Object.fromEntries(eventFields.map((field) => [field, wanted.includes(field)])),
  }
}

function toRepository(json: unknown): ForgeRepository {
  const found = parseAnswer('GitLab', project, json)
  return {
    id: found.path_with_namespace,
    cloneUrl: found.http_url_to_repo,
    webUrl: found.web_url,
    isPrivate: found.visibility !== 'public',
    ...(typeof found.default_branch === 'string' ? { defaultBranch: found.default_branch } : {}),
  }
}

/** GitLab turns off a webhook that fails too often; its state is told since 16.0. */
function toWebhook(found: z.infer<typeof hook>): Webhook {
  return {
    id: String(found.id),
    url: found.url,
    isActive: found.alert_status !== 'disabled',
    events: eventFields.filter((field) => found[field]).toSorted(),
  }
}
