import { z } from 'zod'
import { apiBase, cloneUrlOf, parseAnswer } from './answer.ts'
import { hookShape, toRepository, toWebhook } from './github-shapes.ts'
import { forgeCaller } from './request.ts'
import type { Forge, ForgeDeps, ForgeTarget, Webhook, WebhookWish } from './types.ts'

/** Gitea gives at most 50 on a page (its setting MAX_RESPONSE_ITEMS). */
const pageSize = 50
const maxPages = 20

/** Headers of every request to Gitea. */
export function giteaHeaders(token: string): { readonly [name: string]: string } {
  return { authorization: `token ${token}`, accept: 'application/json' }
}

/** Gitea and Forgejo (docs.gitea.com/api: repository). They have no list of deliveries in their API. */
export function createGitea(deps: ForgeDeps, target: ForgeTarget): Forge {
  const api = apiBase(target, '/api/v1')
  const owner = encodeURIComponent(target.owner)
  const here = `${api}/repos/${owner}/${encodeURIComponent(target.name)}`
  const call = forgeCaller(deps, () => target.token, giteaHeaders)
  const hooksRight = 'the scope write:repository and administration of the repository'
  const hookOf = (json: unknown): Webhook => toWebhook(parseAnswer('Gitea', hookShape, json))
  return {
    kind: 'gitea',
    title: 'Gitea',
    gitUser: 'git',
    expectedCloneUrl: cloneUrlOf(target),
    readRepository: async () => {
      const { status, json } = await call('GET', here, 'the scope read:repository', { accept: [404] })
      return status === 404 ? undefined : toRepository('Gitea', json)
    },
    createRepository: async ({ isPrivate }) => {
      const right = 'the scopes write:repository, read:organization and write:organization or write:user'
      const { status } = await call('GET', `${api}/orgs/${owner}`, right, { accept: [404] })
      const url = status === 404 ? `${api}/user/repos` : `${api}/orgs/${owner}/repos`
      const body = { name: target.name, private: isPrivate, auto_init: false }
      return toRepository('Gitea', (await call('POST', url, right, { body })).json)
    },
    listWebhooks: async () => {
      const all: Webhook[] = []
      for (let page = 1; page <= maxPages; page++) {
        const { json } = await call('GET', `${here}/hooks?limit=${pageSize}&page=${page}`, hooksRight)
        const found = parseAnswer('Gitea', z.array(hookShape), json).map(toWebhook)
        all.push(...found)
        // A server may give fewer than asked for: only an empty page is the last for sure.
        if (found.length === 0) break
      }
      return all
    },
    eventsOf,
    createWebhook: async (wish) => {
      const more = { body: { type: 'gitea', ...hookBody(wish) }, secrets: [wish.secret] }
      return hookOf((await call('POST', `${here}/hooks`, hooksRight, more)).json)
    },
    updateWebhook: async (id, wish) => {
      const more = { body: hookBody(wish), secrets: [wish.secret] }
      return hookOf((await call('PATCH', `${here}/hooks/${encodeURIComponent(id)}`, hooksRight, more)).json)
    },
    deleteWebhook: async (id) => {
      await call('DELETE', `${here}/hooks/${encodeURIComponent(id)}`, hooksRight, { accept: [404] })
    },
    testWebhook: async (id) => {
      await call('POST', `${here}/hooks/${encodeURIComponent(id)}/tests`, hooksRight)
    },
    recentDeliveries: () => Promise.resolve(undefined),
  }
}

function eventsOf({ pullRequests }: Pick<WebhookWish, 'pullRequests'>): readonly string[] {
  if (pullRequests !== true) return ['push']
  return [
    'pull_request',
    'pull_request_comment',
    'pull_request_label',
    'pull_request_review_approved',
    'pull_request_review_rejected',
    'pull_request_sync',
    'push',
  ]
}

function hookBody(wish: WebhookWish): object {
  const config = { url: wish.url, content_type: 'json', secret: wish.secret }
  return { active: true, events: eventsOf(wish), config }
}
