import { z } from 'zod'
import { printUrl, sha256Hex, toEngineError } from '../src/base/index.ts'
import { askForge, gitHubHeaders, parseJson } from '../src/forges/index.ts'
import type { GithubHook } from './config.ts'
import type { FunctionDeps } from './deps.ts'

/** A hook is looked at this often. */
const pauseSeconds = 240
/** GitHub keeps deliveries for three days, and gives them up to a hundred on a page. */
const maxPages = 3
const maxAgeMs = 3 * 24 * 3_600_000
/** A delivery that has just failed may be one that is under way. */
const minAgeMs = 60_000
/** Attempts of one delivery, the first one included. */
const maxAttempts = 3
/** Deliveries of one hook that are asked for again in one look. */
const maxPerLook = 10
/** An attempt that was asked for is listed by then. */
const askedSeconds = 3_600

const deliveryList = z.array(
  z.object({
    id: z.number().int().nonnegative(),
    guid: z.string().min(1).max(256),
    delivered_at: z.string(),
    status_code: z.number(),
    event: z.string(),
  }),
)

/** One attempt of a delivery as GitHub lists it. */
export type GithubDelivery = z.infer<typeof deliveryList>[number]

/** Events that something is done about. */
const events: readonly string[] = ['push', 'pull_request', 'issue_comment']

/**
 * Asks GitHub to send again what did not arrive (it never does so by itself): for each hook of the configuration the deliveries of the last three days without any success, at most three attempts each and ten
 * in a look. A redelivery carries the id of the first attempt, so that what arrived after all is a duplicate.
 *
 * Effects: requests to GitHub; a mark per hook in the state store. Never rejects: what fails is logged, and the scan finds the push anyway.
 */
export async function requestRedeliveries(deps: FunctionDeps): Promise<void> {
  for (const hook of deps.config.githubRedelivery) {
    try {
      const mark = `redelivery/${sha256Hex(hook.hook).slice(0, 32)}`
      if (!(await deps.state.putIfAbsent(`${mark}/looked`, true, { ttlSeconds: pauseSeconds }))) continue
      await redeliver(deps, hook, mark)
    } catch (caught) {
      const { code, message } = toEngineError(caught)
      deps.logger.log('warn', 'redelivery failed', { hook: printUrl(hook.hook), code, error: message })
    }
  }
}

async function redeliver(deps: FunctionDeps, hook: GithubHook, mark: string): Promise<void> {
  const token = deps.read(hook.tokenSecret)?.trim() ?? ''
  if (token === '') {
    deps.logger.log('warn', 'redelivery needs a token', { hook: printUrl(hook.hook), secret: hook.tokenSecret })
    return
  }
  const attempts = await listAttempts(deps, hook, token)
  if (attempts === undefined) return
  let asked = 0
  for (const delivery of undelivered(attempts, deps.clock.now())) {
    if (asked === maxPerLook) break
    const key = `${mark}/${sha256Hex(`${delivery.guid} ${delivery.id}`).slice(0, 32)}`
    if (!(await deps.state.putIfAbsent(key, true, { ttlSeconds: askedSeconds }))) continue
    const { status } = await ask(deps, 'POST', `${hook.hook}/deliveries/${delivery.id}/attempts`, token)
    deps.logger.log(status === 202 ? 'info' : 'warn', 'redelivery requested', {
      hook: printUrl(hook.hook),
      delivery: delivery.guid,
      status,
    })
    if (status !== 202) return // Whatever it is (a limit, a missing right), the next one would meet it too.
    asked += 1
  }
}

/** The last attempt of each delivery that nobody took, oldest first. */
export function undelivered(attempts: readonly GithubDelivery[], now: number): readonly GithubDelivery[] {
  const byGuid = new Map<string, GithubDelivery[]>()
  for (const attempt of attempts) byGuid.set(attempt.guid, [...(byGuid.get(attempt.guid) ?? []), attempt])
  const isDelivered = ({ status_code: status }: GithubDelivery): boolean => status >= 200 && status < 300
  return [...byGuid.values()]
    .flatMap((list) => {
      const [last] = list.toSorted((a, b) => Date.parse(b.delivered_at) - Date.parse(a.delivered_at) || b.id - a.id)
      if (last === undefined || list.some(isDelivered) || list.length >= maxAttempts) return []
      const age = now - Date.parse(last.delivered_at)
      return events.includes(last.event) && age >= minAgeMs && age <= maxAgeMs ? [last] : []
    })
    .toSorted((a, b) => Date.parse(a.delivered_at) - Date.parse(b.delivered_at))
}

async function listAttempts(
  deps: FunctionDeps,
  hook: GithubHook,
  token: string,
): Promise<readonly GithubDelivery[] | undefined> {
  const found: GithubDelivery[] = []
  let cursor: string | undefined
  for (let page = 0; page < maxPages; page++) {
    const query = new URLSearchParams({ per_page: '100', ...(cursor === undefined ? {} : { cursor }) })
    const answer = await ask(deps, 'GET', `${hook.hook}/deliveries?${query}`, token)
    const parsed = deliveryList.safeParse(parseJson(answer.text))
    if (answer.status !== 200 || !parsed.success) {
      const why = answer.status === 200 ? 'the answer cannot be read' : 'the token needs to read the hook'
      deps.logger.log('warn', 'deliveries not listed', { hook: printUrl(hook.hook), status: answer.status, why })
      return undefined
    }
    found.push(...parsed.data)
    // Only the cursor is taken from the answer: where to ask is in the configuration.
    cursor = /[?&]cursor=([\w.%-]{1,512})[^>]*>;\s*rel="next"/.exec(answer.link)?.[1]
    const oldest = parsed.data.at(-1)
    if (cursor === undefined || oldest === undefined) break
    if (deps.clock.now() - Date.parse(oldest.delivered_at) > maxAgeMs) break
  }
  return found
}

async function ask(
  deps: FunctionDeps,
  method: 'GET' | 'POST',
  url: string,
  token: string,
): Promise<{ readonly status: number; readonly text: string; readonly link: string }> {
  const egress = { allowHosts: deps.config.privateHosts }
  const answer = await askForge({ http: deps.http, egress }, { method, url, headers: gitHubHeaders(token) })
  return { status: answer.status, text: answer.text, link: answer.headers['link'] ?? '' }
}
