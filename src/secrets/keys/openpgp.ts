import { secretsError } from '../errors.ts'

/** Decrypts what was encrypted to OpenPGP keys. */
export interface OpenPgpKeys {
  /** @throws EngineError `key-service-failed`, `sops-bad-key-material`. */
  decrypt(armored: string, fingerprint: string): Promise<Uint8Array<ArrayBuffer>>
}

/**
 * OpenPGP private keys without a passphrase. The library is loaded and the keys are read when the first message comes: most deployments have none.
 * Like GnuPG, decrypting does not ask whether a key is expired, or how old its algorithms are.
 */
export function openPgpKeys(entries: readonly { readonly name: string; readonly text: string }[]): OpenPgpKeys {
  const load = async () => {
    const openpgp = await import('openpgp')
    const keys = []
    for (const { name, text } of entries) {
      try {
        keys.push(...(await openpgp.readPrivateKeys({ armoredKeys: text })))
      } catch {
        throw unusable(name, 'it is no armored private key; export it with gpg --export-secret-keys --armor')
      }
      if (keys.some((key) => !key.isDecrypted()))
        throw unusable(name, 'it is protected by a passphrase; export it without one')
    }
    return { openpgp, keys }
  }
  let loaded: ReturnType<typeof load> | undefined
  return {
    decrypt: async (armored, fingerprint) => {
      if (entries.length === 0)
        throw secretsError('key-service-failed', 'there is no OpenPGP private key; add one as *.asc')
      const { openpgp, keys } = await (loaded ??= load())
      try {
        const message = await openpgp.readMessage({ armoredMessage: armored })
        const { data } = await openpgp.decrypt({
          message,
          decryptionKeys: keys,
          format: 'binary',
          config: { rejectHashAlgorithms: new Set(), minRSABits: 1024, allowInsecureDecryptionWithSigningKeys: true },
        })
        return new Uint8Array(data)
      } catch {
        const known = keys.map((key) => key.getFingerprint().toUpperCase())
        const isKnown = keys.some((key) =>
          key.getKeys().some((one) => one.getFingerprint().toUpperCase() === fingerprint.toUpperCase()),
        )
        const why = isKnown
          ? 'what was encrypted to this key is damaged, or uses an algorithm that is not supported'
          : `the private keys at hand are others: ${known.join(', ')}`
        throw secretsError('key-service-failed', why)
      }
    },
  }
}

function unusable(name: string, why: string) {
  return secretsError('sops-bad-key-material', `the OpenPGP key in ${name} cannot be used: ${why}`)
}
