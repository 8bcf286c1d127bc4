import { EngineError } from '../../base/index.ts'
import type { KubeTransport } from '../../ports/index.ts'
import { impersonationHeaders } from '../impersonation.ts'

/** How a Worker reaches a cluster. TLS trust and client certificates belong to the binding: the runtime's `fetch` takes none. */
export interface CloudflareKubeOptions {
  /** Name of the cluster in the configuration. */
  readonly cluster: string
  /** `https://host:port`, with a path prefix where a proxy wants one. */
  readonly server: string
  /** The global fetch, or the `fetch` of a VPC or service binding, bound to its object. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** Called before each request; keeps its own cache. */
  readonly token?: () => Promise<string>
  /** Further headers, such as those of Cloudflare Access. */
  readonly headers?: () => Promise<{ readonly [name: string]: string }>
}

/** Carries requests to an API server over `fetch`. Redirects are not followed: they would carry the token elsewhere. */
export function createCloudflareKubeTransport(options: CloudflareKubeOptions): KubeTransport {
  const server = options.server.replace(/\/$/, '')
  return {
    cluster: options.cluster,
    send: async (request) => {
      const headers = new Headers({ ...request.headers, ...(await options.headers?.()) })
      for (const [name, value] of request.as === undefined ? [] : impersonationHeaders(request.as))
        headers.append(name, value)
      const token = await options.token?.()
      if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
      const init: RequestInit = { method: request.method, headers, redirect: 'manual', signal: request.signal }
      if (request.body !== undefined) init.body = request.body
      try {
        const response = await options.fetch(server + request.path, init)
        return {
          status: response.status,
          headers: response.headers,
          body: response.body,
          text: () => response.text().catch((error: unknown) => Promise.reject(unreachable(options.cluster, error))),
        }
      } catch (error) {
        throw unreachable(options.cluster, error)
      }
    },
  }
}

function unreachable(cluster: string, error: unknown): EngineError {
  const detail = error instanceof Error ? error.message : String(error)
  return new EngineError(`cluster '${cluster}' cannot be reached: ${detail}`, {
    code: 'cluster-unreachable',
    disposition: 'retry',
    data: { cluster },
    cause: error,
  })
}
