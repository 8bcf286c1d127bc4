import { EngineError } from '../../base/index.ts'
import { createNodeKubeTransport, type NodeKubeTransport } from './kube-transport.ts'

export interface KubeconfigTransportOptions {
  /** Name of the cluster in the configuration. */
  readonly cluster: string
  readonly path: string
  /** Default: the file's current context. */
  readonly context?: string
}

/**
 * A transport for a kubeconfig file of this machine's operator, with everything such a file may say: exec plugins, OIDC, token files,
 * client certificates. @kubernetes/client-node reads the file and logs in; it is loaded only here, and carries none of the requests.
 *
 * @throws EngineError `kubeconfig-unusable` when the file, its context or the login does not work.
 */
export async function createKubeconfigTransport(options: KubeconfigTransportOptions): Promise<NodeKubeTransport> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  try {
    config.loadFromFile(options.path)
    if (options.context !== undefined) config.setCurrentContext(options.context)
  } catch (error) {
    throw unusable(options, error)
  }
  const cluster = config.getCurrentCluster()
  if (!cluster) throw unusable(options, new Error(`the context '${config.getCurrentContext()}' has no cluster`))
  const logIn = async (): Promise<LoginResult> => {
    const result: LoginResult = {}
    try {
      await config.applyToHTTPSOptions(result)
    } catch (error) {
      throw unusable(options, error)
    }
    return result
  }
  const first = await logIn()
  const basic = first.auth === undefined ? undefined : `Basic ${Buffer.from(first.auth).toString('base64')}`
  return createNodeKubeTransport({
    cluster: options.cluster,
    server: cluster.server,
    ...textOption('ca', first.ca),
    ...textOption('cert', first.cert),
    ...textOption('key', first.key),
    ...textOption('serverName', first.servername),
    ...(first.rejectUnauthorized === false ? { insecureSkipVerify: true } : {}),
    headers: cachedHeaders(async () => {
      const { headers } = await logIn()
      const all: { [name: string]: string } = basic === undefined ? {} : { authorization: basic }
      for (const [name, value] of Object.entries(headers ?? {}))
        if (typeof value === 'string') all[name.toLowerCase()] = value
      return all
    }),
  })
}

/**
 * The address and the certificates of the cluster that a kubeconfig names: what others need to reach it. No credentials.
 *
 * @throws EngineError `kubeconfig-unusable`.
 */
export async function readKubeconfigCluster(
  options: KubeconfigTransportOptions,
): Promise<{ readonly server: string; readonly ca?: string }> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  try {
    config.loadFromFile(options.path)
    if (options.context !== undefined) config.setCurrentContext(options.context)
    const cluster = config.getCurrentCluster()
    if (!cluster) throw new Error(`the context '${config.getCurrentContext()}' has no cluster`)
    const login: LoginResult = {}
    await config.applyToHTTPSOptions(login)
    return { server: cluster.server, ...textOption('ca', login.ca) }
  } catch (error) {
    throw unusable(options, error)
  }
}

type Headers = { readonly [name: string]: string }

/** How long a login is used before the library is asked again; it keeps tokens until they expire, but reads files each time. */
const loginMaxAgeMs = 20_000

function cachedHeaders(load: () => Promise<Headers>): () => Promise<Headers> {
  let cached: { readonly at: number; readonly headers: Promise<Headers> } | undefined
  return () => {
    if (cached && Date.now() - cached.at < loginMaxAgeMs) return cached.headers
    const headers = load()
    const entry = { at: Date.now(), headers }
    cached = entry
    // A login that failed is tried again by the next request.
    headers.catch(() => {
      if (cached === entry) cached = undefined
    })
    return headers
  }
}

/** What the library fills in. */
interface LoginResult {
  ca?: string | Buffer
  cert?: string | Buffer
  key?: string | Buffer
  servername?: string
  rejectUnauthorized?: boolean
  auth?: string
  headers?: { [name: string]: unknown }
}

function textOption<Name extends string>(name: Name, value: string | Buffer | undefined): { [K in Name]?: string } {
  return (value === undefined || value === null ? {} : { [name]: value.toString() }) as { [K in Name]?: string }
}

function unusable(options: KubeconfigTransportOptions, error: unknown): EngineError {
  const detail = error instanceof Error ? error.message : String(error)
  return new EngineError(`the kubeconfig ${options.path} of cluster '${options.cluster}' cannot be used: ${detail}`, {
    code: 'kubeconfig-unusable',
    disposition: 'wait',
    data: { cluster: options.cluster },
    cause: error,
  })
}
