import { Certificate, ExtKeyUsage, GeneralNames, type GeneralName } from 'pkijs'
import { SignatureProblem } from '../errors.ts'
import type { SignerIdentity } from './identity.ts'

const oids = Object.freeze({
  subjectAltName: '2.5.29.17',
  extKeyUsage: '2.5.29.37',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  anyExtendedKeyUsage: '2.5.29.37.0',
  /** Fulcio's issuer as plain bytes, and as a UTF8String. */
  issuerV1: '1.3.6.1.4.1.57264.1.1',
  issuerV2: '1.3.6.1.4.1.57264.1.8',
  otherName: '1.3.6.1.4.1.57264.1.7',
})

/**
 * Who a certificate of Fulcio was made for: its alternative names (as sigstore's GetSubjectAlternateNames: DNS names, e-mail addresses, URIs, Fulcio's other name) and the OIDC issuer. The
 * certificate must be one for signing code.
 *
 * @throws SignatureProblem.
 */
export function readIdentity(der: Uint8Array<ArrayBuffer>): SignerIdentity {
  const certificate = Certificate.fromBER(der)
  const extension = (oid: string) => certificate.extensions?.find((one) => one.extnID === oid)
  const usage: unknown = extension(oids.extKeyUsage)?.parsedValue
  if (usage instanceof ExtKeyUsage) {
    const isForCode = [oids.codeSigning, oids.anyExtendedKeyUsage].some((oid) => usage.keyPurposes.includes(oid))
    if (!isForCode) throw new SignatureProblem('the certificate is not one for signing code')
  }
  const names = extension(oids.subjectAltName)?.extnValue.valueBlock.valueHexView
  const subjects = names === undefined ? [] : GeneralNames.fromBER(Uint8Array.from(names)).names.flatMap(readName)
  const second = extension(oids.issuerV2)?.extnValue.valueBlock.valueHexView
  const first = extension(oids.issuerV1)?.extnValue.valueBlock.valueHexView
  const issuer = second === undefined ? decode(first ?? new Uint8Array()) : readUtf8String(second)
  return { issuer, subjects }
}

function readName(name: GeneralName): string[] {
  const { type } = name
  const value: unknown = name.value
  // rfc822Name, dNSName, uniformResourceIdentifier.
  if ((type === 1 || type === 2 || type === 6) && typeof value === 'string') return [value]
  if (type !== 0) return []
  // OtherName ::= SEQUENCE {type-id, [0] EXPLICIT value}
  const parts = (value as { valueBlock?: { value?: readonly Asn1[] } } | undefined)?.valueBlock?.value ?? []
  const [id, wrapped] = parts
  const text = wrapped?.valueBlock.value?.[0]?.valueBlock.value
  return String(id?.valueBlock) === oids.otherName && typeof text === 'string' ? [text] : []
}

/** What is read of asn1js's generic objects. */
interface Asn1 {
  readonly valueBlock: { readonly value?: readonly Asn1[] & string; toString(): string }
}

/** A UTF8String in DER. */
function readUtf8String(der: Uint8Array): string {
  const [tag, length = 0] = der
  const start = length < 0x80 ? 2 : 2 + (length & 0x7f)
  if (tag !== 0x0c) throw new SignatureProblem("the certificate's issuer cannot be read")
  return decode(der.subarray(start))
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
