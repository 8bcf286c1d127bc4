import { sha1 } from '@noble/hashes/legacy.js'
import { isHostAllowed } from '../../base/index.ts'
import { fromBase64, fromBase64Url, toBase64Url } from '../encoding.ts'
import { secretsError } from '../errors.ts'
import type { MasterKey } from '../metadata.ts'
import { signJwt } from './jwt.ts'
import type { AzureCredentials } from './material.ts'
import { answerField, postToKeyService, type KeyServiceDeps } from './request.ts'

const apiVersion = '7.4'
const form = { 'content-type': 'application/x-www-form-urlencoded' }
/** Domains of Key Vault and Managed HSM in each of Azure's clouds. A token for them must go nowhere else. */
const vaultDomains = [
  'vault.azure.net',
  'vault.azure.cn',
  'vault.usgovcloudapi.net',
  'vault.microsoftazure.de',
  'managedhsm.azure.net',
  'managedhsm.azure.cn',
  'managedhsm.usgovcloudapi.net',
] as const

/**
 * Decrypts with Azure Key Vault (`keys/<name>/<version>/decrypt`, RSA-OAEP-256).
 *
 * @param token a bearer token for a scope; undefined where there are no credentials.
 * @throws EngineError `key-service-failed`.
 */
export async function decryptWithAzureKeyVault(
  deps: KeyServiceDeps,
  token: ((scope: string) => Promise<string>) | undefined,
  key: Extract<MasterKey, { kind: 'azure_kv' }>,
): Promise<Uint8Array<ArrayBuffer>> {
  if (token === undefined)
    throw secretsError('key-service-failed', "there are no Azure credentials; add them as 'sops.azure-kv'")
  const url = URL.canParse(key.vaultUrl) ? new URL(key.vaultUrl) : undefined
  const domain = vaultDomains.find((one) => url?.hostname.endsWith(`.${one}`))
  if (url === undefined || (domain === undefined && !isHostAllowed(url.hostname, deps.egress)))
    throw secretsError('key-service-failed', 'the address is none of Azure Key Vault, and a token is sent to no other')
  const ciphertext = fromBase64Url(key.enc.trim().replace(/=+$/, ''))
  if (ciphertext === undefined) throw secretsError('key-service-failed', 'the encrypted data key is damaged')
  const name = [key.name, key.version].filter((part) => part !== '').map(encodeURIComponent)
  const text = await postToKeyService(deps, {
    service: 'Azure Key Vault',
    url: `${url.origin}/keys/${name.join('/')}/decrypt?api-version=${apiVersion}`,
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${await token(`https://${domain ?? 'vault.azure.net'}/.default`)}`,
    },
    body: JSON.stringify({ alg: 'RSA-OAEP-256', value: toBase64Url(ciphertext) }),
  })
  const plain = fromBase64Url(answerField(text, 'Azure Key Vault', 'value').replace(/=+$/, ''))
  if (plain === undefined)
    throw secretsError('key-service-failed', 'Azure Key Vault answered with a value that is no base64')
  return plain
}

/** A token of Azure AD by client credentials: a secret, or an assertion signed with a certificate's key. */
export async function fetchAzureToken(
  deps: KeyServiceDeps,
  credentials: AzureCredentials,
  scope: string,
): Promise<string> {
  const { tenantId, clientId, proof } = credentials
  const url = `${credentials.authorityHost.replace(/\/+$/, '')}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`
  const parameters: { [name: string]: string } = { grant_type: 'client_credentials', client_id: clientId, scope }
  if (proof.kind === 'secret') parameters['client_secret'] = proof.secret
  else {
    parameters['client_assertion_type'] = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    parameters['client_assertion'] = await certificateAssertion(deps, credentials, url, proof)
  }
  const text = await postToKeyService(deps, {
    service: 'Azure AD',
    url,
    headers: form,
    body: new URLSearchParams(parameters).toString(),
  })
  return answerField(text, 'Azure AD', 'access_token')
}

async function certificateAssertion(
  deps: KeyServiceDeps,
  { clientId }: AzureCredentials,
  audience: string,
  proof: Extract<AzureCredentials['proof'], { kind: 'certificate' }>,
): Promise<string> {
  const certificates = [...proof.pem.matchAll(/-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/g)].map(
    ([, body = '']) => body.replaceAll(/\s/g, ''),
  )
  const own = certificates[0] === undefined ? undefined : fromBase64(certificates[0])
  if (own === undefined)
    throw secretsError('sops-bad-key-material', "clientCertificate in 'sops.azure-kv' holds no certificate in PEM")
  const issuedAt = Math.floor(deps.now() / 1000)
  return await signJwt(
    {
      aud: audience,
      iss: clientId,
      sub: clientId,
      jti: crypto.randomUUID(),
      nbf: issuedAt,
      iat: issuedAt,
      exp: issuedAt + 600,
    },
    {
      pem: proof.pem,
      header: { x5t: toBase64Url(sha1(own)), ...(proof.sendChain ? { x5c: certificates } : {}) },
      place: "clientCertificate of 'sops.azure-kv'",
    },
  )
}
