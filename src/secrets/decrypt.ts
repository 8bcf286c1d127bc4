import { EngineError, isEngineError } from '../base/index.ts'
import { createValueCipher } from './cipher.ts'
import { findDataKey, type KeyServices } from './data-key.ts'
import { decryptTree } from './decrypt-tree.ts'
import { secretsError } from './errors.ts'
import type { SopsFormat } from './format.ts'
import { readMetadata } from './metadata.ts'
import { dotenvStore } from './stores/dotenv.ts'
import { iniStore } from './stores/ini.ts'
import { binaryStore, jsonStore } from './stores/json.ts'
import type { LoadedFile, Store } from './stores/store.ts'
import { yamlStore } from './stores/yaml.ts'
import type { SopsBranch } from './tree.ts'

/** Largest encrypted file that is decrypted (kustomize-controller 1.9, maxEncryptedFileSize). */
export const maxEncryptedFileSize: number = 5 << 20

export interface DecryptOptions {
  /** The format the content is encrypted in. */
  readonly format: SopsFormat
  /** The format of the result; default: the same. */
  readonly outputFormat?: SopsFormat
  readonly keys: KeyServices
  /**
   * Checks that no value was changed, added or removed since the file was encrypted. Flux never does, because kustomize adds to objects.
   */
  readonly verifyMac?: boolean
  /** Told every decrypted value: what must not be seen in a message. */
  readonly onValue?: (value: string) => void
  /** What messages call the content: the path of the file, or the object and its field. */
  readonly name: string
}

/** Reads and writes files of each format. */
export const stores: { readonly [format in SopsFormat]: Store } = {
  yaml: yamlStore,
  json: jsonStore,
  dotenv: dotenvStore,
  ini: iniStore,
  binary: binaryStore,
}

/**
 * Decrypts a SOPS file to the bytes that `sops decrypt` v3.13 prints.
 *
 * @throws EngineError with the file's name and the reason; for a missing data key every key service tried and why it failed. Never a value.
 */
export async function decryptFile(content: Uint8Array, options: DecryptOptions): Promise<Uint8Array<ArrayBuffer>> {
  return await named(options.name, async () => {
    if (content.length > maxEncryptedFileSize)
      throw secretsError(
        'sops-file-too-large',
        `it has ${content.length} bytes, more than the ${maxEncryptedFileSize} that are decrypted; split it`,
      )
    const loaded = stores[options.format].load(content)
    await decryptLoaded(loaded, options)
    return stores[options.outputFormat ?? options.format].emit(loaded.branches)
  })
}

/** Decrypts in place what was loaded. Throws like {@link decryptFile}. */
export async function decryptLoaded(
  { branches, metadata: tree }: LoadedFile,
  options: Pick<DecryptOptions, 'keys' | 'verifyMac' | 'onValue'>,
): Promise<readonly SopsBranch[]> {
  const metadata = readMetadata(tree)
  const cipher = await createValueCipher(await findDataKey(metadata, options.keys))
  const mac = await decryptTree(branches, metadata, { cipher, onValue: options.onValue })
  if (options.verifyMac !== true) return branches
  let stored: unknown
  try {
    stored = await cipher.decrypt(metadata.mac, metadata.lastModified)
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw badMac('its message authentication code was damaged, or lastmodified was changed')
  }
  if (stored === '') throw badMac('it has no message authentication code')
  if (stored !== mac) throw badMac('values were changed, added, removed or reordered since it was encrypted')
  return branches
}

function badMac(why: string) {
  return secretsError(
    'sops-bad-mac',
    `${why}; take the file from Git as sops wrote it, or encrypt with mac_only_encrypted where plain values change later`,
  )
}

/** Runs `work`, its errors naming what it was about. */
export async function named<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw new EngineError(`${name} cannot be decrypted: ${error.message}`, {
      code: error.code,
      disposition: error.disposition,
      ...(error.reason === undefined ? {} : { reason: error.reason }),
      ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      data: { ...error.data, name },
    })
  }
}
