import assert from 'node:assert/strict'
import type { lookup } from 'node:dns'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer as createSocketServer } from 'node:net'
import { after, describe, it } from 'node:test'
import { createCloudflareHttpClient } from '../../src/platforms/cloudflare/http.ts'
import { createNodeHttpClient } from '../../src/platforms/node/http.ts'
import type { HttpClient, HttpRequest } from '../../src/ports/index.ts'
import { makeCertificates } from '../support/certificates.ts'
import { describeHttpClient } from './http.ts'

const node = createNodeHttpClient({ egress: { allowPrivate: true } })
const cloudflare = createCloudflareHttpClient({ egress: { allowPrivate: true } })
const servers: Server[] = []
after(() => {
  node.close()
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

describeHttpClient('node', () => node)
describeHttpClient('cloudflare', () => cloudflare)

async function listen(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

async function get(client: HttpClient, url: string, rest: Partial<HttpRequest> = {}): Promise<string> {
  const response = await client.send({ method: 'GET', url, signal: AbortSignal.timeout(5000), ...rest })
  const parts: Uint8Array[] = []
  for await (const part of response.body ?? []) parts.push(part)
  return `${response.status} ${Buffer.concat(parts).toString()}`
}

describe('egress', () => {
  for (const [name, client] of [
    ['node', createNodeHttpClient()],
    ['cloudflare', createCloudflareHttpClient()],
  ] as const) {
    it(`${name} refuses private hosts by default`, async () => {
      for (const url of [
        'http://127.0.0.1:1/',
        'http://169.254.169.254/',
        'http://[::1]/',
        'http://localhost/',
        'file:///etc/passwd',
      ]) {
        await assert.rejects(get(client, url), { name: 'EngineError', code: 'egress-refused' }, url)
      }
    })
  }
  it('node judges the addresses that a name resolves to', async () => {
    const port = await listen(createServer((_, response) => response.end('inside')))
    // The name looks public, its address is not.
    const resolveName = ((
      _: string,
      __: unknown,
      callback: (error: null, addresses: { address: string; family: number }[]) => void,
    ) => callback(null, [{ address: '127.0.0.1', family: 4 }])) as unknown as typeof lookup
    const guarded = createNodeHttpClient({ resolveName })
    await assert.rejects(get(guarded, `http://rebind.example.com:${port}/`), {
      name: 'EngineError',
      code: 'egress-refused',
    })
    const trusting = createNodeHttpClient({ resolveName, egress: { allowHosts: ['rebind.example.com'] } })
    assert.equal(await get(trusting, `http://rebind.example.com:${port}/`), '200 inside')
    const allowed = createNodeHttpClient({ egress: { allowHosts: ['localhost'] } })
    assert.equal(await get(allowed, `http://localhost:${port}/`), '200 inside')
    for (const client of [guarded, trusting, allowed]) client.close()
  })
})

describe('a kept-alive connection that the server closes while it is used again', () => {
  /** Answers the first request of each connection, and resets the connection at the second. */
  const startServer = (): Promise<number> =>
    listen(
      createServer((request, response) => {
        const { socket } = request
        if (used.has(socket)) return void socket.resetAndDestroy()
        used.add(socket)
        request.resume()
        response.end('fresh')
      }),
    )
  const used = new WeakSet<Socket>()
  it('node sends what only reads once more, on a new connection', async () => {
    const url = `http://127.0.0.1:${await startServer()}/`
    assert.equal(await get(node, url), '200 fresh')
    assert.equal(await get(node, url), '200 fresh')
    const post = { method: 'POST', body: 'want', repeatable: true }
    assert.equal(await get(node, url, post), '200 fresh')
  })
  it('node sends nothing twice that may change something', async () => {
    const url = `http://127.0.0.1:${await startServer()}/`
    assert.equal(await get(node, url), '200 fresh')
    await assert.rejects(get(node, url, { method: 'POST', body: 'pay' }), {
      code: 'http-unreachable',
      message: /ECONNRESET/,
    })
  })
})

describe('own certificates', () => {
  const certificates = makeCertificates()
  const { ca } = certificates
  it('node trusts a given authority besides the system, and only then', async () => {
    const port = await listen(createTlsServer(certificates.server, (_, response) => response.end('secure')))
    const url = `https://127.0.0.1:${port}/`
    assert.equal(await get(node, url, { tls: { ca } }), '200 secure')
    assert.equal(await get(node, url, { tls: { insecureSkipVerify: true } }), '200 secure')
    await assert.rejects(get(node, url), { code: 'http-unreachable', message: /CERT|VERIFY|ISSUER/ })
  })
  it('node shows a client certificate', async () => {
    const options = { ...certificates.server, ca, requestCert: true, rejectUnauthorized: true }
    const port = await listen(createTlsServer(options, (_, response) => response.end('mutual')))
    const url = `https://127.0.0.1:${port}/`
    assert.equal(await get(node, url, { tls: { ca, ...certificates.client } }), '200 mutual')
    await assert.rejects(get(node, url, { tls: { ca } }), { name: 'EngineError', code: 'http-unreachable' })
  })
  it('cloudflare says what it cannot do', async () => {
    for (const rest of [
      { tls: { ca } },
      { tls: certificates.client },
      { tls: { insecureSkipVerify: true } },
      { proxy: { url: 'http://p' } },
    ]) {
      await assert.rejects(get(cloudflare, 'https://127.0.0.1:1/', rest), {
        code: 'http-unsupported',
        message: /Cloudflare Workers/,
      })
    }
  })

  it('node goes through a proxy, with a tunnel for https', async () => {
    const seen: string[] = []
    const proxy = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization']}`)
      response.end('forwarded')
    })
    proxy.on('connect', (request, socket: Socket) => {
      seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization']}`)
      if (request.headers['proxy-authorization'] === undefined) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
        return
      }
      const [host, port] = (request.url ?? '').split(':')
      const upstream = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(upstream).pipe(socket)
      })
      upstream.on('error', () => socket.destroy())
      socket.on('error', () => upstream.destroy())
    })
    const at = { url: `http://127.0.0.1:${await listen(proxy)}`, username: 'u', password: 'p' }
    const login = `Basic ${Buffer.from('u:p').toString('base64')}`
    assert.equal(await get(node, 'http://127.0.0.1:9/x?y', { proxy: at }), '200 forwarded')
    const port = await listen(createTlsServer(certificates.server, (_, response) => response.end('tunnelled')))
    assert.equal(await get(node, `https://127.0.0.1:${port}/`, { proxy: at, tls: { ca } }), '200 tunnelled')
    assert.deepEqual(seen, [`GET http://127.0.0.1:9/x?y ${login}`, `CONNECT 127.0.0.1:${port} ${login}`])
    await assert.rejects(get(node, `https://127.0.0.1:${port}/`, { proxy: { url: at.url }, tls: { ca } }), {
      code: 'http-proxy-refused',
      message: /407/,
    })
    await assert.rejects(get(node, `https://127.0.0.1:${port}/`, { proxy: { ...at } }), { code: 'http-unreachable' })
    await assert.rejects(get(node, 'http://127.0.0.1:9/', { proxy: { url: 'ftp://127.0.0.1:1' } }), {
      code: 'http-unsupported',
    })
  })

  it('node goes through a SOCKS 5 proxy, which resolves the name', async () => {
    const seen: string[] = []
    const proxy = createSocketServer((socket) => {
      socket.on('error', () => socket.destroy())
      void serveSocks(socket, seen)
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    after(() => proxy.close())
    const { port } = proxy.address() as AddressInfo
    const at = { url: `socks5://127.0.0.1:${port}`, username: 'u', password: 'c4n4ry' }
    const plain = await listen(createServer((_, response) => response.end('through')))
    const secure = await listen(createTlsServer(certificates.server, (_, response) => response.end('tunnelled')))
    const trusting = createNodeHttpClient({ egress: { allowPrivate: true } })
    assert.equal(await get(trusting, `http://localhost:${plain}/`, { proxy: at }), '200 through')
    assert.equal(await get(trusting, `https://localhost:${secure}/`, { proxy: at, tls: { ca } }), '200 tunnelled')
    assert.deepEqual(seen, [`u:c4n4ry localhost:${plain}`, `u:c4n4ry localhost:${secure}`])
    await assert.rejects(
      get(trusting, `http://localhost:${plain}/`, { proxy: { ...at, password: 'c4n4ry-wrong' } }),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'http-proxy-refused')
        assert.doesNotMatch(`${error.message}${JSON.stringify(error)}${String(error.cause)}`, /c4n4ry/)
        return true
      },
    )
    const guarded = createNodeHttpClient({ egress: { allowHosts: ['localhost'] } })
    await assert.rejects(get(guarded, `http://localhost:${plain}/`, { proxy: at }), { code: 'egress-refused' })
    for (const client of [trusting, guarded]) client.close()
  })
})

/** The server's side of SOCKS 5 (RFC 1928) with user name and password (RFC 1929), for names. */
async function serveSocks(socket: Socket, seen: string[]): Promise<void> {
  const next = async (): Promise<Buffer> => ((await once(socket, 'data')) as [Buffer])[0]
  await next()
  socket.write(Buffer.from([5, 2]))
  const login = await next()
  const userEnd = 2 + login.readUInt8(1)
  const user = login.subarray(2, userEnd).toString()
  const password = login.subarray(userEnd + 1).toString()
  const isKnown = user === 'u' && password === 'c4n4ry'
  socket.write(Buffer.from([1, isKnown ? 0 : 1]))
  if (!isKnown) return void socket.end()
  const request = await next()
  assert.equal(request.readUInt8(3), 3, 'an address in place of a name')
  const nameEnd = 5 + request.readUInt8(4)
  const port = request.readUInt16BE(nameEnd)
  seen.push(`${user}:${password} ${request.subarray(5, nameEnd).toString()}:${port}`)
  const upstream = connect(port, '127.0.0.1', () => {
    socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
    socket.pipe(upstream).pipe(socket)
  })
  upstream.on('error', () => socket.destroy())
}
