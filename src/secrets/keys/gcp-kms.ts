import { fromBase64 } from '../encoding.ts'
import { secretsError } from '../errors.ts'
import type { MasterKey } from '../metadata.ts'
import { signJwt } from './jwt.ts'
import type { GcpCredentials } from './material.ts'
import { answerField, postToKeyService, type KeyServiceDeps } from './request.ts'

const scope = 'https://www.googleapis.com/auth/cloudkms'
const form = { 'content-type': 'application/x-www-form-urlencoded' }

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

/** An access token for KMS: a signed assertion of the service account (RFC 7523), or a refreshed one of a user. */
export async function fetchGcpToken(deps: KeyServiceDeps, credentials: GcpCredentials): Promise<string> {
  if (credentials.kind === 'authorized_user') {
    return await requestToken(deps, credentials.tokenUri, {
      grant_type: 'refresh_token',
      client_id: credentials.clientId,
      client_secret: credentials.clientSecret,
      refresh_token: credentials.refreshToken,
    })
  }
  const issuedAt = Math.floor(deps.now() / 1000)
  const assertion = await signJwt(
    { iss: credentials.clientEmail, scope, aud: credentials.tokenUri, iat: issuedAt, exp: issuedAt + 3600 },
    {
      pem: credentials.privateKey,
      header: credentials.privateKeyId === '' ? {} : { kid: credentials.privateKeyId },
      place: "'sops.gcp-kms'",
    },
  )
  return await requestToken(deps, credentials.tokenUri, {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion,
  })
}

async function requestToken(
  deps: KeyServiceDeps,
  url: string,
  parameters: { readonly [name: string]: string },
): Promise<string> {
  const text = await postToKeyService(deps, {
    service: 'the token service of Google',
    url,
    headers: form,
    body: new URLSearchParams(parameters).toString(),
  })
  return answerField(text, 'the token service of Google', 'access_token')
}
