import { isEngineError } from '../base/index.ts'
import { secretsError } from './errors.ts'
import type { MasterKey, SopsMetadata } from './metadata.ts'
import { combineShares } from './shamir.ts'

/** Asks key services for the plain text of what they encrypted. */
export interface KeyServices {
  /** Rejects with an EngineError that says why it is not to be had. */
  decrypt(key: MasterKey): Promise<Uint8Array<ArrayBuffer>>
}

/** Local keys are tried before those that cost a request (sops v3.13, DefaultDecryptionOrder). */
const order: readonly MasterKey['kind'][] = ['age', 'pgp']

/**
 * The data key of a file: from the first key of its group that gives it, or, with several groups, put together of as many shares as its
 * threshold says (sops v3.13, GetDataKeyWithKeyServices). Groups beyond the threshold are not asked.
 *
 * @throws EngineError `sops-no-data-key` that names every key tried and why it did not help; `retry` where a service did not answer.
 */
export async function findDataKey(metadata: SopsMetadata, services: KeyServices): Promise<Uint8Array<ArrayBuffer>> {
  const { keyGroups } = metadata
  const needed =
    keyGroups.length === 1 ? 1 : metadata.shamirThreshold === 0 ? keyGroups.length : metadata.shamirThreshold
  const parts: Uint8Array<ArrayBuffer>[] = []
  const failures: string[] = []
  let canRetry = false
  for (const [index, group] of keyGroups.entries()) {
    if (parts.length >= needed) break
    const result = await decryptGroup(group, services)
    if (result.part !== undefined) parts.push(result.part)
    else
      failures.push(
        ...result.failures.map((failure) => (keyGroups.length > 1 ? `group ${index + 1}: ${failure}` : failure)),
      )
    canRetry ||= result.canRetry
  }
  if (parts.length < needed) {
    const wanted = keyGroups.length > 1 ? ` (${parts.length} of the ${needed} key groups needed)` : ''
    throw secretsError('sops-no-data-key', `no key service gave the data key${wanted}: ${failures.join('; ')}`, {
      disposition: canRetry ? 'retry' : 'stall',
    })
  }
  const [first] = parts
  return keyGroups.length > 1 && needed > 1 ? combineShares(parts) : (first ?? new Uint8Array())
}

async function decryptGroup(
  group: readonly MasterKey[],
  services: KeyServices,
): Promise<{
  readonly part?: Uint8Array<ArrayBuffer>
  readonly failures: readonly string[]
  readonly canRetry: boolean
}> {
  const rank = (key: MasterKey): number => (order.includes(key.kind) ? order.indexOf(key.kind) : order.length)
  const failures: string[] = []
  let canRetry = false
  for (const key of group.toSorted((a, b) => rank(a) - rank(b))) {
    try {
      return { part: await services.decrypt(key), failures, canRetry: false }
    } catch (error) {
      if (!isEngineError(error) || error.disposition === 'bug') throw error
      canRetry ||= error.disposition === 'retry'
      failures.push(`${describeKey(key)}: ${error.message}`)
    }
  }
  return { failures, canRetry }
}

/** A key as messages name it: nothing of it is secret. */
export function describeKey(key: MasterKey): string {
  switch (key.kind) {
    case 'age':
      return `age ${key.recipient}`
    case 'pgp':
      return `OpenPGP ${key.fingerprint}`
    case 'hc_vault':
      return `Vault ${key.address}/v1/${key.enginePath}/keys/${key.keyName}`
    case 'kms':
      return `AWS KMS ${key.arn}${key.role === '' ? '' : ` as ${key.role}`}`
    case 'gcp_kms':
      return `GCP KMS ${key.resourceId}`
    case 'azure_kv':
      return `Azure Key Vault ${key.vaultUrl}/keys/${key.name}/${key.version}`
    case 'hckms':
      return `Huawei Cloud KMS ${key.keyId}`
  }
}
