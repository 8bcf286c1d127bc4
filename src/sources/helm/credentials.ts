import type { HttpRequest } from '../../ports/index.ts'
import type { SecretData } from '../git/index.ts'
import { basicAuthorization, type RequestCredentials } from '../request.ts'
import { credentialsError, secretText, tlsOfSecret } from '../secret.ts'

/**
 * How to log in at a Helm repository over HTTP: `username` and `password` of `spec.secretRef`, certificates of `spec.certSecretRef` (or, as Flux still allows, of the first).
 *
 * @throws EngineError reason `AuthenticationFailed` for an incomplete Secret.
 */
export function helmCredentials(options: {
  readonly secret?: SecretData | undefined
  readonly certSecret?: SecretData | undefined
}): RequestCredentials {
  const username = secretText(options.secret, 'username')
  const password = secretText(options.secret, 'password')
  if ((username === '') !== (password === ''))
    throw credentialsError("the Secret of a Helm repository needs both 'username' and 'password'")
  const tls: HttpRequest['tls'] | undefined = tlsOfSecret(options.certSecret) ?? tlsOfSecret(options.secret)
  return {
    ...(username === '' ? {} : { authorization: basicAuthorization(username, password) }),
    ...(tls === undefined ? {} : { tls }),
  }
}
