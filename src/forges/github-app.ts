import { z } from 'zod'
import { parseAnswer } from './answer.ts'
import { gitHubApiOf } from './github.ts'
import { callForge } from './request.ts'
import type { ForgeDeps, ForgeTarget } from './types.ts'

/** An App that GitHub has made from a manifest. Holds its private key: never printed. */
export interface GitHubApp {
  readonly id: string
  readonly slug: string
  /** PEM. */
  readonly privateKey: string
  readonly webhookSecret: string
  /** Where people see it. */
  readonly webUrl: string
}

/** What the App should be. */
export interface ManifestOptions {
  readonly name: string
  /** Where deliveries go. */
  readonly hookUrl: string
  /** Where GitHub sends the browser back to, with the code. */
  readonly redirectUrl: string
  readonly homepage: string
  /** Organisation that owns the App; undefined: the user who is signed in. */
  readonly organization?: string
  readonly host: string
  /** Comes back with the code, so that nobody else's is taken. */
  readonly state: string
}

const app = z.object({
  id: z.number(),
  slug: z.string(),
  pem: z.string().includes('PRIVATE KEY'),
  webhook_secret: z.string().min(8),
  html_url: z.string(),
})

/**
 * The form that a browser sends to GitHub to make an App from a manifest (docs.github.com/apps/sharing-github-apps): the App may read and write the contents, write comments on pull requests, check runs, statuses and
 * deployments, and read who is a member; it hears of pushes and of pull requests, their reviews and comments.
 */
export function manifestForm(options: ManifestOptions): { readonly action: string; readonly manifest: string } {
  const { host, organization, state } = options
  const path =
    organization === undefined
      ? '/settings/apps/new'
      : `/organizations/${encodeURIComponent(organization)}/settings/apps/new`
  const manifest = {
    name: options.name,
    url: options.homepage,
    hook_attributes: { url: options.hookUrl, active: true },
    redirect_url: options.redirectUrl,
    public: false,
    default_permissions: {
      contents: 'write',
      metadata: 'read',
      pull_requests: 'write',
      statuses: 'write',
      deployments: 'write',
      checks: 'write',
      members: 'read',
    },
    default_events: ['push', 'pull_request', 'pull_request_review', 'issue_comment'],
  }
  return { action: `${host}${path}?state=${encodeURIComponent(state)}`, manifest: JSON.stringify(manifest) }
}

/**
 * Exchanges the code that GitHub has sent the browser back with for the App: `POST /app-manifests/{code}/conversions`, within an hour and once. No token is needed for it.
 *
 * @throws EngineError as {@link Forge}.
 */
export async function createGitHubApp(
  deps: ForgeDeps,
  target: Pick<ForgeTarget, 'host' | 'api'>,
  code: string,
): Promise<GitHubApp> {
  const { json } = await callForge(deps, {
    method: 'POST',
    url: `${gitHubApiOf(target)}/app-manifests/${encodeURIComponent(code)}/conversions`,
    headers: { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' },
    right: 'to be used within an hour, and only once: run it again for a new one',
    secrets: [code],
  })
  const made = parseAnswer('GitHub', app, json)
  return {
    id: String(made.id),
    slug: made.slug,
    privateKey: made.pem,
    webhookSecret: made.webhook_secret,
    webUrl: made.html_url,
  }
}
