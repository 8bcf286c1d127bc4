/** Bytes of base64 text (RFC 4648, white space allowed), or undefined where it is not that. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const clean = text.replace(/\s+/g, '')
  if (clean === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(clean)) return undefined
  try {
    return Uint8Array.from(atob(clean), (char) => char.charCodeAt(0))
  } catch {
    return undefined // A length that no bytes have: said by the caller, who knows what it is.
  }
}
