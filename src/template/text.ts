/**
 * Go strings are byte strings. Here they are JS strings in which every byte that is not part of valid UTF-8 is one lone
 * surrogate U+DC80..U+DCFF (0xDC00 + the byte). All byte arithmetic of the engine goes through this file; each function has a
 * fast path for text whose bytes and code units coincide.
 */

const ESCAPE = 0xdc00
const encoder = /* @__PURE__ */ new TextEncoder()
const strictDecoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The rune Go yields for a byte that is not UTF-8. */
export const RUNE_ERROR = 0xfffd

function isEscape(unit: number): boolean {
  return unit >= 0xdc80 && unit <= 0xdcff
}

/** True if `s` holds only bytes below 0x80, so that byte offsets equal JS offsets. */
export function isAscii(s: string): boolean {
  for (let i = 0; i < s.length; i++) if (s.charCodeAt(i) >= 0x80) return false
  return true
}

/** The number of bytes of `s` in Go: `len(s)`. */
export function byteLength(s: string): number {
  let n = s.length
  for (let i = 0; i < s.length; i++) {
    const unit = s.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) n += 1
    else if (unit < 0xd800 || unit > 0xdfff) n += 2
    else if (unit < 0xdc00) {
      n += 2
      i++
    }
  }
  return n
}

/** The bytes of a Go string. */
export function toBytes(s: string): Uint8Array {
  let escaped = false
  for (let i = 0; i < s.length && !escaped; i++) {
    const unit = s.charCodeAt(i)
    if (unit < 0xd800 || unit > 0xdfff) continue
    if (unit < 0xdc00) i++
    else escaped = true
  }
  if (!escaped) return encoder.encode(s)
  const out = new Uint8Array(byteLength(s))
  let at = 0
  let from = 0
  for (let i = 0; i < s.length; i++) {
    const unit = s.charCodeAt(i)
    if (unit >= 0xd800 && unit < 0xdc00) i++
    else if (isEscape(unit)) {
      at += encoder.encodeInto(s.slice(from, i), out.subarray(at)).written
      out[at++] = unit - ESCAPE
      from = i + 1
    }
  }
  encoder.encodeInto(s.slice(from), out.subarray(at))
  return out
}

/** A Go string from bytes; bytes that are not valid UTF-8 are kept (see the head of the file). */
export function fromBytes(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes)
  } catch {
    // Not UTF-8 as a whole: go rune by rune and keep what does not decode.
    return decodeLossless(bytes)
  }
}

function decodeLossless(bytes: Uint8Array): string {
  const parts: string[] = []
  for (let i = 0; i < bytes.length;) {
    const [rune, width] = decodeRune(bytes, i)
    parts.push(
      rune === RUNE_ERROR && width === 1 ? String.fromCharCode(ESCAPE + bytes[i]!) : String.fromCodePoint(rune),
    )
    i += width
  }
  return parts.join('')
}

/** Decodes one rune of UTF-8 at `i`; an invalid byte gives `[RUNE_ERROR, 1]`, as Go's utf8.DecodeRune does. */
export function decodeRune(bytes: Uint8Array, i: number): [rune: number, width: number] {
  const b0 = bytes[i]!
  if (b0 < 0x80) return [b0, 1]
  const need = b0 >= 0xc2 && b0 <= 0xdf ? 2 : b0 >= 0xe0 && b0 <= 0xef ? 3 : b0 >= 0xf0 && b0 <= 0xf4 ? 4 : 0
  if (need === 0 || i + need > bytes.length) return [RUNE_ERROR, 1]
  let rune = b0 & (0xff >> (need + 1))
  for (let k = 1; k < need; k++) {
    const b = bytes[i + k]!
    if ((b & 0xc0) !== 0x80) return [RUNE_ERROR, 1]
    rune = (rune << 6) | (b & 0x3f)
  }
  const tooSmall = need === 3 ? rune < 0x800 : need === 4 ? rune < 0x10000 : false
  if (tooSmall || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff)) return [RUNE_ERROR, 1]
  return [rune, need]
}

/** Go's `s[from:to]` in bytes. The caller has checked `0 <= from <= to <= byteLength(s)`. */
export function byteSlice(s: string, from: number, to: number): string {
  return isAscii(s) ? s.slice(from, to) : fromBytes(toBytes(s).subarray(from, to))
}

/** The runes of `s`, as Go's conversion to []rune: an invalid byte is U+FFFD. */
export function toRunes(s: string): number[] {
  const out: number[] = []
  for (let i = 0; i < s.length; i++) {
    const rune = s.codePointAt(i)!
    if (rune > 0xffff) i++
    out.push(isEscape(rune) ? RUNE_ERROR : rune)
  }
  return out
}

/** The characters of `s` as strings, one per rune; an invalid byte stays as it is. */
export function toCharacters(s: string): string[] {
  return Array.from(s)
}

/** A string from runes; a rune that is no Unicode scalar value becomes U+FFFD. */
export function fromRunes(runes: readonly number[]): string {
  let out = ''
  for (const rune of runes) out += runeToString(rune)
  return out
}

/** Go's `string(rune)`. */
export function runeToString(rune: number): string {
  const valid = rune >= 0 && rune <= 0x10ffff && !(rune >= 0xd800 && rune <= 0xdfff) && Number.isInteger(rune)
  return valid ? String.fromCodePoint(rune) : '\ufffd'
}

/** True if `s` has bytes that are not valid UTF-8. */
export function hasInvalidBytes(s: string): boolean {
  return !s.isWellFormed()
}

/** `s` with every invalid byte replaced by U+FFFD, for output that must be Unicode. */
export function toWellFormed(s: string): string {
  return s.toWellFormed()
}

/** The order of Go's `<` on strings (by bytes), as -1, 0 or 1. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return x < 0xd800 && y < 0xd800 ? (x < y ? -1 : 1) : compareBytes(toBytes(a), toBytes(b))
  }
  return a.length < b.length ? -1 : 1
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1
  return a.length === b.length ? 0 : a.length < b.length ? -1 : 1
}

const letter = /^\p{L}$/u
const digit = /^\p{Nd}$/u
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u
const space = /^[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/u

/** unicode.IsLetter. */
export function isLetter(rune: number): boolean {
  if (rune < 0x80) return (rune >= 97 && rune <= 122) || (rune >= 65 && rune <= 90)
  return letter.test(String.fromCodePoint(rune))
}

/** unicode.IsDigit. */
export function isDigit(rune: number): boolean {
  if (rune < 0x80) return rune >= 48 && rune <= 57
  return digit.test(String.fromCodePoint(rune))
}

/** unicode.IsPrint: letters, marks, numbers, punctuation, symbols and the ASCII space. */
export function isPrint(rune: number): boolean {
  if (rune < 0x7f) return rune >= 0x20
  return rune <= 0x10ffff && printable.test(String.fromCodePoint(rune))
}

/** unicode.IsSpace. */
export function isSpace(rune: number): boolean {
  if (rune < 0x80) return rune === 32 || (rune >= 9 && rune <= 13)
  return rune <= 0x3000 && space.test(String.fromCodePoint(rune))
}
