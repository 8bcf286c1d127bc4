/** One block of a PEM text. */
export interface PemBlock {
  readonly label: string
  readonly data: Uint8Array<ArrayBuffer>
}

/** The blocks of a PEM text (RFC 7468) in their order; text around them and blocks that are not base64 are passed over. */
export function parsePem(text: string): readonly PemBlock[] {
  return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----\s+([A-Za-z0-9+/=\s]+?)-----END \1-----/g)].flatMap((match) => {
    const data = fromBase64(match[2] ?? '')
    return data === undefined ? [] : [{ label: match[1] ?? '', data }]
  })
}

/** Bytes of base64 text, white space allowed; undefined where it is not that. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text.replaceAll(/\s+/g, '')), (char) => char.charCodeAt(0))
  } catch {
    return undefined
  }
}
