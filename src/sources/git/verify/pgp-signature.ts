/**
 * Verifies an armored, detached OpenPGP signature over `payload` with the armored keys of `keyRings`. Returns the key id of the signer's primary key (16 upper-case hex digits, as Flux shows it), or undefined where none of them made it.
 * Rings that cannot be read are passed over; `unreadable` counts them. The library openpgp is loaded with the first signature. It judges keys at the time of the signature,
 * and refuses revoked keys, SHA-1 and MD5.
 */
export async function verifyPgpSignature(
  armored: string,
  payload: Uint8Array,
  keyRings: readonly string[],
  now: number,
): Promise<{ readonly keyId: string | undefined; readonly unreadable: number }> {
  const openpgp = await import('openpgp')
  const signature = await openpgp.readSignature({ armoredSignature: armored.trim() }).catch(() => undefined)
  let unreadable = 0
  for (const ring of keyRings) {
    const keys = await openpgp.readKeys({ armoredKeys: ring }).catch(() => undefined)
    if (keys === undefined) {
      unreadable++
      continue
    }
    if (signature === undefined) continue
    const message = await openpgp.createMessage({ binary: payload })
    const { signatures } = await openpgp
      .verify({ message, signature, verificationKeys: keys, date: new Date(now) })
      .catch(() => ({ signatures: [] }))
    for (const one of signatures) {
      const isValid = await one.verified.catch(() => false)
      const signer = keys.find((key) => key.getKeys(one.keyID).length > 0)
      if (isValid && signer !== undefined) return { keyId: signer.getKeyID().toHex().toUpperCase(), unreadable }
    }
  }
  return { keyId: undefined, unreadable }
}
