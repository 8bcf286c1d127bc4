import { Decrypter, armor } from 'age-encryption'
import { secretsError } from '../errors.ts'
import { parseSshIdentity } from './ssh-identity.ts'

/** Decrypts what was encrypted to age recipients. */
export interface AgeKeys {
  readonly count: number
  /** @throws EngineError `key-service-failed`. */
  decrypt(armored: string): Promise<Uint8Array<ArrayBuffer>>
}

/**
 * Age identities: X25519 (`AGE-SECRET-KEY-1…`), hybrid post-quantum (`AGE-SECRET-KEY-PQ-1…`), and SSH private keys of type Ed25519 and RSA,
 * which an `.agekey` entry may hold in PEM. Plugins are programs, and so are refused.
 *
 * @throws EngineError `sops-bad-key-material`.
 */
export async function loadAgeKeys(
  entries: readonly { readonly name: string; readonly text: string }[],
): Promise<AgeKeys> {
  const decrypter = new Decrypter()
  let count = 0
  for (const { name, text } of entries) {
    const rest = text.replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g, '')
    for (const pem of text.match(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g) ?? []) {
      decrypter.addIdentity(await parseSshIdentity(pem, name))
      count += 1
    }
    for (const [index, line] of rest.split('\n').entries()) {
      const identity = line.trim()
      if (identity === '' || identity.startsWith('#')) continue
      addIdentity(decrypter, identity, `line ${index + 1} of ${name}`)
      count += 1
    }
  }
  return {
    count,
    decrypt: async (armored) => {
      if (count === 0) throw secretsError('key-service-failed', 'there is no age identity; add one as *.agekey')
      try {
        return new Uint8Array(await decrypter.decrypt(armor.decode(armored)))
      } catch (error) {
        const isOther = error instanceof Error && error.message.startsWith('no identity matched')
        const why = isOther
          ? `none of the ${count} age identities at hand is a recipient`
          : 'what age encrypted is damaged'
        throw secretsError('key-service-failed', why)
      }
    },
  }
}

function addIdentity(decrypter: Decrypter, identity: string, place: string): void {
  if (identity.toUpperCase().startsWith('AGE-PLUGIN-'))
    throw unusable(place, 'age plugins are programs, which are never run; use a native key')
  try {
    decrypter.addIdentity(identity)
  } catch {
    throw unusable(place, 'it is no AGE-SECRET-KEY-1…, AGE-SECRET-KEY-PQ-1… or SSH private key')
  }
}

function unusable(place: string, why: string) {
  return secretsError('sops-bad-key-material', `the age identity in ${place} cannot be used: ${why}`)
}
