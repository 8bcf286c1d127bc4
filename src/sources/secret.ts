import { EngineError } from '../base/index.ts'
import type { HttpRequest } from '../ports/index.ts'
import type { SecretData } from './git/index.ts'

/** A key of a Secret as text; empty where it is missing. */
export function secretText(secret: SecretData | undefined, key: string): string {
  const value = secret?.[key]
  if (value === undefined) return ''
  return typeof value === 'string' ? value : new TextDecoder().decode(value)
}

/** TLS settings of a `certSecretRef`: `ca.crt`, and `tls.crt` with `tls.key`. @throws EngineError reason `AuthenticationFailed` for half a key pair. */
export function tlsOfSecret(secret: SecretData | undefined): HttpRequest['tls'] | undefined {
  const ca = secretText(secret, 'ca.crt') || secretText(secret, 'caFile')
  const cert = secretText(secret, 'tls.crt') || secretText(secret, 'certFile')
  const key = secretText(secret, 'tls.key') || secretText(secret, 'keyFile')
  if ((cert === '') !== (key === ''))
    throw credentialsError('a client certificate needs both tls.crt and tls.key in the Secret')
  if (ca === '' && cert === '') return undefined
  return { ...(ca === '' ? {} : { ca }), ...(cert === '' ? {} : { cert, key }) }
}

/** The proxy of a `proxySecretRef`: `address`, `username`, `password`. @throws EngineError reason `AuthenticationFailed`. */
export function proxyOfSecret(secret: SecretData | undefined): HttpRequest['proxy'] | undefined {
  if (secret === undefined) return undefined
  const url = secretText(secret, 'address')
  if (!URL.canParse(url)) throw credentialsError("the proxy's Secret needs a valid URL under 'address'")
  const username = secretText(secret, 'username')
  return username === '' ? { url } : { url, username, password: secretText(secret, 'password') }
}

/** A Secret that cannot be used. No message carries a value. */
export function credentialsError(message: string): EngineError {
  return new EngineError(`failed to configure authentication options: ${message}`, {
    code: 'source-credentials',
    reason: 'AuthenticationFailed',
  })
}
