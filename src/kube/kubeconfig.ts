import { DiagnosticsError, EngineError, type Diagnostic } from '../base/index.ts'
import type { KubeConnection } from '../ports/index.ts'
import { isMap, type KubeMap, type KubeValue } from '../resources/index.ts'

/** How to reach a cluster, and as whom, as a kubeconfig in a Secret says it. Holds credentials: never log it. */
export interface ClusterConnection extends Omit<KubeConnection, 'cluster'> {
  readonly insecureSkipVerify?: boolean
  /** User that the kubeconfig asks to impersonate. */
  readonly impersonate?: string
  /** Settings that were left out because they would run programs or read files of this deployment. */
  readonly ignored: readonly string[]
}

export interface KubeconfigOptions {
  /** Reads YAML (or JSON) text into plain data. */
  readonly parse: (text: string) => unknown
  /** Accept `insecure-skip-tls-verify` (`--insecure-kubeconfig-tls`). Off by default. */
  readonly allowInsecureTls?: boolean
}

/** Keys of the Secret that are looked at, after the one that the reference names (kustomize-controller 1.9). */
const defaultKeys = ['value', 'value.yaml']

/**
 * Picks the kubeconfig out of a Secret's decoded data: the key of the reference, else `value`, else `value.yaml`.
 *
 * @throws EngineError `kubeconfig-missing`.
 */
export function kubeconfigText(
  data: { readonly [key: string]: string },
  key: string | undefined,
  secret: string,
): string {
  const keys = key === undefined || key === '' ? defaultKeys : [key]
  for (const candidate of keys) {
    const text = Object.hasOwn(data, candidate) ? data[candidate] : undefined
    if (text !== undefined && text !== '') return text
  }
  throw new EngineError(
    `the Secret '${secret}' has no kubeconfig under ${keys.map((name) => `'${name}'`).join(' or ')}`,
    {
      code: 'kubeconfig-missing',
      reason: 'ReconciliationFailed',
      disposition: 'wait',
    },
  )
}

/**
 * The connection that a kubeconfig's current context describes. What would let its author run a program here or read this
 * deployment's files is never used: exec plugins, auth providers, token and certificate files are left out and listed in `ignored`, as Flux
 * leaves them out; where nothing to log in with remains, or trust was to come from a file, it is an error that names them. Pure.
 *
 * @throws DiagnosticsError `kubeconfig-invalid` with every finding. Messages never quote values.
 */
export function parseKubeconfig(text: string, options: KubeconfigOptions): ClusterConnection {
  const findings: string[] = []
  const ignored: string[] = []
  const config = parseConfig(text, options)
  const context = entryOf(config, 'contexts', textOf(config, 'current-context'), 'context')
  if (!context) throw invalid(["'current-context' names no context of the list"])
  const cluster = entryOf(config, 'clusters', textOf(context, 'cluster'), 'cluster')
  const user = entryOf(config, 'users', textOf(context, 'user'), 'user') ?? {}
  if (!cluster) throw invalid(["the context's 'cluster' names no cluster of the list"])

  const server = readServer(cluster, findings)
  const isInsecure = cluster['insecure-skip-tls-verify'] === true
  if (isInsecure && options.allowInsecureTls !== true) ignored.push('cluster.insecure-skip-tls-verify')
  const ca = readPem(cluster, 'certificate-authority-data', findings)
  if (textOf(cluster, 'certificate-authority') !== '') {
    ignored.push('cluster.certificate-authority')
    if (ca === undefined)
      findings.push("'certificate-authority' is a file: put its content into 'certificate-authority-data'")
  }
  for (const field of ['exec', 'auth-provider', 'tokenFile', 'client-certificate', 'client-key']) {
    if (user[field] !== undefined && user[field] !== null && user[field] !== '') ignored.push(`user.${field}`)
  }
  const cert = readPem(user, 'client-certificate-data', findings)
  const key = readPem(user, 'client-key-data', findings)
  if ((cert === undefined) !== (key === undefined))
    findings.push("'client-certificate-data' and 'client-key-data' go together: one of them is missing")
  const login = {
    token: textOf(user, 'token'),
    username: textOf(user, 'username'),
    password: textOf(user, 'password'),
    impersonate: textOf(user, 'as'),
  }
  const canLogIn = cert !== undefined || login.token !== '' || login.username !== ''
  if (!canLogIn && ignored.some((name) => name.startsWith('user.'))) {
    const names = ignored.filter((name) => name.startsWith('user.')).join(', ')
    findings.push(
      `nothing to log in with is left without ${names}, which cannot be used here: put a token or a client certificate into the kubeconfig`,
    )
  }
  if (findings.length > 0) throw invalid(findings)
  return {
    server,
    ignored,
    ...present({
      serverName: textOf(cluster, 'tls-server-name'),
      proxyUrl: textOf(cluster, 'proxy-url'),
      ca,
      cert,
      key,
      ...login,
    }),
    ...(isInsecure && options.allowInsecureTls === true ? { insecureSkipVerify: true } : {}),
  }
}

function parseConfig(text: string, options: KubeconfigOptions): KubeMap {
  let parsed: unknown
  try {
    parsed = options.parse(text)
  } catch {
    // The parser's message may quote the line, and with it a credential.
    throw invalid(['it is not valid YAML'])
  }
  if (!isMap(parsed as KubeValue)) throw invalid(['it is not a mapping'])
  return parsed as KubeMap
}

/** The content of the list entry with this name: `{name, <field>: {…}}`. */
function entryOf(config: KubeMap, list: string, name: string, field: string): KubeMap | undefined {
  const entries = config[list]
  if (!Array.isArray(entries) || name === '') return undefined
  const entry = entries.find((item) => isMap(item) && item['name'] === name)
  const content = isMap(entry) ? entry[field] : undefined
  return isMap(content) ? content : undefined
}

function readServer(cluster: KubeMap, findings: string[]): string {
  const server = textOf(cluster, 'server')
  if (!URL.canParse(server)) findings.push("the cluster's 'server' is no URL")
  else {
    const url = new URL(server)
    if (url.protocol !== 'https:')
      findings.push("the cluster's 'server' must be https: credentials would travel unprotected")
    if (url.username !== '' || url.password !== '') findings.push("the cluster's 'server' must not hold credentials")
  }
  return server
}

function readPem(map: KubeMap, field: string, findings: string[]): string | undefined {
  const value = textOf(map, field)
  if (value === '') return undefined
  try {
    const text = atob(value.replace(/\s+/g, ''))
    if (text.includes('-----BEGIN ')) return text
  } catch {
    // Reported below, as for base64 of something else.
  }
  findings.push(`'${field}' is not base64 of PEM`)
  return undefined
}

function textOf(map: KubeMap, field: string): string {
  const value = Object.hasOwn(map, field) ? map[field] : undefined
  return typeof value === 'string' ? value : ''
}

function present<T extends { [key: string]: string | undefined }>(values: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== '')) as {
    [K in keyof T]?: string
  }
}

function invalid(findings: readonly string[]): DiagnosticsError {
  const diagnostics = findings.map((message): Diagnostic => ({
    code: 'kubeconfig-invalid',
    message: `kubeconfig: ${message}`,
    severity: 'error',
  }))
  return new DiagnosticsError(diagnostics, { code: 'kubeconfig-invalid', reason: 'ReconciliationFailed' })
}
