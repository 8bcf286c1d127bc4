import { isMap, setKey, type KubeMap, type KubeObject, type KubeValue } from '../resources/index.ts'
import { toBase64 } from './encoding.ts'
import { decryptLoaded, named, type DecryptOptions } from './decrypt.ts'
import { extractMetadata } from './stores/metadata-entry.ts'
import { SopsBranch, SopsComment, SopsTime, type SopsValue } from './tree.ts'

/** True for an object that SOPS encrypted as a whole: it has `sops` with a `mac` (kustomize-controller 1.9, isSOPSEncryptedResource). */
export function isEncryptedObject(object: KubeObject): boolean {
  const sops = object['sops']
  return isMap(sops) && sops['mac'] !== undefined && sops['mac'] !== null && sops['mac'] !== ''
}

/**
 * An object that SOPS encrypted as a whole, decrypted and without its metadata. The object itself is not changed.
 *
 * @throws EngineError like `decryptFile`.
 */
export async function decryptJsonObject(
  object: KubeObject,
  options: Pick<DecryptOptions, 'keys' | 'verifyMac' | 'onValue' | 'name'>,
): Promise<KubeObject> {
  return await named(options.name, async () => {
    const branches = await decryptLoaded(extractMetadata([toBranch(object)]), options)
    return fromBranch(branches[0] ?? new SopsBranch())
  })
}

/** An object as SOPS has it. */
export function toBranch(map: KubeMap): SopsBranch {
  return new SopsBranch(Object.entries(map).map(([key, value]) => ({ key, value: toValue(value) })))
}

function toValue(value: KubeValue): SopsValue {
  if (Array.isArray(value)) return value.map(toValue)
  if (typeof value === 'object' && value !== null) return toBranch(value)
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
}

/** What SOPS has, as an object. */
export function fromBranch(branch: SopsBranch): KubeMap {
  const map: KubeMap = {}
  for (const { key, value } of branch.entries) if (typeof key === 'string') setKey(map, key, toKubeValue(value))
  return map
}

function toKubeValue(value: SopsValue): KubeValue {
  if (value instanceof SopsBranch) return fromBranch(value)
  if (Array.isArray(value)) return value.filter((item) => !(item instanceof SopsComment)).map(toKubeValue)
  if (value instanceof SopsTime || value instanceof SopsComment) return value.text
  if (value instanceof Uint8Array) return toBase64(value)
  if (typeof value === 'bigint' && value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER))
    return Number(value)
  return value
}
