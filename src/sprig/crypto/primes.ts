import type { Run } from '../../template/index.ts'
import { fromBigEndian } from './der.ts'

/** base^exponent mod modulus. */
export function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  let factor = base % modulus
  // Four bits at a time: a quarter of the multiplications of the plain method.
  const table: bigint[] = [1n]
  for (let i = 1; i < 16; i++) table.push((table[i - 1]! * factor) % modulus)
  for (const digit of exponent.toString(16)) {
    for (let i = 0; i < 4; i++) result = (result * result) % modulus
    factor = table[Number.parseInt(digit, 16)]!
    if (factor !== 1n) result = (result * factor) % modulus
  }
  return result
}

/** The inverse of `value` mod `modulus`, or undefined where there is none. */
export function modInverse(value: bigint, modulus: bigint): bigint | undefined {
  let [a, b] = [((value % modulus) + modulus) % modulus, modulus]
  let [x, y] = [1n, 0n]
  while (b !== 0n) {
    const quotient = a / b
    ;[a, b] = [b, a - quotient * b]
    ;[x, y] = [y, x - quotient * y]
  }
  return a === 1n ? ((x % modulus) + modulus) % modulus : undefined
}

/** A random number of exactly `bits` bits, its two highest set, so that a product of two has twice as many. */
export function randomBits(run: Run, bits: number): bigint {
  const value = fromBigEndian(run.environment.randomBytes(Math.ceil(bits / 8)))
  const mask = (1n << BigInt(bits)) - 1n
  return (value & mask) | (3n << BigInt(bits - 2))
}

function smallPrimes(): number[] {
  const limit = 1 << 15
  const isComposite = new Uint8Array(limit)
  const primes: number[] = []
  for (let n = 3; n < limit; n += 2) {
    if (isComposite[n] === 1) continue
    primes.push(n)
    for (let multiple = n * n; multiple < limit; multiple += n) isComposite[multiple] = 1
  }
  return primes
}

/** Miller-Rabin with base 2 and random bases: the chance of being wrong is below 4^-rounds. */
function isProbablePrime(run: Run, n: bigint, rounds: number): boolean {
  let odd = n - 1n
  let twos = 0
  while ((odd & 1n) === 0n) {
    odd >>= 1n
    twos++
  }
  const size = n.toString(2).length
  for (let round = 0; round < rounds; round++) {
    // A test of a large number takes milliseconds: count it, so that a deadline is noticed.
    run.step(size > 1024 ? 32_768 : 8192)
    const base = round === 0 ? 2n : (randomBits(run, size - 1) % (n - 3n)) + 2n
    let x = modPow(base, odd, n)
    if (x === 1n || x === n - 1n) continue
    let isWitness = true
    for (let i = 1; i < twos && isWitness; i++) {
      x = (x * x) % n
      if (x === n - 1n) isWitness = false
    }
    if (isWitness) return false
  }
  return true
}

/** Rounds of Miller-Rabin for a random number: of 1024 bits and more FIPS 186-5 (appendix B.1) asks for five at most, of shorter ones for more. */
function roundsFor(bits: number): number {
  return bits >= 1024 ? 8 : 20
}

/**
 * The first prime at or after a random number of `bits` bits that `accept` takes, in steps of `step`. A 1024-bit prime
 * takes a few tenths of a second, a 2048-bit one a few seconds.
 */
export function findPrime(run: Run, bits: number, accept: (prime: bigint) => boolean, step = 2n): bigint {
  const primes = smallPrimes()
  for (;;) {
    const start = randomBits(run, bits)
    const aligned = step === 2n ? start | 1n : start - (start % step) + 1n
    const rests = primes.map((prime) => Number(aligned % BigInt(prime)))
    const steps = primes.map((prime) => Number(step % BigInt(prime)))
    for (let i = 0; i < 1 << 16; i++) {
      const hasFactor = rests.some((rest, k) => (rest + i * steps[k]!) % primes[k]! === 0)
      if (hasFactor) continue
      const candidate = aligned + BigInt(i) * step
      if (candidate >> BigInt(bits) !== 0n) break
      if (isProbablePrime(run, candidate, 1) && isProbablePrime(run, candidate, roundsFor(bits)) && accept(candidate))
        return candidate
    }
  }
}
