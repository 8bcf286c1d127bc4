import { checkEgress, isEngineError, isHostAllowed, toBase64, type EngineError } from '../base/index.ts'
import type { HttpResponse } from '../ports/index.ts'
import { configError, sendError } from './errors.ts'
import { maskSecrets } from './mask.ts'
import type { OutgoingRequest, SendContext } from './types.ts'

/** Tries behind the first, and the bounds of the pauses between them (notification-controller 1.9). */
const maxRetries = 4
const firstPauseMs = 2_000
const maxPauseMs = 30_000

/** Characters of an error answer that are told. */
const maxDetail = 200

/** The answer to a request, as far as it was asked for. */
export interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: HttpResponse['headers']
}

/**
 * Sends a request until it is answered: again after 429, 5xx (but 501) and lost connections, at most four times, with pauses of 2 to 30 seconds or as long as the other side asks for, and never
 * beyond the deadline. Redirects are not followed: what is sent are credentials.
 *
 * @throws EngineError `notify-refused` (`stall`), `notify-unavailable` (`retry`), `notify-config` for an address that may not be sent to. Messages name scheme and host only: the path of a webhook is a secret.
 */
export async function deliver(context: SendContext, request: OutgoingRequest): Promise<Answer> {
  const { url, headers } = preparedUrl(request)
  guardEgress(context, url)
  for (let attempt = 0; ; attempt++) {
    const outcome = await tryOnce(context, { ...request, headers }, url)
    if (!isEngineError(outcome)) return outcome
    const pause = outcome.retryAfterMs ?? Math.min(firstPauseMs * 2 ** attempt, maxPauseMs)
    const isLast = attempt === maxRetries || context.clock.now() + pause >= context.deadline
    if (outcome.disposition !== 'retry' || isLast || context.signal.aborted) throw outcome
    try {
      await context.clock.sleep(pause, context.signal)
    } catch {
      throw outcome // The deadline came first: what went wrong before tells more.
    }
  }
}

/** {@link deliver} for each request in turn. */
export async function deliverAll(context: SendContext, requests: readonly OutgoingRequest[]): Promise<void> {
  for (const request of requests) await deliver(context, request)
}

/** The URL without credentials in it, which become a header where there is none. */
function preparedUrl(request: OutgoingRequest): { readonly url: URL; readonly headers: OutgoingRequest['headers'] } {
  if (!URL.canParse(request.url)) throw configError('the address of the Provider is no URL')
  const url = new URL(request.url)
  const { username, password } = url
  if (username === '' && password === '') return { url, headers: request.headers }
  url.username = ''
  url.password = ''
  const basic = new TextEncoder().encode(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  return { url, headers: { authorization: `Basic ${toBase64(basic)}`, ...request.headers } }
}

function guardEgress(context: SendContext, url: URL): void {
  try {
    checkEgress(url, context.egress)
  } catch {
    throw configError(
      `the address ${origin(url)} is refused: only http and https to public hosts, and hosts that the deployment's configuration allows`,
    )
  }
}

async function tryOnce(context: SendContext, request: OutgoingRequest, url: URL): Promise<Answer | EngineError> {
  const at = origin(url)
  let response: HttpResponse
  try {
    response = await context.http.send({
      method: request.method,
      url: url.href,
      headers: request.headers,
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(context.tls === undefined ? {} : { tls: context.tls }),
      ...(context.proxy === undefined ? {} : { proxy: context.proxy }),
      signal: context.signal,
    })
  } catch (error) {
    if (context.signal.aborted) return sendError(`${at} did not answer in time`, { retry: true })
    if (isEngineError(error) && error.disposition !== 'retry')
      return configError(maskSecrets(error.message.replaceAll(`${at}${url.pathname}`, at), context.secrets))
    return sendError(`${at} did not answer`, { retry: true })
  }
  const { status, headers } = response
  const isAnswer = (status >= 200 && status < 300) || request.accept?.includes(status) === true
  let text: string
  try {
    text = await readText(response, isAnswer ? (request.readBytes ?? 0) : 4096)
  } catch {
    return sendError(`the answer of ${at} broke off`, { retry: true })
  }
  if (!isAnswer) return statusError(context, { status, headers, text }, url)
  const refusal = request.refusal?.(text)
  if (refusal === undefined) return { status, headers, text }
  return sendError(`${at} refused: ${told(refusal, context)}`, { retry: false, status })
}

function statusError(context: SendContext, answer: Answer, url: URL): EngineError {
  const { status, headers } = answer
  const at = origin(url)
  if (status >= 300 && status < 400)
    return sendError(`${at} redirects (status ${status}), which is not followed; use the new address`, {
      retry: false,
      status,
    })
  // What a host inside a private network answers is for nobody who may write a Provider.
  const detail = isHostAllowed(url.hostname, context.egress) ? '' : told(answer.text, context)
  const message = `${at} answered with status ${status}${detail === '' ? '' : `: ${detail}`}`
  const isTransient = status === 429 || (status >= 500 && status !== 501)
  return sendError(message, {
    retry: isTransient,
    status,
    retryAfterMs: status === 429 || status === 503 ? retryAfterMs(headers, context.clock.now()) : undefined,
  })
}

/** Text of the other side as it may stand in a message: one short line without secrets and control characters. */
function told(text: string, context: SendContext): string {
  const line = maskSecrets(text, context.secrets)
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
  return line.length > maxDetail ? `${line.slice(0, maxDetail)}…` : line
}

/** The first `maxBytes` of a body as text; what is beyond is not waited for. */
async function readText(response: HttpResponse, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let left = maxBytes
  for await (const part of response.body ?? []) {
    text += decoder.decode(part.subarray(0, left), { stream: true })
    left -= part.length
    if (left <= 0) break
  }
  return text
}

function retryAfterMs(headers: HttpResponse['headers'], now: number): number | undefined {
  const value = headers['retry-after']
  if (value === undefined) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), 3_600_000)
}

function origin(url: URL): string {
  return `${url.protocol}//${url.host}`
}
