import {
  EngineError,
  checkEgress,
  collectBytes,
  isEngineError,
  printUrl,
  utf8Text,
  type EgressPolicy,
} from '../base/index.ts'
import type { HttpClient, HttpRequest } from '../ports/index.ts'

/** What failures are called: they are part of what somebody else does, and are told under its code and condition reason. */
export interface CloudFailure {
  readonly code: string
  readonly reason: string
}

/** What talking to a service of a cloud needs. */
export interface CloudDeps {
  readonly http: HttpClient
  /** Hosts that may be talked to: addresses of services stand in files and objects, which tenants write. */
  readonly egress: EgressPolicy
  /** Milliseconds since 1970: signatures and tokens carry the time. */
  now(): number
  /** Ends everything. */
  readonly signal: AbortSignal
  readonly failure: CloudFailure
  readonly tls?: HttpRequest['tls'] | undefined
  readonly proxy?: HttpRequest['proxy'] | undefined
}

/** One question to a service. */
export interface ServiceRequest {
  /** What messages call the service. */
  readonly service: string
  readonly url: string
  readonly headers: { readonly [name: string]: string }
  readonly body: string
  /** Longest answer that is read; default 64 KiB: tokens and keys are short. */
  readonly maxAnswerBytes?: number
}

const defaultAnswerBytes = 64 << 10
/** Longest wait for one answer. */
const timeoutMs = 15_000

/**
 * Posts to a service and returns the text of its answer. Redirects are not followed: what is sent are credentials.
 *
 * @throws EngineError with the code and reason of `deps.failure`, the status and the service's own error code; `retry` where it may go away; `egress-refused`. Never a part of a request, or of an answer beyond
 * that code.
 */
export function postToService(deps: CloudDeps, request: ServiceRequest): Promise<string> {
  return ask(deps, request, 'POST')
}

/** The same with a GET. */
export function getFromService(deps: CloudDeps, request: Omit<ServiceRequest, 'body'>): Promise<string> {
  return ask(deps, request, 'GET')
}

type AnyRequest = Omit<ServiceRequest, 'body'> & { readonly body?: string }

async function ask(deps: CloudDeps, request: AnyRequest, method: 'GET' | 'POST'): Promise<string> {
  const { service } = request
  if (!URL.canParse(request.url)) throw cloudError(deps, `the address of ${service} is no URL`)
  const url = new URL(request.url)
  if (url.username !== '' || url.password !== '')
    throw cloudError(deps, `the address of ${service} must not hold a user name or password`)
  checkEgress(url, deps.egress)
  const { status, text } = await exchange(deps, { ...request, method }, url)
  if (status >= 200 && status < 300) return text
  if (status >= 300 && status < 400)
    throw cloudError(deps, `${service} at ${printUrl(url)} redirects, which is not followed`)
  const code = errorCode(text)
  throw cloudError(
    deps,
    `${service} at ${printUrl(url)} refused with status ${status}${code === undefined ? '' : ` (${code})`}`,
    { disposition: status === 429 || status >= 500 ? 'retry' : 'stall', data: { status } },
  )
}

async function exchange(
  deps: CloudDeps,
  request: AnyRequest & { readonly method: string },
  url: URL,
): Promise<{ readonly status: number; readonly text: string }> {
  const { method, headers, body, maxAnswerBytes = defaultAnswerBytes } = request
  const signal = AbortSignal.any([deps.signal, AbortSignal.timeout(timeoutMs)])
  try {
    const response = await deps.http.send({
      method,
      url: url.href,
      headers,
      ...(body === undefined ? {} : { body }),
      signal,
      ...(deps.tls === undefined ? {} : { tls: deps.tls }),
      ...(deps.proxy === undefined ? {} : { proxy: deps.proxy }),
    })
    const bytes = await collectBytes(response.body ?? [], maxAnswerBytes, () =>
      cloudError(deps, `${request.service} answers with more than ${maxAnswerBytes} bytes`),
    )
    return { status: response.status, text: utf8Text(bytes) ?? '' }
  } catch (error) {
    deps.signal.throwIfAborted()
    if (isEngineError(error) && (error.code === deps.failure.code || error.disposition !== 'retry')) throw error
    throw cloudError(deps, `${request.service} at ${printUrl(url)} did not answer`, {
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

/** A text field of an answer. Throws EngineError as {@link postToService} where it is missing. */
export function answerField(
  deps: Pick<CloudDeps, 'failure'>,
  text: string,
  service: string,
  ...path: readonly string[]
): string {
  let value: unknown = parseObject(text)
  for (const name of path)
    value =
      typeof value === 'object' && value !== null ? (value as { readonly [name: string]: unknown })[name] : undefined
  if (typeof value !== 'string' || value === '')
    throw cloudError(deps, `${service} answered without '${path.join('.')}'`)
  return value
}

/** An EngineError under the code and reason of whoever asks. */
export function cloudError(
  deps: Pick<CloudDeps, 'failure'>,
  message: string,
  options: Omit<ConstructorParameters<typeof EngineError>[1], 'code' | 'reason'> = {},
): EngineError {
  return new EngineError(message, { ...options, ...deps.failure })
}
