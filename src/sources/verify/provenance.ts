import type * as OpenPgp from 'openpgp'
import { EngineError, sha256Hex } from '../../base/index.ts'
import { parseYaml } from '../../yaml/index.ts'

/** Who signed a packaged chart, and what. */
export interface VerifiedProvenance {
  /** User ids of the signer's key. */
  readonly signedBy: readonly string[]
  /** Fingerprint of the signer's primary key, in upper-case hex. */
  readonly fingerprint: string
  /** `sha256:<hex>` of the archive. */
  readonly fileHash: string
}

/** A packaged chart with the provenance file (`.prov`) beside it. */
export interface SignedChart {
  readonly archive: Uint8Array
  /** Name of the archive's file, which the provenance names too. */
  readonly fileName: string
  /** Text of the provenance file. */
  readonly provenance: string
  /** Public keys: armored, or in binary as `gpg --export` writes them. */
  readonly keyring: Uint8Array
  /** Milliseconds since 1970. */
  readonly now: number
}

const maxProvenanceBytes = 1 << 20
const maxKeyringBytes = 16 << 20

/**
 * Verifies the provenance of a packaged chart as `helm verify` does (Helm v4, pkg/provenance): the clear-signed text is by a key of the keyring, and names the archive with its digest. source-controller does not look
 * at provenance files.
 *
 * @throws EngineError `provenance-invalid`, in Helm's words.
 */
export async function verifyProvenance(chart: SignedChart): Promise<VerifiedProvenance> {
  const { archive, fileName, provenance, keyring, now } = chart
  if (provenance.length > maxProvenanceBytes)
    throw invalid(`the provenance file has more than ${maxProvenanceBytes} bytes`)
  const openpgp = await import('openpgp')
  const keys = await readKeyring(openpgp, keyring)
  const message = await openpgp.readCleartextMessage({ cleartextMessage: provenance }).catch((cause: unknown) => {
    throw invalid('signature block not found', cause)
  })
  const { signatures } = await openpgp
    .verify({ message, verificationKeys: keys, date: new Date(now) })
    .catch(() => ({ signatures: [] }))
  let signer: (typeof keys)[number] | undefined
  for (const one of signatures) {
    const isValid = await one.verified.catch(() => false)
    if (isValid) signer ??= keys.find((key) => key.getKeys(one.keyID).length > 0)
  }
  if (signer === undefined) {
    const isKnown = signatures.some((one) => keys.some((key) => key.getKeys(one.keyID).length > 0))
    throw invalid(isKnown ? 'openpgp: invalid signature' : 'openpgp: signature made by unknown entity')
  }
  const fileHash = checkSum(message.getText(), fileName, archive)
  return { signedBy: signer.getUserIDs(), fingerprint: signer.getFingerprint().toUpperCase(), fileHash }
}

async function readKeyring(openpgp: typeof OpenPgp, keyring: Uint8Array) {
  const failed = (why: string, cause?: unknown): Error => invalid(`failed to load keyring: ${why}`, cause)
  if (keyring.length > maxKeyringBytes) throw failed(`it has more than ${maxKeyringBytes} bytes`)
  const start = new TextDecoder().decode(keyring.subarray(0, 200))
  if (start.slice(8, 12) === 'KBXf')
    throw failed('it is a keybox of GnuPG; export the keys with gpg --export, and use that file')
  const isArmored = start.trimStart().startsWith('-----BEGIN PGP')
  const reading = isArmored
    ? openpgp.readKeys({ armoredKeys: new TextDecoder().decode(keyring) })
    : openpgp.readKeys({ binaryKeys: keyring })
  const keys = await reading.catch((cause: unknown) => {
    throw failed('it holds no OpenPGP keys', cause)
  })
  if (keys.length === 0) throw failed('no keys found')
  return keys
}

/** The part behind the chart's metadata holds `files: {<name>: sha256:<hex>}`. */
function checkSum(text: string, fileName: string, archive: Uint8Array): string {
  const [, sums] = text.split('\n...\n')
  if (sums === undefined) throw invalid('message block must have at least two parts')
  let files: unknown
  try {
    files = (parseYaml(sums, { dialect: 'sigs' }) as { readonly files?: unknown } | null)?.files
  } catch (cause) {
    throw invalid('the checksums of the provenance file are no YAML', cause)
  }
  const stated =
    typeof files === 'object' && files !== null && Object.hasOwn(files, fileName)
      ? (files as { readonly [name: string]: unknown })[fileName]
      : undefined
  if (typeof stated !== 'string')
    throw invalid(`provenance does not contain a SHA for a file named ${JSON.stringify(fileName)}`)
  const found = `sha256:${sha256Hex(archive)}`
  if (stated !== found)
    throw invalid(`sha256 sum does not match for ${fileName}: ${JSON.stringify(stated)} != ${JSON.stringify(found)}`)
  return found
}

function invalid(message: string, cause?: unknown): EngineError {
  return new EngineError(message, { code: 'provenance-invalid', ...(cause === undefined ? {} : { cause }) })
}
