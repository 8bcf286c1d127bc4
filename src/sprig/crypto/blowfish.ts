/** Blowfish's boxes: its initial state is the fraction of pi in binary, so it is computed rather than listed. */
export interface BlowfishState {
  readonly p: Uint32Array
  readonly s: Uint32Array
}

const P_SIZE = 18
const S_SIZE = 1024

/** The state that every Blowfish key schedule starts from. */
export function initialState(): BlowfishState {
  const words = piWords(P_SIZE + S_SIZE)
  return { p: words.slice(0, P_SIZE), s: words.slice(P_SIZE) }
}

/** The first `count` 32-bit words of pi's fraction. */
function piWords(count: number): Uint32Array {
  const guard = 64n
  const bits = BigInt(count * 32) + guard
  const unit = 1n << bits
  // Machin: pi = 16 arctan(1/5) - 4 arctan(1/239).
  const pi = 16n * inverseArctangent(5n, unit) - 4n * inverseArctangent(239n, unit)
  const hex = ((pi - 3n * unit) >> guard).toString(16).padStart(count * 8, '0')
  return Uint32Array.from({ length: count }, (_, i) => Number.parseInt(hex.slice(i * 8, i * 8 + 8), 16))
}

function inverseArctangent(n: bigint, unit: bigint): bigint {
  const square = n * n
  let power = unit / n
  let sum = power
  for (let k = 3n, sign = -1n; power !== 0n; k += 2n, sign = -sign) {
    power /= square
    sum += (sign * power) / k
  }
  return sum
}

export function copyState({ p, s }: BlowfishState): BlowfishState {
  return { p: p.slice(), s: s.slice() }
}

/** Encrypts one block in place: two words at `at` of `block`. */
export function encryptBlock({ p, s }: BlowfishState, block: Uint32Array, at: number): void {
  let left = block[at]! ^ p[0]!
  let right = block[at + 1]!
  for (let i = 1; i < 17; i += 2) {
    right ^= round(s, left) ^ p[i]!
    left ^= round(s, right) ^ p[i + 1]!
  }
  block[at] = right ^ p[17]!
  block[at + 1] = left
}

function round(s: Uint32Array, x: number): number {
  const sum = (s[x >>> 24]! + s[256 + ((x >>> 16) & 0xff)]!) | 0
  return ((sum ^ s[512 + ((x >>> 8) & 0xff)]!) + s[768 + (x & 0xff)]!) | 0
}

/** Mixes a key, and with bcrypt also a salt, into the state. */
export function expandKey(state: BlowfishState, key: Uint8Array, salt?: Uint8Array): void {
  const { p, s } = state
  const nextKeyWord = wordReader(key)
  for (let i = 0; i < P_SIZE; i++) p[i]! ^= nextKeyWord()
  const nextSaltWord = salt === undefined ? () => 0 : wordReader(salt)
  const block = new Uint32Array(2)
  for (const box of [p, s]) {
    for (let i = 0; i < box.length; i += 2) {
      block[0]! ^= nextSaltWord()
      block[1]! ^= nextSaltWord()
      encryptBlock(state, block, 0)
      box[i] = block[0]!
      box[i + 1] = block[1]!
    }
  }
}

/** Big-endian words of the bytes, from the start again when they end. */
function wordReader(bytes: Uint8Array): () => number {
  let at = 0
  return () => {
    let word = 0
    for (let i = 0; i < 4; i++) {
      word = (word << 8) | bytes[at]!
      at = (at + 1) % bytes.length
    }
    return word
  }
}
