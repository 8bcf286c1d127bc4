import { resolveScalar } from './scalars.ts'

/** Widest line that a scalar is not folded in. */
const bestWidth = 80
/** Longest key that stands before its colon on one line. */
const maxSimpleKey = 128

const base60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/
/** Text that no quoting is needed for, whatever stands around it: the most frequent case. */
const harmless = /^[A-Za-z/][A-Za-z0-9_./-]*$/
/** What keeps a line of words from being plain, and lines from being a block; texts without it need no closer look. */
const notProse = /[^ -~]|:(?: |$)| (?:[# ]|$)/
const notLines = /[^\n -~]| (?:\n|$)/
// oxlint-disable-next-line no-control-regex -- these are the characters that YAML does not print
export const unprintable: RegExp = /[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/

/** What go-yaml v2's emitter finds out about a text (emitterc.go, yaml_emitter_analyze_scalar). */
interface Analysis {
  readonly multiline: boolean
  readonly plain: boolean
  readonly single: boolean
  readonly block: boolean
}

/** Where a scalar is printed: at which column its text starts, how far its continuation is indented, and whether it is a key. */
export interface ScalarPlace {
  readonly column: number
  readonly indent: number
  readonly isKey: boolean
}

/** True when a text can be a key before its colon on one line. */
export function isSimpleKey(text: string): boolean {
  return (
    !/[\n\r\x85\u2028\u2029]/.test(text) &&
    (text.length <= maxSimpleKey / 3 || new TextEncoder().encode(text).length <= maxSimpleKey)
  )
}

/** The YAML of a string in block context, quoted and folded as go-yaml v2.4 does (encode.go stringv, emitterc.go). */
export function printString(text: string, place: ScalarPlace): string {
  const isPlain = (harmless.test(text) && typeof resolveScalar(text, 'sigs') === 'string') || isPlainText(text)
  if (harmless.test(text) && isPlain) return text
  if (isPlain && /^[A-Za-z/]/.test(text) && !notProse.test(text)) return fold(text, place, '')
  const hasNewline = text.includes('\n')
  if (hasNewline && !place.isKey && !notLines.test(text)) return printLiteral(text, place.indent)
  const analysis = analyze(text)
  if (hasNewline && analysis.block && !place.isKey) return printLiteral(text, place.indent)
  if (isPlain && !hasNewline && !(place.isKey && analysis.multiline)) {
    if (analysis.plain && !(place.isKey && text === '')) return fold(text, place, '')
    if (analysis.single) return printSingle(text, place)
  }
  return printDouble(text, place)
}

function isPlainText(text: string): boolean {
  const first = text.charCodeAt(0)
  const canBeOther = text.length <= 5 || first < 0x41
  return (
    (!canBeOther || (typeof resolveScalar(text, 'sigs') === 'string' && !isTimestampText(text))) &&
    !(first < 0x41 && base60.test(text))
  )
}

/** A time reads as text in this dialect, but go-yaml still quotes it. */
function isTimestampText(text: string): boolean {
  return text.length >= 8 && text.charCodeAt(4) === 0x2d && resolveScalar(text, 'kyaml') !== text
    ? true
    : isCanonicalTime(text)
}

function isCanonicalTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d*[1-9])?(Z|[-+]\d\d:\d\d)$/.test(text)
}

function analyze(text: string): Analysis {
  if (text === '') return { multiline: false, plain: true, single: true, block: false }
  let indicators = text.startsWith('---') || text.startsWith('...')
  let leadingSpace = false
  let leadingBreak = false
  let trailingSpace = false
  let trailingBreak = false
  let breakSpace = false
  let spaceBreak = false
  let lineBreaks = false
  let precededByBlank = true
  let previousSpace = false
  let previousBreak = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i)
    const followedByBlank = i + 1 >= text.length || /[ \t\n\r\x85\u2028\u2029]/.test(text.charAt(i + 1))
    if (i === 0) {
      if (/[#,[\]{}&*!|>'"%@`]/.test(c)) indicators = true
      else if ((c === '?' || c === ':' || c === '-') && followedByBlank) indicators = true
    } else if (c === ':' && followedByBlank) indicators = true
    else if (c === '#' && precededByBlank) indicators = true
    const isBreak = c === '\n' || c === '\r' || c === '\x85' || c === '\u2028' || c === '\u2029'
    if (c === ' ') {
      if (i === 0) leadingSpace = true
      if (i === text.length - 1) trailingSpace = true
      if (previousBreak) breakSpace = true
      previousSpace = true
      previousBreak = false
    } else if (isBreak) {
      lineBreaks = true
      if (i === 0) leadingBreak = true
      if (i === text.length - 1) trailingBreak = true
      if (previousSpace) spaceBreak = true
      previousSpace = false
      previousBreak = true
    } else {
      previousSpace = false
      previousBreak = false
    }
    precededByBlank = c === ' ' || c === '\t' || isBreak
  }
  const special = unprintable.test(text)
  const isBare = leadingSpace || leadingBreak || trailingSpace || trailingBreak
  return {
    multiline: lineBreaks,
    plain: !isBare && !breakSpace && !spaceBreak && !special && !lineBreaks && !indicators,
    single: !breakSpace && !spaceBreak && !special,
    block: !trailingSpace && !spaceBreak && !special,
  }
}

/** Breaks a line at a space once it is wider than allowed; never where another space follows, and never in a key. */
function fold(text: string, place: ScalarPlace, quote: string): string {
  if (place.isKey || place.column + text.length <= bestWidth) return quote === '' ? text : text.replaceAll("'", "''")
  let out = ''
  let column = place.column
  for (let at = 0; ;) {
    const space = text.indexOf(' ', at)
    const word = space < 0 ? text.slice(at) : text.slice(at, space)
    const written = quote === '' ? word : word.replaceAll(quote, quote + quote)
    out += written
    if (space < 0) return out
    column += widthOf(written)
    const isInside = quote === '' || (space > 0 && space < text.length - 1)
    if (column > bestWidth && isInside && text[space - 1] !== ' ' && text[space + 1] !== ' ') {
      out += `\n${' '.repeat(place.indent)}`
      column = place.indent
    } else {
      out += ' '
      column += 1
    }
    at = space + 1
  }
}

/** Characters, of which a surrogate pair is one. */
function widthOf(text: string): number {
  return /[\ud800-\udbff]/.test(text) ? Array.from(text).length : text.length
}

function printSingle(text: string, place: ScalarPlace): string {
  if (!/[\n\r\x85\u2028\u2029]/.test(text)) return `'${fold(text, { ...place, column: place.column + 1 }, "'")}'`
  return printDouble(text, place)
}

const escapes: { readonly [char: string]: string } = {
  '\0': '0',
  '\x07': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '\x1b': 'e',
  '"': '"',
  '\\': '\\',
  '\x85': 'N',
  '\xa0': '_',
  '\u2028': 'L',
  '\u2029': 'P',
}

function printDouble(text: string, place: ScalarPlace): string {
  let out = '"'
  let column = place.column + 1
  let wasSpace = false
  const chars = Array.from(text)
  for (const [i, c] of chars.entries()) {
    if (
      c === '"' ||
      c === '\\' ||
      c === '\n' ||
      c === '\r' ||
      c === '\x85' ||
      c === '\u2028' ||
      c === '\u2029' ||
      c === '\ufeff' ||
      c.length > 1 ||
      unprintable.test(c)
    ) {
      const escaped = escapeChar(c)
      out += escaped
      column += escaped.length
      wasSpace = false
    } else if (c === ' ') {
      if (!place.isKey && !wasSpace && column > bestWidth && i > 0 && i < chars.length - 1) {
        out += `\n${' '.repeat(place.indent)}`
        column = place.indent
        if (chars[i + 1] === ' ') {
          out += '\\'
          column += 1
        }
      } else {
        out += c
        column += 1
      }
      wasSpace = true
    } else {
      out += c
      column += 1
      wasSpace = false
    }
  }
  return `${out}"`
}

/** A text in double quotes on one line, with everything escaped that YAML cannot carry as it is. */
export function escapeDouble(text: string): string {
  // go-yaml looks for a byte order mark at the start only, and then takes every character for one.
  const startsWithMark = text.startsWith('\ufeff')
  const chars = Array.from(text, (c) =>
    startsWithMark ||
    c === '"' ||
    c === '\\' ||
    /[\n\r\x85\u2028\u2029\ufeff]/.test(c) ||
    c.length > 1 ||
    unprintable.test(c)
      ? escapeChar(c)
      : c,
  )
  return `"${chars.join('')}"`
}

function escapeChar(c: string): string {
  const short = escapes[c]
  if (short !== undefined) return `\\${short}`
  const code = c.codePointAt(0) ?? 0
  const hex = (width: number): string => code.toString(16).toUpperCase().padStart(width, '0')
  return code <= 0xff ? `\\x${hex(2)}` : code <= 0xffff ? `\\u${hex(4)}` : `\\U${hex(8)}`
}

function printLiteral(text: string, indent: number): string {
  const hint = /^[ \n\r\x85\u2028\u2029]/.test(text) ? '2' : ''
  const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : ''
  const body = text.endsWith('\n') ? text.slice(0, -1) : text
  const pad = ' '.repeat(indent)
  const lines = body.split('\n').map((line) => (line === '' ? '' : pad + line))
  return `|${hint}${chomp}\n${lines.join('\n')}`
}
