import { byteLength, isPrint, runeToString, toBytes, fromBytes } from './text.ts'

const NAMED: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  92: '\\\\',
}

const plainAscii = /^[ !#-[\]-~]*$/

/** Go's strconv.Quote (or QuoteToASCII with `ascii`): `s` as a double-quoted Go literal. */
export function quote(s: string, ascii = false): string {
  if (plainAscii.test(s)) return `"${s}"`
  return `"${escapeText(s, '"', ascii)}"`
}

/** Go's strconv.QuoteRune: one rune as a single-quoted Go literal. */
export function quoteRune(rune: number, ascii = false): string {
  return `'${escapeText(runeToString(rune), "'", ascii)}'`
}

function escapeText(s: string, delimiter: string, ascii: boolean): string {
  let out = ''
  for (let i = 0; i < s.length; i++) {
    const rune = s.codePointAt(i)!
    if (rune > 0xffff) i++
    const named = NAMED[rune]
    if (named !== undefined) out += named
    else if (rune === delimiter.charCodeAt(0)) out += `\\${delimiter}`
    else if (rune >= 0xdc80 && rune <= 0xdcff) out += `\\x${(rune - 0xdc00).toString(16)}`
    else if (isPrint(rune) && (!ascii || rune < 0x80)) out += String.fromCodePoint(rune)
    else if (rune < 0x20 || rune === 0x7f) out += `\\x${rune.toString(16).padStart(2, '0')}`
    else if (rune < 0x10000) out += `\\u${rune.toString(16).padStart(4, '0')}`
    else out += `\\U${rune.toString(16).padStart(8, '0')}`
  }
  return out
}

/** Whether strconv.CanBackquote: `s` can stand unchanged between backquotes. */
export function canBackquote(s: string): boolean {
  for (const ch of s) {
    const rune = ch.codePointAt(0)!
    if (rune === 0xfeff || (rune < 0x20 && rune !== 9) || rune === 0x60 || rune === 0x7f) return false
    if (rune >= 0xd800 && rune <= 0xdfff) return false
  }
  return true
}

const SIMPLE: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, '\\': 92 }

/** One unquoted element: a rune, or (from `\x` and octal escapes) a byte, and where the rest starts. */
export interface UnquotedChar {
  value: number
  isByte: boolean
  next: number
}

/** strconv.UnquoteChar at `i` of `s`, for a literal in `delimiter`; undefined if the syntax is wrong. */
export function unquoteChar(s: string, i: number, delimiter: string): UnquotedChar | undefined {
  const first = s.codePointAt(i)
  if (first === undefined || s[i] === delimiter) return undefined
  if (s[i] !== '\\') return { value: first, isByte: false, next: i + (first > 0xffff ? 2 : 1) }
  const kind = s[i + 1]
  if (kind === undefined) return undefined
  const simple = SIMPLE[kind]
  if (simple !== undefined) return { value: simple, isByte: false, next: i + 2 }
  if (kind === "'" || kind === '"') {
    return kind === delimiter ? { value: kind.charCodeAt(0), isByte: false, next: i + 2 } : undefined
  }
  const length = { x: 2, u: 4, U: 8 }[kind]
  if (length !== undefined) {
    const digits = s.slice(i + 2, i + 2 + length)
    if (digits.length !== length || !/^[0-9a-fA-F]+$/.test(digits)) return undefined
    const value = Number.parseInt(digits, 16)
    if (kind !== 'x' && (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))) return undefined
    return { value, isByte: kind === 'x', next: i + 2 + length }
  }
  const octal = s.slice(i + 1, i + 4)
  if (!/^[0-7]{3}$/.test(octal)) return undefined
  const value = Number.parseInt(octal, 8)
  return value > 255 ? undefined : { value, isByte: true, next: i + 4 }
}

/** Go's strconv.Unquote for literals in double quotes and backquotes; undefined if the syntax is wrong. */
export function unquote(literal: string): string | undefined {
  const delimiter = literal[0]
  if (literal.length < 2 || literal.at(-1) !== delimiter) return undefined
  const body = literal.slice(1, -1)
  if (delimiter === '`') return body.includes('`') ? undefined : body.replaceAll('\r', '')
  if (delimiter !== '"' || body.includes('\n')) return undefined
  if (!body.includes('\\')) return body.includes('"') ? undefined : body
  let out = ''
  let bytes = false
  for (let i = 0; i < body.length;) {
    const char = unquoteChar(body, i, '"')
    if (char === undefined) return undefined
    bytes ||= char.isByte && char.value >= 0x80
    out +=
      char.isByte && char.value >= 0x80
        ? String.fromCharCode(0xdc00 + char.value)
        : runeToStringKeepingBytes(char.value)
    i = char.next
  }
  // Byte escapes may spell valid UTF-8 together: `"\xc3\xa9"` is one character.
  return bytes && byteLength(out) > 0 ? fromBytes(toBytes(out)) : out
}

function runeToStringKeepingBytes(rune: number): string {
  return rune >= 0xdc80 && rune <= 0xdcff ? String.fromCharCode(rune) : runeToString(rune)
}
