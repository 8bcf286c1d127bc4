import { EngineError } from '../base/index.ts'

/** Variables of a deployment. */
export type Environment = { readonly [name: string]: string }

/** Names whose values are no secrets and may be shown. */
const shown: ReadonlySet<string> = new Set(['CLUSTERS', 'PRIVATE_HOSTS', 'GITHUB_APP_ID', 'GITHUB_APP_SLUG'])

/**
 * Reads an environment file: `NAME=value` lines, comments and blank lines, as systemd (EnvironmentFile) and `docker run --env-file` both read it. Values are taken as they stand, but for quotes around a whole value.
 *
 * @throws EngineError `environment-invalid` with the line, never with its value.
 */
export function parseEnvironment(text: string, file: string): Environment {
  const found: { [name: string]: string } = {}
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(trimmed)
    if (match === null)
      throw new EngineError(`${file}:${index + 1}: this is no line of the form NAME=value`, {
        code: 'environment-invalid',
      })
    const value = match[2] ?? ''
    found[match[1] ?? ''] = /^'([^']*)'$/.exec(value)?.[1] ?? value
  }
  return found
}

/**
 * The text of an environment file with variables set: lines of others, comments too, stay where they are, new ones come last.
 *
 * @throws EngineError `environment-invalid` for a value that the two readers of such files would not read alike (a line break, a backslash, a quote at its start): encode it first.
 */
export function mergeEnvironment(text: string, set: Environment): string {
  for (const [name, value] of Object.entries(set)) {
    if (/[\n\r\\]/.test(value) || /^["'\s]|\s$/.test(value))
      throw new EngineError(
        `the value of ${name} cannot stand in an environment file: it has a line break, a backslash, or a quote or space at an end`,
        {
          code: 'environment-invalid',
        },
      )
  }
  const left = new Map(Object.entries(set))
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  const merged = lines.map((line) => {
    const name = /^\s*([A-Za-z_][A-Za-z0-9_]*)=/.exec(line)?.[1]
    const value = name === undefined ? undefined : left.get(name)
    if (name === undefined || value === undefined) return line
    left.delete(name)
    return `${name}=${value}`
  })
  return [...merged, ...[...left].map(([name, value]) => `${name}=${value}`), ''].join('\n')
}

/** The same as JSON, for `wrangler secret bulk`. */
export function environmentJson(environment: Environment): string {
  return `${JSON.stringify(environment, null, 2)}\n`
}

/** Variables as they may be shown: values of secrets as `***`. */
export function shownEnvironment(environment: Environment): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name}=${shown.has(name) ? shortened(value) : '***'}\n`)
    .join('')
}

/** Certificates fill the screen and say nothing. */
function shortened(value: string): string {
  return value.replaceAll(/("ca":"[^"]{0,24})[^"]*/g, '$1…')
}

/** A cluster of `CLUSTERS`, as far as it is known here; further fields stay. */
export interface ClusterEntry {
  readonly name: string
  readonly server?: string
  readonly ca?: string
  readonly tokenSecret?: string
  readonly [field: string]: unknown
}

/** The clusters of `CLUSTERS`. @throws EngineError `environment-invalid`. */
export function clusterEntries(environment: Environment): readonly ClusterEntry[] {
  const text = environment['CLUSTERS'] ?? ''
  if (text.trim() === '') return []
  const list = parseList(text)
  const isEntry = (one: unknown): one is ClusterEntry =>
    typeof one === 'object' && one !== null && typeof (one as { name?: unknown }).name === 'string'
  if (list?.every(isEntry) === true) return list
  throw new EngineError('CLUSTERS of the environment file is no JSON list of clusters', { code: 'environment-invalid' })
}

/** `CLUSTERS` with a cluster in it: one of that name keeps its place and every field that is not given. One that logs in in another way (a binding, a kubeconfig, a certificate) stays as it is. */
export function withCluster(entries: readonly ClusterEntry[], cluster: ClusterEntry): readonly ClusterEntry[] {
  const known = entries.find(({ name }) => name === cluster.name)
  if (known === undefined) return [...entries, cluster]
  if (known.tokenSecret === undefined) return entries
  return entries.map((entry) => (entry === known ? { ...known, ...cluster } : entry))
}

/** `PROD_EU_1_TOKEN` for `prod-eu.1`. */
export function tokenVariable(cluster: string): string {
  const name = cluster.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
  return `${/^[A-Z]/.test(name) ? '' : 'CLUSTER_'}${name}_TOKEN`
}

/** `PRIVATE_HOSTS` with a host in it. */
export function withPrivateHost(environment: Environment, host: string): readonly string[] {
  const list = (parseList(environment['PRIVATE_HOSTS'] ?? '[]') ?? []).filter((one) => typeof one === 'string')
  return list.includes(host) ? list : [...list, host]
}

function parseList(text: string): readonly unknown[] | undefined {
  try {
    const value = JSON.parse(text) as unknown
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined // The parser's message would quote what may be a secret.
  }
}
