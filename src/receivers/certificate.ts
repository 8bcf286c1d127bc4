import { fromBase64 } from '../base/index.ts'

/** The public key of a certificate, and when the certificate is good. */
export interface CertificateKey {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array<ArrayBuffer>
  /** Milliseconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
}

interface Element {
  readonly tag: number
  /** Where its content starts and ends. */
  readonly from: number
  readonly to: number
  /** Where the element itself starts. */
  readonly at: number
}

const sequence = 0x30

/**
 * Reads the first X.509 certificate of a PEM text (RFC 5280); undefined where there is none. Nothing is verified: who may have signed is decided by where the text came from.
 */
export function readCertificate(pem: string): CertificateKey | undefined {
  const [, base64 = ''] =
    /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]{1,20000})-----END CERTIFICATE-----/.exec(pem) ?? []
  const der = fromBase64(base64.replaceAll(/\s/g, ''))
  if (der === undefined || der.length === 0) return undefined
  const certificate = elementAt(der, 0, der.length)
  const body = certificate && elementAt(der, certificate.from, certificate.to)
  if (certificate?.tag !== sequence || body?.tag !== sequence) return undefined
  const fields = childrenOf(der, body)
  // The version is there or not; serial number, algorithm, issuer, validity, subject and key follow.
  const first = fields[0]?.tag === 0xa0 ? 1 : 0
  const validity = fields[first + 3]
  const key = fields[first + 5]
  if (validity?.tag !== sequence || key?.tag !== sequence) return undefined
  const [notBefore, notAfter] = childrenOf(der, validity).map((time) => timeOf(der, time))
  if (notBefore === undefined || notAfter === undefined) return undefined
  return { spki: der.slice(key.at, key.to), notBefore, notAfter }
}

function childrenOf(der: Uint8Array, parent: Element): readonly Element[] {
  const found: Element[] = []
  for (let at = parent.from; at < parent.to;) {
    const element = elementAt(der, at, parent.to)
    if (element === undefined) return found
    found.push(element)
    at = element.to
  }
  return found
}

function elementAt(der: Uint8Array, at: number, end: number): Element | undefined {
  const tag = der[at]
  const head = der[at + 1]
  if (tag === undefined || head === undefined || at + 2 > end) return undefined
  let from = at + 2
  let length = head
  if (head >= 0x80) {
    const count = head & 0x7f
    if (count === 0 || count > 3) return undefined
    length = 0
    for (let i = 0; i < count; i++) length = length * 256 + (der[from + i] ?? 0)
    from += count
  }
  return from + length > end ? undefined : { tag, from, to: from + length, at }
}

/** UTCTime (`YYMMDDHHMMSSZ`, up to 2049) or GeneralizedTime (`YYYYMMDDHHMMSSZ`). */
function timeOf(der: Uint8Array, element: Element): number | undefined {
  const text = String.fromCharCode(...der.subarray(element.from, Math.min(element.to, element.from + 32)))
  const [, year = '', month, day, hour, minute, second] =
    /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text) ?? []
  if (year === '') return undefined
  const full = year.length === 4 ? Number(year) : Number(year) + (Number(year) < 50 ? 2000 : 1900)
  return Date.UTC(full, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
}
