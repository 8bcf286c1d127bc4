import { gitDataError } from './errors.ts'

/** Codes up to this many bits are decoded with one look-up; the few longer ones bit by bit. */
const fastBits = 9
const fastSize = 1 << fastBits
const maxCodeBits = 15

const lengthBase = Object.freeze([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
])
const lengthExtra = Object.freeze([
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
])
const distanceBase = Object.freeze([
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
])
const distanceExtra = Object.freeze([
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
])
const codeLengthOrder = Object.freeze([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15])

/** One canonical Huffman code: a table for short codes and the counts per length for the others. */
class HuffmanCode {
  /** `symbol << 4 | bits` for every value of the next `fastBits` bits; 0 where the code is longer or invalid. */
  readonly fast = new Uint16Array(fastSize)
  readonly counts = new Uint16Array(maxCodeBits + 1)
  readonly symbols = new Uint16Array(288)
  readonly #next = new Uint16Array(maxCodeBits + 2)

  /** Builds the code of the `count` lengths that start at `from`. Refuses a code that is over-subscribed. */
  build(lengths: Uint8Array, from: number, count: number): void {
    const { counts, symbols, fast } = this
    counts.fill(0)
    fast.fill(0)
    for (let i = 0; i < count; i++) counts[lengths[from + i] as number]!++
    counts[0] = 0
    let left = 1
    const next = this.#next
    next[1] = 0
    for (let bits = 1; bits <= maxCodeBits; bits++) {
      left = (left << 1) - (counts[bits] as number)
      if (left < 0) throw gitDataError('a compressed object has an impossible Huffman code')
      next[bits + 1] = (next[bits] as number) + (counts[bits] as number)
    }
    for (let symbol = 0; symbol < count; symbol++) {
      const bits = lengths[from + symbol] as number
      if (bits !== 0) symbols[next[bits]!++] = symbol
    }
    this.#fillFast()
  }

  #fillFast(): void {
    let code = 0
    let index = 0
    for (let bits = 1; bits <= fastBits; bits++) {
      for (let n = this.counts[bits] as number; n > 0; n--) {
        const entry = ((this.symbols[index++] as number) << 4) | bits
        for (let at = reverseBits(code, bits); at < fastSize; at += 1 << bits) this.fast[at] = entry
        code++
      }
      code <<= 1
    }
  }
}

function reverseBits(value: number, count: number): number {
  let result = 0
  for (let i = 0; i < count; i++) result |= ((value >>> i) & 1) << (count - 1 - i)
  return result
}

/**
 * Reads zlib streams (RFC 1950, 1951) of known output size out of a larger buffer and tells where each ends: what a pack needs and neither
 * `DecompressionStream` nor the usual libraries offer. Working tables are kept between calls. The Adler-32 at the end is not
 * compared, because every object's SHA-1 is.
 */
export class Inflater {
  readonly #literals = new HuffmanCode()
  readonly #distances = new HuffmanCode()
  readonly #lengths = new Uint8Array(320)
  #isFixed = false
  #input: Uint8Array = new Uint8Array(0)
  #position = 0
  #bits = 0
  #bitCount = 0
  #output: Uint8Array = new Uint8Array(0)
  #written = 0

  /** Offset in the input just after the stream that was read last. */
  get end(): number {
    return this.#position
  }

  /** Inflates the stream at `start` of `input`, which must give exactly `size` bytes. Throws EngineError `git-bad-data` otherwise. */
  inflate(input: Uint8Array, start: number, size: number): Uint8Array {
    const method = input[start] ?? 0
    const flags = input[start + 1] ?? 0
    if ((method & 15) !== 8 || ((method << 8) | flags) % 31 !== 0 || (flags & 32) !== 0) {
      throw gitDataError('an object of the pack does not start as a zlib stream')
    }
    this.#input = input
    this.#position = start + 2
    this.#bits = 0
    this.#bitCount = 0
    this.#output = new Uint8Array(size)
    this.#written = 0
    for (let isLast = false; !isLast;) isLast = this.#block()
    if (this.#written !== size) throw gitDataError('an object of the pack is shorter than its header says')
    this.#position += 4 - (this.#bitCount >>> 3)
    if (this.#position > input.length) throw truncated()
    const output = this.#output
    this.#output = this.#input = new Uint8Array(0)
    return output
  }

  /** Reads one block; true when it was the last. */
  #block(): boolean {
    const isLast = this.#take(1) === 1
    const type = this.#take(2)
    if (type === 0) this.#stored()
    else if (type === 3) throw gitDataError('a compressed object has an invalid block')
    else {
      if (type === 2) this.#dynamicCodes()
      else this.#fixedCodes()
      this.#compressed()
    }
    return isLast
  }

  #take(count: number): number {
    while (this.#bitCount < count) {
      const byte = this.#input[this.#position++]
      if (byte === undefined) throw truncated()
      this.#bits |= byte << this.#bitCount
      this.#bitCount += 8
    }
    const value = this.#bits & ((1 << count) - 1)
    this.#bits >>>= count
    this.#bitCount -= count
    return value
  }

  #stored(): void {
    this.#position -= this.#bitCount >>> 3
    this.#bits = 0
    this.#bitCount = 0
    const input = this.#input
    const at = this.#position
    if (at + 4 > input.length) throw truncated()
    const length = (input[at] as number) | ((input[at + 1] as number) << 8)
    const check = (input[at + 2] as number) | ((input[at + 3] as number) << 8)
    if ((length ^ check) !== 0xffff) throw gitDataError('a stored block of a compressed object is damaged')
    if (at + 4 + length > input.length) throw truncated()
    if (this.#written + length > this.#output.length) throw tooLong()
    this.#output.set(input.subarray(at + 4, at + 4 + length), this.#written)
    this.#written += length
    this.#position = at + 4 + length
  }

  #fixedCodes(): void {
    if (this.#isFixed) return
    const lengths = new Uint8Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280)
    this.#literals.build(lengths, 0, 288)
    this.#distances.build(new Uint8Array(30).fill(5), 0, 30)
    this.#isFixed = true
  }

  #dynamicCodes(): void {
    const literals = this.#take(5) + 257
    const distances = this.#take(5) + 1
    const codes = this.#take(4) + 4
    if (literals > 286 || distances > 30) throw gitDataError('a compressed object has too many symbols')
    const lengths = this.#lengths
    this.#isFixed = false
    lengths.fill(0, 0, 19)
    for (let i = 0; i < codes; i++) lengths[codeLengthOrder[i] as number] = this.#take(3)
    this.#literals.build(lengths, 0, 19)
    const total = literals + distances
    for (let i = 0; i < total;) {
      const symbol = this.#symbol(this.#literals)
      if (symbol < 16) {
        lengths[i++] = symbol
        continue
      }
      if (symbol === 16 && i === 0) throw gitDataError('a compressed object repeats nothing')
      const value = symbol === 16 ? (lengths[i - 1] as number) : 0
      const count = symbol === 16 ? 3 + this.#take(2) : symbol === 17 ? 3 + this.#take(3) : 11 + this.#take(7)
      if (i + count > total) throw gitDataError('a compressed object has too many code lengths')
      lengths.fill(value, i, i + count)
      i += count
    }
    if (lengths[256] === 0) throw gitDataError('a compressed object has no end')
    this.#literals.build(lengths, 0, literals)
    this.#distances.build(lengths, literals, distances)
  }

  /** Next symbol, bit by bit where the short table does not know it. Used for code lengths and for rare long codes. */
  #symbol(code: HuffmanCode): number {
    let value = 0
    let first = 0
    let index = 0
    for (let bits = 1; bits <= maxCodeBits; bits++) {
      value |= this.#take(1)
      const count = code.counts[bits] as number
      if (value - count < first) return code.symbols[index + (value - first)] as number
      index += count
      first = (first + count) << 1
      value <<= 1
    }
    throw gitDataError('a compressed object has an invalid code')
  }

  #fastSymbol(code: HuffmanCode): number {
    while (this.#bitCount < maxCodeBits) {
      // Past the end of input zeros are decoded; the check in `inflate` that the end lies inside the input catches what they were used for.
      this.#bits |= (this.#input[this.#position++] ?? 0) << this.#bitCount
      this.#bitCount += 8
    }
    const entry = code.fast[this.#bits & (fastSize - 1)] as number
    if (entry === 0) return this.#symbol(code)
    this.#bits >>>= entry & 15
    this.#bitCount -= entry & 15
    return entry >>> 4
  }

  #compressed(): void {
    const output = this.#output
    let written = this.#written
    for (;;) {
      const symbol = this.#fastSymbol(this.#literals)
      if (symbol < 256) {
        if (written >= output.length) throw tooLong()
        output[written++] = symbol
        continue
      }
      if (symbol === 256) break
      if (symbol > 285) throw gitDataError('a compressed object has an invalid length')
      const length = (lengthBase[symbol - 257] as number) + this.#take(lengthExtra[symbol - 257] as number)
      const slot = this.#fastSymbol(this.#distances)
      if (slot > 29) throw gitDataError('a compressed object has an invalid distance')
      const distance = (distanceBase[slot] as number) + this.#take(distanceExtra[slot] as number)
      if (distance > written) throw gitDataError('a compressed object refers to bytes before its start')
      if (written + length > output.length) throw tooLong()
      if (distance >= length && length > 16) output.copyWithin(written, written - distance, written - distance + length)
      else for (let i = 0; i < length; i++) output[written + i] = output[written + i - distance] as number
      written += length
      if (this.#position > this.#input.length + 4) throw truncated()
    }
    this.#written = written
  }
}

function truncated(): Error {
  return gitDataError('the pack ends in the middle of an object')
}

function tooLong(): Error {
  return gitDataError('an object of the pack is longer than its header says')
}
