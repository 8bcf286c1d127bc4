import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { Miniflare, convertV4MiniflareOptions } from 'miniflare'
import { createNodeKubeTransport } from '../../src/platforms/node/kube-transport.ts'
import { bundleWorker } from '../support/worker-bundle.ts'

/** Names and values as they came over the wire, line by line. */
const received: string[][] = []
let server: Server
let url = ''
before(async () => {
  server = createServer((request, response) => {
    received.push(request.rawHeaders)
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const as = { user: 'system:serviceaccount:apps:team', groups: ['one', 'two', 'three, with a comma'] }

/** Values of a header, one for each line. */
function lines(name: string): string[] {
  const raw = received.at(-1) ?? []
  return raw.filter((_, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === name)
}

function assertLines(): void {
  assert.deepEqual(lines('impersonate-user'), [as.user])
  assert.deepEqual(lines('impersonate-group'), as.groups)
}

describe('several groups to impersonate arrive as several lines', () => {
  it('from Node', async () => {
    const transport = createNodeKubeTransport({ cluster: 'c', server: url })
    await transport.send({ method: 'GET', path: '/', as, signal: AbortSignal.timeout(10_000) })
    transport.close()
    assertLines()
  })

  for (const way of ['its own fetch', 'a binding'] as const) {
    it(`from workerd, through ${way}`, async () => {
      const contents = await bundleWorker(`
        import { createCloudflareKubeTransport } from ${JSON.stringify(new URL('../../src/platforms/cloudflare/kube-transport.ts', import.meta.url).pathname)}
        export default {
          async fetch(_request, env) {
            const send = env.NETWORK === undefined ? (url, init) => fetch(url, init) : (url, init) => env.NETWORK.fetch(url, init)
            const transport = createCloudflareKubeTransport({ cluster: 'c', server: env.TARGET, fetch: send })
            const answer = await transport.send({ method: 'GET', path: '/', as: JSON.parse(env.AS), signal: AbortSignal.timeout(10000) })
            return new Response(await answer.text(), { status: answer.status })
          },
        }`)
      const miniflare = new Miniflare(
        convertV4MiniflareOptions({
          cf: false,
          host: '127.0.0.1',
          port: 0,
          workers: [
            {
              name: 'asks',
              modules: [{ type: 'ESModule', path: 'worker.js', contents }],
              compatibilityDate: '2026-10-20',
              compatibilityFlags: ['nodejs_compat'],
              bindings: { TARGET: url, AS: JSON.stringify(as) },
              ...(way === 'a binding'
                ? { serviceBindings: { NETWORK: { network: { allow: ['public', 'private'] } } } }
                : {}),
            },
          ],
        }),
      )
      try {
        const response = await fetch((await miniflare.ready).origin)
        assert.equal(response.status, 200, await response.text())
      } finally {
        await miniflare.dispose()
      }
      assertLines()
    })
  }
})
