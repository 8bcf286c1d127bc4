import { SignatureProblem } from '../errors.ts'
import { fromBase64 } from '../pem.ts'
import { attributes, readCritical, readScheme, type NotationAlgorithm, type NotationEnvelope } from './envelope.ts'

const algorithms: ReadonlySet<unknown> = new Set(['PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'])

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads a signature in the JWS JSON form (media type `application/jose+json`; Notary Project signature envelope JWS, notation-core-go 1.3). Nothing is verified here.
 *
 * @throws SignatureProblem.
 */
export function parseJws(bytes: Uint8Array): NotationEnvelope {
  const envelope = parseObject(bytes, 'the envelope')
  const { protected: head, payload, signature } = envelope
  const header = parseObject(fromBase64Url(head, 'protected header'), 'the protected header')
  const has = (name: string): boolean => Object.hasOwn(header, name) && header[name] !== null
  if (!algorithms.has(header['alg'])) throw new SignatureProblem('signature algorithm is not supported')
  const { scheme, timeAttribute } = readScheme(header[attributes.scheme])
  const other = scheme === 'notary.x509' ? attributes.authenticTime : attributes.signingTime
  if (has(other))
    throw new SignatureProblem(`${JSON.stringify(other)} header must not be present for ${scheme} signing scheme`)
  const criticalAttributes = readCritical(header['crit'], scheme, { has })
  const unsigned = (envelope['header'] ?? {}) as { readonly [field: string]: unknown }
  const { x5c } = unsigned
  const token = unsigned[attributes.timestamp]
  return {
    algorithm: header['alg'] as NotationAlgorithm,
    signedBytes: new TextEncoder().encode(`${String(head)}.${String(payload)}`),
    signature: fromBase64Url(signature, 'signature'),
    contentType: typeof header['cty'] === 'string' ? header['cty'] : '',
    payload: fromBase64Url(payload, 'payload'),
    scheme,
    signingTime: readTime(header[timeAttribute], timeAttribute),
    expiry: has(attributes.expiry) ? readTime(header[attributes.expiry], attributes.expiry) : undefined,
    criticalAttributes,
    chain: (Array.isArray(x5c) ? (x5c as readonly unknown[]) : []).map((one) => {
      const der = typeof one === 'string' ? fromBase64(one) : undefined
      if (der === undefined) throw new SignatureProblem('a certificate of the chain is not base64')
      return der
    }),
    timestamp: typeof token === 'string' && token !== '' ? fromBase64(token) : undefined,
  }
}

function parseObject(bytes: Uint8Array, what: string): { readonly [field: string]: unknown } {
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes))
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as { readonly [field: string]: unknown }
  } catch {
    // Told below.
  }
  throw new SignatureProblem(`${what} is not a JSON object`)
}

function fromBase64Url(value: unknown, what: string): Uint8Array {
  const isText = typeof value === 'string' && value !== '' && /^[A-Za-z0-9_-]+$/.test(value)
  const bytes = isText ? fromBase64(value.replaceAll('-', '+').replaceAll('_', '/')) : undefined
  if (bytes === undefined) throw new SignatureProblem(`the ${what} of the envelope is missing or not base64url`)
  return bytes
}

/** RFC 3339. */
function readTime(value: unknown, name: string): number {
  const isText =
    typeof value === 'string' && /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/.test(value)
  const time = isText ? Date.parse(value) : NaN
  if (Number.isNaN(time)) throw new SignatureProblem(`${JSON.stringify(name)} is missing or not a time`)
  return time
}
