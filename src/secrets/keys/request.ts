import { checkEgress, concatBytes, isEngineError, printUrl, type EgressPolicy } from '../../base/index.ts'
import type { HttpClient } from '../../ports/index.ts'
import { utf8Text } from '../encoding.ts'
import { secretsError } from '../errors.ts'

/** What talking to a key service needs. */
export interface KeyServiceDeps {
  readonly http: HttpClient
  /** Hosts that may be talked to: addresses of key services stand in the files, which tenants write. */
  readonly egress: EgressPolicy
  /** Milliseconds since 1970: signatures and tokens carry the time. */
  now(): number
  /** Ends everything. */
  readonly signal: AbortSignal
}

export interface KeyServiceRequest {
  /** What messages call the service. */
  readonly service: string
  readonly url: string
  readonly headers: { readonly [name: string]: string }
  readonly body: string
}

/** Longest answer that is read. A data key has 32 bytes. */
const maxAnswerBytes = 64 << 10
/** Longest wait for one answer. */
const timeoutMs = 15_000

/**
 * Posts to a key service and returns the text of its answer. Redirects are not followed: what is sent are credentials.
 *
 * @throws EngineError `key-service-failed` with the status and the service's own error code, `retry` where it may go away; never a part of a
 * request or an answer beyond that code.
 */
export async function postToKeyService(deps: KeyServiceDeps, request: KeyServiceRequest): Promise<string> {
  const { service } = request
  let url: URL
  try {
    url = new URL(request.url)
  } catch {
    throw secretsError('key-service-failed', `the address of ${service} is no URL`)
  }
  if (url.username !== '' || url.password !== '')
    throw secretsError('key-service-failed', `the address of ${service} must not hold a user name or password`)
  checkEgress(url, deps.egress)
  const { status, text } = await exchange(deps, request, url)
  if (status >= 200 && status < 300) return text
  if (status >= 300 && status < 400)
    throw secretsError('key-service-failed', `${service} at ${printUrl(url)} redirects, which is not followed`)
  const code = errorCode(text)
  throw secretsError(
    'key-service-failed',
    `${service} at ${printUrl(url)} refused with status ${status}${code === undefined ? '' : ` (${code})`}`,
    { disposition: status === 429 || status >= 500 ? 'retry' : 'stall', data: { status } },
  )
}

async function exchange(
  deps: KeyServiceDeps,
  request: KeyServiceRequest,
  url: URL,
): Promise<{ readonly status: number; readonly text: string }> {
  const signal = AbortSignal.any([deps.signal, AbortSignal.timeout(timeoutMs)])
  try {
    const response = await deps.http.send({
      method: 'POST',
      url: url.href,
      headers: request.headers,
      body: request.body,
      signal,
    })
    const parts: Uint8Array[] = []
    let total = 0
    for await (const part of response.body ?? []) {
      total += part.length
      if (total > maxAnswerBytes)
        throw secretsError('key-service-failed', `${request.service} answers with more than ${maxAnswerBytes} bytes`)
      parts.push(part)
    }
    return { status: response.status, text: utf8Text(concatBytes(parts)) ?? '' }
  } catch (error) {
    deps.signal.throwIfAborted()
    if (isEngineError(error) && error.code === 'key-service-failed') throw error
    if (isEngineError(error) && error.disposition !== 'retry') throw error
    throw secretsError('key-service-failed', `${request.service} at ${printUrl(url)} did not answer`, {
      disposition: 'retry',
      cause: error,
    })
  }
}

/** The machine-readable code of an error answer of any of the services: letters, digits and dots only, so that nothing else gets out. */
function errorCode(text: string): string | undefined {
  const xml = /<Code>([\w.-]{1,80})<\/Code>/.exec(text)?.[1]
  if (xml !== undefined) return xml
  const answer = parseObject(text)
  const error = answer?.['error']
  const codes = [
    answer?.['__type'],
    typeof error === 'object' && error !== null ? (error as { status?: unknown }).status : error,
    typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined,
  ]
  const code = codes.find((one) => typeof one === 'string' && /^[\w.#-]{1,120}$/.test(one)) as string | undefined
  return code?.split('#').at(-1)
}

/** A JSON object; undefined where the text is none. */
export function parseObject(text: string): { readonly [name: string]: unknown } | undefined {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as { readonly [name: string]: unknown })
      : undefined
  } catch {
    return undefined
  }
}

/** A text field of an answer. Throws EngineError `key-service-failed` where it is missing. */
export function answerField(text: string, service: string, ...path: readonly string[]): string {
  let value: unknown = parseObject(text)
  for (const name of path)
    value =
      typeof value === 'object' && value !== null ? (value as { readonly [name: string]: unknown })[name] : undefined
  if (typeof value !== 'string' || value === '')
    throw secretsError('key-service-failed', `${service} answered without '${path.join('.')}'`)
  return value
}
