/**
 * Where a scanner of an index stands: `open` (structure is read), inside a quoted or plain scalar or a block scalar that goes on over lines, or inside brackets.
 */
type Mode = 'open' | 'double' | 'single' | 'plain' | 'block' | 'flow'

/** What a scan of an index told: which charts it has, and the text of those that were wanted. */
export interface ScannedIndex {
  readonly hasApiVersion: boolean
  readonly hasEntries: boolean
  readonly chartCount: number
  /** YAML (or JSON) of the list of versions, by chart. */
  readonly entries: ReadonlyMap<string, string>
}

/** A form of YAML that cannot be read line by line (anchors, tabs, flow style over everything): the whole text must be parsed. */
export class UnscannableIndexError extends Error {
  override readonly name = 'UnscannableIndexError'
}

/** An index that is wrong in a way the scan sees. The message says what. */
export class InvalidIndexError extends Error {
  override readonly name = 'InvalidIndexError'
}

const newline = 10
const carriageReturn = 13
const space = 32
const hash = 35
const doubleQuote = 34
const singleQuote = 39
const comma = 44
const dash = 45
const colon = 58
const backslash = 92

/**
 * Reads an `index.yaml` in block style line by line, holding nothing but the lines of the wanted charts. It follows scalars and brackets over lines, so that text which looks like
 * structure is not taken for it. Bytes in, no copy kept: 40 MB pass through in some hundred milliseconds.
 */
export class YamlIndexScanner {
  readonly #wanted: ReadonlySet<string>
  readonly #maxEntriesBytes: number
  readonly #decoder = new TextDecoder()
  readonly #names = new Set<string>()
  readonly #sections = new Set<string>()
  readonly #entries = new Map<string, string[]>()
  #rest: Uint8Array = new Uint8Array()
  #mode: Mode = 'open'
  /** Column of the key or dash that the scalar of `plain` and `block` belongs to. */
  #column = 0
  #depth = 0
  #flowQuote = 0
  #section = ''
  #chartIndent = -1
  #capturing: string[] | undefined
  #captured = 0
  #hasApiVersion = false
  #hasEntries = false
  #isFirstLine = true

  constructor(wanted: ReadonlySet<string>, maxEntriesBytes: number) {
    this.#wanted = wanted
    this.#maxEntriesBytes = maxEntriesBytes
  }

  /** Takes the next bytes. @throws UnscannableIndexError, InvalidIndexError. */
  push(chunk: Uint8Array): void {
    let bytes = chunk
    if (this.#rest.length > 0) {
      if (this.#rest.length + chunk.length > this.#maxEntriesBytes)
        throw new InvalidIndexError('a line is longer than the limit')
      bytes = new Uint8Array(this.#rest.length + chunk.length)
      bytes.set(this.#rest)
      bytes.set(chunk, this.#rest.length)
    }
    let start = 0
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      this.#line(bytes, start, end)
      start = end + 1
    }
    this.#rest = bytes.slice(start)
  }

  /** Ends the scan. @throws as {@link push}. */
  finish(): ScannedIndex {
    if (this.#rest.length > 0) this.#line(this.#rest, 0, this.#rest.length)
    if (this.#mode === 'double' || this.#mode === 'single' || this.#mode === 'flow')
      throw new InvalidIndexError('the text ends inside a quoted scalar or brackets')
    return {
      hasApiVersion: this.#hasApiVersion,
      hasEntries: this.#hasEntries,
      chartCount: this.#names.size,
      // With the break behind the last line: a block scalar without it would end without one.
      entries: new Map([...this.#entries].map(([name, lines]) => [name, lines.map((line) => `${line}\n`).join('')])),
    }
  }

  #line(bytes: Uint8Array, start: number, lineEnd: number): void {
    let end = lineEnd
    if (end > start && bytes[end - 1] === carriageReturn) end--
    let at = start
    if (this.#isFirstLine) {
      this.#isFirstLine = false
      if (bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) at += 3
    }
    const from = at
    while (at < end && bytes[at] === space) at++
    const indent = at - from
    if (this.#mode === 'block' || this.#mode === 'plain') {
      if (at === end || indent > this.#column) return this.#keep(bytes, from, end)
      this.#mode = 'open'
    }
    if (this.#mode === 'open') {
      if (at === end || bytes[at] === hash) return
      if (bytes[at] === 9) throw new UnscannableIndexError('indented with tabs')
      const isName = this.#place(bytes, at, end, indent)
      this.#structure(bytes, at, end, indent)
      // The line with a chart's name is not among those of its entries.
      if (isName) return
    } else this.#continue(bytes, from, end)
    this.#keep(bytes, from, end)
  }

  #keep(bytes: Uint8Array, from: number, end: number): void {
    if (this.#capturing === undefined) return
    this.#captured += end - from + 1
    if (this.#captured > this.#maxEntriesBytes)
      throw new InvalidIndexError('the entries of the wanted charts are larger than the limit')
    this.#capturing.push(this.#decoder.decode(bytes.subarray(from, end)))
  }

  /** Notes what a line means that starts a key of the top level or a chart. True for such a line. */
  #place(bytes: Uint8Array, at: number, end: number, indent: number): boolean {
    if (indent === 0) {
      this.#topLevel(bytes, at, end)
      return true
    }
    if (this.#section !== 'entries') return false
    if (this.#chartIndent < 0) this.#chartIndent = indent
    if (indent < this.#chartIndent) throw new InvalidIndexError('entries are indented unevenly')
    if (indent > this.#chartIndent || bytes[at] === dash) return false
    const key = readKey(bytes, at, end)
    if (key === undefined) throw new UnscannableIndexError('a name of a chart is not a plain key')
    if (this.#names.has(key.name)) throw new InvalidIndexError(`key ${JSON.stringify(key.name)} already set in map`)
    this.#names.add(key.name)
    this.#capturing = undefined
    if (!this.#wanted.has(key.name)) return true
    // What stands behind the name (`[]`, null) is all of its value.
    this.#capturing = []
    this.#entries.set(key.name, this.#capturing)
    this.#capturing.push(this.#decoder.decode(bytes.subarray(key.end, end)))
    return true
  }

  #topLevel(bytes: Uint8Array, at: number, end: number): void {
    if (startsWith(bytes, at, end, '---')) {
      if (this.#section !== '' || end - at > 3) throw new UnscannableIndexError('several documents')
      return
    }
    if (bytes[at] === 0x25 || startsWith(bytes, at, end, '...')) throw new UnscannableIndexError('directives')
    const key = readKey(bytes, at, end)
    if (key === undefined) throw new UnscannableIndexError('the top level is no mapping in block style')
    if (this.#sections.has(key.name)) throw new InvalidIndexError(`key ${JSON.stringify(key.name)} already set in map`)
    this.#sections.add(key.name)
    this.#capturing = undefined
    this.#section = key.name
    const value = this.#decoder.decode(bytes.subarray(key.end, end)).trim()
    if (key.name === 'apiVersion') this.#hasApiVersion = value !== '' && value !== '""' && value !== "''"
    if (key.name !== 'entries') return
    this.#hasEntries = true
    if (value !== '' && value !== '{}' && !value.startsWith('#'))
      throw new UnscannableIndexError('entries are not in block style')
  }

  /** Walks over the dashes and the key of a line and looks whether its value goes on in the next line. */
  #structure(bytes: Uint8Array, start: number, end: number, indent: number): void {
    let at = start
    let column = indent
    if (indent === 0 && startsWith(bytes, at, end, '---')) return
    while (bytes[at] === dash && (at + 1 === end || bytes[at + 1] === space)) {
      this.#column = column
      const before = at++
      while (at < end && bytes[at] === space) at++
      column += at - before
      if (at === end) return
    }
    if (at >= end || bytes[at] === hash) return
    const key = readKey(bytes, at, end)
    if (key !== undefined) {
      this.#column = column
      at = key.end
      while (at < end && bytes[at] === space) at++
      if (at === end || bytes[at] === hash) return
    }
    this.#value(bytes, at, end)
  }

  #value(bytes: Uint8Array, at: number, end: number): void {
    const first = bytes[at] ?? 0
    if (first === doubleQuote || first === singleQuote) {
      this.#mode = first === doubleQuote ? 'double' : 'single'
      this.#continue(bytes, at + 1, end)
    } else if (first === 0x7c || first === 0x3e) this.#mode = 'block'
    else if (first === 0x5b || first === 0x7b) {
      this.#mode = 'flow'
      this.#depth = 0
      this.#flowQuote = 0
      this.#continue(bytes, at, end)
    } else if (first === 0x26 || first === 0x2a || first === 0x21 || isComplexKey(bytes, at, end))
      throw new UnscannableIndexError('anchors, aliases, tags or complex keys')
    else this.#mode = 'plain'
  }

  /** Goes on inside quotes or brackets. */
  #continue(bytes: Uint8Array, start: number, end: number): void {
    if (this.#mode === 'flow') return this.#continueFlow(bytes, start, end)
    const quote = this.#mode === 'double' ? doubleQuote : singleQuote
    const close = closingQuote(bytes, start, end, quote)
    if (close >= 0) this.#mode = 'open'
  }

  #continueFlow(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; at++) {
      const byte = bytes[at] ?? 0
      if (this.#flowQuote !== 0) {
        const close = closingQuote(bytes, at, end, this.#flowQuote)
        if (close < 0) return
        this.#flowQuote = 0
        at = close
      } else if (byte === doubleQuote || byte === singleQuote) {
        if (isFlowStart(bytes[at - 1])) this.#flowQuote = byte
      } else if (byte === 0x5b || byte === 0x7b) this.#depth++
      else if (byte === 0x5d || byte === 0x7d) {
        if (--this.#depth === 0) {
          this.#mode = 'open'
          return
        }
      } else if (byte === hash && bytes[at - 1] === space) return
    }
  }
}

/** The end of a scalar that is quoted with `quote`, or -1 where it does not end on this line. */
function closingQuote(bytes: Uint8Array, start: number, end: number, quote: number): number {
  for (let at = start; at < end; at++) {
    if (bytes[at] === backslash && quote === doubleQuote) at++
    else if (bytes[at] === quote) {
      if (quote === doubleQuote || bytes[at + 1] !== singleQuote) return at
      at++
    }
  }
  return -1
}

/** Whether a quote after this byte starts a scalar inside brackets; elsewhere it is a character of a plain one. */
function isFlowStart(before: number | undefined): boolean {
  return before === undefined || [space, comma, colon, 0x5b, 0x7b, newline].includes(before)
}

/** The key that starts at `at` and the place after its colon; undefined where there is none. */
function readKey(bytes: Uint8Array, at: number, end: number): { name: string; end: number } | undefined {
  const first = bytes[at]
  if (first === doubleQuote || first === singleQuote) {
    const close = closingQuote(bytes, at + 1, end, first)
    if (close < 0) return undefined
    let after = close + 1
    while (after < end && bytes[after] === space) after++
    if (bytes[after] !== colon || (after + 1 < end && bytes[after + 1] !== space)) return undefined
    const text = new TextDecoder().decode(bytes.subarray(at + 1, close))
    return { name: first === singleQuote ? text.replaceAll("''", "'") : text, end: after + 1 }
  }
  if (first === 0x5b || first === 0x7b) return undefined
  for (let i = bytes.indexOf(colon, at); i >= 0 && i < end; i = bytes.indexOf(colon, i + 1)) {
    if (i + 1 !== end && bytes[i + 1] !== space) continue
    return { name: new TextDecoder().decode(bytes.subarray(at, i)).trimEnd(), end: i + 1 }
  }
  return undefined
}

function isComplexKey(bytes: Uint8Array, at: number, end: number): boolean {
  return bytes[at] === 0x3f && (at + 1 === end || bytes[at + 1] === space)
}

function startsWith(bytes: Uint8Array, at: number, end: number, text: string): boolean {
  if (end - at < text.length) return false
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false
  return true
}
