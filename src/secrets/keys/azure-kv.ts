import { isHostAllowed } from '../../base/index.ts'
import { fetchAzureToken as fetchToken, type AzureCredentials } from '../../cloud/index.ts'
import { fromBase64Url, toBase64Url } from '../encoding.ts'
import { secretsError } from '../errors.ts'
import type { MasterKey } from '../metadata.ts'
import { answerField, cloudDeps, postToKeyService, type KeyServiceDeps } from './request.ts'

const apiVersion = '7.4'
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

/** A token of Azure AD for a scope. */
export async function fetchAzureToken(
  deps: KeyServiceDeps,
  credentials: AzureCredentials,
  scope: string,
): Promise<string> {
  const unusable = (why: string): Error =>
    secretsError('sops-bad-key-material', `clientCertificate of 'sops.azure-kv' cannot be used: ${why}`)
  const { token } = await fetchToken(cloudDeps(deps), credentials, { scope, unusable })
  return token
}
