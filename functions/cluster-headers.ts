import { EngineError } from '../src/base/index.ts'
import type { ClusterConfig, ReadSetting } from './config.ts'

/** Names of headers that a gateway may want; what says who asks, or how a body is framed, is not among them. */
const headerName = /^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/
const reserved =
  /^(?:authorization|proxy-.*|impersonate-.*|x-remote-.*|host|connection|content-.*|transfer-encoding|upgrade|te|trailer|expect|accept|accept-encoding|cookie)$/i
const headerValue = /^[\x21-\x7e](?:[\x20-\x7e]{0,4000}[\x21-\x7e])?$/

/** What is wrong with the text of a secret that a `headersSecret` names; undefined where nothing is. Nothing of its values is repeated. */
export function headersProblem(text: string): string | undefined {
  const value = parse(text)
  if (value === undefined)
    return 'must be a JSON object of headers, such as {"CF-Access-Client-Id": "…", "CF-Access-Client-Secret": "…"}'
  const names = Object.keys(value)
  if (names.length === 0 || names.length > 20) return 'must have 1 to 20 headers'
  const bad = names.find((name) => !headerName.test(name) || reserved.test(name))
  if (bad !== undefined) return `must not set the header ${JSON.stringify(bad.slice(0, 100))}`
  const unprintable = names.find((name) => typeof value[name] !== 'string' || !headerValue.test(value[name]))
  return unprintable === undefined ? undefined : `${unprintable} must be text without line breaks`
}

/** Complains of secrets that clusters name and that are not there, or cannot be what they are named for. */
export function checkClusterSecrets(
  clusters: readonly ClusterConfig[],
  read: ReadSetting,
  complain: (field: string, message: string) => void,
): void {
  for (const cluster of clusters) {
    for (const field of ['tokenSecret', 'clientCertSecret', 'clientKeySecret', 'headersSecret'] as const) {
      const name = cluster[field]
      if (name === undefined) continue
      const text = read(name) ?? ''
      const problem = field === 'headersSecret' && text !== '' ? headersProblem(text) : undefined
      if (text === '') complain(`CLUSTERS.${cluster.name}.${field}`, `there is no secret ${name}`)
      if (problem !== undefined) complain(`CLUSTERS.${cluster.name}.${field}`, `the secret ${name} ${problem}`)
    }
  }
}

/**
 * Headers that the gateway in front of a cluster wants (`headersSecret`), read for each request so that new ones are used at once; undefined where the cluster names none.
 *
 * @throws (the function) EngineError `secret-missing`, `secret-invalid`; messages never quote a value.
 */
export function gatewayHeaders(
  { name, headersSecret }: ClusterConfig,
  read: ReadSetting,
): (() => Promise<{ readonly [name: string]: string }>) | undefined {
  if (headersSecret === undefined) return undefined
  return async () => {
    const text = read(headersSecret) ?? ''
    if (text === '')
      throw new EngineError(`cluster '${name}': there is no secret ${headersSecret}`, {
        code: 'secret-missing',
        disposition: 'retry',
      })
    const problem = headersProblem(text)
    if (problem !== undefined)
      throw new EngineError(`cluster '${name}': the secret ${headersSecret} ${problem}`, { code: 'secret-invalid' })
    const headers = (parse(text) ?? {}) as { readonly [name: string]: string }
    return Object.fromEntries(Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value]))
  }
}

function parse(text: string): { readonly [name: string]: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as { readonly [name: string]: unknown })
      : undefined
  } catch {
    return undefined // The message of a parser quotes the text, which is a secret.
  }
}
