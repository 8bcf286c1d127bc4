import { crypto as sigstoreCrypto } from '@sigstore/core'

/**
 * Makes the Sigstore libraries work in workerd: they leave the hash of some signatures (entries and checkpoints of the log, DSSE envelopes) to the runtime, which OpenSSL takes as SHA-256 and BoringSSL
 * refuses. Called before every use of the library; replaces one function of it with one that names the hash, which changes nothing on Node.
 */
export function nameDefaultHash(): void {
  if (isNamed(sigstoreCrypto.verify)) return
  const { verify } = sigstoreCrypto
  const named: typeof verify = (data, key, signature, algorithm) =>
    verify(data, key, signature, algorithm ?? defaultHash(key))
  Object.defineProperty(named, 'name', { value: ownName })
  Object.assign(sigstoreCrypto, { verify: named })
}

const ownName = 'verifyWithNamedHash'

function isNamed(verify: { readonly name: string }): boolean {
  return verify.name === ownName
}

/** Ed25519 has a hash of its own. */
function defaultHash(key: unknown): string | undefined {
  const type = (key as { readonly asymmetricKeyType?: unknown } | null)?.asymmetricKeyType
  return type === 'ed25519' ? undefined : 'sha256'
}
