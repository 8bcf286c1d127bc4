import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestCertificates } from './certificates.ts'

/** A server in front of another one. */
export interface Front {
  /** `127.0.0.1:port`. */
  readonly host: string
  /** `METHOD path` of what came in. */
  readonly seen: readonly string[]
  close(): Promise<void>
}

/**
 * TLS in front of a server that speaks plain HTTP.
 *
 * @param options.clientCertificates every client must show one of the same authority.
 * @param options.login `user:password` that every request must have.
 */
export async function startTlsFront(
  target: string | (() => string),
  options: { readonly certificates: TestCertificates; readonly clientCertificates?: boolean; readonly login?: string },
): Promise<Front> {
  const { certificates, clientCertificates = false, login } = options
  const { cert, key } = certificates.server
  return front(target, login, (handle) =>
    createSecureServer(
      { cert, key, ca: certificates.ca, requestCert: clientCertificates, rejectUnauthorized: clientCertificates },
      handle,
    ),
  )
}

/** A proxy for plain HTTP that asks for a login and leads everything to one server. */
export async function startHttpProxy(target: string, login: string): Promise<Front> {
  const seen: string[] = []
  const basic = `Basic ${Buffer.from(login).toString('base64')}`
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    if (request.headers['proxy-authorization'] !== basic) return void response.writeHead(407).end()
    const { pathname, search } = new URL(request.url ?? '/', 'http://x')
    forward(target, `${pathname}${search}`, request, response)
  })
  return listenAt(server, seen)
}

async function front(
  target: string | (() => string),
  login: string | undefined,
  make: (handle: (request: IncomingMessage, response: ServerResponse) => void) => Server,
): Promise<Front> {
  const seen: string[] = []
  const basic = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`
  const server = make((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    if (basic !== undefined && request.headers.authorization !== basic)
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="tests"' }).end()
    // A login that is checked here means nothing further on.
    if (basic !== undefined) delete request.headers.authorization
    forward(typeof target === 'string' ? target : target(), request.url ?? '/', request, response)
  })
  return listenAt(server, seen)
}

function forward(target: string, path: string, request: IncomingMessage, response: ServerResponse): void {
  const [hostname, port] = target.split(':')
  const { 'proxy-authorization': _, ...headers } = request.headers
  const outgoing = httpRequest({ hostname, port, path, method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  outgoing.on('error', () => response.destroy())
  request.pipe(outgoing)
}

async function listenAt(server: Server, seen: readonly string[]): Promise<Front> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
