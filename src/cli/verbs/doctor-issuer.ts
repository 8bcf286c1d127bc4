import { collectBytes, EngineError, toEngineError, utf8Text } from '../../base/index.ts'
import type { Finding } from './findings.ts'

const area = 'deployment'
const maxBytes = 256 * 1024
/** From here on an API server does not look for a key that it does not know (go-oidc, as of Kubernetes 1.37). */
const maxAgeSeconds = 30

/** Looks at what an issuer publishes, as an API server fetches it: is it there, is it the issuer's own, are there keys, does nothing in between keep them for too long. */
export async function examineIssuer(issuer: string): Promise<readonly Finding[]> {
  try {
    const discovery = await fetchJson(`${issuer}/.well-known/openid-configuration`)
    const { issuer: said, jwks_uri: keysAt } = discovery.value as {
      readonly issuer?: unknown
      readonly jwks_uri?: unknown
    }
    if (said !== issuer || typeof keysAt !== 'string') {
      return [
        {
          area,
          state: 'problem',
          message: `at ${issuer} there are the documents of another issuer${typeof said === 'string' ? `: ${said}` : ''}`,
          fix: 'publicUrl in SETTINGS must be the address at which API servers find the deployment',
        },
      ]
    }
    const set = await fetchJson(keysAt)
    const { keys } = set.value as { readonly keys?: unknown }
    if (!Array.isArray(keys) || keys.length === 0)
      return [{ area, state: 'problem', message: `${keysAt} has no keys`, fix: 'its log says why' }]
    if (set.maxAge >= maxAgeSeconds) {
      return [
        {
          area,
          state: 'warning',
          message: `${keysAt} may be kept for ${set.maxAge} s`,
          fix: `something in front of the deployment changes Cache-Control; below ${maxAgeSeconds} s API servers ask at once for keys that they do not know`,
        },
      ]
    }
    return [
      { area, state: 'ok', message: `${issuer} publishes ${keys.length === 1 ? '1 key' : `${keys.length} keys`}` },
    ]
  } catch (caught) {
    const cause = caught instanceof Error && caught.cause instanceof Error ? caught.cause.message : undefined
    return [
      {
        area,
        state: 'problem',
        message: `the keys of the issuer cannot be fetched: ${cause ?? toEngineError(caught).message}`,
        fix: 'API servers must reach publicUrl over https; for a certificate of your own, give it to sluice with NODE_EXTRA_CA_CERTS, and to the API server with issuer authentication-config --ca',
      },
    ]
  }
}

async function fetchJson(url: string): Promise<{ readonly value: object; readonly maxAge: number }> {
  const fail = (why: string): EngineError => new EngineError(`${url} ${why}`, { code: 'issuer-unusable' })
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(15_000),
  })
  const bytes = await collectBytes(response.body ?? [], maxBytes, () => fail('answers with too much'))
  if (!response.ok) throw fail(`answers ${response.status}`)
  const maxAge = Number(/(?:^|[\s,])max-age=(\d{1,9})/.exec(response.headers.get('cache-control') ?? '')?.[1] ?? 0)
  try {
    const value: unknown = JSON.parse(utf8Text(bytes) ?? '')
    if (typeof value === 'object' && value !== null) return { value, maxAge }
  } catch {
    // Said below.
  }
  throw fail('does not answer with JSON')
}
