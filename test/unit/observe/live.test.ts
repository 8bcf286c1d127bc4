import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { lookInto } from '../../../functions/look.ts'
import { EngineError } from '../../../src/base/index.ts'
import { createNodeKubeTransport } from '../../../src/platforms/node/index.ts'
import type { KubeTransport } from '../../../src/ports/index.ts'
import { testDeps } from '../../support/function-deps.ts'

const target = { cluster: 'one', kind: 'Kustomization', namespace: 'apps', name: 'app' }
const group = '/apis/kustomize.toolkit.fluxcd.io/v1'
const path = `${group}/namespaces/apps/kustomizations/app`

type Handle = (request: IncomingMessage, response: ServerResponse) => void

describe('looking into a cluster', () => {
  let handle: Handle = () => undefined
  const server = createServer((request, response) => {
    const found = discovery[request.url ?? '']
    if (found === undefined) handle(request, response)
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(found))
  })
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
  const look = (connectTo: () => Promise<KubeTransport | undefined> = () => Promise.resolve(transport)) =>
    lookInto(testDeps({ connectTo }), target)
  const codeOf = async (work: ReturnType<typeof look>): Promise<string> => {
    const found = await work
    assert.ok('error' in found)
    return found.error.code
  }

  it('gives conditions, and the health of what is in the inventory, and nothing of any spec', async () => {
    const seen: string[] = []
    handle = (request, response) => {
      const url = request.url ?? ''
      seen.push(`${request.method} ${url.split('?')[0]}`)
      if (url === path) return void response.end(JSON.stringify(kustomization))
      if (url.startsWith('/apis/apps/v1/')) return void response.end(JSON.stringify({ items: [deployment] }))
      response.end(JSON.stringify({ items: [] }))
    }
    const live = await look()
    assert.ok(!('error' in live), JSON.stringify(live))
    assert.deepEqual(live.conditions, [
      { type: 'Ready', status: 'True', reason: 'R', message: 'm', lastTransitionTime: 't' },
    ])
    assert.deepEqual(
      live.nodes.map(({ kind, namespace, name, status }) => [kind, namespace, name, status]),
      [['Deployment', 'apps', 'web', 'Current']],
    )
    assert.match(live.gaps.join(), /^events: /, 'what the API server does not know is told')
    assert.ok(seen.every((request) => request.startsWith('GET ')))
    assert.ok(!JSON.stringify(live).includes('hidden'))
  })

  it('says what the API server said instead, and no address', async () => {
    handle = (_request, response) => response.writeHead(404).end('{}')
    assert.equal(await codeOf(look()), 'not-found')
    assert.equal(await codeOf(look(() => Promise.resolve(undefined))), 'not-found')
    const refused = new EngineError('10.0.0.7 does not answer', { code: 'secret-missing' })
    const found = await look(() => Promise.reject(refused))
    assert.deepEqual(found, { error: { code: 'secret-missing', message: 'the cluster could not be asked' } })
  })

  it('ends at its bounds: an answer without end, one that never comes, a connection that is never made', async () => {
    handle = (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    }
    assert.equal(await codeOf(look()), 'cluster-answer')
    handle = () => undefined
    const slow = look()
    const never = look(() => new Promise(() => undefined))
    assert.equal(await codeOf(never), 'cluster-slow')
    assert.ok('error' in (await slow))
  })
})

const kustomization = {
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name: 'app', namespace: 'apps' },
  spec: { postBuild: { substitute: { a: 'hidden' } } },
  status: {
    conditions: [{ type: 'Ready', status: 'True', reason: 'R', message: 'm', lastTransitionTime: 't', more: 'x' }],
    inventory: {
      entries: [
        { id: 'apps_web_apps_Deployment', v: 'v1' },
        { id: 'malformed', v: 'v1' },
      ],
    },
  },
}
const deployment = {
  metadata: { name: 'web', namespace: 'apps', generation: 1 },
  spec: { replicas: 0, template: { metadata: { annotations: { a: 'hidden' } } } },
  status: {
    observedGeneration: 1,
    replicas: 0,
    conditions: [{ type: 'Available', status: 'True', reason: 'R', message: 'm' }],
  },
}
const discovery: { readonly [url: string]: object } = {
  '/api': { kind: 'APIGroupDiscoveryList', items: [] },
  '/apis': {
    kind: 'APIGroupDiscoveryList',
    items: [
      resources('kustomize.toolkit.fluxcd.io', 'Kustomization', 'kustomizations'),
      resources('apps', 'Deployment', 'deployments'),
    ],
  },
}

function resources(group: string, kind: string, resource: string): object {
  const one = { resource, responseKind: { kind }, scope: 'Namespaced', verbs: ['get', 'list'] }
  return { metadata: { name: group }, versions: [{ version: 'v1', freshness: 'Current', resources: [one] }] }
}
