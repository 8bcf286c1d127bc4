import { EngineError } from '../../base/index.ts'
import type { HttpRequest } from '../../ports/index.ts'
import type { RequestCredentials } from '../request.ts'
import { basicAuthorization, credentialsFor } from '../request.ts'

/** Decoded values of a Secret. */
export type SecretData = { readonly [key: string]: string | Uint8Array | undefined }

/** How to log in over SSH. Never printed. */
export interface SshCredentials {
  readonly user: string
  readonly identity: string
  readonly passphrase?: string
  /** Text of the `known_hosts` file: only hosts in it are talked to. */
  readonly knownHosts: string
}

/** What a Git remote is shown to prove who asks. */
export interface GitCredentials extends RequestCredentials {
  readonly ssh?: SshCredentials
}

/** What a GitRepository's spec says about how to log in. */
export interface GitCredentialOptions {
  readonly url: string
  /** `spec.provider`; default `generic`. */
  readonly provider?: string
  /** Data of `spec.secretRef`. */
  readonly secret?: SecretData
  /** Data of `spec.proxySecretRef`. */
  readonly proxySecret?: SecretData
}

/**
 * The credentials of a GitRepository from its Secrets, after Flux's rules (fluxcd/pkg git.NewAuthOptions): a `bearerToken` wins over
 * `username` and `password`, those win over the URL's, `ca.crt` over the older `caFile`. SSH needs `identity` and `known_hosts`; its user is that of the Secret, of the URL, or `git`.
 * The tokens of `provider: github`, `azure` and `aws` are fetched by {@link providerCredentials}; here only the Secret is judged.
 *
 * Throws EngineError with reason `AuthenticationFailed` for an incomplete Secret, `InvalidProviderConfiguration` for GitHub App keys without the provider, or the provider without them.
 * No message carries a value.
 */
export function gitCredentials(options: GitCredentialOptions): GitCredentials {
  const url = parseGitUrl(options.url)
  const value = (key: string): string => secretText(options.secret?.[key])
  const provider = options.provider ?? 'generic'
  checkProvider(provider, url, options.secret !== undefined, value('githubAppID') !== '')
  if (url.protocol === 'ssh:') {
    if (options.proxySecret !== undefined) throw sshProxyUnsupported()
    return { ssh: sshCredentials(url, options.secret) }
  }
  const ca = value('ca.crt') || value('caFile')
  const cert = value('tls.crt')
  const key = value('tls.key')
  if ((cert === '') !== (key === '')) {
    throw authenticationFailed('a client certificate needs both tls.crt and tls.key in the Secret')
  }
  const tls = { ...(ca === '' ? {} : { ca }), ...(cert === '' ? {} : { cert, key }) }
  const proxy = proxyOf(options.proxySecret)
  const authorization = provider === 'generic' ? authorizationOf(url, options.secret) : undefined
  return {
    ...(authorization === undefined ? {} : { authorization }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(proxy === undefined ? {} : { proxy }),
  }
}

/**
 * What of `credentials` another URL may see: all of it at the same host and scheme, a CA and a proxy anywhere, a key for SSH only at the same host, port and user.
 */
export function credentialsForUrl(credentials: GitCredentials, from: URL, to: URL): GitCredentials {
  const { ssh, ...rest } = credentials
  const isSameSsh = from.protocol === 'ssh:' && to.protocol === 'ssh:' && from.host === to.host
  if (ssh !== undefined && isSameSsh) return { ...rest, ssh }
  return from.protocol === 'ssh:' ? {} : credentialsFor(rest, from, to)
}

/** Parses `spec.url`. Throws EngineError with reason `URLInvalid`. */
export function parseGitUrl(text: string): URL {
  if (!URL.canParse(text)) {
    throw new EngineError('spec.url is not a valid URL; it must start with https://, http:// or ssh://', {
      code: 'git-invalid-url',
      reason: 'URLInvalid',
    })
  }
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:' && url.protocol !== 'ssh:') {
    throw new EngineError(`spec.url has the scheme ${url.protocol.slice(0, -1)}; it must be https, http or ssh`, {
      code: 'git-invalid-url',
      reason: 'URLInvalid',
    })
  }
  return url
}

function checkProvider(provider: string, url: URL, hasSecret: boolean, hasAppData: boolean): void {
  const invalid = (message: string, disposition: 'stall' | 'retry'): EngineError =>
    new EngineError(message, { code: 'git-invalid-provider', reason: 'InvalidProviderConfiguration', disposition })
  if (provider === 'github' && !hasAppData) {
    const message = 'secretRef with github app data must be specified when provider is set to github'
    throw invalid(message, hasSecret ? 'retry' : 'stall')
  }
  if (provider !== 'github' && hasAppData) {
    throw invalid('the Secret has github app data but provider is not set to github', 'retry')
  }
  if (provider !== 'generic' && url.protocol === 'ssh:') {
    throw invalid(
      `provider ${provider.slice(0, 80)} gives tokens for https; use the https:// URL of the repository`,
      'stall',
    )
  }
}

/** compat(flux): go-git has no proxy for SSH but SOCKS 5; connecting without it would reach the host in a way that nobody asked for. */
function sshProxyUnsupported(): EngineError {
  return new EngineError(
    'spec.proxySecretRef cannot be used with a repository over SSH; use the https:// URL of the repository, or remove spec.proxySecretRef',
    { code: 'git-unsupported', reason: 'AuthenticationFailed' },
  )
}

function sshCredentials(url: URL, secret: SecretData | undefined): SshCredentials {
  const identity = secretText(secret?.['identity'])
  const knownHosts = secretText(secret?.['known_hosts'])
  if (url.hostname === '') throw authenticationFailed("invalid 'ssh' auth option: 'host' is required")
  if (identity.trim() === '') throw authenticationFailed("invalid 'ssh' auth option: 'identity' is required")
  if (knownHosts.trim() === '') throw authenticationFailed("invalid 'ssh' auth option: 'known_hosts' is required")
  const user = secretText(secret?.['username']) || decodeURIComponent(url.username) || 'git'
  const passphrase = secretText(secret?.['password'])
  return { user, identity, knownHosts, ...(passphrase === '' ? {} : { passphrase }) }
}

function authorizationOf(url: URL, secret: SecretData | undefined): string | undefined {
  if (secret?.['bearerToken'] !== undefined) return `Bearer ${headerText(secret['bearerToken'], 'bearerToken')}`
  const username = secretText(secret?.['username']) || decodeURIComponent(url.username)
  const password = secretText(secret?.['password']) || decodeURIComponent(url.password)
  if (username === '' && password === '') return undefined
  if (username === '') {
    throw authenticationFailed(
      `invalid '${url.protocol.slice(0, -1)}' auth option: 'password' requires 'username' to be set`,
    )
  }
  return basicAuthorization(username, password)
}

function proxyOf(secret: SecretData | undefined): HttpRequest['proxy'] | undefined {
  if (secret === undefined) return undefined
  const address = secretText(secret['address'])
  if (!URL.canParse(address) || !/^(https?|socks5h?):$/.test(new URL(address).protocol)) {
    throw authenticationFailed("the proxy's Secret needs the URL of an http, https or socks5 proxy under 'address'")
  }
  const username = secretText(secret['username'])
  return username === '' ? { url: address } : { url: address, username, password: secretText(secret['password']) }
}

/** A header value has no line ends; a token file often ends with one. */
function headerText(value: string | Uint8Array, key: string): string {
  const trimmed = secretText(value).trim()
  if (!/^[\u0021-\u007e]+$/.test(trimmed)) {
    throw authenticationFailed(`'${key}' of the Secret is empty or has characters that a token cannot have`)
  }
  return trimmed
}

/** A value of a Secret as text; '' where it is missing. */
export function secretText(value: string | Uint8Array | undefined): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : new TextDecoder().decode(value)
}

/** The error for credentials that cannot be used as they are. */
export function authenticationFailed(message: string): EngineError {
  return new EngineError(`failed to configure authentication options: ${message}`, {
    code: 'git-credentials',
    reason: 'AuthenticationFailed',
    // Fixing the Secret is not seen as a change of the source, so it is looked at again.
    disposition: 'retry',
  })
}
