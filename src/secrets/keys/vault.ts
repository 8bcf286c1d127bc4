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
