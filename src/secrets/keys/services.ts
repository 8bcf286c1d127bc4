import type { AwsCredentials } from '../../cloud/index.ts'
import type { KeyServices } from '../data-key.ts'
import { secretsError } from '../errors.ts'
import type { MasterKey } from '../metadata.ts'
import { loadAgeKeys } from './age.ts'
import { decryptWithAwsKms } from './aws-kms.ts'
import { decryptWithAzureKeyVault, fetchAzureToken } from './azure-kv.ts'
import { decryptWithGcpKms, fetchGcpToken } from './gcp-kms.ts'
import type { KeyMaterial } from './material.ts'
import { openPgpKeys } from './openpgp.ts'
import type { KeyServiceDeps } from './request.ts'
import { decryptWithVault } from './vault.ts'

/** How to log in where the key material says nothing: as a service account, or as the deployment itself. */
export interface KeyLogins {
  /** Credentials of AWS for the region of a key. */
  readonly aws: (region: string) => Promise<AwsCredentials>
  /** A bearer token of Google Cloud. */
  readonly gcp: () => Promise<string>
  /** A bearer token of Microsoft Entra ID for a scope. */
  readonly azure: (scope: string) => Promise<string>
  /** A token of the Vault at an address; undefined where nobody may log in there. */
  readonly vault: (address: string) => Promise<string | undefined>
}

/**
 * The key services of one run: local keys, and clients of the others with the credentials at hand. Tokens are fetched when first needed and kept for the run.
 *
 * @throws EngineError `sops-bad-key-material` for age identities that cannot be read.
 */
export async function createKeyServices(
  material: KeyMaterial,
  deps: KeyServiceDeps,
  logins?: KeyLogins,
): Promise<KeyServices> {
  const age = await loadAgeKeys(material.age)
  const openpgp = openPgpKeys(material.openpgp)
  const tokens = new Map<string, Promise<string>>()
  const once = (key: string, fetch: () => Promise<string>): Promise<string> => {
    const known = tokens.get(key)
    if (known !== undefined) return known
    const token = fetch()
    tokens.set(key, token)
    // One that failed is asked for again.
    token.catch(() => tokens.delete(key))
    return token
  }
  const { aws, azure, gcp } = material
  const vaultToken = async (address: string): Promise<string | undefined> =>
    (material.vaultToken ?? '') !== '' || logins === undefined
      ? material.vaultToken
      : once(`vault ${address}`, async () => (await logins.vault(address)) ?? '')
  return {
    decrypt: async (key: MasterKey) => {
      switch (key.kind) {
        case 'age':
          return await age.decrypt(key.enc)
        case 'pgp':
          return await openpgp.decrypt(key.enc, key.fingerprint)
        case 'hc_vault':
          return await decryptWithVault(deps, await vaultToken(key.address), key)
        case 'kms':
          return await decryptWithAwsKms(deps, aws ?? logins?.aws, key)
        case 'gcp_kms':
          return await decryptWithGcpKms(
            deps,
            gcp === undefined ? logins?.gcp : () => once('gcp', () => fetchGcpToken(deps, gcp)),
            key,
          )
        case 'azure_kv':
          return await decryptWithAzureKeyVault(
            deps,
            azure === undefined
              ? logins?.azure
              : (scope) => once(`azure ${scope}`, () => fetchAzureToken(deps, azure, scope)),
            key,
          )
        case 'hckms':
          throw secretsError(
            'key-service-unsupported',
            'this key service is not supported; add a recipient of another kind',
          )
      }
    },
  }
}
