import assert from 'node:assert/strict'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { HttpClient, HttpRequest, HttpResponse } from '../../src/ports/index.ts'

/** A server whose paths each behave in one way; shared by the suites of all clients. */
export function createHttpTestServer(): Server {
  return createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost')
  switch (url.pathname) {
    case '/echo': {
      const parts: Buffer[] = []
      for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
      const body = Buffer.concat(parts)
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({
          method: request.method,
          search: url.search,
          headers: request.headers,
          body: body.toString('base64'),
        }),
      )
      return
    }
    case '/redirect':
      response.writeHead(Number(url.searchParams.get('status')), { location: '/echo' }).end('moved')
      return
    case '/status':
      response.writeHead(Number(url.searchParams.get('status')), { 'x-Mixed-Case': 'yes' }).end('body')
      return
    case '/empty':
      response.writeHead(204).end()
      return
    case '/gzip':
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('unzipped'.repeat(1000)))
      return
    case '/bad-gzip':
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(Buffer.from('this is no gzip at all'))
      return
    case '/cut':
      response.writeHead(200, { 'content-length': '1000' })
      response.write('part', () => setTimeout(() => response.destroy(), 20))
      return
    case '/silent':
      return
    case '/stall':
      response.writeHead(200).write('start')
      return
    case '/endless': {
      response.writeHead(200)
      const chunk = Buffer.alloc(65536)
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
      return
    }
    case '/drop':
      request.socket.destroy()
      return
    default:
      response.writeHead(404).end()
  }
}

async function readAll(response: HttpResponse): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of response.body ?? []) parts.push(part)
  return Buffer.concat(parts).toString()
}

interface Echo {
  method: string
  search: string
  headers: { [name: string]: string }
  body: string
}

/** The contract of the HttpClient port. `make` returns a client that may talk to 127.0.0.1; `options.origin` is a server made by {@link createHttpTestServer}, else one is started. */
export function describeHttpClient(name: string, make: () => HttpClient, options: { origin?: string } = {}): void {
  describe(`HttpClient contract: ${name}`, () => {
    const server = createHttpTestServer()
    const client = make()
    let origin = options.origin ?? ''
    before(async () => {
      if (options.origin !== undefined) return
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    })
    after(() => {
      server.closeAllConnections()
      server.close()
    })

    const send = (path: string, rest: Partial<HttpRequest> = {}): Promise<HttpResponse> =>
      client.send({ method: 'GET', url: origin + path, signal: AbortSignal.timeout(5000), ...rest })
    const echo = async (path: string, rest: Partial<HttpRequest> = {}): Promise<Echo> =>
      JSON.parse(await readAll(await send(path, rest))) as Echo

    it('sends method, query and headers', async () => {
      const got = await echo('/echo?a=%20b&c=d', { headers: { 'x-one': '1', authorization: 'Basic eDp5' } })
      assert.equal(got.method, 'GET')
      assert.equal(got.search, '?a=%20b&c=d')
      assert.equal(got.headers['x-one'], '1')
      assert.equal(got.headers['authorization'], 'Basic eDp5')
    })

    it('sends bodies: text, bytes, a part of a buffer, a stream', async () => {
      const bytes = new Uint8Array([0, 255, 1, 254, 10])
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(bytes.slice(0, 2))
          controller.enqueue(bytes.slice(2))
          controller.close()
        },
      })
      const rows = [
        { body: 'tëxt', want: Buffer.from('tëxt') },
        { body: bytes, want: Buffer.from(bytes) },
        { body: bytes.subarray(1, 3), want: Buffer.from([255, 1]) },
        { body: stream, want: Buffer.from(bytes) },
      ]
      for (const { body, want } of rows) {
        const got = await echo('/echo', { method: 'POST', body })
        assert.equal(got.method, 'POST')
        assert.equal(got.body, want.toString('base64'))
      }
    })

    it('returns every status, and header names in lower case', async () => {
      for (const status of [200, 400, 401, 404, 429, 500, 503]) {
        const response = await send(`/status?status=${status}`)
        assert.equal(response.status, status)
        assert.equal(response.headers['x-mixed-case'], 'yes')
        assert.equal(await readAll(response), 'body')
      }
      assert.equal(await readAll(await send('/empty')), '')
    })

    it('does not follow redirects', async () => {
      for (const status of [301, 302, 303, 307, 308]) {
        const response = await send(`/redirect?status=${status}`)
        assert.equal(response.status, status)
        assert.equal(response.headers['location'], '/echo')
        await response.body?.cancel()
      }
    })

    it('unzips', async () => {
      const response = await send('/gzip')
      assert.equal(response.headers['content-encoding'], undefined)
      assert.equal(await readAll(response), 'unzipped'.repeat(1000))
      await assert.rejects(async () => readAll(await send('/bad-gzip')))
    })

    it('fails where the body is cut off', async () => {
      await assert.rejects(async () => readAll(await send('/cut')))
    })

    it('streams: a reader can stop an endless body', async () => {
      const response = await send('/endless')
      let total = 0
      for await (const part of response.body ?? []) {
        total += part.length
        if (total > 1_000_000) break
      }
      assert.ok(total < 3_000_000)
    })

    it('stops at the deadline, before and after the head', async () => {
      const code = 'http-aborted'
      await assert.rejects(send('/silent', { signal: AbortSignal.timeout(50) }), {
        name: 'EngineError',
        code,
        disposition: 'retry',
      })
      await assert.rejects(send('/echo', { signal: AbortSignal.abort() }), { name: 'EngineError', code })
      const response = await send('/stall', { signal: AbortSignal.timeout(150) })
      await assert.rejects(readAll(response))
    })

    it('fails with a retry where nobody answers, without query and login in the message', async () => {
      for (const url of [`${origin}/drop?token=secret`, 'http://127.0.0.1:1/x?token=secret']) {
        await assert.rejects(
          client.send({ method: 'GET', url, signal: AbortSignal.timeout(5000) }),
          (error: unknown) => {
            assert.ok(error instanceof Error && error.name === 'EngineError')
            assert.equal('code' in error && error.code, 'http-unreachable')
            assert.equal('disposition' in error && error.disposition, 'retry')
            assert.doesNotMatch(error.message, /secret/)
            return true
          },
        )
      }
    })

    it('sends many requests at once', async () => {
      const got = await Promise.all(Array.from({ length: 40 }, (_, i) => echo(`/echo?n=${i}`)))
      assert.deepEqual(
        got.map((one) => one.search),
        Array.from({ length: 40 }, (_, i) => `?n=${i}`),
      )
    })
  })
}
