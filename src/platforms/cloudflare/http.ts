import type { EgressPolicy } from '../../base/index.ts'
import { EngineError, checkEgress, printUrl } from '../../base/index.ts'
import type { HttpClient, HttpRequest, HttpResponse } from '../../ports/index.ts'

/**
 * The HttpClient of a Worker: the platform's fetch, redirects left to the caller. Private networks cannot be reached from there at all, except through bindings.
 * Own certificates and proxies cannot be used with it: such a request fails with EngineError `http-unsupported`, which says what to do instead.
 */
export function createCloudflareHttpClient(
  options: { readonly egress?: EgressPolicy; readonly fetch?: typeof fetch } = {},
): HttpClient {
  // Called as a plain function: workerd refuses fetch as the method of another object.
  const send = options.fetch ?? ((input: RequestInfo | URL, init?: RequestInit) => fetch(input, init))
  return {
    async send(request: HttpRequest): Promise<HttpResponse> {
      const url = new URL(request.url)
      refuseUnsupported(request)
      checkEgress(url, options.egress ?? {})
      try {
        const response = await send(request.url, {
          method: request.method,
          ...(request.headers === undefined ? {} : { headers: request.headers }),
          ...(request.body === undefined ? {} : { body: request.body as BodyInit }),
          ...(request.body instanceof ReadableStream ? { duplex: 'half' } : {}),
          redirect: 'manual',
          signal: request.signal,
        })
        return { status: response.status, headers: plainHeaders(response.headers), body: response.body }
      } catch (error) {
        throw new EngineError(`no answer from ${printUrl(url)}${request.signal.aborted ? ' in time' : ''}`, {
          code: request.signal.aborted ? 'http-aborted' : 'http-unreachable',
          disposition: 'retry',
          cause: error,
        })
      }
    },
  }
}

function refuseUnsupported(request: HttpRequest): void {
  const { ca, cert, key, insecureSkipVerify } = request.tls ?? {}
  const feature =
    cert !== undefined || key !== undefined
      ? 'a client certificate'
      : ca !== undefined
        ? 'a certificate authority of your own'
        : insecureSkipVerify === true
          ? 'skipping the verification of certificates'
          : request.proxy !== undefined
            ? 'a proxy'
            : undefined
  if (feature === undefined) return
  throw new EngineError(
    `${feature} cannot be used on Cloudflare Workers (asked for ${printUrl(request.url)}): serve it with a publicly trusted certificate, or run on Node`,
    { code: 'http-unsupported', data: { feature } },
  )
}

/** The runtime has decompressed the body, so the headers that describe the bytes on the wire go. */
function plainHeaders(headers: Headers): { [name: string]: string } {
  const plain = Object.fromEntries(headers.entries())
  if (plain['content-encoding'] !== undefined) {
    delete plain['content-encoding']
    delete plain['content-length']
  }
  return plain
}
