import { EngineError, checkEgress, collectBytes, isEngineError, isHostAllowed, utf8Text } from '../base/index.ts'
import type { ForgeDeps } from './types.ts'

/** How long one request may take, and how much of an answer is read. */
const timeoutMs = 15_000
const maxAnswerBytes = 2 << 20
/** Characters of a forge's own words that are told. */
const maxDetail = 300

/** A request to the API of a forge. */
export interface ForgeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers: { readonly [name: string]: string }
  /** Sent as JSON. */
  readonly body?: object
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
    const bytes = await collectBytes(response.body ?? [], maxAnswerBytes, () => tooLarge(url))
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

/**
 * The same, where anything but success is an error of {@link Forge}. @returns the parsed answer; undefined for an empty one.
 */
export async function callForge(
  deps: ForgeDeps,
  call: ForgeCall,
): Promise<{ readonly status: number; readonly json: unknown; readonly headers: ForgeAnswer['headers'] }> {
  const { status, text, headers } = await askForge(deps, call)
  const { host } = new URL(call.url)
  if ((status >= 200 && status < 300) || call.accept?.includes(status) === true)
    return { status, json: parseJson(text), headers }
  const detail = toldBy(text, call.secrets)
  const said = detail === '' ? '' : `: ${detail}`
  const fail = (message: string, code: string, disposition: 'retry' | 'stall' = 'stall'): EngineError =>
    new EngineError(message, { code, disposition, data: { status } })
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
  if (status === 429 || status >= 500) throw fail(`${host} answers ${status}${said}`, 'forge-unavailable', 'retry')
  throw fail(`${host} refuses (status ${status})${said}`, 'forge-refused')
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
