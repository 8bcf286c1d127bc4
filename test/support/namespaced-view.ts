import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Agent, request as secureRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ControlPlaneAddress } from './control-plane.ts'

/** Something that was written through a view, and took place. */
export interface ViewedWrite {
  readonly method: string
  /** `configmaps/name`, `kustomizations/name/status`. */
  readonly object: string
}

/** One namespace of an API server that looks like a cluster of its own. */
export interface NamespacedView {
  readonly namespace: string
  /** `http://127.0.0.1:port`: no credentials, the view has its own. */
  readonly server: string
  /** How it answers from now on: as it is, `slow` by that many milliseconds for each request, or not at all. */
  behave(how: 'alive' | 'dead' | { readonly slowMs: number }): void
  /**
   * Freezes the world at the first write that is wanted: it is not done (`before`), or done and its answer is lost (`after`), and nothing that comes later is done or
   * answered until `behave`. Resolves when that is so.
   */
  freezeAt(isWanted: (write: ViewedWrite) => boolean, when: 'before' | 'after'): Promise<void>
  /** Requests that came in, dead or alive. */
  readonly requests: number
  readonly writes: readonly ViewedWrite[]
  close(): Promise<void>
}

/** Lists of these are of the whole cluster in any case. */
const clusterScoped: ReadonlySet<string> = new Set([
  'namespaces',
  'nodes',
  'persistentvolumes',
  'customresourcedefinitions',
  'clusterroles',
  'clusterrolebindings',
  'apiservices',
  'storageclasses',
  'priorityclasses',
  'ingressclasses',
])

/**
 * A front of an API server in which a list of all namespaces is a list of one: many of them on one server are many clusters for who asks them. What it cannot show is a
 * cluster's own API server under load; all of them share one.
 */
export async function startNamespacedView(
  address: Pick<ControlPlaneAddress, 'server' | 'caPem' | 'token'>,
  namespace: string,
): Promise<NamespacedView> {
  const agent = new Agent({ keepAlive: true, maxSockets: 32, ca: address.caPem })
  const writes: ViewedWrite[] = []
  let requests = 0
  let behaviour: 'alive' | 'dead' | 'frozen' | { readonly slowMs: number } = 'alive'
  let freeze: { isWanted: (write: ViewedWrite) => boolean; when: 'before' | 'after'; isFrozen: () => void } | undefined
  const freezes = (when: 'before' | 'after', method: string, path: string): boolean => {
    if (freeze?.when !== when || !isWrite(method, path) || !freeze.isWanted(writeOf(method, path))) return false
    behaviour = 'frozen'
    freeze.isFrozen()
    freeze = undefined
    return true
  }
  const server = createServer((request, response) => {
    requests += 1
    void handle(request, response).catch(() => request.socket.destroy())
  })
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (behaviour === 'dead') return void request.socket.destroy()
    if (behaviour === 'frozen') return
    if (behaviour !== 'alive') await sleep(behaviour.slowMs)
    const path = inNamespace(request.method ?? 'GET', request.url ?? '/', namespace)
    if (freezes('before', request.method ?? '', path)) return
    const options = {
      agent,
      method: request.method,
      headers: { ...request.headers, host: new URL(address.server).host, authorization: `Bearer ${address.token}` },
    }
    const outgoing = secureRequest(new URL(path, address.server), options, (answer) => {
      const { statusCode = 502 } = answer
      if (statusCode < 300 && isWrite(request.method ?? '', path)) writes.push(writeOf(request.method ?? '', path))
      if (statusCode < 300 && freezes('after', request.method ?? '', path)) return void answer.resume()
      response.writeHead(statusCode, answer.headers)
      answer.pipe(response)
    })
    outgoing.on('error', () => request.socket.destroy())
    response.on('close', () => outgoing.destroy())
    request.pipe(outgoing)
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    namespace,
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    behave: (how) => {
      behaviour = how
    },
    freezeAt: (isWanted, when) => new Promise((resolve) => (freeze = { isWanted, when, isFrozen: resolve })),
    get requests() {
      return requests
    },
    writes,
    close: async () => {
      server.closeAllConnections()
      agent.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function inNamespace(method: string, url: string, namespace: string): string {
  const [, group, resource, query = ''] = /^(\/api\/v1|\/apis\/[^/?]+\/[^/?]+)\/([a-z]+)(\?.*)?$/.exec(url) ?? []
  if (method !== 'GET' || group === undefined || resource === undefined || clusterScoped.has(resource)) return url
  return `${group}/namespaces/${namespace}/${resource}${query}`
}

function isWrite(method: string, path: string): boolean {
  return ['POST', 'PUT', 'PATCH', 'DELETE'].includes(method) && !path.includes('dryRun=')
}

function writeOf(method: string, path: string): ViewedWrite {
  const { pathname } = new URL(path, 'http://x')
  return { method, object: pathname.replace(/^.*\/namespaces\/[^/]+\//, '') }
}
