import { EngineError, checkEgress, collectBytes, isEngineError, isHostAllowed, utf8Text } from '../base/index.ts'
import type { ForgeDeps } from './types.ts'

/** How long one request may take, and how much of an answer is read. */
const timeoutMs = 15_000
const maxAnswerBytes = 2 << 20
/** Attempts after the first, the pause before the first of them, and how long pauses may be in all. */
const maxRetries = 3
const firstPauseMs = 500
const maxWaitMs = 90_000
/** What GitHub's documentation says to wait where it names no time. */
const secondaryPauseMs = 60_000
/** Characters of a forge's own words that are told. */
const maxDetail = 300

/** A request to the API of a forge. */
export interface ForgeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers: { readonly [name: string]: string }
  /** Sent as JSON. */
  readonly body?: object
  /** Bytes of the answer that are read, where it is another number than usual. */
  readonly readBytes?: number
}

/** An answer of any status. */
export interface ForgeAnswer {
  readonly status: number
  readonly text: string
  readonly headers: { readonly [name: string]: string }
}

/**
 * Sends one request to the API of a forge. Bounded in time and size; redirects are not followed, for a token travels along. Over plain http only to hosts that the policy names.
 *
 * @throws EngineError `egress-refused`, `forge-unavailable` (`retry`) without an answer. An answer of any status is returned.
 */
export async function askForge(deps: ForgeDeps, request: ForgeRequest): Promise<ForgeAnswer> {
  const url = new URL(request.url)
  checkEgress(url, deps.egress)
  if (url.protocol !== 'https:' && !isHostAllowed(url.hostname, deps.egress))
    throw new EngineError('a token is not sent over plain http; use https', { code: 'egress-refused' })
  const deadline = AbortSignal.timeout(timeoutMs)
  const { body } = request
  try {
    const response = await deps.http.send({
      method: request.method,
      url: url.href,
      headers: {
        'user-agent': 'sluice',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...request.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      repeatable: request.method === 'GET',
      signal: deps.signal === undefined ? deadline : AbortSignal.any([deadline, deps.signal]),
    })
    const bytes = await collectBytes(response.body ?? [], request.readBytes ?? maxAnswerBytes, () => tooLarge(url))
    return { status: response.status, text: utf8Text(bytes) ?? '', headers: response.headers }
  } catch (error) {
    if (isEngineError(error) && error.disposition !== 'retry') throw error
    throw new EngineError(`${url.host} did not answer`, {
      code: 'forge-unavailable',
      disposition: 'retry',
      cause: error,
    })
  }
}

/** What stands behind a request, for messages and for what may never be in one. */
export interface ForgeCall extends ForgeRequest {
  /** Statuses besides 2xx that are answers. */
  readonly accept?: readonly number[]
  /** What the token needs, in the forge's words, for the message of a 403 or 404. */
  readonly right: string
  readonly secrets: readonly string[]
}

/** What came of it. */
export interface CallAnswer {
  readonly status: number
  readonly json: unknown
  readonly headers: ForgeAnswer['headers']
}

/** One request to the API of a forge, with its token. */
export type CallWithToken = (
  method: ForgeCall['method'],
  url: string,
  right: string,
  more?: Partial<Pick<ForgeCall, 'body' | 'accept' | 'secrets' | 'readBytes'>>,
) => Promise<CallAnswer>

/** Asks as {@link callForge} does, each time with the token of the moment, which no message will hold. */
export function forgeCaller(
  deps: ForgeDeps,
  token: () => string | Promise<string>,
  headersOf: (token: string) => ForgeRequest['headers'],
): CallWithToken {
  return async (method, url, right, { secrets = [], ...more } = {}) => {
    const current = await token()
    return callForge(deps, {
      method,
      url,
      right,
      headers: headersOf(current),
      secrets: [current, ...secrets],
      ...more,
    })
  }
}

/**
 * The same, where anything but success is an error of {@link Forge}. With a clock, what a limit refused is sent again after the pause that the forge asks for, and a question also when the forge had no answer; never longer than
 * {@link maxWaitMs} in all. @returns the parsed answer; undefined for an empty one.
 */
export async function callForge(deps: ForgeDeps, call: ForgeCall): Promise<CallAnswer> {
  const { clock } = deps
  let waited = 0
  for (let attempt = 0; ; attempt++) {
    try {
      return await callOnce(deps, call)
    } catch (error) {
      if (clock === undefined || !isEngineError(error) || error.disposition !== 'retry' || attempt >= maxRetries)
        throw error
      const isLimit = error.data['limited'] === true
      if (!isLimit && call.method !== 'GET') throw error
      const pause = error.retryAfterMs ?? firstPauseMs * 4 ** attempt
      waited += pause
      if (waited > maxWaitMs) throw error
      await clock.sleep(pause, deps.signal).catch(() => {
        throw error
      })
    }
  }
}

async function callOnce(deps: ForgeDeps, call: ForgeCall): Promise<CallAnswer> {
  const { status, text, headers } = await askForge(deps, call)
  const { host } = new URL(call.url)
  if ((status >= 200 && status < 300) || call.accept?.includes(status) === true)
    return { status, json: parseJson(text), headers }
  const detail = toldBy(text, call.secrets)
  const said = detail === '' ? '' : `: ${detail}`
  const fail = (message: string, code: string, disposition: 'retry' | 'stall' = 'stall'): EngineError =>
    new EngineError(message, { code, disposition, data: { status } })
  const limit = limitOf({ status, text, headers }, deps.clock?.now())
  if (limit !== undefined)
    throw new EngineError(`${host} has a limit of requests, which is used up (status ${status})${said}`, {
      code: 'forge-unavailable',
      disposition: 'retry',
      data: { status, limited: true },
      ...(limit.pauseMs === undefined ? {} : { retryAfterMs: limit.pauseMs }),
    })
  if (status === 401) throw fail(`${host} does not accept the token${said}`, 'forge-unauthorized')
  if (status === 403 || status === 404)
    throw fail(
      `${host} answers ${status}${said}; the token needs ${call.right}`,
      status === 403 ? 'forge-forbidden' : 'forge-not-found',
    )
  if (status >= 300 && status < 400)
    throw fail(
      `${host} redirects (status ${status}), which is not followed; has the repository moved?`,
      'forge-refused',
    )
  if (status >= 500) throw fail(`${host} answers ${status}${said}`, 'forge-unavailable', 'retry')
  throw fail(`${host} refuses (status ${status})${said}`, 'forge-refused')
}

/**
 * Whether an answer says that a limit of requests is used up, and for how long: `Retry-After`, or the time at which it begins anew (GitHub: `X-RateLimit-Reset`, GitLab: `RateLimit-Reset`). GitHub answers 403 as
 * well as 429, and says of its secondary limits only in words.
 */
function limitOf(answer: ForgeAnswer, now: number | undefined): { readonly pauseMs: number | undefined } | undefined {
  const { status, text, headers } = answer
  if (status !== 429 && status !== 403) return undefined
  const after = headers['retry-after']
  if (after !== undefined) {
    const ms = /^\d{1,9}$/.test(after) ? Number(after) * 1000 : now === undefined ? Number.NaN : Date.parse(after) - now
    return { pauseMs: Number.isNaN(ms) ? undefined : Math.max(0, ms) }
  }
  if ((headers['x-ratelimit-remaining'] ?? headers['ratelimit-remaining']) === '0') {
    const reset = Number(headers['x-ratelimit-reset'] ?? headers['ratelimit-reset'])
    // A second more: the forge counts in whole ones.
    const pauseMs = Number.isNaN(reset) || now === undefined ? undefined : Math.max(0, reset * 1000 - now) + 1000
    return { pauseMs }
  }
  if (/secondary rate limit|abuse detection/i.test(text.slice(0, 4096))) return { pauseMs: secondaryPauseMs }
  return status === 429 ? { pauseMs: undefined } : undefined
}

/** The forge's own words, from the fields that forges put them in, as one short line without secrets. */
function toldBy(text: string, secrets: readonly string[]): string {
  const answer = parseJson(text)
  const words: string[] = []
  const gather = (value: unknown, depth: number): void => {
    if (typeof value === 'string') words.push(value)
    else if (Array.isArray(value) && depth < 4) value.forEach((item) => gather(item, depth + 1))
    else if (typeof value === 'object' && value !== null && depth < 4) {
      for (const [key, item] of Object.entries(value)) if (key !== 'documentation_url') gather(item, depth + 1)
    }
  }
  if (typeof answer === 'object' && answer !== null) {
    const { message, error, errors, error_description: description } = answer as { readonly [name: string]: unknown }
    gather([message, error, description, errors], 0)
  }
  let line = words
    .join(', ')
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
  for (const secret of secrets) if (secret !== '') line = line.replaceAll(secret, '***')
  return line.length > maxDetail ? `${line.slice(0, maxDetail)}…` : line
}

/** JSON of a forge; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function tooLarge(url: URL): EngineError {
  return new EngineError(`the answer of ${url.host} is too large`, { code: 'forge-answer' })
}
