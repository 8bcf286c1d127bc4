import { decode, encode } from 'cborg'
import { problemOf, SignatureProblem } from '../errors.ts'
import { attributes, readCritical, readScheme, type NotationAlgorithm, type NotationEnvelope } from './envelope.ts'

/** RFC 9053 and 8812. */
const algorithms: ReadonlyMap<unknown, NotationAlgorithm> = new Map([
  [-37, 'PS256'],
  [-38, 'PS384'],
  [-39, 'PS512'],
  [-7, 'ES256'],
  [-35, 'ES384'],
  [-36, 'ES512'],
])

/** Labels of headers (RFC 9052 section 3.1, RFC 9360). */
const labels = Object.freeze({ algorithm: 1, critical: 2, contentType: 3, chain: 33 })

/** A point in time: tag 1 of CBOR. */
class EpochTime {
  readonly ms: number

  constructor(value: unknown) {
    this.ms = typeof value === 'number' || typeof value === 'bigint' ? Number(value) * 1000 : NaN
  }
}

/** A tagged COSE_Sign1: tag 18 of CBOR. */
class Sign1 {
  readonly parts: unknown

  constructor(parts: unknown) {
    this.parts = parts
  }
}

const options = Object.freeze({
  useMaps: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  tags: { 1: (read: () => unknown) => new EpochTime(read()), 18: (read: () => unknown) => new Sign1(read()) },
})

/**
 * Reads a signature as COSE_Sign1 (media type `application/cose`; Notary Project signature envelope COSE, notation-core-go 1.3). Nothing is verified here.
 *
 * @throws SignatureProblem.
 */
export function parseCose(bytes: Uint8Array): NotationEnvelope {
  const envelope = decodeCbor(bytes)
  const parts = envelope instanceof Sign1 && Array.isArray(envelope.parts) ? (envelope.parts as readonly unknown[]) : []
  const [head, unsigned, payload, signature] = parts
  const isSign1 =
    parts.length === 4 &&
    head instanceof Uint8Array &&
    unsigned instanceof Map &&
    payload instanceof Uint8Array &&
    signature instanceof Uint8Array
  if (!isSign1) throw new SignatureProblem('the envelope is not a tagged COSE_Sign1 object')
  if (signature.length === 0) throw new SignatureProblem('signature missing in COSE envelope')
  const header = decodeCbor(head)
  if (!(header instanceof Map)) throw new SignatureProblem('the protected header of the envelope is not a map')
  const algorithm = algorithms.get(header.get(labels.algorithm))
  if (algorithm === undefined) throw new SignatureProblem('signature algorithm is not supported')
  const { scheme, timeAttribute } = readScheme(header.get(attributes.scheme))
  const contentType: unknown = header.get(labels.contentType)
  if (typeof contentType !== 'string') throw new SignatureProblem('missing content type')
  const token: unknown = unsigned.get(attributes.timestamp)
  return {
    algorithm,
    // RFC 9052 section 4.4, without external data.
    signedBytes: encode(['Signature1', head, new Uint8Array(), payload]),
    signature,
    contentType,
    payload,
    scheme,
    signingTime: readTime(header.get(timeAttribute), timeAttribute),
    expiry: header.has(attributes.expiry) ? readTime(header.get(attributes.expiry), attributes.expiry) : undefined,
    criticalAttributes: readCritical(header.get(labels.critical), scheme, header),
    chain: readChain(unsigned.get(labels.chain)),
    timestamp: token instanceof Uint8Array && token.length > 0 ? Uint8Array.from(token) : undefined,
  }
}

function decodeCbor(bytes: Uint8Array): unknown {
  try {
    return decode(bytes, options)
  } catch (error) {
    throw new SignatureProblem(`the envelope cannot be read: ${problemOf(error)}`)
  }
}

function readChain(value: unknown): readonly Uint8Array<ArrayBuffer>[] {
  if (!Array.isArray(value)) throw new SignatureProblem('certificate chain is not present')
  return (value as readonly unknown[]).map((one) => {
    if (one instanceof Uint8Array) return Uint8Array.from(one)
    throw new SignatureProblem('COSE envelope malformed leaf certificate')
  })
}

function readTime(value: unknown, name: string): number {
  if (value instanceof EpochTime && !Number.isNaN(value.ms)) return value.ms
  throw new SignatureProblem(`${JSON.stringify(name)} is missing or not a time (only Tag 1 Datetime is supported)`)
}
