import { sha256 } from '@noble/hashes/sha2.js'
import { FunctionError, toBytes, type Run } from '../../template/index.ts'
import { formatMoment } from '../time/moment.ts'
import { UTC } from '../time/zone.ts'
import {
  BIT_STRING,
  bitString,
  DerFault,
  dottedId,
  element,
  fromBigEndian,
  GENERALIZED_TIME,
  integer,
  objectId,
  OCTET_STRING,
  PRINTABLE_STRING,
  readElements,
  readSequence,
  sequence,
  SET,
  UTC_TIME,
  UTF8_STRING,
  type DerNode,
} from './der.ts'
import { decodePem, encodePem } from './pem.ts'
import { publicKeyInfo, sign, signatureAlgorithm, type PrivateKey } from './private-key.ts'

/** What a certificate is to say. */
export interface CertificateRequest {
  readonly commonName: string
  /** Addresses of 4 or 16 bytes. */
  readonly ips: readonly Uint8Array[]
  readonly dnsNames: readonly string[]
  readonly days: number
  readonly isAuthority: boolean
}

/** A certificate that signs others: its subject, its key and its key's id, each as they stand in it. */
export interface Issuer {
  readonly subject: Uint8Array
  readonly keyInfo: Uint8Array
  readonly keyId: Uint8Array | undefined
}

const DAY_SECONDS = 86_400

/** Makes an X.509 certificate in PEM, valid from now, with what sprig puts into its certificates. `issuer` is absent for a self-signed one. */
export function createCertificate(
  run: Run,
  request: CertificateRequest,
  keys: { readonly subject: PrivateKey; readonly signer: PrivateKey },
  issuer?: Issuer,
): string {
  const subject = distinguishedName(request.commonName)
  const { info, bits } = publicKeyInfo(keys.subject)
  if (issuer !== undefined && !sameBytes(issuer.keyInfo, publicKeyInfo(keys.signer).info)) {
    throw new FunctionError("error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey")
  }
  const issuerName = issuer?.subject ?? subject
  const algorithm = signatureAlgorithm(keys.signer)
  const authorityId = sameBytes(issuerName, subject) ? undefined : issuer?.keyId
  const now = Math.floor(run.environment.now() / 1000)
  const body = sequence(
    element(0xa0, integer(2n)),
    integer(serialNumber(run)),
    algorithm,
    issuerName,
    sequence(time(now), time(now + request.days * DAY_SECONDS)),
    subject,
    info,
    element(0xa3, sequence(...extensions(request, sha256(bits).subarray(0, 20), authorityId))),
  )
  return encodePem('CERTIFICATE', sequence(body, algorithm, bitString(sign(keys.signer, body))))
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

function serialNumber(run: Run): bigint {
  const serial = fromBigEndian(run.environment.randomBytes(16))
  // Zero is no serial number.
  return serial === 0n ? 1n : serial
}

function distinguishedName(commonName: string): Uint8Array {
  if (commonName === '') return sequence()
  const tag = /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(commonName) ? PRINTABLE_STRING : UTF8_STRING
  return sequence(element(SET, sequence(objectId('2.5.4.3'), element(tag, toBytes(commonName)))))
}

function time(seconds: number): Uint8Array {
  const moment = { seconds, nanoseconds: 0, zone: UTC }
  const year = Number(formatMoment(moment, '2006'))
  if (year >= 1950 && year < 2050) return element(UTC_TIME, toBytes(formatMoment(moment, '060102150405Z')))
  return element(GENERALIZED_TIME, toBytes(formatMoment(moment, '20060102150405Z')))
}

function extension(id: string, isCritical: boolean, value: Uint8Array): Uint8Array {
  const critical = isCritical ? [Uint8Array.of(1, 1, 0xff)] : []
  return sequence(objectId(id), ...critical, element(OCTET_STRING, value))
}

function extensions(request: CertificateRequest, keyId: Uint8Array, authorityId: Uint8Array | undefined): Uint8Array[] {
  // digitalSignature and keyEncipherment; for an authority keyCertSign too.
  const usage = request.isAuthority ? Uint8Array.of(2, 0xa4) : Uint8Array.of(5, 0xa0)
  const serverAndClient = sequence(objectId('1.3.6.1.5.5.7.3.1'), objectId('1.3.6.1.5.5.7.3.2'))
  const constraints = request.isAuthority ? sequence(Uint8Array.of(1, 1, 0xff)) : sequence()
  const list = [
    extension('2.5.29.15', true, element(BIT_STRING, usage)),
    extension('2.5.29.37', false, serverAndClient),
    extension('2.5.29.19', true, constraints),
  ]
  if (request.isAuthority) list.push(extension('2.5.29.14', false, element(OCTET_STRING, keyId)))
  if (authorityId !== undefined) list.push(extension('2.5.29.35', false, sequence(element(0x80, authorityId))))
  const names = [
    ...request.dnsNames.map((name) => element(0x82, dnsName(name))),
    ...request.ips.map((ip) => element(0x87, ip)),
  ]
  if (names.length > 0) list.push(extension('2.5.29.17', request.commonName === '', sequence(...names)))
  return list
}

function dnsName(name: string): Uint8Array {
  const bytes = toBytes(name)
  if (bytes.some((byte) => byte >= 0x80)) {
    throw new FunctionError(
      `error creating certificate: x509: ${JSON.stringify(name)} cannot be encoded as an IA5String`,
    )
  }
  return bytes
}

/** Reads the certificate of an issuer from PEM. Throws FunctionError; `name` is what sprig calls the bytes in its message. */
export function readCertificate(pem: string, name: string): Issuer {
  const block = decodePem(pem)
  if (block === undefined) throw new FunctionError('unable to decode certificate')
  try {
    return parseCertificate(block.bytes)
  } catch (error) {
    if (error instanceof DerFault) throw new FunctionError(`error parsing certificate: ${name}: ${error.message}`)
    throw error
  }
}

function parseCertificate(bytes: Uint8Array): Issuer {
  const [body, , signature] = readSequence(bytes)
  if (body === undefined || signature?.tag !== BIT_STRING) throw new DerFault('x509: malformed certificate')
  const all = readElements(body.content)
  // The version is optional; everything else has its place after it.
  const fields = all[0]?.tag === 0xa0 ? all.slice(1) : all
  const [, , , , subject, keyInfo] = fields
  if (subject === undefined || keyInfo === undefined) throw new DerFault('x509: malformed tbs certificate')
  const extra = fields.find((field) => field.tag === 0xa3)
  return { subject: subject.raw, keyInfo: keyInfo.raw, keyId: extra === undefined ? undefined : subjectKeyId(extra) }
}

function subjectKeyId(extra: DerNode): Uint8Array | undefined {
  for (const each of readSequence(extra.content)) {
    const parts = readElements(each.content)
    if (dottedId(parts[0]) !== '2.5.29.14') continue
    const value = parts.at(-1)
    return value?.tag === OCTET_STRING ? readElements(value.content)[0]?.content : undefined
  }
  return undefined
}
