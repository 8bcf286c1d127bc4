import { fromBase64, fromBase64Url, utf8Text } from '../base/index.ts'

/** How long a credential is good, in milliseconds since 1970, as far as it says so itself. */
export interface CredentialTimes {
  readonly issuedAt?: number
  readonly expiresAt?: number
  /** Why a time is missing. */
  readonly note?: string
}

/** When a bearer token was made and when it ends, as a JSON Web Token says itself; nothing is verified. */
export function tokenTimes(token: string): CredentialTimes {
  const parts = token.trim().split('.')
  const bytes = parts.length === 3 ? fromBase64Url(parts[1] ?? '') : undefined
  const claims = bytes === undefined ? undefined : parseClaims(utf8Text(bytes) ?? '')
  if (claims === undefined) return { note: 'the token does not say how old it is' }
  const seconds = (name: string): number | undefined =>
    typeof claims[name] === 'number' && Number.isFinite(claims[name]) ? claims[name] * 1000 : undefined
  const issuedAt = seconds('iat') ?? seconds('nbf')
  const expiresAt = seconds('exp')
  const notes = [
    ...(issuedAt === undefined ? ['the token does not say how old it is'] : []),
    ...(expiresAt === undefined ? ['it never expires'] : []),
  ]
  return {
    ...(issuedAt === undefined ? {} : { issuedAt }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(notes.length === 0 ? {} : { note: notes.join('; ') }),
  }
}

/** From when to when a certificate is valid (RFC 5280, 4.1.2.5): the first of a PEM text. */
export function certificateTimes(pem: string): CredentialTimes {
  const body = /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/.exec(pem)?.[1]
  const bytes = body === undefined ? undefined : fromBase64(body.replaceAll(/\s/g, ''))
  const times = bytes === undefined ? undefined : validityOf(bytes)
  return times ?? { note: 'the certificate cannot be read' }
}

function parseClaims(text: string): { readonly [name: string]: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as { readonly [name: string]: unknown })
      : undefined
  } catch {
    return undefined
  }
}

interface Element {
  readonly tag: number
  readonly start: number
  readonly end: number
}

const tags = { sequence: 0x30, version: 0xa0, utcTime: 0x17, generalizedTime: 0x18 } as const

/** Certificate ::= { TBSCertificate ::= { [0] version?, serialNumber, signature, issuer, validity { notBefore, notAfter }, … }, … } */
function validityOf(der: Uint8Array): CredentialTimes | undefined {
  const certificate = elementAt(der, 0, der.length)
  const body = certificate === undefined ? undefined : elementAt(der, certificate.start, certificate.end)
  if (certificate?.tag !== tags.sequence || body?.tag !== tags.sequence) return undefined
  const fields: Element[] = []
  for (let at = body.start; fields.length < 4;) {
    const field = elementAt(der, at, body.end)
    if (field === undefined) return undefined
    if (field.tag !== tags.version) fields.push(field)
    at = field.end
  }
  const validity = fields[3]
  if (validity?.tag !== tags.sequence) return undefined
  const from = elementAt(der, validity.start, validity.end)
  const to = from === undefined ? undefined : elementAt(der, from.end, validity.end)
  const [issuedAt, expiresAt] = [timeOf(der, from), timeOf(der, to)]
  return issuedAt === undefined || expiresAt === undefined ? undefined : { issuedAt, expiresAt }
}

function elementAt(der: Uint8Array, at: number, end: number): Element | undefined {
  const [tag, first] = [der[at], der[at + 1]]
  if (tag === undefined || first === undefined || at + 2 > end) return undefined
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  if (lengthBytes > 4) return undefined
  let length = first
  if (first >= 0x80) {
    length = 0
    for (let index = 0; index < lengthBytes; index++) length = length * 256 + (der[at + 2 + index] ?? 0)
  }
  const start = at + 2 + lengthBytes
  return start + length > end ? undefined : { tag, start, end: start + length }
}

function timeOf(der: Uint8Array, element: Element | undefined): number | undefined {
  if (element === undefined) return undefined
  const text = utf8Text(der.subarray(element.start, element.end)) ?? ''
  // Two digits stand for 1950 to 2049.
  const full = element.tag === tags.utcTime ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full) ?? []
  if (![tags.utcTime, tags.generalizedTime].some((tag) => tag === element.tag) || year === undefined) return undefined
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(at) ? undefined : at
}
