import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { Readable } from 'node:stream'
import { EngineError } from '../../base/index.ts'
import type { KubeRequest, KubeResponse, KubeTransport } from '../../ports/index.ts'
import { impersonationHeaders } from '../impersonation.ts'

/** How to reach a cluster, and as whom. */
export interface NodeKubeOptions {
  /** Name of the cluster in the configuration. */
  readonly cluster: string
  /** `https://host:port`, with a path prefix where a proxy wants one. */
  readonly server: string
  /** PEM certificates that sign the server's. Default: the system's. */
  readonly ca?: string
  /** Client certificate and key, PEM. */
  readonly cert?: string
  readonly key?: string
  /** Name in the server's certificate, where it is not the host's. */
  readonly serverName?: string
  readonly insecureSkipVerify?: boolean
  /** Called before each request; keeps its own cache. */
  readonly token?: () => Promise<string>
  /** Headers of other ways to log in; called before each request. */
  readonly headers?: () => Promise<{ readonly [name: string]: string }>
  /** Resolves the server's name; decides which addresses are allowed. Default: Node's own. */
  readonly lookup?: LookupFunction
  /** Connections at the same time. Default 32. */
  readonly maxSockets?: number
}

/** A transport whose connections are closed with `close`. */
export interface NodeKubeTransport extends KubeTransport {
  close(): void
}

/** Most bytes of an answer that is read as text: a list page of large objects stays far below. */
const maxTextBytes = 256 * 1024 * 1024

/**
 * Carries requests to an API server over node:https with kept-alive connections. Answers are not compressed: measured against a
 * server on the same network, inflating costs more than the bytes saved.
 */
export function createNodeKubeTransport(options: NodeKubeOptions): NodeKubeTransport {
  const server = new URL(options.server)
  const isHttps = server.protocol === 'https:'
  const agentOptions = {
    keepAlive: true,
    maxSockets: options.maxSockets ?? 32,
    maxFreeSockets: 32,
    scheduling: 'lifo' as const,
  }
  const agent = isHttps
    ? new HttpsAgent({
        ...agentOptions,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
        ...(options.cert === undefined ? {} : { cert: options.cert }),
        ...(options.key === undefined ? {} : { key: options.key }),
        ...(options.serverName === undefined ? {} : { servername: options.serverName }),
        ...(options.insecureSkipVerify === true ? { rejectUnauthorized: false } : {}),
      })
    : new HttpAgent(agentOptions)
  const base = {
    protocol: server.protocol,
    hostname: server.hostname.replace(/^\[|\]$/g, ''),
    port: server.port === '' ? (isHttps ? 443 : 80) : Number(server.port),
    agent,
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
  }
  const prefix = server.pathname.replace(/\/$/, '')
  const send = isHttps ? httpsRequest : httpRequest
  return {
    cluster: options.cluster,
    close: () => agent.destroy(),
    send: async (request) => {
      const headers: { [name: string]: string | number | string[] } = {
        ...request.headers,
        ...(await options.headers?.()),
      }
      for (const [name, value] of request.as === undefined ? [] : impersonationHeaders(request.as))
        headers[name] = [...((headers[name] as string[] | undefined) ?? []), value]
      const token = await options.token?.()
      if (token !== undefined) headers['authorization'] = `Bearer ${token}`
      if (request.body !== undefined) headers['content-length'] = Buffer.byteLength(request.body)
      return new Promise<KubeResponse>((resolve, reject) => {
        const fail = (error: unknown): void => reject(unreachable(options.cluster, request, error))
        if (request.signal.aborted) return fail(new Error('aborted'))
        const outgoing: ClientRequest = send({ ...base, method: request.method, path: prefix + request.path, headers })
        // Not passed as `signal`: a plain listener costs a third of what Node's own wiring does.
        const abort = (): void => void outgoing.destroy(new Error('aborted'))
        request.signal.addEventListener('abort', abort, { once: true })
        const release = (): void => request.signal.removeEventListener('abort', abort)
        outgoing.once('error', (error) => {
          release()
          fail(error)
        })
        outgoing.once('response', (incoming) => {
          incoming.once('close', release)
          resolve(answer(incoming, options.cluster, request))
        })
        outgoing.end(request.body)
      })
    },
  }
}

function answer(incoming: IncomingMessage, cluster: string, request: KubeRequest): KubeResponse {
  let stream: ReadableStream<Uint8Array> | undefined
  return {
    status: incoming.statusCode ?? 0,
    headers: {
      get: (name) => {
        const value = incoming.headers[name.toLowerCase()]
        return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value
      },
    },
    text: () => readText(incoming, cluster, request),
    get body() {
      stream ??= Readable.toWeb(incoming) as unknown as ReadableStream<Uint8Array>
      return stream
    },
  }
}

function readText(incoming: IncomingMessage, cluster: string, request: KubeRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    incoming.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size > maxTextBytes) incoming.destroy(new Error(`more than ${maxTextBytes} bytes`))
    })
    incoming.once('end', () => {
      const [first] = chunks
      resolve(chunks.length === 1 && first ? first.toString('utf8') : Buffer.concat(chunks, size).toString('utf8'))
    })
    incoming.once('error', (error) => reject(unreachable(cluster, request, error)))
    incoming.once('aborted', () =>
      reject(unreachable(cluster, request, new Error('the connection was closed in the middle of the answer'))),
    )
  })
}

/** No answer, or only a part of it. Paths carry names, never values. */
function unreachable(cluster: string, request: KubeRequest, error: unknown): EngineError {
  const detail = error instanceof Error ? error.message : String(error)
  return new EngineError(`cluster '${cluster}' cannot be reached: ${detail}`, {
    code: 'cluster-unreachable',
    disposition: 'retry',
    data: { cluster, method: request.method },
    cause: error,
  })
}
