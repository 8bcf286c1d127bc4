import type { RequestOptions } from 'node:http'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { LookupFunction, Socket } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { connect as connectTls } from 'node:tls'
import { EngineError } from '../../base/index.ts'
import type { HttpRequest } from '../../ports/index.ts'

type Proxy = NonNullable<HttpRequest['proxy']>

/** Options that send a plain-HTTP request to the proxy, which forwards it. */
export function forwardThroughProxy(proxy: Proxy, url: URL, lookup: LookupFunction): RequestOptions {
  const at = new URL(proxy.url)
  return {
    protocol: at.protocol,
    hostname: at.hostname,
    port: portOf(at),
    path: url.href,
    agent: false,
    lookup,
    headers: proxyAuthorization(proxy),
  }
}

/** Opens a tunnel through the proxy (CONNECT) and the TLS session with the host inside it. Throws EngineError `http-proxy-refused` when the proxy says no. */
export async function connectThroughProxy(
  proxy: Proxy,
  url: URL,
  options: { lookup: LookupFunction; signal: AbortSignal; tls: ConnectionOptions },
): Promise<TLSSocket> {
  const at = new URL(proxy.url)
  const tunnel = Promise.withResolvers<Socket>()
  const port = portOf(url)
  const request = (at.protocol === 'https:' ? httpsRequest : httpRequest)({
    hostname: at.hostname,
    port: portOf(at),
    method: 'CONNECT',
    path: `${url.hostname}:${port}`,
    headers: { host: `${url.hostname}:${port}`, ...proxyAuthorization(proxy) },
    agent: false,
    lookup: options.lookup,
    signal: options.signal,
  })
  request.once('connect', (response, socket: Socket) => {
    if (response.statusCode === 200) tunnel.resolve(socket)
    else {
      socket.destroy()
      tunnel.reject(
        new EngineError(
          `the proxy at ${at.host} refused the connection to ${url.host} with status ${response.statusCode}`,
          {
            code: 'http-proxy-refused',
            disposition: 'retry',
          },
        ),
      )
    }
  })
  request.once('error', tunnel.reject)
  request.end()
  return secure(await tunnel.promise, url, options)
}

/** The TLS session with the host of `url` on a connection that leads to it. */
export async function secure(
  socket: Socket,
  url: URL,
  options: { signal: AbortSignal; tls: ConnectionOptions },
): Promise<TLSSocket> {
  const ready = Promise.withResolvers<TLSSocket>()
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isName = !/^[\d.]+$/.test(host) && !host.includes(':')
  const session = connectTls({ ...options.tls, socket, host, ...(isName ? { servername: host } : {}) })
  const onAbort = (): void => {
    session.destroy()
    ready.reject(options.signal.reason as Error)
  }
  options.signal.addEventListener('abort', onAbort, { once: true })
  session.once('secureConnect', () => ready.resolve(session))
  session.once('error', ready.reject)
  try {
    return await ready.promise
  } finally {
    options.signal.removeEventListener('abort', onAbort)
  }
}

/** Port of a URL, or the one that its scheme stands for. */
export function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
}

function proxyAuthorization(proxy: Proxy): { [name: string]: string } {
  const url = new URL(proxy.url)
  const username = proxy.username ?? decodeURIComponent(url.username)
  const password = proxy.password ?? decodeURIComponent(url.password)
  if (username === '') return {}
  return { 'proxy-authorization': `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
}
