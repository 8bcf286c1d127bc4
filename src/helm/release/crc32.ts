/** CRC-32 as gzip has it (RFC 1952), reversed polynomial. */
const polynomial = 0xedb88320

const table: readonly number[] = Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1
  return value >>> 0
})

/** The checksum of bytes, as an unsigned number. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let index = 0; index < bytes.length; index++)
    crc = (crc >>> 8) ^ (table[(crc ^ (bytes[index] ?? 0)) & 0xff] as number)
  return (crc ^ 0xffffffff) >>> 0
}

/**
 * The checksum of two texts in a row, from those of both and the length of the second: the first one is moved on by as many zero bytes, which is a
 * multiplication by a power of x among polynomials over two elements.
 */
export function combineCrc32(first: number, second: number, secondLength: number): number {
  // x^8, squared for each binary digit of the length.
  let power = 0x00800000
  let moved = first
  for (let rest = secondLength; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) moved = multiply(power, moved)
    power = multiply(power, power)
  }
  return (moved ^ second) >>> 0
}

/** The product of two polynomials, the highest bit being the constant term. */
function multiply(a: number, b: number): number {
  let product = 0
  let shifted = b
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= shifted
    shifted = shifted & 1 ? (shifted >>> 1) ^ polynomial : shifted >>> 1
  }
  return product >>> 0
}
