import { sha256 } from '@noble/hashes/sha2.js'
import type { Run } from '../../template/index.ts'
import { element, fromBigEndian, joinBytes, nullElement, objectId, OCTET_STRING, sequence, toBigEndian } from './der.ts'
import { findPrime, modInverse, modPow } from './primes.ts'

/** An RSA key of two primes. */
export interface RsaKey {
  readonly n: bigint
  readonly e: bigint
  readonly d: bigint
  readonly p: bigint
  readonly q: bigint
}

const EXPONENT = 65_537n

/** Makes a key of `bits` bits from the run's random numbers: under a second for 2048 bits, some ten for 4096. */
export function generateRsa(run: Run, bits: number): RsaKey {
  const half = bits / 2
  const fits = (prime: bigint): boolean => (prime - 1n) % EXPONENT !== 0n
  const p = findPrime(run, half, fits)
  const q = findPrime(run, half, (prime) => prime !== p && fits(prime))
  const d = modInverse(EXPONENT, (p - 1n) * (q - 1n))!
  return { n: p * q, e: EXPONENT, d, p, q }
}

/** d mod p-1, d mod q-1 and 1/q mod p, which make private operations four times as fast. */
export function crtValues({ d, p, q }: RsaKey): { dp: bigint; dq: bigint; inverse: bigint } {
  return { dp: d % (p - 1n), dq: d % (q - 1n), inverse: modInverse(q, p) ?? 0n }
}

/** An RSASSA-PKCS1-v1_5 signature with SHA-256. */
export function signRsa(key: RsaKey, message: Uint8Array): Uint8Array {
  const digest = sequence(
    sequence(objectId('2.16.840.1.101.3.4.2.1'), nullElement()),
    element(OCTET_STRING, sha256(message)),
  )
  const size = Math.ceil(key.n.toString(2).length / 8)
  const padding = new Uint8Array(size - digest.length - 3).fill(0xff)
  const padded = fromBigEndian(joinBytes(Uint8Array.of(0, 1), padding, Uint8Array.of(0), digest))
  const { dp, dq, inverse } = crtValues(key)
  const [mp, mq] = [modPow(padded, dp, key.p), modPow(padded, dq, key.q)]
  const h = ((((mp - mq) * inverse) % key.p) + key.p) % key.p
  return toBigEndian(mq + h * key.q, size)
}
