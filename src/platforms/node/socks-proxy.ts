import { once } from 'node:events'
import { connect, type LookupFunction, type Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { EngineError, isEngineError } from '../../base/index.ts'
import type { HttpRequest } from '../../ports/index.ts'
import { portOf, secure } from './http-proxy.ts'

const socksPort = 1080

/**
 * Opens a connection to the host of `url` through a SOCKS 5 proxy (RFC 1928), with TLS inside it for https. The proxy resolves the host's name. Throws EngineError `http-proxy-refused` when the proxy says no.
 */
export async function connectThroughSocks(
  proxy: NonNullable<HttpRequest['proxy']>,
  url: URL,
  options: { lookup: LookupFunction; signal: AbortSignal; tls: ConnectionOptions },
): Promise<Socket> {
  const at = new URL(proxy.url)
  const { SocksClient } = await import('socks')
  const port = at.port === '' ? socksPort : Number(at.port)
  const host = at.hostname.replace(/^\[|\]$/g, '')
  const socket = connect({ host, port, lookup: options.lookup, noDelay: true })
  try {
    await once(socket, 'connect', { signal: options.signal })
    const userId = proxy.username ?? decodeURIComponent(at.username)
    const password = proxy.password ?? decodeURIComponent(at.password)
    const onAbort = (): void => void socket.destroy()
    options.signal.addEventListener('abort', onAbort, { once: true })
    try {
      await SocksClient.createConnection({
        proxy: { host, port, type: 5, ...(userId === '' ? {} : { userId, password }) },
        command: 'connect',
        destination: { host: url.hostname.replace(/^\[|\]$/g, ''), port: portOf(url) },
        existing_socket: socket,
      })
    } finally {
      options.signal.removeEventListener('abort', onAbort)
    }
    return url.protocol === 'https:' ? await secure(socket, url, options) : socket
  } catch (error) {
    socket.destroy()
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (isEngineError(error) || options.signal.aborted || typeof code === 'string') throw error
    // The library's errors carry the proxy's login among their options, so none of them goes on.
    throw new EngineError(`the proxy at ${at.host} refused the connection to ${url.host}`, {
      code: 'http-proxy-refused',
      disposition: 'retry',
    })
  }
}
