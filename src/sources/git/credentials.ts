import { EngineError } from '../../base/index.ts'
import type { HttpRequest } from '../../ports/index.ts'
import type { RequestCredentials } from '../request.ts'
import { basicAuthorization } from '../request.ts'
import { gitUnsupported } from './errors.ts'

/** Decoded values of a Secret. */
export type SecretData = { readonly [key: string]: string | Uint8Array | undefined }

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
 * `username` and `password`, those win over the URL's, `ca.crt` over the older `caFile`.
 *
 * Throws EngineError with reason `AuthenticationFailed` for an incomplete Secret, `InvalidProviderConfiguration` for GitHub App keys without the provider,
 * `git-unsupported` for SSH, GitHub Apps and cloud providers. No message carries a value.
 */
export function gitCredentials(options: GitCredentialOptions): RequestCredentials {
  const url = parseGitUrl(options.url)
  const value = (key: string): string => text(options.secret?.[key])
  checkProvider(options.provider ?? 'generic', value('githubAppID') !== '')
  const ca = value('ca.crt') || value('caFile')
  const cert = value('tls.crt')
  const key = value('tls.key')
  if ((cert === '') !== (key === '')) {
    throw authenticationFailed('a client certificate needs both tls.crt and tls.key in the Secret')
  }
  const tls = { ...(ca === '' ? {} : { ca }), ...(cert === '' ? {} : { cert, key }) }
  const proxy = proxyOf(options.proxySecret)
  const authorization = authorizationOf(url, options.secret)
  return {
    ...(authorization === undefined ? {} : { authorization }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(proxy === undefined ? {} : { proxy }),
  }
}

/** Parses `spec.url`. Throws EngineError with reason `URLInvalid`, or `git-unsupported` for SSH. */
export function parseGitUrl(text: string): URL {
  if (!URL.canParse(text)) {
    throw new EngineError('spec.url is not a valid URL; it must start with https://, http:// or ssh://', {
      code: 'git-invalid-url',
      reason: 'URLInvalid',
    })
  }
  const url = new URL(text)
  if (url.protocol === 'ssh:') throw gitUnsupported('a Git repository over SSH', 'use its https:// URL with a token')
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new EngineError(`spec.url has the scheme ${url.protocol.slice(0, -1)}; it must be https, http or ssh`, {
      code: 'git-invalid-url',
      reason: 'URLInvalid',
    })
  }
  return url
}

function checkProvider(provider: string, hasAppData: boolean): void {
  const isInvalid = provider === 'github' ? !hasAppData : hasAppData
  if (isInvalid) {
    const message =
      provider === 'github'
        ? 'secretRef with github app data must be specified when provider is set to github'
        : 'the Secret has github app data but provider is not set to github'
    throw new EngineError(message, { code: 'git-invalid-provider', reason: 'InvalidProviderConfiguration' })
  }
  if (provider === 'github') {
    throw gitUnsupported('provider github (tokens of a GitHub App)', 'use provider generic with a token in the Secret')
  }
  if (provider !== 'generic') {
    throw gitUnsupported(`the provider ${JSON.stringify(provider)}`, 'use provider generic with a token in the Secret')
  }
}

function authorizationOf(url: URL, secret: SecretData | undefined): string | undefined {
  if (secret?.['bearerToken'] !== undefined) return `Bearer ${headerText(secret['bearerToken'], 'bearerToken')}`
  const username = text(secret?.['username']) || decodeURIComponent(url.username)
  const password = text(secret?.['password']) || decodeURIComponent(url.password)
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
  const address = text(secret['address'])
  if (!URL.canParse(address)) throw authenticationFailed("the proxy's Secret needs a valid URL under 'address'")
  const username = text(secret['username'])
  return username === '' ? { url: address } : { url: address, username, password: text(secret['password']) }
}

/** A header value has no line ends; a token file often ends with one. */
function headerText(value: string | Uint8Array, key: string): string {
  const trimmed = text(value).trim()
  if (!/^[\u0021-\u007e]+$/.test(trimmed)) {
    throw authenticationFailed(`'${key}' of the Secret is empty or has characters that a token cannot have`)
  }
  return trimmed
}

function text(value: string | Uint8Array | undefined): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : new TextDecoder().decode(value)
}

function authenticationFailed(message: string): EngineError {
  return new EngineError(`failed to configure authentication options: ${message}`, {
    code: 'git-credentials',
    reason: 'AuthenticationFailed',
  })
}
