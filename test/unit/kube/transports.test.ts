import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { createCloudflareKubeTransport } from '../../../src/platforms/cloudflare/kube-transport.ts'
import { createNodeKubeTransport } from '../../../src/platforms/node/kube-transport.ts'
import type { KubeRequest, KubeTransport } from '../../../src/ports/index.ts'

interface Options {
  readonly server: string
  readonly token: () => Promise<string>
  readonly headers: () => Promise<{ readonly [name: string]: string }>
}

const platforms: { readonly name: string; readonly make: (t: TestContext, options: Options) => KubeTransport }[] = [
  {
    name: 'node',
    make: (t, options) => {
      const transport = createNodeKubeTransport({ cluster: 'c', ...options })
      t.after(() => transport.close())
      return transport
    },
  },
  {
    name: 'cloudflare',
    make: (_t, options) =>
      createCloudflareKubeTransport({ cluster: 'c', fetch: (url, init) => fetch(url, init), ...options }),
  },
]

async function listen(t: TestContext, handler: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

const get = (path: string, extra: Partial<KubeRequest> = {}): KubeRequest => ({
  method: 'GET',
  path,
  signal: AbortSignal.timeout(5_000),
  ...extra,
})

for (const { name, make } of platforms) {
  const options = (server: string): Options => {
    let calls = 0
    return { server, token: async () => `token-${++calls}`, headers: async () => ({ 'x-extra': '1' }) }
  }

  test(`${name}: request and answer`, async (t) => {
    const seen: string[] = []
    const { url } = await listen(t, async (request, response) => {
      const { authorization, 'content-type': type, 'x-extra': extra } = request.headers
      seen.push([request.method, request.url, authorization, type ?? '', extra, await bodyOf(request)].join(' | '))
      response.writeHead(409, { 'Retry-After': '3', 'content-type': 'application/json' }).end('{"ü":1}')
    })
    const transport = make(t, options(`${url}/prefix/`))
    const answer = await transport.send(get('/api?a=%2F&b=1'))
    assert.deepEqual(
      [answer.status, answer.headers.get('retry-after'), answer.headers.get('Nothing'), await answer.text()],
      [409, '3', null, '{"ü":1}'],
    )
    const patch = await transport.send({
      method: 'PATCH',
      path: '/x',
      headers: { 'content-type': 'a/b' },
      body: 'ü',
      signal: AbortSignal.timeout(5_000),
    })
    await patch.text()
    assert.deepEqual(seen, [
      'GET | /prefix/api?a=%2F&b=1 | Bearer token-1 |  | 1 | ',
      'PATCH | /prefix/x | Bearer token-2 | a/b | 1 | ü',
    ])
  })

  test(`${name}: a redirect is an answer like any other`, async (t) => {
    const { url } = await listen(t, (request, response) => {
      assert.equal(request.url, '/a')
      response.writeHead(302, { location: '/b' }).end()
    })
    const answer = await make(t, options(url)).send(get('/a'))
    assert.equal(answer.status, 302)
  })

  test(`${name}: a body arrives while it is sent`, async (t) => {
    const { url } = await listen(t, (_request, response) => {
      response.write('one\n')
      setTimeout(() => response.end('two\n'), 150)
    })
    const answer = await make(t, options(url)).send(get('/watch'))
    const reader = answer.body?.getReader()
    const started = Date.now()
    const first = await reader?.read()
    assert.equal(new TextDecoder().decode(first?.value), 'one\n')
    assert.ok(Date.now() - started < 140)
    assert.equal(new TextDecoder().decode((await reader?.read())?.value), 'two\n')
    assert.equal((await reader?.read())?.done, true)
  })

  test(`${name}: no answer, half an answer, an abort`, async (t) => {
    const { url } = await listen(t, (request, response) => {
      if (request.url === '/drop') request.socket.destroy()
      else if (request.url === '/half') {
        response.writeHead(200, { 'content-length': '100' })
        response.write('half')
        setTimeout(() => request.socket.destroy(), 20)
      }
    })
    const unreachable = { code: 'cluster-unreachable', disposition: 'retry' }
    const transport = make(t, options(url))
    await assert.rejects(transport.send(get('/drop')), unreachable)
    await assert.rejects(async () => (await transport.send(get('/half'))).text(), unreachable)
    await assert.rejects(transport.send(get('/never', { signal: AbortSignal.timeout(50) })), unreachable)
    await assert.rejects(transport.send(get('/never', { signal: AbortSignal.abort() })), unreachable)
    await assert.rejects(make(t, options('http://127.0.0.1:9')).send(get('/')), {
      ...unreachable,
      message: /'c' cannot be reached/,
    })
  })
}

test('node: connections are kept and bounded', async (t) => {
  const sockets = new Set<unknown>()
  const { url } = await listen(t, (request, response) => {
    sockets.add(request.socket)
    setTimeout(() => response.end('{}'), 2)
  })
  const transport = createNodeKubeTransport({ cluster: 'c', server: url, maxSockets: 4 })
  t.after(() => transport.close())
  await Promise.all(Array.from({ length: 100 }, async () => (await transport.send(get('/'))).text()))
  assert.equal(sockets.size, 4)
})
