import { fromBase64 } from '../encoding.ts'
import { secretsError } from '../errors.ts'
import type { MasterKey } from '../metadata.ts'
import { answerField, postToKeyService, type KeyServiceDeps } from './request.ts'

/**
 * Decrypts with the transit engine of HashiCorp Vault or OpenBao (`POST /v1/<engine>/decrypt/<key>`).
 *
 * @throws EngineError `key-service-failed`.
 */
export async function decryptWithVault(
  deps: KeyServiceDeps,
  token: string | undefined,
  key: Extract<MasterKey, { kind: 'hc_vault' }>,
): Promise<Uint8Array<ArrayBuffer>> {
  if (token === undefined || token === '')
    throw secretsError('key-service-failed', "there is no Vault token; add it as 'sops.vault-token'")
  const segments = [...key.enginePath.split('/'), 'decrypt', key.keyName].filter((segment) => segment !== '')
  if (segments.some((segment) => segment === '.' || segment === '..'))
    throw secretsError('key-service-failed', 'the path of the transit engine is refused')
  const text = await postToKeyService(deps, {
    service: 'Vault',
    url: `${key.address.replace(/\/+$/, '')}/v1/${segments.map(encodeURIComponent).join('/')}`,
    headers: { 'content-type': 'application/json', 'x-vault-token': token, 'x-vault-request': 'true' },
    body: JSON.stringify({ ciphertext: key.enc }),
  })
  const plain = fromBase64(answerField(text, 'Vault', 'data', 'plaintext'))
  if (plain === undefined) throw secretsError('key-service-failed', 'Vault answered with a plaintext that is no base64')
  return plain
}

/** A Vault or OpenBao that service accounts may log in to. */
export interface VaultInstance {
  /** As SOPS files name it: `https://vault.example.com:8200`. */
  readonly address: string
  /** Path of the login of its JWT or Kubernetes method: `auth/kubernetes/login`. */
  readonly loginPath: string
}

/**
 * Logs in to Vault with a token of a service account (`POST /v1/<loginPath>`). The role is `<namespace>_<name>` of the account (kustomize-controller 1.9).
 *
 * @returns the token of Vault. @throws EngineError `key-service-failed`.
 */
export async function loginToVault(
  deps: KeyServiceDeps,
  instance: VaultInstance,
  account: { readonly role: string; readonly jwt: string },
): Promise<string> {
  const segments = instance.loginPath.split('/').filter((segment) => segment !== '')
  const text = await postToKeyService(deps, {
    service: 'the login of Vault',
    url: `${instance.address.replace(/\/+$/, '')}/v1/${segments.map(encodeURIComponent).join('/')}`,
    headers: { 'content-type': 'application/json', 'x-vault-request': 'true' },
    body: JSON.stringify(account),
  })
  return answerField(text, 'the login of Vault', 'auth', 'client_token')
}
