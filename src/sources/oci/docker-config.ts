import type { SecretData } from '../git/index.ts'
import { credentialsError, secretText } from '../secret.ts'

/** How to log in at one registry. */
export type RegistryLogin =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** A refresh token that the token service takes. */
  | { readonly kind: 'identity'; readonly token: string }
  /** A token that the registry takes as it is. */
  | { readonly kind: 'bearer'; readonly token: string }

/**
 * The login for a repository from pull secrets (`.dockerconfigjson`, or the older `.dockercfg`): of the entries whose host and path fit, the longest wins, as for the kubelet (Kubernetes 1.37, credentialprovider keyring). A
 * leading `*` label stands for any label. Undefined where no entry fits.
 *
 * @throws EngineError reason `AuthenticationFailed` for a Secret without a readable configuration.
 */
export function registryLogin(
  secrets: readonly SecretData[],
  target: { readonly registry: string; readonly repository: string },
): RegistryLogin | undefined {
  let best: { readonly pattern: string; readonly login: RegistryLogin } | undefined
  for (const secret of secrets) {
    for (const [key, entry] of readAuths(secret)) {
      const pattern = normalize(key)
      if (!isMatch(pattern, target) || (best !== undefined && best.pattern.length >= pattern.length)) continue
      const login = readLogin(entry)
      if (login !== undefined) best = { pattern, login }
    }
  }
  return best?.login
}

function readAuths(secret: SecretData): [string, unknown][] {
  const config = secretText(secret, '.dockerconfigjson')
  const legacy = secretText(secret, '.dockercfg')
  if (config === '' && legacy === '') throw credentialsError("the Secret of a registry needs '.dockerconfigjson'")
  let value: unknown
  try {
    value = JSON.parse(config === '' ? legacy : config)
  } catch {
    throw credentialsError("'.dockerconfigjson' of the Secret is not JSON")
  }
  const auths = config === '' ? value : (value as { readonly auths?: unknown } | null)?.auths
  if (typeof auths !== 'object' || auths === null || Array.isArray(auths))
    throw credentialsError("'.dockerconfigjson' of the Secret has no 'auths'")
  return Object.entries(auths)
}

function readLogin(entry: unknown): RegistryLogin | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined
  const field = (name: string): string => {
    const value = (entry as { readonly [name: string]: unknown })[name]
    return typeof value === 'string' ? value : ''
  }
  if (field('registrytoken') !== '') return { kind: 'bearer', token: field('registrytoken') }
  if (field('identitytoken') !== '') return { kind: 'identity', token: field('identitytoken') }
  const decoded = decodeAuth(field('auth'))
  const username = decoded?.username ?? field('username')
  const password = decoded?.password ?? field('password')
  return username === '' && password === '' ? undefined : { kind: 'basic', username, password }
}

function decodeAuth(auth: string): { username: string; password: string } | undefined {
  if (auth === '') return undefined
  try {
    const text = new TextDecoder().decode(Uint8Array.from(atob(auth.trim()), (char) => char.charCodeAt(0)))
    const at = text.indexOf(':')
    return at < 0 ? undefined : { username: text.slice(0, at), password: text.slice(at + 1).replace(/\0+$/, '') }
  } catch {
    throw credentialsError("an 'auth' of '.dockerconfigjson' is not base64")
  }
}

/** `https://index.docker.io/v1/` and its like name Docker Hub; a scheme and `/v1/`, `/v2/` mean nothing. */
function normalize(key: string): string {
  const plain = key
    .replace(/^https?:\/\//, '')
    .replace(/\/+$/, '')
    .replace(/\/v[12]$/, '')
  return plain.replace(/^(?:index|registry-1)\.docker\.io(?=$|\/)/, 'docker.io')
}

function isMatch(pattern: string, target: { readonly registry: string; readonly repository: string }): boolean {
  const [host = '', ...path] = pattern.split('/')
  const labels = host.split('.')
  const wanted = target.registry.split('.')
  const isHost = labels.length === wanted.length && labels.every((label, i) => label === '*' || label === wanted[i])
  const prefix = path.join('/')
  return isHost && (prefix === '' || target.repository === prefix || target.repository.startsWith(`${prefix}/`))
}
