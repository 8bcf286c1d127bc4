import type { NotificationAnswer, NotifyServer, ReceivedNotification } from './notify-server.ts'

/** A status as GitHub keeps it. */
export interface KeptStatus {
  readonly state: string
  readonly description: string
  readonly context: string
  readonly target_url?: string
}

/** The parts of GitHub's API that statuses and deployments need, with what they leave behind. */
export interface FakeGitHub {
  /** Newest first, by commit. */
  readonly statuses: Map<string, KeptStatus[]>
  readonly deployments: {
    readonly id: number
    readonly sha: string
    readonly environment: string
    readonly statuses: { state: string; description: string; log_url?: string }[]
  }[]
  /** The latest status of each context of a commit. */
  latest(commit: string): { readonly [context: string]: string }
}

/**
 * Answers as GitHub does, for any repository and any path before `/repos/`. Requests without the token are refused.
 *
 * @param options.refuses for which requests the token does not do.
 * @param options.delay milliseconds before each answer; what a request changes is changed when it arrives, or, for half of them, when it is answered.
 */
export function fakeGitHub(
  server: NotifyServer,
  options: { readonly token: string; readonly delay?: () => number; readonly refuses?: (url: URL) => boolean },
): FakeGitHub {
  const statuses = new Map<string, KeptStatus[]>()
  const deployments: FakeGitHub['deployments'][number][] = []
  const json = (value: unknown, status = 200): NotificationAnswer => ({
    status,
    body: JSON.stringify(value),
    delayMs: options.delay?.() ?? 0,
  })
  const answer = (request: ReceivedNotification): NotificationAnswer => {
    const url = new URL(request.url)
    if (request.headers['authorization'] !== `Bearer ${options.token}` || options.refuses?.(url) === true)
      return json({ message: 'Bad credentials' }, 401)
    const path = url.pathname.replace(/^.*\/repos\/[^/]+\/[^/]+/, '')
    const body = request.body === '' ? {} : (JSON.parse(request.body) as { [name: string]: never })
    const [, what = '', a = '', b = ''] = path.split('/')
    if (what === 'commits' && b === 'statuses') return json(statuses.get(a) ?? [])
    if (what === 'statuses') {
      statuses.set(a, [body as unknown as KeptStatus, ...(statuses.get(a) ?? [])])
      return json(body, 201)
    }
    if (what !== 'deployments') return json({ message: 'Not Found' }, 404)
    const known = deployments.find((one) => String(one.id) === a)
    if (a !== '') {
      if (known === undefined) return json({ message: 'Not Found' }, 404)
      if (request.method === 'GET') return json(known.statuses.slice(0, 1))
      known.statuses.unshift(body as never)
      return json({ id: 1 }, 201)
    }
    if (request.method === 'GET') {
      const { sha, environment } = Object.fromEntries(url.searchParams)
      return json(deployments.filter((one) => one.sha === sha && one.environment === environment))
    }
    const made = {
      id: deployments.length + 100,
      sha: body['ref'] ?? '',
      environment: body['environment'] ?? '',
      statuses: [],
    }
    deployments.push(made)
    return json({ id: made.id }, 201)
  }
  server.answerWith(answer)
  return {
    statuses,
    deployments,
    latest: (commit) => {
      const found: { [context: string]: string } = {}
      for (const { context, state, description } of (statuses.get(commit) ?? []).toReversed())
        found[context] = `${state}: ${description}`
      return found
    },
  }
}
