import { fromBytes, goFunction, STRING, toBytes, type GoFunction } from '../template/index.ts'

interface Alphabet {
  readonly chars: string
  /** Bits per character. */
  readonly bits: number
  /** Characters per group, padding included. */
  readonly group: number
}

const BASE64: Alphabet = {
  chars: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
  bits: 6,
  group: 4,
}
const BASE32: Alphabet = { chars: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', bits: 5, group: 8 }

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

/** Go's decoding of padded base64; line breaks are skipped. A string result is the error text. */
function decodeText64(text: string): Uint8Array | string {
  const units = toBytes(text)
  const out: number[] = []
  let digits: number[] = []
  let at = 0
  const wrong = (offset: number): string => `illegal base64 data at input byte ${offset}`
  for (; at < units.length; at++) {
    const byte = units[at]!
    if (isBreak(byte)) continue
    if (byte === PADDING) break
    const digit = BASE64.chars.indexOf(String.fromCharCode(byte))
    if (digit === -1) return wrong(at)
    digits.push(digit)
    if (digits.length === 4) {
      out.push(...groupBytes(digits, BASE64))
      digits = []
    }
  }
  if (at === units.length) return digits.length === 0 ? Uint8Array.from(out) : wrong(at - digits.length)
  if (digits.length < 2) return wrong(at)
  at = skipBreaks(units, at + 1)
  if (digits.length === 2) {
    if (at === units.length) return wrong(at)
    if (units[at] !== PADDING) return wrong(at - 1)
    at = skipBreaks(units, at + 1)
  }
  if (at < units.length) return wrong(at)
  return Uint8Array.from([...out, ...groupBytes(digits, BASE64)])
}

const PADDING = 61

function isBreak(byte: number | undefined): boolean {
  return byte === 10 || byte === 13
}

function skipBreaks(units: Uint8Array, from: number): number {
  let at = from
  while (isBreak(units[at])) at++
  return at
}

/** Go's decoding of padded base32; line breaks are removed first, and what follows the padding is not looked at. */
function decodeText32(text: string): Uint8Array | string {
  const units = toBytes(text).filter((byte) => !isBreak(byte))
  const out: number[] = []
  let digits: number[] = []
  const wrong = (offset: number): string => `illegal base32 data at input byte ${offset}`
  for (let at = 0; at < units.length; at++) {
    const byte = units[at]!
    const rest = units.subarray(at + 1)
    if (byte === PADDING && digits.length >= 2 && rest.length < 8) {
      const wanted = 7 - digits.length
      if (rest.length < wanted) return wrong(units.length)
      const bad = rest.subarray(0, wanted).findIndex((each) => each !== PADDING)
      if (bad !== -1) return wrong(at + bad)
      if (digits.length === 3 || digits.length === 6) return wrong(at)
      return Uint8Array.from([...out, ...groupBytes(digits, BASE32)])
    }
    const digit = BASE32.chars.indexOf(String.fromCharCode(byte))
    if (digit === -1) return wrong(at)
    digits.push(digit)
    if (digits.length === 8) {
      out.push(...groupBytes(digits, BASE32))
      digits = []
    }
  }
  return digits.length === 0 ? Uint8Array.from(out) : wrong(units.length - digits.length)
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
  return decodeText64(text)
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
  goFunction('b32dec', [STRING], (_run, text) => decoded(decodeText32(text))),
]
