import {
  BasicConstraints,
  Certificate,
  ExtKeyUsage,
  RSASSAPSSParams,
  type Extension,
  type RelativeDistinguishedNames,
} from 'pkijs'
import { problemOf, SignatureProblem } from '../errors.ts'
import { verifyLimits } from '../limits.ts'
import { readSpki, type PublicKey } from '../public-key.ts'
import { nameOf, type DistinguishedName } from './distinguished-name.ts'

const oids = Object.freeze({
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  extKeyUsage: '2.5.29.37',
  crl: '2.5.29.31',
  authorityInfo: '1.3.6.1.5.5.7.1.1',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  rsaPss: '1.2.840.113549.1.1.10',
})

/** Purposes that a certificate for code must not have. */
const foreignPurposes: { readonly [oid: string]: string } = Object.freeze({
  '1.3.6.1.5.5.7.3.1': 'ServerAuth',
  '1.3.6.1.5.5.7.3.2': 'ClientAuth',
  '1.3.6.1.5.5.7.3.4': 'EmailProtection',
  '1.3.6.1.5.5.7.3.8': 'Timestamping',
  '1.3.6.1.5.5.7.3.9': 'OCSPSigning',
})

/** Bits of a key usage; the second byte has one. */
const usages = Object.freeze({ digitalSignature: 0x80, certSign: 0x04 })

/** Signatures of certificates with SHA-2: RSA, ECDSA, Ed25519. */
const strongSignatures: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.3.101.112',
])

const strongHashes: ReadonlySet<string> = new Set([
  '2.16.840.1.101.3.4.2.1',
  '2.16.840.1.101.3.4.2.2',
  '2.16.840.1.101.3.4.2.3',
])

/** Attribute types as Go prints them; others cannot be part of an identity. */
const nameTypes: { readonly [oid: string]: string } = Object.freeze({
  '2.5.4.3': 'CN',
  '2.5.4.5': 'SERIALNUMBER',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.17': 'POSTALCODE',
})

/** A certificate with what the rules look at. */
export interface ReadCertificate {
  readonly der: Uint8Array<ArrayBuffer>
  readonly parsed: Certificate
  /** Quoted, for messages. */
  readonly subject: string
  /** Milliseconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
}

/** Reads a chain in DER. @throws SignatureProblem. */
export function readChain(chain: readonly Uint8Array<ArrayBuffer>[]): readonly ReadCertificate[] {
  if (chain.length === 0) throw new SignatureProblem('certificate chain is not present')
  if (chain.length > verifyLimits.maxChain)
    throw new SignatureProblem(`the certificate chain is longer than ${verifyLimits.maxChain}`)
  return chain.map(readCertificate)
}

/** Reads a certificate in DER. @throws SignatureProblem. */
export function readCertificate(der: Uint8Array<ArrayBuffer>): ReadCertificate {
  try {
    const parsed = Certificate.fromBER(der)
    return {
      der,
      parsed,
      subject: JSON.stringify(printName(parsed.subject)),
      notBefore: parsed.notBefore.value.getTime(),
      notAfter: parsed.notAfter.value.getTime(),
    }
  } catch (error) {
    throw new SignatureProblem(`malformed certificate: ${problemOf(error)}`)
  }
}

/** The public key of a certificate. @throws Error for kinds that are not supported. */
export function keyOf(certificate: ReadCertificate): Promise<PublicKey> {
  const der: ArrayBuffer = certificate.parsed.subjectPublicKeyInfo.toSchema().toBER()
  return readSpki(new Uint8Array(der))
}

/** The name of a certificate's subject. @throws SignatureProblem where the rules of identities do not allow it. */
export function subjectName(certificate: ReadCertificate): DistinguishedName {
  const attributes = certificate.parsed.subject.typesAndValues.map(({ type, value }): [string, string] => {
    const name = Object.hasOwn(nameTypes, type) ? nameTypes[type] : undefined
    if (name === undefined)
      throw new SignatureProblem(
        `unsupported distinguished name (DN) ${certificate.subject}: notation does not support x509.subject identities containing "=#"`,
      )
    return [name, String(value.valueBlock.value)]
  })
  return nameOf(attributes, `distinguished name (DN) ${certificate.subject}`)
}

/** True where a certificate names a place to ask whether it was revoked. */
export function isRevocable(certificate: ReadCertificate): boolean {
  return extensionOf(certificate, oids.crl) !== undefined || extensionOf(certificate, oids.authorityInfo) !== undefined
}

/**
 * Checks an ordered chain from the signer's certificate to a self-signed root by the rules of the Notary Project (notation-core-go 1.3, ValidateCodeSigningCertChain); validity in time is not looked at. A single certificate that
 * signed itself is allowed.
 *
 * @throws SignatureProblem.
 */
export async function checkCodeSigningChain(chain: readonly ReadCertificate[]): Promise<void> {
  const [leaf] = chain
  if (leaf === undefined) throw new SignatureProblem('certificate chain must contain at least one certificate')
  if (chain.length === 1) {
    if (!(await isIssuedBy(leaf, leaf)))
      throw new SignatureProblem(`invalid self-signed certificate. subject: ${leaf.subject}`)
    checkLeaf(leaf)
    return
  }
  for (const [i, certificate] of chain.entries()) {
    const { subject } = certificate
    const isSelfSigned = await isIssuedBy(certificate, certificate)
    const issuer = chain[i + 1]
    if (issuer === undefined) {
      if (!isSelfSigned)
        throw new SignatureProblem(
          `root certificate with subject ${subject} is not self-signed. Certificate chain must end with a valid self-signed root certificate`,
        )
    } else if (isSelfSigned)
      throw new SignatureProblem(
        `certificate with subject ${subject} is self-signed. Certificate chain must not contain self-signed certificates before its root`,
      )
    else if (!(await isIssuedBy(certificate, issuer)))
      throw new SignatureProblem(`certificate with subject ${subject} is not issued by ${issuer.subject}`)
    if (i === 0) checkLeaf(certificate)
    else checkAuthority(certificate, i - 1)
  }
}

/** Checks a chain of a time stamp authority, whose first certificate must be for time stamps alone. @throws SignatureProblem. */
export function checkTimestampChain(chain: readonly ReadCertificate[]): void {
  const [leaf, ...authorities] = chain
  const usage = leaf === undefined ? undefined : extensionOf(leaf, oids.extKeyUsage)
  const purposes: unknown = usage?.parsedValue
  const isForTime =
    usage?.critical === true &&
    purposes instanceof ExtKeyUsage &&
    purposes.keyPurposes.length === 1 &&
    purposes.keyPurposes[0] === oids.timeStamping
  if (!isForTime)
    throw new SignatureProblem('the certificate of the time stamp is not one for time stamps only (critical)')
  for (const [i, certificate] of authorities.entries()) checkAuthority(certificate, i)
}

/** True where `issuer` signed `certificate`, with a strong hash, and bears the name that it says. */
export async function isIssuedBy(certificate: ReadCertificate, issuer: ReadCertificate): Promise<boolean> {
  if (!certificate.parsed.issuer.isEqual(issuer.parsed.subject) || !hasStrongSignature(certificate.parsed)) return false
  return certificate.parsed.verify(issuer.parsed).catch(() => false)
}

function hasStrongSignature({ signatureAlgorithm }: Certificate): boolean {
  const { algorithmId, algorithmParams } = signatureAlgorithm
  if (algorithmId !== oids.rsaPss) return strongSignatures.has(algorithmId)
  try {
    return strongHashes.has(new RSASSAPSSParams({ schema: algorithmParams }).hashAlgorithm.algorithmId)
  } catch {
    return false // Without parameters it is SHA-1.
  }
}

function checkLeaf(certificate: ReadCertificate): void {
  const { subject } = certificate
  const constraints: unknown = extensionOf(certificate, oids.basicConstraints)?.parsedValue
  if (constraints instanceof BasicConstraints && constraints.cA)
    throw new SignatureProblem(
      `certificate with subject ${subject}: if the basic constraints extension is present, the ca field must be set to false`,
    )
  const usage = readKeyUsage(certificate)
  if ((usage.first & usages.digitalSignature) === 0)
    throw new SignatureProblem(
      `the certificate with subject ${subject} is invalid. The key usage must have the bit positions for "Digital Signature" set`,
    )
  // contentCommitment beside it is allowed.
  if ((usage.first & 0x3f) !== 0 || usage.second !== 0)
    throw new SignatureProblem(
      `the certificate with subject ${subject} is invalid. The key usage must be "Digital Signature" only`,
    )
  const purposes: unknown = extensionOf(certificate, oids.extKeyUsage)?.parsedValue
  const foreign =
    purposes instanceof ExtKeyUsage
      ? purposes.keyPurposes.find((oid) => Object.hasOwn(foreignPurposes, oid))
      : undefined
  if (foreign !== undefined)
    throw new SignatureProblem(
      `certificate with subject ${subject}: extended key usage must not contain ${foreignPurposes[foreign] ?? ''} eku`,
    )
}

function checkAuthority(certificate: ReadCertificate, below: number): void {
  const { subject } = certificate
  const constraints: unknown = extensionOf(certificate, oids.basicConstraints)?.parsedValue
  if (!(constraints instanceof BasicConstraints) || !constraints.cA)
    throw new SignatureProblem(
      `certificate with subject ${subject}: ca field in basic constraints must be present, critical, and set to true`,
    )
  const limit = constraints.pathLenConstraint
  if (typeof limit === 'number' && limit < below)
    throw new SignatureProblem(
      `certificate with subject ${subject}: expected path length of ${below} but certificate has path length ${limit} instead`,
    )
  if ((readKeyUsage(certificate).first & usages.certSign) === 0)
    throw new SignatureProblem(
      `certificate with subject ${subject}: key usage must have the bit positions for key cert sign set`,
    )
}

function readKeyUsage(certificate: ReadCertificate): { readonly first: number; readonly second: number } {
  const { subject } = certificate
  const extension = extensionOf(certificate, oids.keyUsage)
  if (extension === undefined)
    throw new SignatureProblem(`certificate with subject ${subject}: key usage extension must be present`)
  if (!extension.critical)
    throw new SignatureProblem(`certificate with subject ${subject}: key usage extension must be marked critical`)
  const bits = (extension.parsedValue as { valueBlock?: { valueHexView?: Uint8Array } } | undefined)?.valueBlock
    ?.valueHexView
  return { first: bits?.[0] ?? 0, second: bits?.[1] ?? 0 }
}

function extensionOf(certificate: ReadCertificate, oid: string): Extension | undefined {
  return certificate.parsed.extensions?.find((one) => one.extnID === oid)
}

function printName(name: RelativeDistinguishedNames): string {
  return name.typesAndValues
    .map(({ type, value }) => `${nameTypes[type] ?? type}=${String(value.valueBlock.value)}`)
    .toReversed()
    .join(',')
    .slice(0, 300)
}
