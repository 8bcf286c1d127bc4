import { EngineError } from '../../src/base/index.ts'
import type { KubeRequest, KubeResponse, KubeTransport } from '../../src/ports/index.ts'

/** How a request is lost. `before`: it never leaves. `after`: the server has done it, the answer is lost. */
export type Cut = 'before' | 'after'

/** A transport that stops working at one request, as when a process is killed there: this one and all later ones fail. */
export interface CutTransport extends KubeTransport {
  /** Requests that were asked for so far. */
  readonly count: number
  /** Their methods. */
  readonly methods: readonly string[]
  /** True once a request was lost. */
  readonly isCut: boolean
  /** Aborts when a request is lost: nothing of the process goes on, so that nothing needs to be tried again. */
  readonly signal: AbortSignal
}

/** Loses request number `at` (from 1; Infinity: none) and all that follow. */
export function createCutTransport(inner: KubeTransport, at: number, cut: Cut): CutTransport {
  const methods: string[] = []
  const end = new AbortController()
  const lost = (): EngineError =>
    new EngineError('the connection was cut by the test', { code: 'cluster-unreachable', disposition: 'retry' })
  return {
    cluster: inner.cluster,
    methods,
    signal: end.signal,
    get count() {
      return methods.length
    },
    get isCut() {
      return methods.length >= at
    },
    send: async (request) => {
      const number = methods.push(request.method)
      if (number < at) return inner.send(request)
      if (number === at && cut === 'after') await (await inner.send(request)).text()
      end.abort()
      throw lost()
    },
  }
}

/** An answer that a test puts in place of the server's; undefined lets the request through. */
export type Injection = (
  request: KubeRequest,
  number: number,
) =>
  | { readonly status: number; readonly body?: object; readonly headers?: { readonly [name: string]: string } }
  | Error
  | undefined

/** A transport that answers some requests itself. `requests` is what was asked for, as `METHOD path`. */
export function createInjectingTransport(
  inner: KubeTransport,
  inject: Injection,
): KubeTransport & { readonly requests: string[] } {
  const requests: string[] = []
  return {
    cluster: inner.cluster,
    requests,
    send: async (request) => {
      const number = requests.push(`${request.method} ${request.path}`)
      const injected = inject(request, number)
      if (injected === undefined) return inner.send(request)
      if (injected instanceof Error) throw injected
      return textResponse(injected.status, JSON.stringify(injected.body ?? {}), injected.headers ?? {})
    },
  }
}

/** A response with a text body, for transports without a server. */
export function textResponse(
  status: number,
  text: string,
  headers: { readonly [name: string]: string } = {},
): KubeResponse {
  return {
    status,
    headers: { get: (name) => headers[name.toLowerCase()] ?? null },
    text: async () => text,
    body: new Response(text).body,
  }
}
