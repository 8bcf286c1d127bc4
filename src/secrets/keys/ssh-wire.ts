import { concatBytes } from '../../base/index.ts'
import { toBase64Url } from '../encoding.ts'

/** The integers of an RSA key, big-endian, with or without leading zeros. */
export interface RsaNumbers {
  readonly n: Uint8Array
  readonly e: Uint8Array
  readonly d: Uint8Array
  readonly p: Uint8Array
  readonly q: Uint8Array
  readonly qInverse: Uint8Array
}

/** A string of the SSH protocol; an integer gets a leading zero where its first bit is set (RFC 4251, 5). */
export function sshString(value: Uint8Array | string, isInteger = false): Uint8Array {
  let bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
  if (isInteger) {
    bytes = withoutZeros(bytes)
    if (((bytes[0] ?? 0) & 0x80) !== 0) bytes = concatBytes([new Uint8Array(1), bytes])
  }
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, bytes.length)
  return concatBytes([length, bytes])
}

/** An RSA private key for WebCrypto; the exponents of the primes are computed where a format leaves them out. */
export function rsaPrivateJwk(numbers: RsaNumbers): JsonWebKey {
  const text = (bytes: Uint8Array): string => toBase64Url(withoutZeros(bytes))
  const d = toInteger(numbers.d)
  return {
    kty: 'RSA',
    n: text(numbers.n),
    e: text(numbers.e),
    d: text(numbers.d),
    p: text(numbers.p),
    q: text(numbers.q),
    dp: text(fromInteger(d % (toInteger(numbers.p) - 1n))),
    dq: text(fromInteger(d % (toInteger(numbers.q) - 1n))),
    qi: text(numbers.qInverse),
  }
}

function withoutZeros(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0)
  return first < 0 ? bytes.subarray(0, 0) : bytes.subarray(first)
}

function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') || '0'}`)
}

function fromInteger(value: bigint): Uint8Array {
  const hex = value.toString(16)
  const even = hex.length % 2 === 0 ? hex : `0${hex}`
  return Uint8Array.from(even.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
}
