/** An outgoing HTTP request. Redirects are never followed by the client: the caller sees them and decides. */
export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers?: { readonly [name: string]: string }
  readonly body?: Uint8Array | string | ReadableStream<Uint8Array>
  /** A second arrival has the same effect as one. Default: as the method says (GET, HEAD, OPTIONS, PUT, DELETE). */
  readonly repeatable?: boolean
  /** Deadline and cancellation. Every caller sets one. */
  readonly signal: AbortSignal
  /** PEM certificates trusted besides the system's, client certificate, proxy: honoured where the platform can, else an EngineError. */
  readonly tls?: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    readonly insecureSkipVerify?: boolean
  }
  readonly proxy?: { readonly url: string; readonly username?: string; readonly password?: string }
}

/** The answer. `body` must be read to its end or cancelled. Header names are lower-case. */
export interface HttpResponse {
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  readonly body: ReadableStream<Uint8Array> | null
}

/** Sends requests to forges, registries, chart repositories and webhooks. Throws EngineError (`retry`) when no answer came. */
export interface HttpClient {
  send(request: HttpRequest): Promise<HttpResponse>
}
