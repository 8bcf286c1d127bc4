import type { EgressPolicy } from '../base/index.ts'
import { EngineError, checkEgress, collectBytes, printUrl } from '../base/index.ts'
import type { HttpClient, HttpRequest, HttpResponse } from '../ports/index.ts'

/** What is sent along to prove who asks. Never printed; dropped when a redirect leads to another host. */
export interface RequestCredentials {
  /** Value of the authorization header. */
  readonly authorization?: string
  readonly tls?: NonNullable<HttpRequest['tls']>
  readonly proxy?: NonNullable<HttpRequest['proxy']>
}

/** A request of a source. */
export interface SourceRequest {
  readonly method: 'GET' | 'POST' | 'HEAD'
  readonly url: URL
  readonly headers?: { readonly [name: string]: string }
  readonly body?: Uint8Array
  readonly credentials: RequestCredentials
  /** Where more than the authorization proves who asks (signed headers, a signed query), nothing may be followed. Default: five. */
  readonly maxRedirects?: number
  readonly signal: AbortSignal
}

/** An answer with the URL that gave it, after redirects. */
export interface SourceResponse extends HttpResponse {
  readonly url: URL
}

/** What sending needs. */
export interface RequestDeps {
  readonly http: HttpClient
  /** Hosts that sources may be fetched from. */
  readonly egress: EgressPolicy
}

const maxRedirects = 5

/** Largest body of an error answer that is read on, so that the connection can be used again. */
const maxDrain = 16_384

/**
 * Sends a request and follows redirects: at most five, each target checked like the first URL, never from https to http. Authorization
 * and client certificate go along only while scheme, host and port stay the same (an upgrade to https of the same host name on default ports counts as the same);
 * a CA and a proxy always do. A POST is followed only by 307 and 308.
 *
 * Returns answers of any other status. Throws EngineError `egress-refused`, `redirect-refused`, or what the client throws.
 */
export async function sendRequest(deps: RequestDeps, request: SourceRequest): Promise<SourceResponse> {
  let url = request.url
  let credentials = request.credentials
  for (let hops = 0; ; hops++) {
    checkEgress(url, deps.egress)
    const response = await deps.http.send({
      method: request.method,
      // Credentials inside a URL never go on the wire or into a client's error message: callers turn them into a header.
      url: withoutUserinfo(url).href,
      headers: {
        ...request.headers,
        ...(credentials.authorization === undefined ? {} : { authorization: credentials.authorization }),
      },
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(credentials.tls === undefined ? {} : { tls: credentials.tls }),
      ...(credentials.proxy === undefined ? {} : { proxy: credentials.proxy }),
      repeatable: true, // Sources only read, also where a protocol reads with POST.
      signal: request.signal,
    })
    const location = response.headers['location']
    if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return { ...response, url }
    await drain(response)
    const next = redirectTarget(url, location)
    const allowed = request.maxRedirects ?? maxRedirects
    if (hops === allowed)
      throw refused(url, allowed === 0 ? `it leads to ${printUrl(next)}` : `more than ${allowed} redirects`)
    if (request.method === 'POST' && response.status !== 307 && response.status !== 308) {
      throw refused(url, `a POST was redirected with status ${response.status} to ${printUrl(next)}; use the new URL`)
    }
    credentials = credentialsFor(credentials, url, next)
    url = next
  }
}

/** Reads a whole body, bounded. Throws EngineError `response-too-large`. */
export async function readBody(response: SourceResponse, maxBytes: number): Promise<Uint8Array> {
  return collectBytes(
    response.body ?? [],
    maxBytes,
    () =>
      new EngineError(`${printUrl(response.url)} answered with more than the limit of ${maxBytes} bytes`, {
        code: 'response-too-large',
      }),
  )
}

/** Ends an answer that is not wanted: a short body is read so that the connection can be used again, a longer one is cancelled. */
export async function drain(response: HttpResponse): Promise<void> {
  let total = 0
  for await (const part of response.body ?? []) {
    total += part.length
    if (total > maxDrain) break
  }
}

/** Milliseconds that a `retry-after` header asks for (seconds, or a date relative to `now`), at most an hour; undefined where there is none. */
export function retryAfterMs(headers: HttpResponse['headers'], now: number): number | undefined {
  const value = headers['retry-after']
  if (value === undefined) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), 3_600_000)
}

/** `Basic …` for the authorization header, of the UTF-8 form. */
export function basicAuthorization(username: string, password: string): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`)
  return `Basic ${btoa(String.fromCharCode(...bytes))}`
}

function withoutUserinfo(url: URL): URL {
  const clean = new URL(url)
  clean.username = ''
  clean.password = ''
  return clean
}

function redirectTarget(from: URL, location: string): URL {
  if (!URL.canParse(location, from)) throw refused(from, 'the target of the redirect is not a URL')
  const next = withoutUserinfo(new URL(location, from))
  if (next.protocol !== 'https:' && next.protocol !== 'http:') throw refused(from, `it leads to ${printUrl(next)}`)
  if (from.protocol === 'https:' && next.protocol === 'http:')
    throw refused(from, `it leads from https to ${printUrl(next)}`)
  return next
}

/** The credentials that `to` may see when they were meant for `from`: all of them for the same host, a CA and a proxy for any other. */
export function credentialsFor(credentials: RequestCredentials, from: URL, to: URL): RequestCredentials {
  return isSameParty(from, to) ? credentials : anonymous(credentials)
}

function isSameParty(from: URL, to: URL): boolean {
  if (from.host === to.host && from.protocol === to.protocol) return true
  return (
    from.protocol === 'http:' &&
    to.protocol === 'https:' &&
    from.hostname === to.hostname &&
    from.port === '' &&
    to.port === ''
  )
}

function anonymous(credentials: RequestCredentials): RequestCredentials {
  const { ca, insecureSkipVerify } = credentials.tls ?? {}
  const tls = {
    ...(ca === undefined ? {} : { ca }),
    ...(insecureSkipVerify === undefined ? {} : { insecureSkipVerify }),
  }
  return {
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(credentials.proxy === undefined ? {} : { proxy: credentials.proxy }),
  }
}

function refused(url: URL, why: string): EngineError {
  return new EngineError(`the redirect from ${printUrl(url)} is refused: ${why}`, {
    code: 'redirect-refused',
    disposition: 'retry',
  })
}
