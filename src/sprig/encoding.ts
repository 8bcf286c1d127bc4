import { fromBytes, goFunction, STRING, toBytes, type GoFunction } from '../template/index.ts'

interface Alphabet {
  readonly chars: string
  /** Bits per character. */
  readonly bits: number
  /** Characters per group, padding included. */
  readonly group: number
  readonly name: string
}

const BASE64: Alphabet = {
  chars: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
  bits: 6,
  group: 4,
  name: 'base64',
}
const BASE32: Alphabet = { chars: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', bits: 5, group: 8, name: 'base32' }

function encode(bytes: Uint8Array, { chars, bits, group }: Alphabet): string {
  const parts: string[] = []
  let held = 0
  let count = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff
    count += 8
    while (count >= bits) {
      count -= bits
      parts.push(chars[(held >> count) & ((1 << bits) - 1)]!)
    }
  }
  if (count > 0) parts.push(chars[(held << (bits - count)) & ((1 << bits) - 1)]!)
  while (parts.length % group !== 0) parts.push('=')
  return parts.join('')
}

/** Standard base64 of bytes, with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  return encode(bytes, BASE64)
}

/** Go's decoding of padded base64 or base32 (line breaks are skipped); a string result is the error text. */
function decode(text: string, alphabet: Alphabet): Uint8Array | string {
  const units = toBytes(text)
  const out: number[] = []
  let at = 0
  for (;;) {
    const quantum = readGroup(units, at, alphabet)
    if (typeof quantum === 'number') return `illegal ${alphabet.name} data at input byte ${quantum}`
    out.push(...quantum.bytes)
    at = quantum.next
    if (quantum.isEnd) return Uint8Array.from(out)
  }
}

interface Group {
  readonly bytes: number[]
  readonly next: number
  readonly isEnd: boolean
}

function isBreak(byte: number | undefined): boolean {
  return byte === 10 || byte === 13
}

/** One group of characters from `at`; a number is the offset of what is wrong. */
function readGroup(units: Uint8Array, from: number, alphabet: Alphabet): Group | number {
  const digits: number[] = []
  let at = from
  while (digits.length < alphabet.group) {
    while (isBreak(units[at])) at++
    if (at >= units.length) {
      if (digits.length === 0) return { bytes: [], next: at, isEnd: true }
      return alphabet === BASE64 ? at - digits.length : at
    }
    const byte = units[at]!
    if (byte === 61) return readPadding(units, at, digits, alphabet)
    const digit = alphabet.chars.indexOf(String.fromCharCode(byte))
    if (digit === -1) return at
    digits.push(digit)
    at++
  }
  return { bytes: groupBytes(digits, alphabet), next: at, isEnd: false }
}

function readPadding(units: Uint8Array, from: number, digits: readonly number[], alphabet: Alphabet): Group | number {
  const allowed = alphabet === BASE64 ? [2, 3] : [2, 4, 5, 7]
  if (!allowed.includes(digits.length)) return from
  let at = from
  for (let needed = alphabet.group - digits.length; needed > 0; needed--) {
    while (isBreak(units[at])) at++
    if (units[at] !== 61) return Math.min(at, units.length)
    at++
  }
  while (isBreak(units[at])) at++
  if (at < units.length) return at
  return { bytes: groupBytes(digits, alphabet), next: at, isEnd: true }
}

function groupBytes(digits: readonly number[], { bits }: Alphabet): number[] {
  const bytes: number[] = []
  let held = 0
  let count = 0
  for (const digit of digits) {
    held = ((held << bits) | digit) & 0xffff
    count += bits
    if (count >= 8) {
      count -= 8
      bytes.push((held >> count) & 0xff)
    }
  }
  return bytes
}

/** Go's base64.StdEncoding.DecodeString; a string result is the error text. */
export function decodeBase64(text: string): Uint8Array | string {
  return decode(text, BASE64)
}

function decoded(result: Uint8Array | string): string {
  // compat(sprig): a decoding error becomes the result's text.
  return typeof result === 'string' ? result : fromBytes(result)
}

/** Sprig's encodings. */
export const encodingFunctions: readonly GoFunction[] = [
  goFunction('b64enc', [STRING], (_run, text) => encodeBase64(toBytes(text))),
  goFunction('b64dec', [STRING], (_run, text) => decoded(decodeBase64(text))),
  goFunction('b32enc', [STRING], (_run, text) => encode(toBytes(text), BASE32)),
  goFunction('b32dec', [STRING], (_run, text) => decoded(decode(text, BASE32))),
]
