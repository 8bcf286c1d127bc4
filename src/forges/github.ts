import { z } from 'zod'
import { apiBase, cloneUrlOf, pageSize, parseAnswer, readPages } from './answer.ts'
import { hookShape, toRepository, toWebhook } from './github-shapes.ts'
import { forgeCaller } from './request.ts'
import type { Forge, ForgeDeps, ForgeTarget, Webhook, WebhookWish } from './types.ts'

const deliveries = z.array(z.object({ event: z.string(), delivered_at: z.string(), status_code: z.number() }))

/** The API of GitHub: that of github.com, or below `/api/v3` of a server of one's own. */
export function gitHubApiOf(target: Pick<ForgeTarget, 'host' | 'api'>): string {
  const isPublic = new URL(target.host).hostname === 'github.com'
  return isPublic && target.api === undefined ? 'https://api.github.com' : apiBase(target, '/api/v3')
}

/** Headers of every request to GitHub (docs.github.com/rest, version 2022-11-28). */
export function gitHubHeaders(token: string): { readonly [name: string]: string } {
  return {
    authorization: `Bearer ${token}`,
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
  }
}

/** GitHub, and GitHub Enterprise Server (docs.github.com/rest: repos, repos/webhooks). */
export function createGitHub(deps: ForgeDeps, target: ForgeTarget): Forge {
  const api = gitHubApiOf(target)
  const here = `${api}/repos/${encodeURIComponent(target.owner)}/${encodeURIComponent(target.name)}`
  const call = forgeCaller(deps, () => target.token, gitHubHeaders)
  const hooksRight =
    'the right to webhooks of the repository (fine-grained: Webhooks, read and write; classic: admin:repo_hook)'
  const hookOf = (json: unknown): Webhook => toWebhook(parseAnswer('GitHub', hookShape, json))
  return {
    kind: 'github',
    title: 'GitHub',
    gitUser: 'x-access-token',
    expectedCloneUrl: cloneUrlOf(target),
    readRepository: async () => {
      const { status, json } = await call('GET', here, 'to read the repository', { accept: [404] })
      return status === 404 ? undefined : toRepository('GitHub', json)
    },
    createRepository: async ({ isPrivate }) => {
      const right = 'the right to create repositories (fine-grained: Administration, read and write; classic: repo)'
      const owner = await call('GET', `${api}/users/${encodeURIComponent(target.owner)}`, right)
      const { type } = parseAnswer('GitHub', z.object({ type: z.string() }), owner.json)
      const url =
        type === 'Organization' ? `${api}/orgs/${encodeURIComponent(target.owner)}/repos` : `${api}/user/repos`
      const body = { name: target.name, private: isPrivate, auto_init: false }
      return toRepository('GitHub', (await call('POST', url, right, { body })).json)
    },
    listWebhooks: () =>
      readPages(async (page) => {
        const { json } = await call('GET', `${here}/hooks?per_page=${pageSize}&page=${page}`, hooksRight)
        return parseAnswer('GitHub', z.array(hookShape), json).map(toWebhook)
      }),
    eventsOf,
    createWebhook: async (wish) => {
      const body = { name: 'web', ...hookBody(wish) }
      return hookOf((await call('POST', `${here}/hooks`, hooksRight, { body, secrets: [wish.secret] })).json)
    },
    updateWebhook: async (id, wish) => {
      const more = { body: hookBody(wish), secrets: [wish.secret] }
      return hookOf((await call('PATCH', `${here}/hooks/${encodeURIComponent(id)}`, hooksRight, more)).json)
    },
    deleteWebhook: async (id) => {
      await call('DELETE', `${here}/hooks/${encodeURIComponent(id)}`, hooksRight, { accept: [404] })
    },
    testWebhook: async (id) => {
      await call('POST', `${here}/hooks/${encodeURIComponent(id)}/pings`, hooksRight)
    },
    recentDeliveries: async (id) => {
      const { json } = await call('GET', `${here}/hooks/${encodeURIComponent(id)}/deliveries?per_page=20`, hooksRight)
      const found = parseAnswer('GitHub', deliveries, json)
      return found.map(({ event, delivered_at: at, status_code: status }) => ({ event, at, status }))
    },
  }
}

function eventsOf({ pullRequests }: Pick<WebhookWish, 'pullRequests'>): readonly string[] {
  return pullRequests === true ? ['issue_comment', 'pull_request', 'pull_request_review', 'push'] : ['push']
}

function hookBody(wish: WebhookWish): object {
  const config = { url: wish.url, content_type: 'json', secret: wish.secret, insecure_ssl: '0' }
  return { active: true, events: eventsOf(wish), config }
}
