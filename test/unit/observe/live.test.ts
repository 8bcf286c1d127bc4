import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { EngineError, isEngineError } from '../../../src/base/index.ts'
import { readLive } from '../../../src/observe/index.ts'
import { createNodeKubeTransport } from '../../../src/platforms/node/index.ts'
import type { KubeTransport } from '../../../src/ports/index.ts'
import { systemClock } from '../../support/memory-ports.ts'

const key = { kind: 'Kustomization', namespace: 'apps', name: 'app' }
const path = '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/apps/kustomizations/app'

describe('reading an object from its cluster', () => {
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => undefined
  const server = createServer((request, response) => handle(request, response))
  let transport: KubeTransport
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    transport = createNodeKubeTransport({ cluster: 'one', server: `http://127.0.0.1:${port}` })
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const read = (connectTo: Parameters<typeof readLive>[0]['connectTo'] = () => Promise.resolve(transport)) =>
    readLive({ connectTo, clock: systemClock }, 'one', key)
  const codeOf = async (work: Promise<unknown>): Promise<string> => {
    const error = await work.then(
      () => undefined,
      (caught: unknown) => caught,
    )
    assert.ok(isEngineError(error))
    return error.code
  }

  it('gives conditions and inventory, and nothing of the spec', async () => {
    const seen: string[] = []
    handle = (request, response) => {
      seen.push(`${request.method} ${request.url}`)
      response.end(
        JSON.stringify({
          spec: { postBuild: { substitute: { a: 'hidden' } } },
          status: {
            conditions: [
              { type: 'Ready', status: 'True', reason: 'R', message: 'm', lastTransitionTime: 't', more: 'x' },
            ],
            inventory: {
              entries: [
                { id: 'apps_web_apps_Deployment', v: 'v1' },
                { id: 'malformed', v: 'v1' },
              ],
            },
          },
        }),
      )
    }
    const live = await read()
    assert.deepEqual(live.conditions, [
      { type: 'Ready', status: 'True', reason: 'R', message: 'm', lastTransitionTime: 't' },
    ])
    assert.deepEqual(live.inventory, [{ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'apps', name: 'web' }])
    assert.deepEqual(seen, [`GET ${path}`])
    assert.ok(!JSON.stringify(live).includes('hidden'))
  })

  it('says what the API server said instead', async () => {
    handle = (_request, response) => response.writeHead(404).end('{}')
    assert.equal(await codeOf(read()), 'not-found')
    handle = (_request, response) => response.writeHead(403).end('{}')
    assert.equal(await codeOf(read()), 'cluster-answer')
    assert.equal(await codeOf(read(() => Promise.resolve(undefined))), 'not-found')
  })

  it('ends at its bounds: an answer without end, one that never comes, a connection that is never made', async () => {
    handle = (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    }
    assert.equal(await codeOf(read()), 'cluster-answer')
    handle = () => undefined
    const slow = read()
    const never = read(() => new Promise(() => undefined))
    assert.deepEqual(await Promise.all([codeOf(slow), codeOf(never)]), ['cluster-slow', 'cluster-slow'])
    const refused = (): Promise<never> => Promise.reject(new EngineError('no secret', { code: 'secret-missing' }))
    assert.equal(await codeOf(read(refused)), 'secret-missing')
  })
})
