import { lookup as resolveName } from 'node:dns'
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { rootCertificates } from 'node:tls'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import type { EgressPolicy } from '../../base/index.ts'
import { EngineError, checkEgress, isEngineError, printUrl } from '../../base/index.ts'
import type { HttpClient, HttpRequest, HttpResponse } from '../../ports/index.ts'
import { guardedLookup } from './guarded-lookup.ts'
import { connectThroughProxy, forwardThroughProxy } from './http-proxy.ts'
import { connectThroughSocks } from './socks-proxy.ts'

/** An HttpClient that owns connections; `close` ends those that are idle. */
export interface NodeHttpClient extends HttpClient {
  close(): void
}

/** Agents for own certificates are kept for so many different sets of them. */
const maxTlsAgents = 50

/**
 * The HttpClient of Node: keep-alive connections, gzip, own certificates, HTTP(S) and SOCKS 5 proxies, streaming both ways. Every address that a name resolves to is judged
 * by the egress policy at the moment of connecting, so that a name cannot be pointed to a private address after it was looked at.
 *
 * Throws EngineError `http-unreachable` or `http-aborted` (`retry`) without an answer, `egress-refused`, `http-unsupported` for a proxy of another kind.
 */
export function createNodeHttpClient(
  options: { readonly egress?: EgressPolicy; readonly resolveName?: typeof resolveName } = {},
): NodeHttpClient {
  const policy = options.egress ?? {}
  const lookup = guardedLookup(policy, options.resolveName ?? resolveName)
  const plain = new HttpAgent({ keepAlive: true, scheduling: 'lifo' })
  const secure = new HttpsAgent({ keepAlive: true, scheduling: 'lifo' })
  const withTls = new Map<string, HttpsAgent>()

  const agentFor = (request: HttpRequest, url: URL): HttpAgent | HttpsAgent => {
    if (url.protocol === 'http:') return plain
    if (request.tls === undefined) return secure
    const key = JSON.stringify(request.tls)
    let agent = withTls.get(key)
    if (agent === undefined) {
      const oldest = withTls.keys().next()
      if (withTls.size >= maxTlsAgents && oldest.done !== true) {
        withTls.get(oldest.value)?.destroy()
        withTls.delete(oldest.value)
      }
      agent = new HttpsAgent({ keepAlive: true, ...tlsOptions(request.tls) })
      withTls.set(key, agent)
    }
    return agent
  }

  return {
    async send(request: HttpRequest): Promise<HttpResponse> {
      const url = new URL(request.url)
      checkEgress(url, policy)
      try {
        request.signal.throwIfAborted()
        const message = await (request.proxy === undefined
          ? exchange(request, url, { agent: agentFor(request, url), lookup })
          : sendThroughProxy(request, url, policy, lookup))
        return toResponse(message, request)
      } catch (error) {
        throw toHttpError(error, request, url)
      }
    },
    close(): void {
      for (const agent of [plain, secure, ...withTls.values()]) agent.destroy()
      withTls.clear()
    },
  }
}

async function sendThroughProxy(
  request: HttpRequest,
  url: URL,
  policy: EgressPolicy,
  lookup: LookupFunction,
): Promise<IncomingMessage> {
  const proxy = request.proxy as NonNullable<HttpRequest['proxy']>
  const at = new URL(proxy.url)
  const isSocks = at.protocol === 'socks5:' || at.protocol === 'socks5h:'
  if (!isSocks && at.protocol !== 'http:' && at.protocol !== 'https:') {
    throw new EngineError(
      `a proxy with the scheme ${at.protocol.slice(0, -1)} is not supported: use an http, https or socks5 proxy`,
      { code: 'http-unsupported', data: { feature: 'proxy scheme' } },
    )
  }
  // The rules for hosts are those for https, whatever the proxy speaks.
  checkEgress(isSocks ? new URL(`https://${at.host}`) : at, policy)
  if (isSocks) {
    const options = { lookup, signal: request.signal, tls: tlsOptions(request.tls) }
    const tunnel = await connectThroughSocks(proxy, url, options)
    return exchange(request, url, { createConnection: () => tunnel })
  }
  if (url.protocol === 'http:') return exchange(request, url, forwardThroughProxy(proxy, url, lookup))
  const socket = await connectThroughProxy(proxy, url, { lookup, signal: request.signal, tls: tlsOptions(request.tls) })
  return exchange(request, url, { createConnection: () => socket })
}

/**
 * Sends a request and resolves with the head of its answer. A server may close an idle connection at the moment it is used again, which says nothing
 * of the request (RFC 9112, section 9.3.1): what may be repeated goes out once more, at the latest on a new connection.
 */
async function exchange(request: HttpRequest, url: URL, how: RequestOptions): Promise<IncomingMessage> {
  for (;;) {
    const outgoing = openRequest(request, url, how)
    try {
      return await answerTo(outgoing, request.body)
    } catch (error) {
      if (!outgoing.reusedSocket || !isClosedByServer(error) || !isRepeatable(request)) throw error
      request.signal.throwIfAborted()
    }
  }
}

function isClosedByServer(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
}

function isRepeatable({ method, body, repeatable }: HttpRequest): boolean {
  if (body instanceof ReadableStream) return false
  return repeatable ?? ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'].includes(method)
}

function openRequest(request: HttpRequest, url: URL, how: RequestOptions): ClientRequest {
  const isTunnel = how.createConnection !== undefined
  // A tunnel to an https host carries TLS already, so plain HTTP is spoken on its socket; a forwarding proxy brings its own host and path.
  const open = (how.protocol ?? url.protocol) === 'https:' && !isTunnel ? httpsRequest : httpRequest
  return open({
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port,
    path: `${url.pathname}${url.search}`,
    method: request.method,
    signal: request.signal,
    ...how,
    ...(isTunnel ? { protocol: 'http:' } : {}),
    headers: {
      host: url.host,
      'accept-encoding': 'gzip',
      ...lengthOf(request.body),
      ...request.headers,
      ...(how.headers as { [name: string]: string } | undefined),
    },
  })
}

function answerTo(outgoing: ClientRequest, body: HttpRequest['body']): Promise<IncomingMessage> {
  const answer = Promise.withResolvers<IncomingMessage>()
  outgoing.once('response', answer.resolve)
  outgoing.once('error', answer.reject)
  if (body instanceof ReadableStream) {
    pipeline(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), outgoing).catch(answer.reject)
  } else outgoing.end(body)
  return answer.promise
}

function lengthOf(body: HttpRequest['body']): { [name: string]: string } {
  if (body === undefined || body instanceof ReadableStream) return {}
  return { 'content-length': String(Buffer.byteLength(body)) }
}

function toResponse(message: IncomingMessage, request: HttpRequest): HttpResponse {
  const headers: { [name: string]: string } = {}
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  const status = message.statusCode ?? 0
  if (request.method === 'HEAD' || status === 204 || status === 304) {
    message.resume()
    return { status, headers, body: null }
  }
  const decoder = decoderFor(headers['content-encoding'])
  if (decoder === undefined) return { status, headers, body: toWebStream(message) }
  delete headers['content-encoding']
  delete headers['content-length']
  // The reader of the body sees a failure as the error of the decoder, which pipeline destroys with it.
  pipeline(message, decoder).catch((error: unknown) =>
    decoder.destroy(error instanceof Error ? error : new Error(String(error))),
  )
  return { status, headers, body: toWebStream(decoder) }
}

function decoderFor(encoding: string | undefined): ReturnType<typeof createGunzip> | undefined {
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip()
  if (encoding === 'deflate') return createInflate()
  return encoding === 'br' ? createBrotliDecompress() : undefined
}

/** A stream of plain Uint8Arrays that reads no further ahead than one chunk, and ends the connection when it is cancelled. */
function toWebStream(stream: Readable): ReadableStream<Uint8Array> {
  const chunks = stream.iterator({ destroyOnReturn: true })
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller): Promise<void> {
        const next = (await chunks.next()) as IteratorResult<Buffer>
        if (next.done === true) controller.close()
        else controller.enqueue(new Uint8Array(next.value.buffer, next.value.byteOffset, next.value.length))
      },
      cancel(): void {
        stream.destroy()
      },
    },
    { highWaterMark: 0 },
  )
}

function tlsOptions(tls: HttpRequest['tls']): {
  ca?: string[]
  cert?: string
  key?: string
  rejectUnauthorized?: boolean
} {
  return {
    ...(tls?.ca === undefined ? {} : { ca: [...rootCertificates, tls.ca] }),
    ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls?.key === undefined ? {} : { key: tls.key }),
    ...(tls?.insecureSkipVerify === true ? { rejectUnauthorized: false } : {}),
  }
}

function toHttpError(error: unknown, request: HttpRequest, url: URL): EngineError {
  if (isEngineError(error)) return error
  const at = printUrl(url)
  if (request.signal.aborted) {
    return new EngineError(`no answer from ${at} in time`, { code: 'http-aborted', disposition: 'retry', cause: error })
  }
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return new EngineError(`no answer from ${at}${code === undefined ? '' : `: ${code}`}`, {
    code: 'http-unreachable',
    disposition: 'retry',
    ...(code === undefined ? {} : { data: { code } }),
    cause: error,
  })
}
