import { createServer } from 'node:https'
import { request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestCertificates } from './certificates.ts'
import type { ControlPlaneAddress } from './control-plane.ts'

/** A gateway in front of an API server. */
export interface Gateway {
  /** With its path prefix. */
  readonly url: string
  /** Requests that it let through, and those that it did not. */
  readonly passed: readonly string[]
  readonly refused: readonly string[]
  close(): Promise<void>
}

/** What Cloudflare Access wants of a service token. */
export const accessHeaders = { 'CF-Access-Client-Id': '1234.access', 'CF-Access-Client-Secret': 'a-secret-of-access' }

/**
 * A reverse proxy with TLS of its own that serves the API server below `/clusters/production`, and lets in who brings the headers of a service token. It takes these away, as Access does, and leaves
 * everything else.
 */
export async function startGateway(
  address: Pick<ControlPlaneAddress, 'server' | 'caPem'>,
  certificates: TestCertificates,
): Promise<Gateway> {
  const prefix = '/clusters/production'
  const target = new URL(address.server)
  const passed: string[] = []
  const refused: string[] = []
  const server = createServer({ ...certificates.server }, (request, response) => {
    const { 'cf-access-client-id': id, 'cf-access-client-secret': secret, host: _host, ...headers } = request.headers
    const path = request.url ?? ''
    const isLetIn = id === accessHeaders['CF-Access-Client-Id'] && secret === accessHeaders['CF-Access-Client-Secret']
    if (!isLetIn || !path.startsWith(`${prefix}/`)) {
      refused.push(path)
      return void response.writeHead(403, { 'content-type': 'text/html' }).end('<h1>Forbidden</h1>')
    }
    passed.push(path)
    const outgoing = httpsRequest(
      {
        hostname: target.hostname,
        port: target.port,
        ca: address.caPem,
        path: path.slice(prefix.length),
        method: request.method,
        headers,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    outgoing.on('error', () => response.destroy())
    request.pipe(outgoing)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`,
    passed,
    refused,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
