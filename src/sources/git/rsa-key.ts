import { decodeBase64 } from './base64.ts'

const rsaAlgorithm = Object.freeze([
  0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
])

/**
 * The PKCS #8 bytes (RFC 5208) of an RSA private key in PEM, of the older form too (PKCS #1, RFC 8017 A.1.2: `BEGIN RSA PRIVATE KEY`, as GitHub gives it), which WebCrypto does not read.
 * Undefined where the text is neither, or encrypted.
 */
export function rsaPrivateKey(pem: string): Uint8Array<ArrayBuffer> | undefined {
  const match = /-----BEGIN (RSA )?PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END (?:RSA )?PRIVATE KEY-----/.exec(pem)
  const bytes = decodeBase64(match?.[2] ?? '')
  if (match === null || bytes === undefined) return undefined
  if (match[1] === undefined) return Uint8Array.from(bytes)
  const version = [0x02, 0x01, 0x00]
  const key = [0x04, ...derLength(bytes.length), ...bytes]
  const content = [...version, ...rsaAlgorithm, ...key]
  return Uint8Array.from([0x30, ...derLength(content.length), ...content])
}

function derLength(length: number): number[] {
  if (length < 128) return [length]
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return [0x80 | bytes.length, ...bytes]
}
