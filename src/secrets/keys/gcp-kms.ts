import { fetchGcpToken as fetchToken, type GcpCredentials } from '../../cloud/index.ts'
import { fromBase64 } from '../encoding.ts'
import { secretsError } from '../errors.ts'
import type { MasterKey } from '../metadata.ts'
import { answerField, cloudDeps, postToKeyService, type KeyServiceDeps } from './request.ts'

const scope = 'https://www.googleapis.com/auth/cloudkms'

/**
 * Decrypts with Google Cloud KMS (`cryptoKeys.decrypt`).
 *
 * @param token a bearer token; undefined where there are no credentials.
 * @throws EngineError `key-service-failed`.
 */
export async function decryptWithGcpKms(
  deps: KeyServiceDeps,
  token: (() => Promise<string>) | undefined,
  key: Extract<MasterKey, { kind: 'gcp_kms' }>,
): Promise<Uint8Array<ArrayBuffer>> {
  if (token === undefined)
    throw secretsError('key-service-failed', "there are no Google credentials; add them as 'sops.gcp-kms'")
  if (
    !/^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+(?:\/cryptoKeyVersions\/\d+)?$/.test(
      key.resourceId,
    )
  )
    throw secretsError('key-service-failed', 'the resource id of the key has no valid form')
  const path = key.resourceId.split('/').map(encodeURIComponent).join('/')
  const text = await postToKeyService(deps, {
    service: 'GCP KMS',
    url: `https://cloudkms.googleapis.com/v1/${path}:decrypt`,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${await token()}` },
    body: JSON.stringify({ ciphertext: key.enc.replaceAll(/\s/g, '') }),
  })
  const plain = fromBase64(answerField(text, 'GCP KMS', 'plaintext'))
  if (plain === undefined)
    throw secretsError('key-service-failed', 'GCP KMS answered with a plaintext that is no base64')
  return plain
}

/** An access token for KMS. */
export async function fetchGcpToken(deps: KeyServiceDeps, credentials: GcpCredentials): Promise<string> {
  const unusable = (why: string): Error =>
    secretsError('sops-bad-key-material', `the private key in 'sops.gcp-kms' cannot be used: ${why}`)
  const { token } = await fetchToken(cloudDeps(deps), credentials, { scope, unusable })
  return token
}
