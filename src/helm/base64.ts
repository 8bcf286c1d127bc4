/** Standard base64 of bytes, with padding. */
export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  // In pieces: arguments of a call are limited.
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return btoa(binary)
}
