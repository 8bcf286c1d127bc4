/** One request to a Kubernetes API server. */
export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path with query, starting with '/': `/apis/apps/v1/namespaces/default/deployments?limit=500`. */
  readonly path: string
  /** Lower-case names. `content-type` is set by the caller where a body is sent. */
  readonly headers?: { readonly [name: string]: string }
  readonly body?: string
  /** Deadline and cancellation. Every caller sets one. */
  readonly signal: AbortSignal
}

/** The answer. Read it once: as text, or as a stream (watches). */
export interface KubeResponse {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  text(): Promise<string>
  readonly body: ReadableStream<Uint8Array> | null
}

/**
 * Carries bytes to one cluster's API server, adding the credentials of that cluster. Throws EngineError `cluster-unreachable`
 * (`retry`) when no answer came; an answer of any status is returned, not thrown.
 */
export interface KubeTransport {
  /** Name of the cluster in the configuration. */
  readonly cluster: string
  send(request: KubeRequest): Promise<KubeResponse>
}
