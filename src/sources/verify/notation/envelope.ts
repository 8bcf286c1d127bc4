import { SignatureProblem } from '../errors.ts'

/** Algorithms of signatures: RSASSA-PSS and ECDSA with the hash that fits the key. */
export type NotationAlgorithm = 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512'

/** How the time of a signature can be trusted: `notary.x509` by a time stamp, `notary.x509.signingAuthority` by who signed. */
export type SigningScheme = 'notary.x509' | 'notary.x509.signingAuthority'

/** A signature of the Notary Project, of either kind of envelope. */
export interface NotationEnvelope {
  readonly algorithm: NotationAlgorithm
  /** The bytes that the signature is over. */
  readonly signedBytes: Uint8Array
  readonly signature: Uint8Array
  readonly contentType: string
  readonly payload: Uint8Array
  readonly scheme: SigningScheme
  /** Milliseconds since 1970. */
  readonly signingTime: number
  /** Milliseconds since 1970 after which the signature must not be used. */
  readonly expiry: number | undefined
  /** Names of the signed attributes that must be understood and are not part of the format. */
  readonly criticalAttributes: readonly string[]
  /** Certificates in DER from the signer's to the root. */
  readonly chain: readonly Uint8Array<ArrayBuffer>[]
  /** The RFC 3161 token over the signature. */
  readonly timestamp: Uint8Array<ArrayBuffer> | undefined
}

/** Names of signed and unsigned attributes. */
export const attributes = Object.freeze({
  expiry: 'io.cncf.notary.expiry',
  scheme: 'io.cncf.notary.signingScheme',
  signingTime: 'io.cncf.notary.signingTime',
  authenticTime: 'io.cncf.notary.authenticSigningTime',
  timestamp: 'io.cncf.notary.timestampSignature',
})

/** The scheme of a signature and the attribute that tells its time. @throws SignatureProblem. */
export function readScheme(value: unknown): { readonly scheme: SigningScheme; readonly timeAttribute: string } {
  if (value === 'notary.x509') return { scheme: value, timeAttribute: attributes.signingTime }
  if (value === 'notary.x509.signingAuthority') return { scheme: value, timeAttribute: attributes.authenticTime }
  throw new SignatureProblem(`unsupported SigningScheme: ${JSON.stringify(String(value).slice(0, 100))}`)
}

/**
 * Checks the list of critical attributes: those of the format that are there and matter must be in it, and every other name must be an attribute that is there. Returns the others.
 *
 * @throws SignatureProblem.
 */
export function readCritical(
  critical: unknown,
  scheme: SigningScheme,
  header: { has(name: string): boolean },
): readonly string[] {
  if (!Array.isArray(critical) || critical.length === 0) throw new SignatureProblem('missing "crit" header')
  const names = (critical as readonly unknown[]).map(String)
  const required: readonly string[] = [
    attributes.scheme,
    ...(header.has(attributes.expiry) ? [attributes.expiry] : []),
    ...(scheme === 'notary.x509.signingAuthority' ? [attributes.authenticTime] : []),
  ]
  const missing = required.filter((name) => !names.includes(name))
  if (missing.length > 0)
    throw new SignatureProblem(`these required headers are not marked as critical: [${missing.join(' ')}]`)
  const others = names.filter((name) => !required.includes(name))
  const absent = others.find((name) => !header.has(name))
  if (absent !== undefined)
    throw new SignatureProblem(`${JSON.stringify(absent)} header is marked critical but not present`)
  return others
}
