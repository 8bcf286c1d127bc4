/** Somebody that a request is made as, where it is not the transport's own identity. */
export interface KubeIdentity {
  /** `system:serviceaccount:ns:name`, or a name that a token of the deployment's own carries. */
  readonly user: string
  /** Besides those that the API server adds by itself. */
  readonly groups?: readonly string[]
}

/** One request to a Kubernetes API server. */
export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path with query, starting with '/': `/apis/apps/v1/namespaces/default/deployments?limit=500`. */
  readonly path: string
  /** Lower-case names. `content-type` is set by the caller where a body is sent. */
  readonly headers?: { readonly [name: string]: string }
  readonly body?: string
  /** Whom to act as. How that is done (impersonation, a token of that identity) is up to the transport, which must never leave it out. */
  readonly as?: KubeIdentity
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

/** How to reach a cluster that an object in another cluster names (`spec.kubeConfig`), and as whom. Holds credentials: never log it. */
export interface KubeConnection {
  /** Name for messages and logs. */
  readonly cluster: string
  /** `https://host:port`, with a path prefix where a proxy wants one. */
  readonly server: string
  /** Name in the server's certificate, where it is not the host's. */
  readonly serverName?: string
  /** PEM certificates that sign the server's. Default: the system's. */
  readonly ca?: string
  /** Client certificate and key, PEM. */
  readonly cert?: string
  readonly key?: string
  readonly token?: string
  readonly username?: string
  readonly password?: string
  readonly proxyUrl?: string
}

/**
 * Opens a transport to such a cluster. Connections are made by the requests. Throws EngineError `kubeconfig-unusable-here` where the platform
 * cannot do what the connection asks for, `egress-refused` where the deployment does not let its tenants reach that host.
 */
export type KubeConnector = (connection: KubeConnection) => KubeTransport & { close(): void }

/** A service account of a cluster that logs in elsewhere. */
export interface ServiceAccountIdentity {
  readonly namespace: string
  readonly name: string
  /** They name the role, the application or the account to act as. */
  readonly annotations: { readonly [key: string]: string }
  /** Has the cluster issue a token of the account for an audience. */
  readonly token: (audience: string) => Promise<string>
}

/** Access to a managed cluster that a ConfigMap names (`spec.kubeConfig.configMapRef` with the provider of a cloud). */
export interface ClusterAccessRequest {
  readonly provider: 'aws' | 'azure' | 'gcp'
  /** ARN (aws), resource id (azure) or full name (gcp) of the cluster. */
  readonly cluster: string
  /** Address of the API server, where the ConfigMap says it; otherwise the provider is asked for it. */
  readonly address?: string
  readonly ca?: string
  /** The server's certificate is signed by one of the system's authorities: with `address`, the provider is not asked for one. */
  readonly trustsSystem?: boolean
  /** The service account that the ConfigMap names: its token is exchanged at the cloud. Undefined: the deployment's own identity. */
  readonly serviceAccount?: ServiceAccountIdentity
  readonly signal: AbortSignal
}

/** What a cloud answers. */
export interface ClusterAccess {
  readonly server: string
  readonly ca?: string
  readonly token: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** Logs in to managed clusters of the clouds that the deployment supports. */
export type ClusterAccessProviders = {
  readonly [provider in ClusterAccessRequest['provider']]?: (request: ClusterAccessRequest) => Promise<ClusterAccess>
}
